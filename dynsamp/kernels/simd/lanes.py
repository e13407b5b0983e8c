"""Lanes route: WIDTH trajectories at a time, one in each lane of a vector register.

The slots of ``slots`` for WIDTH > 1 (and for 1, with the same bits). A register that is not full repeats its last
trajectory. Functions with data-dependent branches do not type here; the scalar route takes them.
"""

from dynsamp.kernels.simd import any_lane as some
from dynsamp.kernels.simd import fma, select, splat
from dynsamp.kernels.simd.arrays import get_lane as peek
from dynsamp.kernels.simd.arrays import lane_view, load_row, load_trajectories
from dynsamp.kernels.simd.arrays import set_lane as poke
from dynsamp.kernels.slots import ROOM, SWEPT, WIDTH

__all__ = ["fma", "load", "parameters", "peek", "poke", "seat", "seated", "select", "some", "streams", "view"]


def load(y0, j, y):
    """Start of the trajectories from j on."""
    load_trajectories(y0, j, min(WIDTH, len(y0) - j), y)


def parameters(theta, j, room):
    """Theta: shared, or lanes of that of the trajectories from j on."""
    if SWEPT:
        load_trajectories(theta, j, min(WIDTH, len(theta) - j), room)
        return room
    return theta[0]


def seat(theta, j, room, lane):
    """Put theta of trajectory j into one lane."""
    if SWEPT:
        for i in range(ROOM):
            poke(room, i, lane, theta[j, i])


def seated(theta, who, room):
    """Theta of the trajectories that are seated."""
    if SWEPT:
        return room
    return theta[0]


def streams(ids, j):
    """Names of the streams of the trajectories from j on."""
    return load_row(splat(WIDTH, 0), ids, j, min(WIDTH, len(ids) - j))


def view(buffer):
    """Rows of lanes in a long array (row * WIDTH,), which must outlive them."""
    return lane_view(WIDTH, buffer)
