"""How far a forecast is from the truth, for how long it is a forecast, and how well its members spread.

And errors of a learned drift and diffusion against the system's own.
"""

import math

import numpy as np

from dynsamp.metrics.base import Record, Score, TrueSystem, metric
from dynsamp.models.base import HasDiffusion, HasDrift, Model, owners
from dynsamp.solve import diffusion_values, field_values

SAME_START = 1e-6  # of a state and its spread: float32, and turns of an angle
POINTS = 100_000  # more states than these do not change an error over them
NO_TRUTH = "the truth has no valid state at all, so nothing can be scored; generate it anew"
NORM = "standard deviation of each component of the truth over its trajectories and times"
THRESHOLD = 0.4  # Pathak et al. (2018), Phys. Rev. Lett. 120, 024102


def periods(record: Record) -> np.ndarray:
    """Period of each component (component,); inf where it has none."""
    return np.array([math.inf if state.period is None else state.period for state in owners(record.states)])


def known(truth: Record) -> np.ndarray:
    """Where there is a truth to compare with (trajectory, lead_time): finite, and not beyond ``valid_until``."""
    limit = truth.valid_until[:, None] * (1 + 1e-12)  # the last valid time itself counts
    return np.asarray(np.isfinite(truth.y[:, 0]).all(axis=-1) & (truth.t <= limit))


def spread(truth: Record) -> np.ndarray:
    """Climatological standard deviation (component,).

    An angle is at most as spread as the uniform distribution on its circle; a constant component counts as 1.
    """
    y = truth.y[:, 0][known(truth)]
    if not len(y):
        raise ValueError(NO_TRUTH)
    scale = np.minimum(y.std(axis=0), periods(truth) / math.sqrt(12))
    return np.where(scale > 1e-12 * np.abs(y).max(axis=0, initial=0.0), scale, 1.0)


