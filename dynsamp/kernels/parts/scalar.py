"""Scalar route: one trajectory at a time; components are float64 in arrays on the stack.

The slots of ``slots`` for WIDTH = 1. It compiles every function that Numba compiles.
"""

from dynsamp.kernels.simd import any_lane as some
from dynsamp.kernels.simd import fma, select
from dynsamp.kernels.slots import DIM, SWEPT

__all__ = ["WIDTH", "fma", "load", "parameters", "peek", "poke", "seat", "seated", "select", "some", "streams"]
__all__ += ["view"]

WIDTH = 1


def load(y0, j, y):
    """Start of trajectory j."""
    for i in range(DIM):
        y[i] = y0[j, i]


def parameters(theta, j, room):
    """Theta of trajectory j."""
    return theta[j * SWEPT]


def seat(theta, j, room, lane):
    """Nothing: ``seated`` finds the row of theta."""


def seated(theta, who, room):
    """Theta of the trajectory."""
    return theta[max(who[0], 0) * SWEPT]


def peek(y, i, lane):
    """Component i."""
    return y[i]


def poke(y, i, lane, value):
    """Set component i."""
    y[i] = value


def streams(ids, j):
    """Name of the stream of trajectory j."""
    return ids[j]


def view(buffer):
    """Rows of a long array; it must outlive them."""
    return buffer
