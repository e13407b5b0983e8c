"""Whether a model beats persistence, climatology and a linear map, in one sentence.

From states of the data the model is rolled out in plain arrays, with what its report says it is wrong by on states that
it has not seen: an error of that size which stays along a path, since the error of a law is a function of the state.
The same starts are forecast by persistence (a stochastic model's by a random walk), by the mean of the data, and by a
linear map that was fitted to other rows. A model beats one of them at a lead time where the difference is larger than
chance makes it, between blocks of starts.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from dynsamp.metrics.returns import turns
from dynsamp.models.base import HasClock, HasDiffusion, HasDrift, HasEnergy, HasStep, HasVectorField, Model, Samples
from dynsamp.models.measured.angles import unwrapped
from dynsamp.networks.search.unseen import folds
from dynsamp.streams import generator
from dynsamp.workflow.completing import completed

LEADS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256])  # steps of the data
STEPS = 64  # of a roll-out, at most: some 30 ms ...
STARTS, FEWER, NUMBERS = 384, 96, 2000  # ... from so many starts, of vector fields fewer, or of so many numbers
FEWEST = 5  # steps of data from which anything can be told
BLOCKS, SURE = 16, 0.99  # blocks of starts, and how sure a difference of their means is, one-sided; at two lead times
MARGIN, LEAST = 0.01, 1e-3  # of the sum of both errors, and in standard deviations: what is worth a word
FAINT = 1e-3  # standard deviations: smaller errors are those of the roll-out
WORST = 10.0  # standard deviations: no error counts for more
ROUGH, FINEST = 1e-5, 16  # standard deviations by which a finer step may change an interval, and its most parts
ROWS, LARGEST = 2000, 128  # rows that are compared one by one, and components of a linear map
BRIEF = 3  # lead times that are little, where more were checked
THREE = ("persistence", "climatology", "a linear map")
IN_SAMPLE = " (on the data of the fit)"  # where no report tells of others
Field = Callable[..., np.ndarray]  # (y, t, u)
Window = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # t (start, step), y, u


def verdict(model: Model, samples: Samples) -> str:
    """Compare a model with the three on the data that it was fitted to."""
    try:
        samples = completed(model, samples)
        samples = unwrapped(samples)[0] if isinstance(model, HasEnergy) else samples
        steps = int(np.maximum(samples.length - 1, 0).sum())
        if not steps and samples.dy is not None and isinstance(model, HasVectorField):
            inside = np.flatnonzero(samples.inside)[:: -(-int(samples.inside.sum()) // ROWS)]
            y, dy = (values.reshape(-1, samples.size)[inside] for values in (samples.y, samples.dy))
            return verdict_of_values(model, model.vector_field, y, dy, " of the derivative")
        if steps < FEWEST:
            return f"no skill can be shown: {steps} step{'s'[: steps != 1]} of data are too few to tell"
        return _along(model, samples) + ("" if _error(model) is not None else IN_SAMPLE)
    except Exception as error:  # whatever a stranger's model does: its fit is none the worse
        return f"not compared with {', '.join(THREE[:2])} and {THREE[2]}: {str(error).partition(chr(10))[0]}"


def verdict_of_values(model: Model, function: Field, x: np.ndarray, y: np.ndarray, what: str = "") -> str:
    """Compare a function of rows x (row, input) with the mean of y (row, output) and a linear law of x."""
    if len(x) < FEWEST:
        return f"no skill can be shown: {len(x)} rows are too few to tell"
    which, scale = folds(np.arange(len(x))), np.where(np.ptp(y, axis=0) > 0, y.std(axis=0), 1.0)
    linear, centre = np.empty_like(y), x.mean(axis=0)
    for fold in np.unique(which):
        matrix, _ = _linear(x[which != fold] - centre, y[which != fold])
        linear[which == fold] = matrix[0] + (x[which == fold] - centre) @ matrix[1:]
    learned = function(x) + _unseen(model, y)
    own, *others = (np.sqrt((((path - y) / scale) ** 2).mean(axis=1)) for path in (learned, y.mean(axis=0), linear))
    beaten = [_compared(own[:, None], other[:, None], [len(x)])[0] > 0 for other in others]
    if all(beaten):
        return f"beats the mean and a linear law{what}"
    return f"no better than {'a linear law' if beaten[0] else 'the mean'}{what}"


def _windows(samples: Samples, steps: int, many: int) -> tuple[np.ndarray, np.ndarray, Window]:
    """Trajectories and samples of starts, evenly over all that have so many steps before them, and what follows."""
    room = np.maximum(samples.length - steps, 0)  # starts of each trajectory
    pick = np.unique(np.linspace(0, room.sum() - 1, min(many, int(room.sum()))).astype(np.int64))
    k = np.searchsorted(np.cumsum(room), pick, side="right")
    i = pick - (np.cumsum(room) - room)[k]
    at = k[:, None], i[:, None] + np.arange(steps + 1)
    return k, i, (samples.t[at], samples.y[at], None if samples.u is None else samples.u[at])


def _along(model: Model, samples: Samples) -> str:
    """The verdict over lead times."""
    inside = np.flatnonzero(samples.inside)
    y = samples.y.reshape(-1, samples.size)[inside[:: -(-len(inside) // (10 * ROWS))]]
    turn = turns(samples.states)
    scale = np.minimum(y.std(axis=0), turn / np.sqrt(12))
    used = scale > 1e-12 * np.abs(y).max(axis=0)
    unit = np.where(used, scale, np.inf)
    room = [int(np.maximum(samples.length - lead, 0).sum()) for lead in LEADS]
    leads = LEADS[: max(1, sum(count >= max(3, min(2 * BLOCKS, room[0] // 2)) for count in room))]
    noisy = isinstance(model, HasDrift) and isinstance(model, HasDiffusion)
    steps, field = _law(model)
    many, rate = STARTS, 1.0
    if not noisy:
        if field is not None and not steps:
            many, rate = FEWER, _rate(field, _windows(samples, 1, FEWER)[2], unit)
        leads = leads[: max(1, int((rate * leads <= STEPS).sum()))]
    k, i, window = _windows(samples, int(leads[-1]), min(many, max(NUMBERS // samples.size, BLOCKS)))
    t, truth, _ = window

    def errors(paths: np.ndarray, spread: np.ndarray | None) -> np.ndarray:
        """Root mean squares (start, lead) in standard deviations or, of paths with a spread, CRPS of the normal law."""
        with np.errstate(invalid="ignore", over="ignore"):
            gap = paths - truth[:, leads]
            gap = gap - np.where(np.isfinite(turn), turn * np.round(gap / turn), 0.0)
            gap = np.clip(np.nan_to_num(gap[..., used] / scale[used], nan=WORST), -WORST, WORST)
        if spread is None:
            return np.asarray(np.sqrt((gap**2).mean(axis=-1)))
        width = np.clip(np.nan_to_num(spread[..., used] / scale[used], nan=WORST), 1e-9, WORST)
        z = gap / width  # Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102, 359, equation 21
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        return np.asarray((width * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))).mean(axis=-1))

    paths = _moments(model, window, leads) if noisy else (_paths(model, (steps, field, rate), window, leads), None)
    own = errors(*paths)
    others = [errors(path, spread if noisy else None) for path, spread in _three(samples, truth[:, 0], k, i, leads)]
    apart = [len(np.unique(k * samples.y.shape[1] + i // lead)) for lead in leads]
    won = np.stack([_compared(own, other, apart) for other in others])
    times = np.median(t[:, leads] - t[:, :1], axis=0)
    label = "" if samples.facts.time_unit == "1" else f" {samples.facts.time_unit}"
    return _said(won, [float(other.mean()) for other in others], [f"{time:.3g}{label}" for time in times])


def _three(samples: Samples, y0: np.ndarray, k: np.ndarray, i: np.ndarray, leads: np.ndarray) -> list[Any]:
    """Means and spreads (start, lead, component) of persistence, climatology and a linear map."""
    rows = np.flatnonzero(samples.inside[:, 1:])
    rows = rows[:: -(-len(rows) // (10 * ROWS))]
    of, at = np.divmod(rows, samples.y.shape[1] - 1)
    here, change = samples.y[of, at], samples.y[of, at + 1] - samples.y[of, at]
    mean, spread, size = here.mean(axis=0), here.std(axis=0), here.shape[1]
    still = np.repeat(y0[:, None], len(leads), axis=1)
    shape = np.zeros_like(still)
    found = [(still, change.std(axis=0) * np.sqrt(leads)[:, None] + shape), (mean + shape, spread + shape)]
    if size > LARGEST:
        return found
    unit = np.where(spread > 0, spread, 1.0)
    which, first = folds(of), k * (samples.y.shape[1] - 1) + i
    # the fold that a start's own step is in
    names, own = np.unique(which[np.searchsorted(rows, first, side="right") - 1], return_inverse=True)
    constant, jacobian, noise = np.empty((len(names), size)), np.empty((len(names), size, size)), []
    for fold, name in enumerate(names):
        others = np.flatnonzero(which != name) if which.any() else np.arange(len(which))
        others = others[:: -(-len(others) // (1000 + 10 * size))]
        matrix, rest = _linear((here[others] - mean) / unit, change[others])
        constant[fold], jacobian[fold] = matrix[0], np.eye(size) + matrix[1:].T / unit
        noise.append(rest.T @ rest / max(len(others) - 1, 1))
    away, turned, total = y0 - mean, jacobian[own], np.zeros_like(jacobian)
    paths, widths = [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, int(leads[-1]) + 1):
            away = constant[own] + (turned @ away[:, :, None])[:, :, 0]
            total = jacobian @ total @ jacobian.swapaxes(1, 2) + noise
            if step in leads:
                paths.append(mean + away)
                widths.append(np.sqrt(np.maximum(np.einsum("fii->fi", total), 0.0))[own])
    return [*found, (np.stack(paths, axis=1), np.stack(widths, axis=1))]


def _linear(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Constant and slopes of least squares, and what they leave."""
    design = np.column_stack([np.ones(len(x)), x])  # no weight where there are no data, such as a conserved sum
    matrix = np.linalg.lstsq(design, y, rcond=1e-9)[0]
    return matrix, y - design @ matrix


