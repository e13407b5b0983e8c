"""Iterates of a map, y <- step(t, y), or of one that is driven by standard normals, y <- step(t, y, xi)."""

from dynsamp.kernels.slots import DIM, iterate, noisy_iterate, vector

ORDER = float("inf")  # exact


def step(t, y, theta, h, low):
    """One iterate in place; h and low are not used: the map knows its own time step."""
    new = vector(DIM)
    iterate(t, y, theta, new)
    for i in range(DIM):
        y[i] = new[i]


def noisy_step(t, y, theta, h, xi):
    """``step`` with normals xi (noise,)."""
    new = vector(DIM)
    noisy_iterate(t, y, theta, xi, new)
    for i in range(DIM):
        y[i] = new[i]
