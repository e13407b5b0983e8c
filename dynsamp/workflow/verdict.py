"""Whether a model beats persistence, climatology and a linear map, in one sentence.

From states of the data the model is rolled out in plain arrays, as it is, and with what its report says it is wrong by
on states that it has not seen: an error of that size which stays along a path, since the error of a law is a function
of the state. It is better where the latter is better, and worse only where the former is worse.
The same starts are forecast by persistence (a stochastic model's by a random walk), by the mean of the data, and by a
linear map that was fitted to the same data. A model beats one of them at a lead time where the difference is larger
than chance makes it, between blocks of starts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtr

from dynsamp.metrics.returns import turns
from dynsamp.models import skill
from dynsamp.models.base import HasClock, HasDiffusion, HasDrift, HasEnergy, HasStep, HasVectorField, Model, Samples
from dynsamp.models.measured.angles import unwrapped
from dynsamp.solve import field_values, solve
from dynsamp.words import listed
from dynsamp.workflow.completing import completed

LEADS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256])  # steps of the data
STEPS = 64  # of a roll-out, at most: some 30 ms ...
STARTS, FEWER, NUMBERS = 384, 96, 2000  # ... from so many starts, of vector fields fewer, or of so many numbers
WORST = 10.0  # standard deviations: no error counts for more
ROUGH, FINEST = 1e-5, 16  # standard deviations by which a finer step may change an interval, and its most parts
DROWNED = 1e-3  # the same of moments, beside which there is noise
LOST = 0.3  # relative error of a trajectory that the model does not follow
ROWS_A_STATE = 10  # a linear map of fewer follows chance
BRIEF = 3  # lead times that are little, where more were checked
THREE = ("persistence", "climatology", "a linear map")
ALONG = " (along the one trajectory of the data)"  # of others nothing is known
IN_SAMPLE = " (on the data of the fit)"  # where no report tells of others
Field = Callable[..., np.ndarray]  # (y, t, u)
Window = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # t (start, step), y, u


@np.errstate(all="ignore")  # roll-outs may leave for infinity
def verdict(model: Model, samples: Samples) -> str:
    """Compare a model with the three on the data that it was fitted to."""
    try:
        samples = completed(model, samples)
        samples = unwrapped(samples)[0] if isinstance(model, HasEnergy) else samples
        steps = int(np.maximum(samples.length - 1, 0).sum())
        if not steps and samples.dy is not None and isinstance(model, HasVectorField):
            inside = np.flatnonzero(samples.inside)[:: -(-int(samples.inside.sum()) // skill.ROWS)]
            y, dy = (values.reshape(-1, samples.size)[inside] for values in (samples.y, samples.dy))
            return skill.verdict_of_values(model, model.vector_field, y, dy, " of the derivative")
        if steps < skill.FEWEST:
            return f"no skill can be shown: {steps} step{'s'[: steps != 1]} of data are too few to tell"
        model, samples, lost = _without_lost(model, samples)
        one = ALONG if np.count_nonzero(samples.length > 1) == 1 else ""
        return _along(model, samples) + one + ("" if model.known_error is not None else IN_SAMPLE) + lost
    except Exception as error:  # whatever a stranger's model does: its fit is none the worse
        return f"not compared with {', '.join(THREE[:2])} and {THREE[2]}: {str(error).partition(chr(10))[0]}"


def _without_lost(model: Model, samples: Samples) -> tuple[Model, Samples, str]:
    """The model with its error on the trajectories that are not lost to it, those, and a word about the others.

    What one trajectory is wrong by says nothing of the others.
    """
    error, worst = model.report.get("error"), model.report.get("worst")
    bad = {name: v for name, v in worst.items() if v > LOST} if isinstance(worst, Mapping) else {}
    each = np.array([bad.get(f"trajectory {k}", 0.0) for k in samples.ids])
    if not isinstance(error, float) or not each.any() or each.all():
        return model, samples, ""
    rows, lost = np.maximum(samples.length - 1, 0), each > 0
    left = error**2 * rows.sum() - (each**2 * rows).sum()
    report = {"error": float(np.sqrt(left / rows[~lost].sum()))} if left > 0 else {}
    word = "is" if len(bad) == 1 else "are"
    return (
        replace(model, report=report),
        replace(samples, length=np.where(lost, 0, samples.length)),
        f"; {listed(list(bad))} {word} lost",
    )


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
    y = samples.y.reshape(-1, samples.size)[inside[:: -(-len(inside) // (10 * skill.ROWS))]]
    turn = turns(samples.states)
    scale = np.minimum(y.std(axis=0), turn / np.sqrt(12))
    used = scale > 1e-12 * np.abs(y).max(axis=0)
    unit = np.where(used, scale, np.inf)
    room = [int(np.maximum(samples.length - lead, 0).sum()) for lead in LEADS]
    leads = LEADS[: max(1, sum(count >= max(3, min(2 * skill.BLOCKS, room[0] // 2)) for count in room))]
    noisy = isinstance(model, HasDrift) and isinstance(model, HasDiffusion)
    steps, field = _law(model)
    many, most, rate = (STARTS, STEPS // 3, 1.0) if noisy else (STARTS, STEPS, 1.0)  # moments take more a step
    if field is not None and not steps:
        rate = _rate(field, _windows(samples, 1, FEWER)[2], unit, DROWNED if noisy else ROUGH)
        many = STARTS if noisy else FEWER
    leads = leads[: max(1, int((rate * leads <= most).sum()))]
    k, i, window = _windows(samples, int(leads[-1]), min(many, max(NUMBERS // samples.size, skill.BLOCKS)))
    t, truth, _ = window

    def errors(paths: np.ndarray, spread: np.ndarray | None) -> np.ndarray:
        """Root mean squares (start, lead) in standard deviations or, of paths with a spread, CRPS of the normal law."""
        gap = paths - truth[:, leads]
        gap = gap - np.where(np.isfinite(turn), turn * np.round(gap / turn), 0.0)
        gap = np.clip(np.nan_to_num(gap[..., used] / scale[used], nan=WORST), -WORST, WORST)
        if spread is None:
            return np.asarray(np.sqrt((gap**2).mean(axis=-1)))
        width = np.clip(np.nan_to_num(spread[..., used] / scale[used], nan=WORST), 1e-9, WORST)
        z = gap / width  # Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102, 359, equation 21
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        return np.asarray((width * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))).mean(axis=-1))

    def rolled(error: float | None) -> np.ndarray:
        if noisy:
            return errors(*_moments(model, rate, window, leads, error))
        return errors(_paths(model, (steps, field, rate), window, leads, error), None)

    seen, own = cache(lambda: rolled(None)), rolled(model.known_error)
    others = [errors(path, spread if noisy else None) for path, spread in _three(samples, truth[:, 0], leads)]
    apart = [len(np.unique(k * samples.y.shape[1] + i // lead)) for lead in leads]
    won = np.stack([skill.ranked(own, seen, other, apart, noisy) for other in others])
    times = np.median(t[:, leads] - t[:, :1], axis=0)
    label = "" if samples.facts.time_unit == "1" else f" {samples.facts.time_unit}"
    return _said(won, [float(other.mean()) for other in others], [f"{time:.3g}{label}" for time in times])


def _three(samples: Samples, y0: np.ndarray, leads: np.ndarray) -> list[Any]:
    """Means and spreads (start, lead, component) of persistence, climatology and a linear map."""
    rows = np.flatnonzero(samples.inside[:, 1:])
    rows = rows[:: -(-len(rows) // (10 * skill.ROWS))]
    of, at = np.divmod(rows, samples.y.shape[1] - 1)
    here, change = samples.y[of, at], samples.y[of, at + 1] - samples.y[of, at]
    mean, spread, size = here.mean(axis=0), here.std(axis=0), here.shape[1]
    still = np.repeat(y0[:, None], len(leads), axis=1)
    shape = np.zeros_like(still)
    found = [(still, change.std(axis=0) * np.sqrt(leads)[:, None] + shape), (mean + shape, spread + shape)]
    if size > skill.LARGEST or len(rows) < ROWS_A_STATE * size:
        return found
    unit = np.where(spread > 0, spread, 1.0)
    matrix, rest = skill.linear((here - mean) / unit, change)
    constant, jacobian, noise = matrix[0], np.eye(size) + matrix[1:].T / unit, rest.T @ rest / len(rows)
    away, total, paths, widths = y0 - mean, np.zeros_like(jacobian), [], []
    for step in range(1, int(leads[-1]) + 1):
        away = constant + away @ jacobian.T
        total = jacobian @ total @ jacobian.T + noise
        if step in leads:
            paths.append(mean + away)
            widths.append(np.sqrt(np.maximum(np.diag(total), 0.0)) + np.zeros_like(away))
    return [*found, (np.stack(paths, axis=1), np.stack(widths, axis=1))]


def _law(model: Model) -> tuple[bool, Field | None]:
    """Whether it is a map, and the field or map of states (row, component), times (row,) and signals, if any."""
    if isinstance(model, HasDrift):
        return False, lambda y, *_: np.asarray(model.drift(y))
    if isinstance(model, HasVectorField):
        field: Any = model.vector_field
        return False, field if isinstance(model, HasClock) else lambda y, *_: field(y)
    if isinstance(model, HasStep):
        return True, lambda y, *_: np.asarray(model.step(y))
    kernel = model.kernel() if model.has_kernel else None
    if kernel is None or kernel.kind == "map":
        return True, None
    return False, lambda y, t, *_: field_values(kernel, t, y)


def _over(field: Field, window: Window, y: np.ndarray, between: tuple[int, int], parts: int, wrong: Any) -> np.ndarray:
    """States (start, component) from one sample to another, in so many steps of Runge and Kutta."""
    (begin, end), (t, _, u) = between, window
    h = ((t[:, end] - t[:, begin]) / parts)[:, None]
    for part in range(parts):

        def at(y: np.ndarray, reach: float, part: int = part) -> Any:
            share = (part + reach) / parts
            signal = None if u is None else (1 - share) * u[:, begin] + share * u[:, end]
            return field(y, (1 - share) * t[:, begin] + share * t[:, end], signal) + wrong

        y = _step(at, y, h)
    return y


def _step(slope: Callable[[np.ndarray, float], np.ndarray], y: np.ndarray, h: np.ndarray) -> Any:
    """States after a step of Runge and Kutta; slopes of states and a share of the step."""
    one = slope(y, 0.0)
    two = slope(y + h / 2 * one, 0.5)
    three = slope(y + h / 2 * two, 0.5)
    return y + h / 6 * (one + 2 * two + 2 * three + slope(y + h * three, 1.0))


def _rate(field: Field, window: Window, unit: np.ndarray, rough: float) -> float:
    """Steps an interval that a field needs; less than one where they may be longer."""
    for parts in (1, 2, 4, 8, FINEST):
        one, two = (_over(field, window, window[1][:, 0], (0, 1), n, 0.0) for n in (parts, 2 * parts))
        change = float(np.abs((one - two) / unit).max())
        if change <= rough:
            break
    return parts * (1.0 if parts > 1 or window[2] is not None else max((change / rough) ** 0.2, 1 / FINEST))


def _paths(
    model: Model, law: tuple[bool, Field | None, float], window: Window, leads: np.ndarray, error: float | None
) -> np.ndarray:
    """Roll-outs (start, lead, component) of the model."""
    (steps, field, rate), (t, truth, u), saved = law, window, []
    y = truth[:, 0]
    if field is None:
        times = np.median(t - t[:, :1], axis=0)
        paths = (
            solve(model.kernel(), times, y).states
            if model.has_kernel
            else model.predict(y, times, np.arange(len(y)), 0)[0]
        )
        return np.asarray(paths)[:, leads]
    first = field(y, t[:, 0], None if u is None else u[:, 0])
    wrong = skill.unseen(error, first - y if steps else first)
    grid = leads.tolist() if not steps and u is None else range(1, int(leads[-1]) + 1)
    for begin, end in pairwise([0, *grid]):
        if steps:
            y = field(y, t[:, begin], None if u is None else u[:, begin]) + wrong
        else:
            y = _over(field, window, y, (begin, end), int(np.ceil(rate * (end - begin))), wrong)
        y = np.where(np.isfinite(y), y, np.nan)
        if end in leads:
            saved.append(y)
    return np.stack(saved, axis=1)


def _moments(
    model: Any, rate: float, window: Window, leads: np.ndarray, error: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads (start, lead, component) of a stochastic model, as of normal laws.

    Each step takes 2 n points that have their moments, between two halves of the noise: Arasaratnam and Haykin (2009),
    IEEE Transactions on Automatic Control 54, 1254.
    """
    (t, truth, _), saved = window, []
    mean, n = truth[:, 0], truth.shape[2]
    total = np.zeros((len(mean), n, n))
    wrong = np.tile(skill.unseen(error, np.asarray(model.drift(mean))), (2 * n, 1))

    def slope(y: np.ndarray, _: float) -> Any:
        return model.drift(y) + wrong

    def variance(y: np.ndarray) -> Any:
        g = np.asarray(model.diffusion(y))
        noise = g[:, :, None] ** 2 * np.eye(n) if g.ndim == 2 else g @ g.swapaxes(1, 2)
        return noise.reshape(-1, len(mean), n, n).mean(axis=0)

    noise = variance(mean)
    for begin, end in pairwise([0, *leads.tolist()]):
        parts = int(np.ceil(rate * (end - begin)))
        h = ((t[:, end] - t[:, begin]) / parts)[:, None]
        for _ in range(parts):
            total = total + h[:, :, None] / 2 * noise
            values, vectors = np.linalg.eigh(np.nan_to_num(total))
            root = (vectors * np.sqrt(n * np.maximum(values, 0.0))[:, None]).transpose(2, 0, 1)
            y = np.concatenate([mean + root, mean - root]).reshape(-1, n)
            points = _step(slope, y, np.tile(h, (2 * n, 1))).reshape(2 * n, -1, n)
            mean = points.mean(axis=0)
            away, noise = points - mean, variance(points.reshape(-1, n))
            total = np.einsum("jri,jrk->rik", away, away) / (2 * n) + h[:, :, None] / 2 * noise
        saved.append((mean, np.sqrt(np.maximum(np.einsum("rii->ri", total), 0.0))))
    return np.stack([mean for mean, _ in saved], axis=1), np.stack([spread for _, spread in saved], axis=1)


