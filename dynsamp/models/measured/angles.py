"""Angles that were recorded within one turn, made continuous.

A wrapped angle jumps by a full turn where the motion goes on smoothly. How far it really went is told by its velocity
where the data have one (a momentum, up to a constant factor, or a derivative), else by the steps before and after.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.base import Samples
from dynsamp.models.measured.names import guess_pairs, is_angle, is_coordinate
from dynsamp.words import State, components, spans

TURNS = {"rad": 2 * math.pi, "radian": 2 * math.pi, "radians": 2 * math.pi, "mrad": 2000 * math.pi,
         "degree": 360.0, "degrees": 360.0, "deg": 360.0, "°": 360.0, "turn": 1.0}  # fmt: skip


def unwrapped(samples: Samples, coordinates: Sequence[int] | None = None) -> tuple[Samples, list[str]]:
    """Samples with continuous angles, and what was done to them, in a few words each.

    Parameters
    ----------
    samples : Samples
        A period that a state declares is its turn; else its units (rad, degree) or the range of its values tell.
    coordinates : sequence of int, optional
        Components that may be angles; by default those that are no momentum of a canonical pair.

    Raises
    ------
    ValueError
        If an angle jumps by turns, and its steps are too large to say how many.
    """
    owner = samples.owners
    momenta = _momenta(samples.states)
    if coordinates is None:
        coordinates = [k for k in range(samples.size) if k not in momenta.values()]
    inside = samples.inside
    pair = inside[:, 1:]
    if not pair.any():
        return samples, []
    y: np.ndarray | None = None
    notes: list[str] = []
    periods: dict[str, float] = {}
    for k in coordinates:
        period = _period(owner[k], samples.y[..., k][inside])
        if period is None:
            continue
        turns = _turns(samples, k, momenta.get(k), period, pair, owner[k])
        if turns is None:
            continue
        y = samples.y.copy() if y is None else y
        y[:, 1:, k] -= period * np.cumsum(turns, axis=1)
        count = int(np.count_nonzero(turns))
        notes.append(f"{owner[k].name} unwrapped at {count} jump{'s' if count > 1 else ''} of a turn ({period:.6g})")
        periods[owner[k].name] = period
    if y is None:
        return samples, []
    states = (replace(s, period=s.period or periods[s.name]) if s.name in periods else s for s in samples.states)
    return replace(samples, y=y, states=tuple(states)), notes


def _momenta(states: tuple[State, ...]) -> dict[int, int]:
    """Component of the momentum by component of the coordinate."""
    where = spans(states)
    pairs = [(state.name, state.conjugate) for state in states if state.conjugate in where]
    pairs = pairs or guess_pairs([state.name for state in states]) or []
    total = components(states)
    if not pairs and total % 2 == 0 and not all(is_coordinate(state.name) for state in states):
        return {k: k + total // 2 for k in range(total // 2)}
    return {k: k - where[q].start + where[str(p)].start for q, p in pairs for k in range(where[q].start, where[q].stop)}


def _period(state: State, values: np.ndarray) -> float | None:
    """A turn of a state whose values lie within one, or None."""
    low, high = float(values.min()), float(values.max())
    span = high - low
    period = state.period or TURNS.get(state.units)
    if period is None:
        if state.units != "1" or (is_coordinate(state.name) and not is_angle(state.name) and state.name[0] not in "qQ"):
            return None  # a position
        period = 2 * math.pi if span <= tuning.TURN_SPAN * 2 * math.pi else 360.0
        # only what fills the whole turn, from -half or from 0, can have been wrapped
        edges = [abs(low + period / 2) + abs(high - period / 2), abs(low) + abs(high - period)]
        if min(edges) > tuning.TURN_DOUBT * period:
            return None
    return period if period / 2 < span <= tuning.TURN_SPAN * period else None


def _turns(
    samples: Samples, k: int, momentum: int | None, period: float, pair: np.ndarray, state: State
) -> np.ndarray | None:
    """Whole turns of each step (trajectory, time - 1) that the recording lost; None where it is not wrapped."""
    with np.errstate(invalid="ignore"):
        step = np.where(pair, np.diff(samples.y[..., k], axis=1), 0.0)
        dt = np.where(pair, np.diff(samples.t, axis=1), 1.0)
    far = np.abs(step) > period / 2
    if not far.any():
        return None
    short = step - period * np.round(step / period)
    expected = _expected(samples, k, momentum, short, dt, pair, period)
    turns = np.where(pair, np.round((step - expected) / period), 0.0)
    share = float(np.mean(turns[far] != 0))
    if share < tuning.TURN_STEPS:
        return None  # large steps rather than jumps
    doubt = pair & (np.abs(step - period * turns - expected) > tuning.TURN_DOUBT * period)
    if share < 1 - tuning.TURN_STEPS or np.count_nonzero(doubt) > tuning.TURN_SLIPS * np.count_nonzero(pair):
        if state.period is None and state.units not in TURNS and not is_angle(state.name):
            return None
        trajectory, at = map(int, np.argwhere(doubt if doubt.any() else far & (turns == 0))[0])
        raise ValueError(
            f"the angle {state.name!r} jumps by about a turn ({period:.6g}), but its steps are too large to tell how"
            f" many turns it made, first in trajectory {samples.ids[trajectory]} after sample {at}; sample more often,"
            " or give the angle without jumps (numpy.unwrap)"
        )
    return turns


def _expected(
    samples: Samples, k: int, momentum: int | None, short: np.ndarray, dt: np.ndarray, pair: np.ndarray, period: float
) -> np.ndarray:
    """How far each step should go (trajectory, time - 1)."""
    if samples.dy is not None:
        return np.where(pair, 0.5 * dt * (samples.dy[:, :-1, k] + samples.dy[:, 1:, k]), 0.0)
    if momentum is not None:
        p = samples.y[..., momentum]
        drift = np.where(pair, 0.5 * dt * (p[:, :-1] + p[:, 1:]), 0.0)
        sure = pair & (np.abs(short) < period / 4)
        if np.any(drift[sure]):
            factor = float(drift[sure] @ short[sure] / (drift[sure] @ drift[sure]))
            left = short[sure] - factor * drift[sure]
            if left @ left < (1 - tuning.VELOCITY_TRUSTED) * (short[sure] @ short[sure]):
                return factor * drift
    speed = short / dt
    before = np.concatenate([speed[:, :1] * 0, speed[:, :-1]], axis=1)
    after = np.concatenate([speed[:, 1:], speed[:, :1] * 0], axis=1)
    has_before = np.concatenate([np.zeros_like(pair[:, :1]), pair[:, :-1]], axis=1)
    has_after = np.concatenate([pair[:, 1:], np.zeros_like(pair[:, :1])], axis=1)
    count = has_before.astype(float) + has_after
    mean = (before * has_before + after * has_after) / np.maximum(count, 1)
    return np.where(pair, np.where(count > 0, mean * dt, short), 0.0)
