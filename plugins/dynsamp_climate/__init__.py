"""Toy models of weather and climate: Lorenz 1963 and 1996, a noisy overturning circulation, a delayed oscillator."""

import dynsamp
from dynsamp_climate.cessi import cessi
from dynsamp_climate.enso_delayed import enso_delayed
from dynsamp_climate.lorenz63 import lorenz63
from dynsamp_climate.lorenz96 import lorenz96

__dynsamp_api__ = 1


@dynsamp.hookimpl
def dynsamp_systems() -> list[dynsamp.System]:
    """Two chaotic systems, a noise-driven one, and one with a delay."""
    return [lorenz63, lorenz96, cessi, enso_delayed]
