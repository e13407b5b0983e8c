"""Stoermer--Verlet steps in a row, as the coefficients of one splitting method.

A step of length h of a splitting method is kick(KICKS[0] h), drift(DRIFTS[0] h), kick(KICKS[1] h), ...,
drift(DRIFTS[-1] h), kick(KICKS[-1] h); the driver merges the last kick with the first of the next step.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.4, II.5 and V.3.
"""

from itertools import pairwise

__all__ = ["composed", "symmetric"]

Coefficients = tuple[float, ...]


def composed(lengths: Coefficients) -> tuple[Coefficients, Coefficients]:
    """Kicks and drifts of Stoermer--Verlet steps of these lengths: half kicks between drifts are added up."""
    return tuple((before + after) / 2.0 for before, after in pairwise((0.0, *lengths, 0.0))), lengths


def symmetric(*half: float) -> Coefficients:
    """Lengths that sum to one and read the same backwards, from those before the middle."""
    return (*half, 1.0 - 2.0 * sum(half), *reversed(half))
