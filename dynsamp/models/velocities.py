"""Velocities of recorded positions: splines through the samples, or smoothing splines where they are noisy.

Smooth positions get interpolating quintic splines; noisy ones quintic smoothing splines, which penalise the third
derivative. One penalty for all trajectories of a component is chosen by generalised cross validation.
Wahba (1990), Spline Models for Observational Data, chapters 1 and 4; Eilers and Marx (1996), Flexible smoothing with
B-splines and penalties, Statistical Science 11, for the basis; Cummins, Filloon and Nychka (2001), Confidence intervals
for nonparametric curve estimates, J. Amer. Statist. Assoc. 96, for the factor that keeps it from following the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dynsamp.models.angles import unwrapped
from dynsamp.models.base import Samples
from dynsamp.models.naming import guess_pairs, is_coordinate
from dynsamp.models.smoothing import Recording, estimate
from dynsamp.words import Facts, State

__all__ = ["LEAST", "positions_only", "velocity_name", "with_velocities"]

LEAST = 5  # samples of a trajectory


def velocity_name(name: str) -> str:
    """Name of the velocity that is added to a position."""
    return f"{name}_velocity"


def positions_only(states: tuple[State, ...], dy: np.ndarray | None, facts: Facts = Facts()) -> bool:
    """Whether states are positions whose velocities are missing.

    One state is; two are if both are named as angles or positions, and neither derivatives nor a system says more.
    """
    if any(state.conjugate for state in states) or any(state.size > 1 for state in states):
        return False
    if len(states) == 1:
        return True
    names = [state.name for state in states]
    named = all(is_coordinate(name) for name in names) and guess_pairs(names) is None
    return len(states) == 2 and named and dy is None and not facts.system


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
    keep: list[int] = []
    at = 0
    for state in samples.states:
        if state.name in names:
            keep += range(at, at + state.size)
        at += state.size
    positions = tuple(state for state in samples.states if state.name in names)
    parts = np.array(keep, np.int64)
    chosen = replace(
        samples, y=samples.y[..., parts], states=positions, dy=None if samples.dy is None else samples.dy[..., parts]
    )
    chosen, notes = unwrapped(chosen, range(len(keep)))
    a: np.ndarray | None = None
    if chosen.dy is not None:
        q, v, phrase = chosen.y, chosen.dy, "the derivatives that the data give"
    else:
        q, v, a, phrase = _estimated(chosen)
        q = q if smooth else chosen.y
    unit = samples.facts.time_unit
    states = (
        *(replace(state, conjugate=velocity_name(state.name)) for state in chosen.states),
        *(State(velocity_name(s.name), _per(s.units, unit), _long(s), dims=s.dims) for s in positions),
    )
    facts = replace(samples.facts, velocities=True)
    dy = np.concatenate([v, a], axis=-1) if accelerations and a is not None else None
    found = replace(chosen, y=np.concatenate([q, v], axis=-1), dy=dy, states=states, facts=facts)
    return found, "; ".join([f"velocities from {phrase}", *notes])


def _per(units: str, time_unit: str) -> str:
    if time_unit == "1":
        return units
    inverse = f"{time_unit}-1" if time_unit.isalpha() else f"({time_unit})-1"
    return inverse if units == "1" else f"{units} {inverse}"


def _long(state: State) -> str:
    return f"velocity of {state.long_name or state.name}"


def _estimated(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Positions, velocities and accelerations like y, and a phrase."""
    inside = samples.inside
    _check(samples, inside)
    spacing = float(np.median(np.diff(samples.t, axis=1)[inside[:, 1:]]))
    q, v, a = samples.y.copy(), np.full_like(samples.y, np.nan), np.full_like(samples.y, np.nan)
    phrases = []
    errors, kinds = [], []
    owner = samples.owners
    for k, state in enumerate(owner):
        recordings = []
        scale = float(np.std(samples.y[..., k][inside])) or 1.0
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


def _check(samples: Samples, inside: np.ndarray) -> None:
    short = np.flatnonzero(samples.length < LEAST)
    if len(short):
        raise ValueError(
            f"velocities from positions need at least {LEAST} samples of each trajectory, but trajectory"
            f" {samples.ids[short[0]]} has {samples.length[short[0]]} ({len(short)} such trajectories); leave them out,"
            " or give velocities as states"
        )
    with np.errstate(invalid="ignore"):
        late = inside[:, 1:] & ~(np.diff(samples.t, axis=1) > 0)
    if late.any():
        trajectory = int(np.argmax(late.any(axis=1)))
        raise ValueError(
            f"the times of trajectory {samples.ids[trajectory]} do not increase; sort them and drop duplicates"
        )
    bad = inside[..., None] & ~np.isfinite(samples.y)
    if bad.any():
        trajectory, step, _ = np.argwhere(bad)[0]
        raise ValueError(
            f"a position of trajectory {samples.ids[trajectory]} is missing at sample {step}; drop it, as times"
            " may be uneven"
        )