def _error(model: Model) -> float | None:
    """Relative error of the law where it has not been fitted, where the report has one."""
    error = model.report.get("error")
    error = error.get("drift") if isinstance(error, Mapping) else error
    return float(error) if isinstance(error, int | float) and np.isfinite(error) else None


def _unseen(model: Model, values: np.ndarray) -> np.ndarray:
    """By what values (row, component) of the fitted law are wrong elsewhere, beyond their error on the data.

    Least squares of p columns and n rows misses noise s by s^2 (1 - p / n) where it was fitted, and the law by
    s^2 p / n: with the latter beside it, what is only noise comes out no better than its mean.
    """
    rms = np.sqrt(np.nanmean(values**2, axis=0))
    return np.asarray((_error(model) or 0.0) * rms * generator(0, "mixtures").standard_normal(values.shape))


def _law(model: Model) -> tuple[bool, Field | None]:
    """Whether it is a map, and the field or map of states (row, component), times (row,) and signals, if any."""
    if isinstance(model, HasDrift):
        return False, lambda y, *_: np.asarray(model.drift(y))
    if isinstance(model, HasVectorField):
        field: Any = model.vector_field
        return False, field if isinstance(model, HasClock) else lambda y, *_: field(y)
    if isinstance(model, HasStep):
        return True, lambda y, *_: np.asarray(model.step(y))
    if not model.has_kernel:
        return True, None
    kernel = model.kernel()
    if not all(isinstance(function, types.FunctionType) for function in kernel.functions) or kernel.inputs:
        raise TypeError(f"{type(model).__name__} has neither vector_field() nor step()")

    def of(y: np.ndarray, t: Any) -> np.ndarray:
        out, half = np.empty_like(y), len(y) // 2
        if kernel.kind == "separable":
            kernel.functions[0](t, y[half:], kernel.theta, out[:half])
            kernel.functions[1](t, y[:half], kernel.theta, out[half:])
        else:
            kernel.functions[0](t, y, kernel.theta, out)
        return out

    def called(y: np.ndarray, t: np.ndarray, *_: Any) -> np.ndarray:
        try:
            return of(y.T, t).T
        except (TypeError, ValueError):  # functions that take no arrays of points
            return np.array([of(row, time) for row, time in zip(y, t, strict=True)])

    return kernel.kind == "map", called


