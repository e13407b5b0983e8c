"""Where trajectories pass through a level, between their samples: periods and Poincare sections.

Around each passage the polynomial through the eight nearest samples (degree 7, Newton's form) takes the place of the
trajectory, so times and states have an error of the eighth order in the spacing.
"""

import math

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.errors import known
from dynsamp.metrics.mechanics import pairs_of
from dynsamp.models.base import owners
from dynsamp.streams import generator
from dynsamp.words import State

NODES = 8  # of a polynomial
HALVINGS = 60  # of the bracket, which is one spacing: down to rounding
SOURCE = "polynomials of degree 7 through the eight nearest samples"
DIRECTIONS = 64  # on which sections are projected


def passages(
    t: np.ndarray, y: np.ndarray, component: int, level: float, direction: int = 1, turn: float = math.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Times (passage,) and states (passage, component) of one trajectory y (time, component) at increasing times t.

    ``direction`` is 1 for upwards, -1 for downwards, 0 for both. Where ``turn`` is finite, the component is an
    unwrapped angle, and passes through the level once a turn. Samples from the first that is not finite on are left
    out; a start exactly on the level is not a passage.
    """
    finite = np.isfinite(y).all(axis=1) & np.isfinite(t)
    count = len(t) if finite.all() else int(finite.argmin())
    t, y = t[:count], y[:count]
    if direction == 0:
        both = [passages(t, y, component, level, way, turn) for way in (1, -1)]
        times = np.concatenate([found for found, _ in both])
        order = np.argsort(times)
        return times[order], np.concatenate([found for _, found in both])[order]
    signal = direction * (y[:, component] - level)
    sheet = np.floor(signal / turn) if math.isfinite(turn) else np.where(signal < 0, -1.0, 0.0)
    (before,) = np.nonzero(sheet[1:] > sheet[:-1])
    target = direction * sheet[before + 1] * turn if math.isfinite(turn) else np.zeros(len(before))
    width = min(NODES, count)
    if not len(before):
        return np.empty(0), np.empty((0, y.shape[1]))
    first = np.clip(before - (width // 2 - 1), 0, count - width)
    nodes = first[:, None] + np.arange(width)
    origin, unit = t[before], t[before + 1] - t[before]
    s = (t[nodes] - origin[:, None]) / unit[:, None]  # 0 at the sample before, 1 at the one after
    coefficients = _divided(s, y[nodes])
    low, high = np.zeros(len(before)), np.ones(len(before))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        value = _value(coefficients[:, :, component, None], s, middle)[:, 0] - level - target
        above = direction * value >= 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return origin + high * unit, _value(coefficients, s, high)


def _divided(s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Divided differences (passage, node, component): coefficients of Newton's form."""
    table = values.copy()
    for order in range(1, s.shape[1]):
        span = s[:, order:] - s[:, :-order]
        table[:, order:] = (table[:, order:] - table[:, order - 1 : -1]) / span[:, :, None]
    return table


def _value(coefficients: np.ndarray, s: np.ndarray, at: np.ndarray) -> np.ndarray:
    result = coefficients[:, -1]
    for k in range(s.shape[1] - 2, -1, -1):
        result = coefficients[:, k] + (at - s[:, k])[:, None] * result
    return np.asarray(result)


def turns(states: tuple[State, ...]) -> np.ndarray:
    """Length of a full turn (component,): a declared period, 2 pi of what is in rad, inf of what is no angle."""
    return np.array([s.period or (2 * math.pi if s.units == "rad" else math.inf) for s in owners(states)])


@metric("period_error", ("trajectory", "member"))
def period_error(forecast: Record, truth: Record) -> Score:
    """Relative error of the period.

    (T - T_truth) / T_truth of each trajectory, signed; of one degree of freedom. T is the mean time between upward
    passages of the coordinate through the middle of the truth's range; of a rotation, the time of a full turn.
    Passages lie between samples, on polynomials of degree 7 through the eight nearest. NaN where the truth passes less
    than twice; infinite where only the forecast does, or has failed. ``amplitude`` is the score beside it.
    """
    q = _coordinate(truth)
    there = known(truth)
    turn = turns(truth.states)[q]
    values = np.full(forecast.y.shape[:2], np.nan)
    for k, row in enumerate(there):
        exact = np.where(row[:, None], truth.y[k, 0], np.nan)
        angle = exact[row, q]
        if len(angle) < 2:
            continue
        change = np.diff(angle)
        rotates = bool(np.all(change > 0) or np.all(change < 0)) and np.ptp(angle) > turn
        level = 0.5 * (angle.min() + angle.max())
        how = (q, level, int(np.sign(change[0])) if rotates else 1, turn if rotates else math.inf)
        period = _period(truth.t, exact, *how)
        if np.isfinite(period):
            found = np.array([_period(forecast.t, path, *how) for path in forecast.y[k]])
            failed = ~(np.isfinite(found) & np.isfinite(forecast.y[k]).all(axis=(1, 2)))
            values[k] = np.where(failed, np.inf, found / period - 1)
    attrs = {
        "definition": "T / T of the truth - 1, T from the first to the last upward passage through the middle of the"
        " truth's range",
        "interpolation": SOURCE,
        "failed": "inf",
        "no_period": "NaN",
    }
    return Score(values, attrs)


@metric("amplitude", ("trajectory",), needs=("truth",))
def amplitude(truth: Record) -> Score:
    """Amplitude of the coordinate along the truth.

    Half the range of q, of one degree of freedom; what ``period_error`` is drawn over. NaN where there is no truth.
    """
    q = _coordinate(truth)
    paths = zip(truth.y[:, 0, :, q], known(truth), strict=True)
    values = np.array([0.5 * np.ptp(path[row]) if row.any() else np.nan for path, row in paths])
    attrs: dict[str, object] = {"definition": "half the range of the coordinate at the samples", "no_truth": "NaN"}
    return Score(values, {**attrs, "units": owners(truth.states)[q].units})


def _coordinate(truth: Record) -> int:
    """Component of the only coordinate."""
    pairs = pairs_of(truth.states)
    if pairs.shape[1] != 1:
        raise ValueError(
            f"a period belongs to one degree of freedom, but there are {pairs.shape[1]}; compare Poincare sections"
            " with section_distance"
        )
    return int(pairs[0, 0])


def _period(t: np.ndarray, y: np.ndarray, component: int, level: float, direction: int, turn: float) -> float:
    times, _ = passages(t, y, component, level, direction, turn)
    return float((times[-1] - times[0]) / (len(times) - 1)) if len(times) > 1 else math.nan


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
    own = turn[kept]

    def section(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        points = passages(t, y, first, 0.0, 1, float(turn[first]))[1][:, kept]
        with np.errstate(invalid="ignore"):  # inf is no angle
            return np.where(np.isfinite(own), (points + own / 2) % own - own / 2, points)

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


def _label(record: Record, component: int) -> str:
    labels = [s.name if s.size == 1 else f"{s.name}[{k}]" for s in record.states for k in range(s.size)]
    return labels[component]
