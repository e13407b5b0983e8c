"""Pairs of data points, the raw material of sampled weights.

Every pair comes once: a reversed pair is the same neuron for odd and for even activations. Where pairs are drawn by a
density, they are drawn without replacement: the largest of log p + Gumbel noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["NEIGHBOURS", "SHORTEST", "NearPairs", "far_distances", "sample_pairs"]

NEIGHBOURS = 10  # of a point, among which a near pair takes the other one
SHORTEST = 1e-10  # shorter pairs count as one point (the published clip)


def sample_pairs(
    x: np.ndarray, count: int, rng: np.random.Generator, target: np.ndarray | None = None, *, ordered: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs of different points: indices ``first`` and ``second``, each (pair,).

    Parameters
    ----------
    x : ndarray (point, component)
    count : int
        Number of pairs wanted; fewer come back where the data do not have them.
    rng : numpy.random.Generator
    target : ndarray (point,) or (point, output), optional
        With it pairs are drawn with probability proportional to max |target2 - target1| / |x2 - x1|, without it
        uniformly.
    ordered : bool
        A reversed pair is another pair.
    """
    points = len(x)
    all_pairs = points * (points - 1) // (1 if ordered else 2)
    candidates = 2 * count if target is None else max(points, 2 * count)
    if all_pairs <= 2 * candidates:
        first, second = np.triu_indices(points, 1)
        if ordered:
            first, second = np.concatenate([first, second]), np.concatenate([second, first])
        order = rng.permutation(all_pairs)
    else:
        first = rng.integers(0, points, 2 * candidates)
        second = (first + rng.integers(1, points, 2 * candidates)) % points
        if not ordered:
            first, second = np.minimum(first, second), np.maximum(first, second)
        order = np.sort(np.unique(first * np.int64(points) + second, return_index=True)[1])  # the first of each
    first, second = first[order], second[order]
    distance = np.linalg.norm(x[second] - x[first], axis=1)
    apart = distance > SHORTEST
    first, second, distance = first[apart], second[apart], distance[apart]
    if target is not None and len(first):
        f = np.reshape(target, (points, -1))
        density = np.max(np.abs(f[second] - f[first]), axis=1) / distance
        if density.sum() > 1e-10:
            best = _drawn(density, rng)
            first, second = first[best], second[best]
    return first[:count], second[:count]


@dataclass(frozen=True)
class NearPairs:
    """Neighbouring points, and how much a target changes between them."""

    first: np.ndarray  # (pair,), indices
    second: np.ndarray
    density: np.ndarray  # (pair,), |target2 - target1| / |x2 - x1|

    @classmethod
    def of(cls, x: np.ndarray, target: np.ndarray, *, euclidean: bool) -> NearPairs:
        """All pairs of neighbours between which the target changes.

        ``euclidean`` takes the length of the vector target2 - target1 (a gradient), otherwise its largest entry counts.
        """
        neighbours = np.asarray(cKDTree(x).query(x, min(NEIGHBOURS + 1, len(x)))[1]).reshape(len(x), -1)[:, 1:]
        first, second = np.repeat(np.arange(len(x)), neighbours.shape[1]), neighbours.ravel()
        code = np.unique(np.minimum(first, second) * np.int64(len(x)) + np.maximum(first, second))
        first, second = code // len(x), code % len(x)
        distance = np.linalg.norm(x[second] - x[first], axis=1)
        f = np.reshape(target, (len(x), -1))
        change = f[second] - f[first]
        size = np.linalg.norm(change, axis=1) if euclidean else np.abs(change).max(axis=1)
        useful = (distance > SHORTEST) & (size > 0.0)
        return cls(first[useful], second[useful], size[useful] / distance[useful])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Indices ``first`` and ``second`` of ``count`` pairs, or all there are, drawn by density."""
        chosen = _drawn(self.density, rng)[:count]
        return self.first[chosen], self.second[chosen]


def far_distances(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Distances (count,) of independent pairs of points; 1 where a pair is one point."""
    first, second = rng.integers(0, len(x), count), rng.integers(0, len(x), count)
    distance = np.linalg.norm(x[first] - x[second], axis=1)
    return np.where(distance > SHORTEST, distance, 1.0)


def _drawn(density: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All indices in an order of draws without replacement."""
    with np.errstate(divide="ignore"):
        score = np.log(density) + rng.gumbel(size=len(density))
    return np.argsort(-score, kind="stable")
