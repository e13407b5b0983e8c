"""Velocities of recorded positions: splines through the samples, or smoothing splines where they are noisy.

Smooth positions get interpolating quintic splines; noisy ones quintic smoothing splines, which penalise the third
derivative. One penalty for all trajectories of a component is chosen by generalised cross validation.
Wahba (1990), Spline Models for Observational Data, chapters 1 and 4; Eilers and Marx (1996), Flexible smoothing with
B-splines and penalties, Statistical Science 11, for the basis; Cummins, Filloon and Nychka (2001), Confidence intervals
for nonparametric curve estimates, J. Amer. Statist. Assoc. 96, for the factor that keeps it from following the noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline
from scipy.linalg import solveh_banded
from scipy.sparse import csr_array, diags_array

from dynsamp.models import tuning
from dynsamp.models.base import Samples
from dynsamp.models.measured.angles import unwrapped
from dynsamp.networks.segments.snapshots import noise_level
from dynsamp.streams import generator
from dynsamp.words import State, rate_units

DEGREE = 5  # of splines whose third derivative is penalised


def velocity_name(name: str) -> str:
    """Name of the velocity that is added to a position."""
    return f"{name}_velocity"


def with_velocities(
    samples: Samples, names: Sequence[str] | None = None, *, smooth: bool = True, accelerations: bool = False
) -> tuple[Samples, str]:
    """Samples with positions and then their velocities as states, and in a few words where these come from.

    Parameters
    ----------
    samples : Samples
        Their states are positions. Derivatives, where given, are the velocities.
    names : sequence of str, optional
        Which states are positions; all without.
    smooth : bool
        Replace noisy positions by the smoothing spline; else only the velocities are taken from it.
    accelerations : bool
        Give the derivatives of positions and velocities too, as ``dy``; not where the data give the velocities.

    Raises
    ------
    ValueError
        If a trajectory is too short, or its times do not increase.
    """
    names = [state.name for state in samples.states] if names is None else list(names)
    positions = tuple(state for state in samples.states if state.name in names)
    parts = np.flatnonzero([state.name in names for state in samples.owners])
    chosen = replace(
        samples, y=samples.y[..., parts], states=positions, dy=None if samples.dy is None else samples.dy[..., parts]
    )
    chosen, notes = unwrapped(chosen, range(len(parts)))
    a: np.ndarray | None = None
    if chosen.dy is not None:
        q, v, phrase = chosen.y, chosen.dy, "the derivatives that the data give"
    else:
        q, v, a, phrase = _estimated(chosen)
        q = q if smooth else chosen.y
    unit = samples.facts.time_unit
    states = (
        *(replace(state, conjugate=velocity_name(state.name)) for state in chosen.states),
        *(
            State(velocity_name(s.name), rate_units(s.units, unit), f"velocity of {s.long_name or s.name}", dims=s.dims)
            for s in positions
        ),
    )
    facts = replace(samples.facts, velocities=True, energy_units="1")  # of a unit of mass
    dy = np.concatenate([v, a], axis=-1) if accelerations and a is not None else None
    found = replace(chosen, y=np.concatenate([q, v], axis=-1), dy=dy, states=states, facts=facts)
    return found, "; ".join([f"velocities from {phrase}", *notes])


def _estimated(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Positions, velocities and accelerations like y, and a phrase."""
    short = np.flatnonzero(samples.length < tuning.LEAST_SAMPLES)
    if len(short):
        raise ValueError(
            f"velocities from positions need at least {tuning.LEAST_SAMPLES} samples of each trajectory, but trajectory"
            f" {samples.ids[short[0]]} has {samples.length[short[0]]} ({len(short)} such trajectories); leave them out,"
            " or give velocities as states"
        )
    samples.check_order()
    samples.check_finite("drop the sample, as times may be uneven")
    spacing = samples.median_step
    assert spacing is not None
    q, v, a = samples.y.copy(), np.full_like(samples.y, np.nan), np.full_like(samples.y, np.nan)
    phrases = []
    errors, kinds = [], []
    owner = samples.owners
    for k, state in enumerate(owner):
        recordings = []
        scale = float(np.std(samples.y[..., k][samples.inside])) or 1.0
        for j, n in enumerate(samples.length):
            t = (samples.t[j, :n] - samples.t[j, 0]) / spacing
            recordings.append(Recording(t, samples.y[j, :n, k] / scale))
        found = estimate(recordings)
        for j, n in enumerate(samples.length):
            v[j, :n, k] = found.v[j] * scale / spacing
            a[j, :n, k] = found.a[j] * scale / spacing**2
            if not found.interpolated:
                q[j, :n, k] = found.q[j] * scale
        errors.append(found.error)
        kinds.append(found.interpolated)
        if not found.interpolated:
            unit = "" if state.units == "1" else f" {state.units}"
            of = f" of {state.name}" if len(owner) > 1 else ""
            phrases.append(f"noise{of} about {found.noise * scale:.1g}{unit}")
    overall, ends = np.max(errors, axis=0)
    how = "interpolating" if all(kinds) else "smoothing" if not any(kinds) else "interpolating and smoothing"
    phrases.append(f"velocities within about {100 * overall:.2g} %, at the ends {100 * ends:.2g} %")
    return q, v, a, f"{how} splines ({', '.join(phrases)})"


