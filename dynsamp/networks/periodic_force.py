"""The frequency of a periodic force, from what a field without one leaves unexplained.

For every candidate the part of its cosines and sines that the other columns cannot imitate is fitted to the residual:
Lomb and Scargle's periodogram (Scargle 1982, Astrophysical Journal 263, 835) of a linear model with further columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.shooting import Intervals
from dynsamp.streams import generator

__all__ = ["find_frequency"]

POINTS = 3000  # at most
CANDIDATES = 6000
OVERSAMPLED = 4  # candidates in the width of a peak
BLOCK = 256  # candidates at once
ZOOM = 4
SURE = 30.0  # times the mean power of noise, which log(candidates) exceed by chance


def find_frequency(
    intervals: Intervals, disturbance: Disturbance, fit: Callable[[Gradients, float], EnergyFit]
) -> float | None:
    """Angular frequency of a force on the driven components; None where none stands out."""
    # at random: every so many samples of evenly sampled trajectories would alias high frequencies
    draw = generator(0, "frequency").permutation(intervals.count)
    some = intervals.take(np.sort(draw[:POINTS]))
    t = some.t + 0.5 * some.h
    span = max(float(np.ptp(t)), 1e-300)
    # no trajectory need be long: what counts is the whole time in which they were recorded
    highest = np.pi / float(np.median(some.h))
    step = 2.0 * np.pi / span / OVERSAMPLED
    count = int(min(CANDIDATES, highest / step))
    if count < 2:
        return None
    quiet = replace(disturbance, frequency=None)
    nodes = 0.5 * (some.first + some.second)
    slope = (some.second - some.first) / some.h[:, None]
    given = quiet.rows(slope, t, some.u.mean(axis=1))
    data = Gradients(nodes[None], np.ones(1), given.target, others=given.others)
    found = fit(data, 1e-3)
    basis = found.basis
    block = np.empty((basis.columns + 1, data.target.size))
    basis.fill(data, block)
    columns, residual = block[:-1], block[-1].copy()
    scale = np.linalg.norm(columns, axis=1)
    left, size, _ = np.linalg.svd((columns / np.where(scale > 0, scale, 1.0)[:, None]).T, full_matrices=False)
    frame = left[:, size > 1e-8 * size[0]]
    residual -= frame @ (frame.T @ residual)
    inverse = np.linalg.inv(quiet.canonical - quiet.dissipation)
    half = basis.layer.half_width

    def power(frequencies: np.ndarray) -> np.ndarray:
        """Squared residual that a force of each frequency explains."""
        phase = np.outer(frequencies, t)
        waves = np.stack([np.cos(phase), np.sin(phase)], axis=1)  # (candidate, 2, point)
        total = np.zeros(len(frequencies))
        for component in quiet.driven:
            direction = inverse[:, component] * half
            shape = (direction[:, None] * waves[:, :, None, :]).reshape(len(frequencies), 2, -1)
            inside = shape @ frame
            normal = np.einsum("fax,fbx->fab", shape, shape) - np.einsum("fam,fbm->fab", inside, inside)
            moments = shape @ residual
            normal = normal + 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(2) + 1e-300 * np.eye(2)
            total += np.einsum("fa,fa->f", moments, np.linalg.solve(normal, moments[..., None])[..., 0])
        return total

    grid = step * np.arange(1, count + 1)
    powers = np.concatenate([power(grid[k : k + BLOCK]) for k in range(0, count, BLOCK)])
    noise = (float(residual @ residual) - powers.max()) / max(len(residual) - frame.shape[1], 1)
    if powers.max() < SURE * 2.0 * len(quiet.driven) * max(noise, 0.0):
        return None
    best = float(grid[np.argmax(powers)])
    for _ in range(ZOOM):
        near = best + step * np.linspace(-1.0, 1.0, 21)
        near = near[near > 0.0]
        best, step = float(near[np.argmax(power(near))]), step / 10.0
    return best