def _over(field: Field, window: Window, y: np.ndarray, between: tuple[int, int], parts: int, wrong: Any) -> np.ndarray:
    """States (start, component) from one sample to another, in so many steps of Runge and Kutta."""
    (begin, end), (t, _, u) = between, window
    h, slope = ((t[:, end] - t[:, begin]) / parts)[:, None], np.zeros_like(y)
    for part in range(parts):
        total = np.zeros_like(y)
        for reach, weight in ((0.0, 1), (0.5, 2), (0.5, 2), (1.0, 1)):
            share = (part + reach) / parts
            signal = None if u is None else (1 - share) * u[:, begin] + share * u[:, end]
            slope = field(y + reach * h * slope, (1 - share) * t[:, begin] + share * t[:, end], signal) + wrong
            total = total + weight * slope
        y = y + h / 6 * total
    return y


def _rate(field: Field, window: Window, unit: np.ndarray) -> float:
    """Steps an interval that a field needs; less than one where they may be longer."""
    for parts in (1, 2, 4, 8, FINEST):
        with np.errstate(over="ignore", invalid="ignore"):
            one, two = (_over(field, window, window[1][:, 0], (0, 1), n, 0.0) for n in (parts, 2 * parts))
            change = float(np.abs((one - two) / unit).max())
        if change <= ROUGH:
            break
    return parts * (1.0 if parts > 1 or window[2] is not None else max((change / ROUGH) ** 0.2, 1 / FINEST))