@dataclass(frozen=True)
class Recording:
    """One trajectory of one component, in scaled time."""

    t: np.ndarray  # (time,) in median spacings
    y: np.ndarray  # (time,)


@dataclass(frozen=True)
class Estimate:
    """Positions, velocities and accelerations of the recordings of one component, per median spacing."""

    q: list[np.ndarray]
    v: list[np.ndarray]
    a: list[np.ndarray]
    noise: float  # standard deviation of the positions
    error: np.ndarray  # relative rms error of the velocities: overall, at the ends
    interpolated: bool


def estimate(recordings: Sequence[Recording]) -> Estimate:
    """Positions and velocities of one component, by whichever splines have the smaller estimated error."""
    noise = _noise(recordings)
    splines = [make_interp_spline(r.t, r.y, k=min(DEGREE, len(r.t) - 1)) for r in recordings]
    v, a = ([s.derivative(n)(r.t) for s, r in zip(splines, recordings, strict=True)] for n in (1, 2))
    size = _rms(v)
    error = _interpolation_error(recordings, v, noise)
    exact = Estimate([r.y for r in recordings], v, a, noise, error, True)
    if not size > 0 or error[0] < tuning.CLEAN_VELOCITIES:
        return exact
    smoothed = _smoothed(recordings)
    return exact if error[0] < smoothed.error[0] else smoothed


def _rms(values: Sequence[np.ndarray]) -> float:
    joined = np.concatenate(values)
    return float(np.sqrt(np.mean(joined**2)))


def _noise(recordings: Sequence[Recording]) -> float:
    """Standard deviation of the errors of the positions, at most."""
    length = np.array([len(r.t) for r in recordings])
    inside = np.arange(length.max()) < length[:, None]
    t, y = np.full(inside.shape, np.nan), np.full((*inside.shape, 1), np.nan)
    t[inside], y[inside, 0] = (np.concatenate(values) for values in zip(*((r.t, r.y) for r in recordings), strict=True))
    found = noise_level(t, y, length)
    return 0.0 if found is None else float(found[0])


def _interpolation_error(recordings: Sequence[Recording], v: list[np.ndarray], noise: float) -> np.ndarray:
    """Half the samples against all: the error of a derivative of a quintic spline falls with the fifth power."""
    inner, ends = [], []
    for r, all_of_them in zip(recordings, v, strict=True):
        half = slice(None, None, 2)
        t, y = r.t[half], r.y[half]
        if len(t) < tuning.LEAST_SAMPLES:
            continue
        gap = (make_interp_spline(t, y, k=min(DEGREE, len(t) - 1)).derivative()(t) - all_of_them[half]) / 2**DEGREE
        edge = _edge(len(t))
        inner.append(gap)
        ends.append(gap[edge])
    if not _rms(v) > 0:
        return np.zeros(2)
    motion = [_rms(inner), _rms(ends)] if inner else [0.0, 0.0]
    return np.asarray(np.hypot(motion, tuning.SPLINE_AMPLIFIED * noise) / _rms(v))


def _edge(count: int) -> np.ndarray:
    width = max(1, round(tuning.SPLINE_ENDS * count))
    return np.concatenate([np.arange(width), np.arange(count - width, count)])


class _Basis:
    """Quintic B-splines of one recording: values, two derivatives, normal equations and penalty."""

    def __init__(self, t: np.ndarray, every: int) -> None:
        inner = _knots(t, every)
        knots = np.r_[[t[0]] * DEGREE, inner, [t[-1]] * DEGREE]
        first = _differences(knots, DEGREE)
        second = _differences(knots[1:-1], DEGREE - 1) @ first
        third = _differences(knots[2:-2], DEGREE - 2) @ second
        nodes, weights = np.polynomial.legendre.leggauss(3)
        middle, half = 0.5 * (inner[1:] + inner[:-1]), 0.5 * np.diff(inner)
        at = (middle[:, None] + half[:, None] * nodes).ravel()
        twist = BSpline.design_matrix(at, knots[3:-3], DEGREE - 3) @ third
        self.values = BSpline.design_matrix(t, knots, DEGREE)
        self.slopes = BSpline.design_matrix(t, knots[1:-1], DEGREE - 1) @ first
        self.bends = BSpline.design_matrix(t, knots[2:-2], DEGREE - 2) @ second
        self.normal = _banded(self.values.T @ self.values)
        self.penalty = _banded(twist.T @ diags_array((half[:, None] * weights).ravel()) @ twist)

    def solve(self, penalty: float, y: np.ndarray) -> np.ndarray:
        """Coefficients of the smoothing spline through y (time[, copy])."""
        band = self.normal + penalty * self.penalty
        band[-1] += 1e-13 * band[-1].max()
        return np.asarray(solveh_banded(band, self.values.T @ y))


