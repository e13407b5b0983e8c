"""Mechanics: pendulum, double pendulum, Hénon-Heiles, Lotka-Volterra."""

import dynsamp
from dynsamp_pendulum.double_pendulum import double_pendulum
from dynsamp_pendulum.henon_heiles import henon_heiles
from dynsamp_pendulum.lotka_volterra import lotka_volterra
from dynsamp_pendulum.pendulum import pendulum

__dynsamp_api__ = 1


@dynsamp.hookimpl
def dynsamp_systems() -> list[dynsamp.System]:
    """All Hamiltonian."""
    return [pendulum, double_pendulum, henon_heiles, lotka_volterra]
