"""Mechanics: pendulums, oscillators, orbits and lattices, with and without friction and forces."""

import dynsamp
from dynsamp_pendulum.damped_pendulum import damped_pendulum
from dynsamp_pendulum.double_pendulum import double_pendulum
from dynsamp_pendulum.driven_pendulum import driven_pendulum
from dynsamp_pendulum.duffing import duffing
from dynsamp_pendulum.duffing_forced import duffing_forced
from dynsamp_pendulum.elastic_pendulum import elastic_pendulum
from dynsamp_pendulum.elastic_pendulum_polar import elastic_pendulum_polar
from dynsamp_pendulum.fput import fput
from dynsamp_pendulum.henon_heiles import henon_heiles
from dynsamp_pendulum.kepler import kepler
from dynsamp_pendulum.lotka_volterra import lotka_volterra
from dynsamp_pendulum.magnetic_pendulum import magnetic_pendulum
from dynsamp_pendulum.pendulum import pendulum
from dynsamp_pendulum.spring_chain import spring_chain
from dynsamp_pendulum.toda import toda
from dynsamp_pendulum.two_body import two_body

__dynsamp_api__ = 1

CONSERVATIVE = (
    pendulum,
    double_pendulum,
    elastic_pendulum,
    elastic_pendulum_polar,
    henon_heiles,
    duffing,
    lotka_volterra,
    kepler,
    two_body,
    spring_chain,
    toda,
    fput,
)
DISSIPATIVE = (damped_pendulum, driven_pendulum, duffing_forced, magnetic_pendulum)


@dynsamp.hookimpl
def dynsamp_systems() -> list[dynsamp.System]:
    """Hamiltonian and port-Hamiltonian ones."""
    return [*CONSERVATIVE, *DISSIPATIVE]