def _run(better: np.ndarray) -> tuple[int, int] | None:
    """First and last of the first run of lead times; one alone may be chance, but at the first, where skill begins."""
    edges = np.flatnonzero(np.diff([0, *better.astype(int), 0]))
    runs = [(int(begin), int(end) - 1) for begin, end in edges.reshape(-1, 2) if end - begin > 1 or not begin]
    return runs[0] if runs else None


def _said(won: np.ndarray, errors: Sequence[float], times: Sequence[str]) -> str:
    """The verdict of ranks (other, lead); mean errors of the others tell which of those not beaten to name."""
    better, names = won == skill.BETTER, THREE[: len(won)]
    of_all, of_two = _run(np.all(better, axis=0)), _run(np.all(better[:2], axis=0))
    if of_two is None:
        never = [j for j in (0, 1) if _run(better[j]) is None]
        worse = names[min(never, key=lambda j: errors[j])] if never else "persistence at first and climatology later"
        return f"no skill: no better than {worse}, from {times[0]} to {times[-1]}"
    first, last = of_all or of_two
    longest = last == len(times) - 1
    span = f"from {times[first]} to {times[last]}" if first else f"up to {times[last]}"
    text = f"beats {', '.join(names[:-1])} and {names[-1]} {span}"
    if of_all is None:  # most of the lead times tell
        rank = skill.RANKS[int(np.median(won[2, first : last + 1]))]
        text = f"{rank} a linear map; beats persistence and climatology {span}"
    if longest:
        return f"{text}, the longest checked"
    text = f"little skill: {text}" if last < BRIEF else text
    lost = len(times) - int(np.argmax([*better[1][::-1], True]))  # from here on climatology is not beaten
    if lost < len(times):
        return f"{text}; no better than climatology from {times[lost]} on"
    if of_all is None:
        return text
    return f"{text}, then no better than {next(names[j] for j in range(len(won)) if not better[j, last + 1])}"
