"""Distance between Poincare sections of a forecast and of the truth."""

from __future__ import annotations

import math

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.pairs import pairs_of, turns
from dynsamp.metrics.passages import SOURCE, passages
from dynsamp.streams import generator

__all__ = ["section_distance", "sliced_distance"]

DIRECTIONS = 64


def sliced_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Sliced Wasserstein-1 distance of two clouds of points (point, component), of any numbers of points.

    The mean over directions of the distance between the projections on them, which is the area between their
    distribution functions. In the plane 64 directions at equal angles; otherwise 64 random ones, always the same.
    Bonneel, Rabin, Peyré and Pfister (2015), J. Math. Imaging Vision 51, 22.
    """
    from scipy.stats import wasserstein_distance

    size = one.shape[1]
    if size == 1:
        directions = np.ones((1, 1))
    elif size == 2:
        angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        directions = generator(0, "projections").standard_normal((DIRECTIONS, size))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return float(np.mean([wasserstein_distance(one @ along, other @ along) for along in directions]))


@metric("section_distance", ("trajectory", "member"))
def section_distance(forecast: Record, truth: Record) -> Score:
    """Distance between the Poincare sections of forecast and truth.

    Sliced Wasserstein-1 distance of the points where a trajectory passes the first coordinate's zero upwards (x = 0
    with x' > 0) and those of the truth from the same start, in standard deviations of all of the truth's points;
    angles are wrapped. It asks whether the forecast is the same kind of motion, also where chaos has long parted the
    two, so the whole truth counts. Points lie between samples, on polynomials of degree 7 through the eight nearest.
    The attribute ``floor`` is the median distance between the two halves of a truth: less cannot be told from zero.
    NaN where the truth passes less than four times; infinite where only the forecast does, or has failed.
    """
    pairs = pairs_of(truth.states)
    if pairs.shape[1] < 2:
        raise ValueError("a Poincare section of one degree of freedom is a point; period_error compares its periods")
    first, turn = int(pairs[0, 0]), turns(truth.states)
    kept = np.array([k for k in range(truth.y.shape[-1]) if k not in (first, pairs[1, 0])])

    def section(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        points = passages(t, y, first, 0.0, 1, float(turn[first]))[1][:, kept]
        return np.where(np.isfinite(turn[kept]), _wrapped(points, turn[kept]), points)

    exact = [section(truth.t, path) for path in truth.y[:, 0]]
    every = np.concatenate(exact)
    if len(every) < 4:
        raise ValueError(
            f"the truth passes {_label(truth, first)} = 0 upwards {len(every)} times in all, too few for a section;"
            " take longer trajectories"
        )
    spread = every.std(axis=0)
    scale = np.where(spread > 1e-12 * np.abs(every).max(axis=0), spread, 1.0)
    values = np.full(forecast.y.shape[:2], np.nan)
    floors = []
    for k, points in enumerate(exact):
        if len(points) < 4:
            continue
        half = len(points) // 2
        floors.append(sliced_distance(points[:half] / scale, points[half:] / scale))
        for m, path in enumerate(forecast.y[k]):
            found = section(forecast.t, path) if np.isfinite(path).all() else points[:0]
            values[k, m] = sliced_distance(found / scale, points / scale) if len(found) else np.inf
    attrs = {
        "section": f"{_label(truth, first)} = 0 upwards",
        "norm": "standard deviation of each component over the truth's sections",
        "floor": float(np.median(floors)) if floors else math.nan,
        "points": int(np.median([len(points) for points in exact])),
        "interpolation": SOURCE,
        "failed": "inf",
        "no_truth": "NaN",
    }
    return Score(values, attrs)


def _wrapped(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # inf is no angle
        return np.asarray((points + turn / 2) % turn - turn / 2)


def _label(record: Record, component: int) -> str:
    labels = [
        state.name if state.size == 1 else f"{state.name}[{k}]" for state in record.states for k in range(state.size)
    ]
    return labels[component]