def states_of(truth: Record, system: TrueSystem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, states and parameters of the truth, at most `POINTS` of them evenly picked."""
    trajectory, step = np.nonzero(known(truth))
    if not len(step):
        raise ValueError(NO_TRUTH)
    pick = slice(None, None, -(-len(step) // POINTS) or 1)
    trajectory, step = trajectory[pick], step[pick]
    theta = truth.theta[trajectory] if truth.theta.shape[1] else system.theta()
    return truth.clock[trajectory, step], truth.y[trajectory, 0, step], theta


def relative(learned: np.ndarray, exact: np.ndarray, norm: str) -> Score:
    """Relative error in L2 over states (state, ...), the ``norm`` in words."""
    size, error = float(np.linalg.norm(exact)), float(np.linalg.norm(learned - exact))
    value = error / size if size > 0 else (0.0 if error == 0 else np.inf)
    return Score(np.asarray(value), {"norm": norm, "states": len(exact)})


def difference(forecast: Record, truth: Record) -> np.ndarray:
    """Forecast minus truth (trajectory, member, lead_time, component), the short way round on circles."""
    if forecast.y.shape[::2] != truth.y.shape[::2] or forecast.y.shape[3] != truth.y.shape[3]:
        raise ValueError(
            f"forecast {forecast.y.shape} and truth {truth.y.shape} differ in trajectories, times or components;"
            " forecast from this truth, over its times"
        )
    gap = forecast.y - truth.y[:, :1]
    period = periods(truth)
    angles = np.flatnonzero(np.isfinite(period))
    gap[..., angles] -= period[angles] * np.round(gap[..., angles] / period[angles])
    return np.asarray(gap)


def starts_apart(forecast: Record, truth: Record) -> tuple[int, float, float]:
    """How many forecasts start at other states than the truth; median and largest distance in standard deviations."""
    gap, scale = np.abs(difference(forecast, truth)[:, :, 0]), spread(truth)
    apart = (gap > SAME_START * (scale + np.abs(truth.y[:, :1, 0]))).any(axis=(1, 2))  # not of a start that has failed
    if forecast.t[0] != 0 or not apart.any():
        return 0, 0.0, 0.0
    error = np.sqrt(((gap / scale) ** 2).mean(axis=-1)).max(axis=1)
    return int(apart.sum()), float(np.nanmedian(error)), float(np.nanmax(error))


def _nrmse(forecast: Record, truth: Record) -> np.ndarray:
    scaled = difference(forecast, truth) / spread(truth)
    with np.errstate(over="ignore"):  # a diverging forecast is infinitely wrong
        error = np.sqrt((scaled**2).mean(axis=-1))
    error[~np.isfinite(error)] = np.inf
    return np.where(known(truth)[:, None], error, np.nan)


@metric("nrmse", ("trajectory", "member", "lead_time"))
def nrmse(forecast: Record, truth: Record) -> Score:
    """Normalised root mean square error.

    The square root of the mean over components of (difference / standard deviation)^2. Infinite from a failure on;
    NaN where there is no truth.
    """
    return Score(_nrmse(forecast, truth), {"norm": NORM, "failed": "inf", "no_truth": "NaN"})


@metric("valid_prediction_time", ("trajectory", "member"), units="time")
def valid_prediction_time(forecast: Record, truth: Record) -> Score:
    """Valid prediction time.

    The last time before the normalised root mean square error first exceeds 0.4; a failure exceeds it. Where it never
    does, the last time with a truth, and the score is censored: a lower bound, which the median allows for (see
    ``survival``). In Lyapunov times where the largest Lyapunov exponent
    is known and positive.
    """
    there = known(truth)
    error = _nrmse(forecast, truth)
    wrong = there[:, None] & ~(error <= THRESHOLD)
    ended = ~there  # (trajectory, lead_time): nothing is known of the time after a gap either
    horizon = np.where(ended.any(axis=1), ended.argmax(axis=1), len(truth.t))  # number of times with a truth
    crossed = np.where(wrong.any(axis=-1), wrong.argmax(axis=-1), len(truth.t))
    first = np.minimum(crossed, horizon[:, None])
    values = truth.t[np.maximum(first - 1, 0)].astype(float)
    values[horizon == 0] = np.nan  # no truth, no score
    censored = (crossed >= horizon[:, None]) & (horizon[:, None] > 0)

    exponent = truth.facts.lyapunov_exponent or forecast.facts.lyapunov_exponent
    attrs = {
        "threshold": THRESHOLD,
        "norm": NORM,
        "definition": "last time before the normalised root mean square error first exceeds the threshold",
        "censored": int(censored.sum()),
        "censored_because": "no crossing up to the end of the forecast or of the truth; the value is a lower bound",
    }
    if exponent is not None and exponent > 0:
        values = values * float(exponent)
        attrs |= {
            "units": "1",
            "lyapunov_exponent": float(exponent),
            "long_name": "valid prediction time (Lyapunov times)",
        }
    attrs["median"], reached = survival_median(values, censored)
    attrs["median_is"] = "of the Kaplan-Meier curve" if reached else "at least this: not reached"
    return Score(values, attrs, censored=censored)


def survival(times: np.ndarray, censored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share (event,) that is left from each of the times (event,) on at which one ends, where others are only observed.

    Kaplan and Meier (1958), J. Am. Stat. Assoc. 53, 457. NaN times do not count.
    """
    there = ~np.isnan(times)
    times, ended = times[there], ~np.asarray(censored, dtype=bool)[there]
    events, deaths = np.unique(times[ended], return_counts=True)
    at_risk = (times >= events[:, None]).sum(axis=1)
    return events, np.cumprod(1 - deaths / at_risk)


def survival_median(times: np.ndarray, censored: np.ndarray) -> tuple[float, bool]:
    """Median of times of which some are lower bounds, and whether it was reached; else itself a lower bound."""
    if np.isnan(times).all():
        return math.nan, True
    events, share = survival(times, censored)
    half = np.flatnonzero(share < 0.5 + 1e-12)
    if not half.size:
        return float(np.nanmax(times)), False
    first = int(half[0])
    if share[first] < 0.5 - 1e-12:
        return float(events[first]), True
    if first + 1 < len(events):  # half are left in between
        return float(0.5 * (events[first] + events[first + 1])), True
    return float(events[first]), False


def fair_crps(errors: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of the members' errors along axis 0.

    mean |x_i - y| - sum_ij |x_i - x_j| / (2 m (m - 1)); unbiased for any number m of members, where dividing by 2 m^2
    favours large ensembles. Of a single member: its absolute error.
    Ferro (2014), Q. J. R. Meteorol. Soc. 140, 1917; the sorted form of the double sum costs O(m log m).
    """
    m = len(errors)
    score = np.abs(errors).mean(axis=0)
    if m > 1:
        weights = (2 * np.arange(m) - m + 1) / (m * (m - 1))
        score = score - np.tensordot(weights, np.sort(errors, axis=0), axes=1)
    return np.asarray(score)


def _scaled(forecast: Record, truth: Record) -> tuple[np.ndarray, np.ndarray]:
    """Errors in standard deviations, members first, 0 where unknown; and where a member has failed."""
    errors = np.moveaxis(difference(forecast, truth) / spread(truth), 1, 0)
    finite = np.isfinite(errors).all(axis=(0, -1))  # (trajectory, lead_time)
    return np.where(finite[..., None], errors, 0.0), known(truth) & ~finite


def _members(forecast: Record, score: str) -> int:
    """How many: one member has no spread."""
    count = len(forecast.y[0])
    if count < 2:
        raise ValueError(f"{score} needs at least two members; forecast a stochastic model with members=100")
    return count


@metric("crps", ("trajectory", "lead_time"))
def crps(forecast: Record, truth: Record) -> Score:
    """Continuous ranked probability score.

    The fair estimate from the members, in standard deviations, mean over components. Infinite where a member has
    failed; NaN where there is no truth.
    """
    members = _members(forecast, "crps")
    errors, failed = _scaled(forecast, truth)
    score = np.where(failed, np.inf, fair_crps(errors).mean(axis=-1))
    attrs = {
        "norm": NORM,
        "members": members,
        "members_failed": int((~np.isfinite(forecast.y).all(axis=(2, 3))).sum()),
        "estimator": "fair (Ferro 2014)",
        "failed": "inf",
        "no_truth": "NaN",
    }
    return Score(np.where(known(truth), score, np.nan), attrs)


@metric("spread_skill", ("lead_time",))
def spread_skill(forecast: Record, truth: Record) -> Score:
    """Ratio of the ensemble's spread to the error of its mean.

    sqrt((m + 1) / m * mean variance) over the root mean square error, means over trajectories and components: 1 for a
    calibrated ensemble of any size, less for an overconfident one. 0 where a member has failed, as the error is then
    infinite; NaN where there is no truth or no error. Fortin et al. (2014), J. Hydrometeorol. 15, 1708.
    """
    m = _members(forecast, "spread_skill")
    errors, failed = _scaled(forecast, truth)
    there = known(truth)[..., None]
    count = np.maximum(there.sum(axis=(0, 2)), 1) * errors.shape[-1]
    variance = (np.where(there, errors.var(axis=0, ddof=1), 0.0)).sum(axis=(0, 2)) / count
    square = (np.where(there, errors.mean(axis=0) ** 2, 0.0)).sum(axis=(0, 2)) / count
    square[failed.any(axis=0)] = np.inf
    ratio = np.full(len(truth.t), np.nan)
    np.divide(np.sqrt((m + 1) / m * variance), np.sqrt(square), out=ratio, where=square > 0)
    return Score(ratio, {"reference": "1 for a calibrated ensemble", "members": m, "failed": 0.0, "no_truth": "NaN"})


def _stochastic(truth: Record, system: TrueSystem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, states and parameters of the truth."""
    if getattr(system, "diffusion", None) is None:
        raise TypeError(f"system {system.name!r} is not a stochastic differential equation; it has no drift to compare")
    return states_of(truth, system)


def _without(model: Model, name: str) -> TypeError:
    return TypeError(f"a {type(model).__name__} has no {name}(); this score is for learned stochastic equations")


def _compared(learned: np.ndarray, exact: np.ndarray, what: str) -> Score:
    norm = f"relative L2 of the {what} over the truth's states, components in standard deviations of the truth"
    return relative(learned, exact, norm)


@metric("drift_error", (), needs=("truth", "model", "system"))
def drift_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the learned drift."""
    t, y, theta = _stochastic(truth, system)
    exact = field_values(system.kernel(), t, y, theta)
    scale = spread(truth)
    if not isinstance(model, HasDrift):
        raise _without(model, "drift")
    return _compared(np.asarray(model.drift(y), dtype=float) / scale, exact / scale, "drift")


@metric("diffusion_error", (), needs=("truth", "model", "system"))
def diffusion_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the learned diffusion matrix g g^T.

    The matrix, because g itself is only unique up to a rotation of the noise.
    """
    t, y, theta = _stochastic(truth, system)
    scale = spread(truth)
    exact = _matrix(diffusion_values(system.kernel(), t, y, theta), scale)
    if not isinstance(model, HasDiffusion):
        raise _without(model, "diffusion")
    return _compared(_matrix(np.asarray(model.diffusion(y), dtype=float), scale), exact, "diffusion matrix")


def _matrix(g: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Products g g^T in standard deviations (point, component, component); a 2-d g is a diagonal."""
    if g.ndim == 2:
        g = g[:, :, None] * np.eye(g.shape[1])
    g = g / scale[:, None]
    return np.asarray(g @ np.swapaxes(g, 1, 2))