def _differences(knots: np.ndarray, degree: int) -> csr_array:
    """Coefficients of the derivative of a spline from its own: de Boor (1978), A Practical Guide to Splines, X (15)."""
    size = len(knots) - degree - 1
    scale = degree / (knots[degree + 1 : degree + size] - knots[1:size])
    return csr_array(diags_array([-scale, scale], offsets=[0, 1], shape=(size - 1, size)))


def _knots(t: np.ndarray, every: int) -> np.ndarray:
    """Every so manieth sample, none much closer to the next than usual."""
    count = max(2, round((len(t) - 1) / every) + 1)
    knots = t[np.unique(np.round(np.linspace(0, len(t) - 1, count)).astype(int))]
    least = 0.25 * every
    kept = [knots[0]]
    for knot in knots[1:-1]:
        if knot - kept[-1] >= least and knots[-1] - knot >= least:
            kept.append(knot)
    return np.array([*kept, knots[-1]])


def _banded(matrix: Any) -> np.ndarray:
    size = matrix.shape[0]
    band = np.zeros((DEGREE + 1, size))
    for k in range(min(DEGREE + 1, size)):
        band[DEGREE - k, k:] = matrix.diagonal(k)
    return band


def _smoothed(recordings: Sequence[Recording]) -> Estimate:
    every = 1
    shortest = min(len(r.t) for r in recordings)
    while True:
        bases = [_Basis(r.t, every) for r in recordings]
        scores = [_score(recordings, bases, (width * every) ** 6) for width in tuning.SMOOTHING_WIDTHS]
        best = int(np.argmin([score for score, _ in scores]))
        if best < len(tuning.SMOOTHING_WIDTHS) - 1 or every * tuning.COARSER_KNOTS * 2 > shortest:
            break
        every *= tuning.COARSER_KNOTS
    penalty, (_, noise) = (tuning.SMOOTHING_WIDTHS[best] * every) ** 6, scores[best]
    fits = [basis.solve(penalty, r.y) for basis, r in zip(bases, recordings, strict=True)]
    q = [basis.values @ c for basis, c in zip(bases, fits, strict=True)]
    v = [basis.slopes @ c for basis, c in zip(bases, fits, strict=True)]
    a = [basis.bends @ c for basis, c in zip(bases, fits, strict=True)]
    return Estimate(q, v, a, noise, _simulated_error(recordings, bases, penalty, noise), False)


def _score(recordings: Sequence[Recording], bases: Sequence[_Basis], penalty: float) -> tuple[float, float]:
    """Generalised cross validation of one penalty, and the noise that it leaves."""
    residual = freedom = 0.0
    count = 0
    rng = generator(0, "probes")
    for r, basis in zip(recordings, bases, strict=True):
        n = len(r.t)
        many = tuning.TRACE_PROBES
        probes = np.eye(n) if n <= tuning.TRACE_EXACT else rng.choice([-1.0, 1.0], (n, many)) / np.sqrt(many)
        fits = basis.values @ basis.solve(penalty, np.column_stack([r.y, probes]))
        residual += float(np.sum((r.y - fits[:, 0]) ** 2))
        freedom += float(np.sum(probes * fits[:, 1:]))
        count += n
    left = 1 - min(tuning.SMOOTHING_CAUTION * freedom / count, 0.999)
    return residual / count / left**2, float(np.sqrt(residual / max(count - freedom, 1e-3 * count)))


def _simulated_error(
    recordings: Sequence[Recording], bases: Sequence[_Basis], penalty: float, noise: float
) -> np.ndarray:
    """Relative error of velocities from fits to simulated recordings.

    They are of a curve that is smoothed less: the fitted one would hide what smoothing takes away from the motion.
    """
    rng = generator(0, "copies")
    inner, ends, size = [], [], []
    for r, basis in zip(recordings, bases, strict=True):
        curve = basis.solve(tuning.PILOT_WIDTH**6 * penalty, r.y)
        position, velocity = basis.values @ curve, basis.slopes @ curve
        copies = position[:, None] + noise * rng.standard_normal((len(position), tuning.SIMULATED_COPIES))
        gap = basis.slopes @ basis.solve(penalty, copies) - velocity[:, None]
        inner.append(gap.ravel())
        ends.append(gap[_edge(len(position))].ravel())
        size.append(velocity)
    return np.array([_rms(inner), _rms(ends)]) / _rms(size)