def _paths(model: Model, law: tuple[bool, Field | None, float], window: Window, leads: np.ndarray) -> np.ndarray:
    """Roll-outs (start, lead, component) of the model."""
    (steps, field, rate), (t, truth, u), saved = law, window, []
    y = truth[:, 0]
    if field is None:
        times = np.median(t - t[:, :1], axis=0)
        return np.asarray(model.predict(y, times, np.arange(len(y)), 0)[0])[:, leads]
    first = field(y, t[:, 0], None if u is None else u[:, 0])
    wrong = _unseen(model, first - y if steps else first)
    grid = leads.tolist() if not steps and u is None else range(1, int(leads[-1]) + 1)
    for begin, end in pairwise([0, *grid]):
        with np.errstate(over="ignore", invalid="ignore"):
            if steps:
                y = field(y, t[:, begin], None if u is None else u[:, begin]) + wrong
            else:
                y = _over(field, window, y, (begin, end), int(np.ceil(rate * (end - begin))), wrong)
        y = np.where(np.isfinite(y), y, np.nan)
        if end in leads:
            saved.append(y)
    return np.stack(saved, axis=1)


def _moments(model: Any, window: Window, leads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads (start, lead, component) of a stochastic model, as of normal laws.

    Each step takes 2 n points that have their moments, by Heun's rule: Arasaratnam and Haykin (2009), IEEE Transactions
    on Automatic Control 54, 1254.
    """
    (t, truth, _), saved = window, []
    count, n = truth.shape[0], truth.shape[2]
    mean, total = truth[:, 0], np.zeros((count, n, n))
    wrong = np.tile(_unseen(model, np.asarray(model.drift(mean))), (2 * n, 1))
    for begin, end in pairwise([0, *leads.tolist()]):
        parts = min(end - begin, 2)
        h = (t[:, end] - t[:, begin]) / parts
        along = np.tile(h, 2 * n)[:, None]
        for _ in range(parts):
            values, vectors = np.linalg.eigh(np.nan_to_num(total))
            root = (vectors * np.sqrt(n * np.maximum(values, 0.0))[:, None]).transpose(2, 0, 1)
            with np.errstate(over="ignore", invalid="ignore"):
                y = np.concatenate([mean + root, mean - root]).reshape(-1, n)
                slope = np.asarray(model.drift(y)) + wrong
                g = np.asarray(model.diffusion(y))
                noise = g[:, :, None] ** 2 * np.eye(n) if g.ndim == 2 else g @ g.swapaxes(1, 2)
                y = y + 0.5 * along * (slope + np.asarray(model.drift(y + along * slope)) + wrong)
                points = y.reshape(2 * n, count, n)
                mean = points.mean(axis=0)
                away = points - mean
                total = np.einsum("jri,jrk->rik", away, away) / (2 * n)
                total = total + h[:, None, None] * noise.reshape(2 * n, count, n, n).mean(axis=0)
        saved.append((mean, np.sqrt(np.maximum(np.einsum("rii->ri", total), 0.0))))
    return np.stack([mean for mean, _ in saved], axis=1), np.stack([spread for _, spread in saved], axis=1)


def _compared(own: np.ndarray, other: np.ndarray, apart: Sequence[int]) -> np.ndarray:
    """1 where errors (start, lead) are smaller than those of another, -1 where larger, 0 where none can tell (lead,).

    The difference over the sum of each start, which finds what is small everywhere, or over the mean sum, which finds
    what is better on average: its means over blocks are taken for normal, Student's t. ``apart`` (lead,) is the number
    of starts whose windows do not overlap.
    """
    found = np.zeros(own.shape[1], dtype=int)
    for lead in range(own.shape[1]):
        difference, total = own[:, lead] - other[:, lead], own[:, lead] + other[:, lead]
        blocks = min(BLOCKS, apart[lead])
        sides = [_side(difference / (scale + LEAST), blocks) for scale in (np.abs(total), total.mean())]
        if max(own[:, lead].mean(), other[:, lead].mean()) > FAINT and abs(sum(sides)) >= max(map(abs, sides)):
            found[lead] = -int(np.sign(sum(sides)))
    return found


def _side(change: np.ndarray, blocks: int) -> int:
    """Sign of a mean change, 0 where chance may have made it."""
    means = np.array([block.mean() for block in np.array_split(change, blocks)])
    doubt = 1 / 3  # too few blocks to tell but what is twice as good
    if blocks > 2:
        doubt = min(doubt, float(stdtrit(blocks - 1, SURE) * means.std(ddof=1) / np.sqrt(blocks)))
    return int(np.sign(change.mean())) * int(abs(change.mean()) > max(doubt, MARGIN))


def _run(better: np.ndarray) -> tuple[int, int] | None:
    """First and last of the first run of lead times, of two at least where there are as many: one may be chance."""
    edges = np.flatnonzero(np.diff([0, *better.astype(int), 0]))
    runs = [(int(begin), int(end) - 1) for begin, end in edges.reshape(-1, 2) if end - begin > (len(better) > 2)]
    return runs[0] if runs else None


def _said(won: np.ndarray, errors: Sequence[float], times: Sequence[str]) -> str:
    """The verdict of comparisons (other, lead); mean errors of the others tell which of those not beaten to name."""
    better, names = won > 0, THREE[: len(won)]
    of_all, of_two = _run(np.all(better, axis=0)), _run(np.all(better[:2], axis=0))
    if of_two is None:
        never = [j for j in (0, 1) if _run(better[j]) is None]
        worse = names[min(never, key=lambda j: errors[j])] if never else "persistence at first and climatology later"
        return f"no skill: no better than {worse}, from {times[0]} to {times[-1]}"
    first, last = of_all or of_two
    longest = last == len(times) - 1
    span = f"from {times[first]} to {times[last]}" if first else f"up to {times[last]}"
    span += ", the longest checked" if longest else ""
    if of_all is None:
        behind = bool((won[2, first : last + 1] < 0).any())
        if longest and not (first or behind):
            return f"beats persistence and climatology {span}, as a linear map does"
        return f"{'worse' if behind else 'no better'} than a linear map; beats persistence and climatology {span}"
    text = f"beats {', '.join(names[:-1])} and {names[-1]} {span}"
    if longest:
        return text
    text = f"little skill: {text}" if last < BRIEF else text
    lost = len(times) - int(np.argmax([*better[1][::-1], True]))  # from here on climatology is not beaten
    if lost < len(times):
        return f"{text}; no better than climatology from {times[lost]} on"
    return f"{text}, then no better than {next(names[j] for j in range(len(won)) if not better[j, last + 1])}"
