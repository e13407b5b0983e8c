"""Jumps of a stochastic system: how many during a step, and their sizes.

The number during a step of length h is Poisson with mean h intensity(t, y), y at the start of the step: exact where
the intensity is constant, else of weak order 1. It is drawn by inversion, so it depends on one uniform. The jumps
happen one after the other at the end of the step. A rate that is negative, not finite, or above MOST a step makes the
trajectory NaN. Kloeden and Platen (1992); Platen and Bruti-Liberati (2010), Numerical Solution of Stochastic
Differential Equations with Jumps in Finance, section 6.1.
"""

import numpy as np

from dynsamp.kernels.random import normal_pair, uniform_pair
from dynsamp.kernels.simd.exponentials import exp
from dynsamp.kernels.slots import DIM, MARKS, UNIFORM, intensity, jump, select, some, vector

OWN = 3 << 22  # pair of draws of the number; those of the marks follow
MOST = 500.0  # mean jumps a step


def jumps_due(t, y, theta, h, seed, who, n):
    """Jumps during step n, NaN where their rate makes no sense."""
    chance = uniform_pair(seed, who, n, OWN)[0]
    mean = intensity(t, y, theta) * h + 0.0 * chance
    good = (mean >= 0.0) & (mean <= MOST)
    mean = select(good, mean, 0.0)
    weight = exp(-mean)
    total, due, k = weight, 0.0 * chance, 0.0
    more = (chance > total) & good
    while some(more):
        k += 1.0
        due = select(more, k, due)
        weight = weight * mean / k
        total = total + weight
        more = more & (chance > total) & (weight > 0.0)
    return select(good, due, np.nan)


def leap(t, y, theta, due, seed, who, n):
    """Let the state jump ``due`` times at time t, the end of step n."""
    z = vector(MARKS)
    k = 0.0
    pair = OWN + 1
    while some(k < due):
        for i in range(0, MARKS, 2):
            a, b = uniform_pair(seed, who, n, pair) if UNIFORM else normal_pair(seed, who, n, pair)
            z[i] = a
            if i + 1 < MARKS:
                z[i + 1] = b
            pair += 1
        dy = vector(DIM)
        jump(t, y, theta, z, dy)
        for i in range(DIM):
            y[i] = select(k < due, y[i] + dy[i], y[i])
        k += 1.0
    for i in range(DIM):
        y[i] = select(due >= 0.0, y[i], np.nan)
