"""Canonical pairs and the rows of a Hamiltonian fit: what grad H is at, or between, the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dynsamp.models.base import Samples
from dynsamp.models.increments import component_name
from dynsamp.models.naming import guess_pairs
from dynsamp.networks.gradients import Gradients, gradient_of
from dynsamp.networks.snapshots import Trajectories
from dynsamp.words import State

__all__ = ["canonical_pairs", "checked", "gradient_data", "snapshot_data"]

EVEN = 1e-6  # relative difference of two spacings that a Simpson triple tolerates
SIMPSON = (1 / 6, 4 / 6, 1 / 6)


def canonical_pairs(states: tuple[State, ...]) -> tuple[np.ndarray, str]:
    """Components of q and of p, (2, dof), and in a few words how they were found.

    Without any ``conjugate`` the names tell ("angle" and "angular_velocity"); where they leave a doubt, the first half
    is q and the second half p, and the words are empty.
    """
    sizes = [state.size for state in states]
    total = sum(sizes)
    if total % 2:
        raise ValueError(
            f"a Hamiltonian needs canonical pairs (q, p), but the data have {total} components"
            f" ({', '.join(state.name for state in states)}); add the missing momentum or coordinate; where"
            " all of them are positions, positions=True takes velocities from their times"
        )
    how = "as declared"
    if not any(state.conjugate for state in states):
        guessed = guess_pairs([state.name for state in states])
        sizes_of = {state.name: state.size for state in states}
        if guessed is None or any(sizes_of[one] != sizes_of[other] for one, other in guessed):
            return np.arange(total).reshape(2, -1), ""
        how = "by their names, " + ", ".join(f"({one}, {other})" for one, other in guessed)
        momentum = dict(guessed)
        states = tuple(replace(state, conjugate=momentum.get(state.name)) for state in states)
    start = {state.name: int(at) for state, at in zip(states, np.cumsum([0, *sizes]), strict=False)}
    size = {state.name: state.size for state in states}
    q: list[int] = []
    p: list[int] = []
    for state in states:
        if state.conjugate is not None:
            if size.get(state.conjugate) != state.size:
                known = ", ".join(size)
                raise ValueError(
                    f"state {state.name!r} names {state.conjugate!r} as its momentum, which is not a state of the same"
                    f" size (states: {known}); correct the name"
                )
            q += range(start[state.name], start[state.name] + state.size)
            p += range(start[state.conjugate], start[state.conjugate] + state.size)
    if sorted(q + p) != list(range(total)):
        missing = set(range(total)) ^ set(q + p) or {k for k in q + p if (q + p).count(k) > 1}
        raise ValueError(
            f"state {component_name(states, min(missing))!r} is in no canonical pair, or in two; give every q the"
            " name of its own momentum, State(conjugate=...)"
        )
    return np.array([q, p]), how


def gradient_data(samples: Samples, pairs: np.ndarray) -> tuple[Gradients, str]:
    """Rows for grad H, and in a few words where they come from."""
    inside = checked(samples, inputs=False)
    if samples.dy is not None:
        return Gradients(samples.y[inside][None], np.ones(1), gradient_of(samples.dy[inside], pairs)), "derivatives"
    return _collocations(samples, inside, pairs)


def snapshot_data(samples: Samples, *, inputs: bool = False) -> Trajectories:
    """Trajectories for a fit through the flow; ``inputs`` says whether it can use external ones."""
    inside = checked(samples, inputs=inputs)
    _check_times(samples, inside)
    u = samples.u if samples.u is not None else np.empty((*samples.y.shape[:2], 0))
    return Trajectories(samples.t, samples.y, u, samples.length)


def checked(samples: Samples, *, inputs: bool) -> np.ndarray:
    """Where there are samples (trajectory, time).

    Raises
    ------
    ValueError
        For values that are not finite, external inputs unless they can be used, fewer than two points, no change.
    """
    inside = samples.inside
    for label, values in (("", samples.y), ("the derivative of ", samples.dy)):
        if values is None:
            continue
        bad = inside[..., None] & ~np.isfinite(values)
        if bad.any():
            trajectory, step, component = map(int, np.unravel_index(int(bad.argmax()), bad.shape))
            raise ValueError(
                f"{label}{component_name(samples.states, component)!r} is {values[trajectory, step, component]} in"
                f" trajectory {samples.ids[trajectory]} at sample {step}; fill the gap or leave the trajectory out"
            )
    if samples.u is not None and samples.u.shape[-1]:
        if not inputs:
            raise ValueError(
                f"the data have {samples.u.shape[-1]} external inputs, which a Hamiltonian cannot use; drop them, or"
                " learn a port-Hamiltonian network or a flow map"
            )
        if not np.isfinite(samples.u[inside]).all():
            raise ValueError("an external input is not finite; fill the gap or leave the trajectory out")
    y = samples.y[inside]
    if len(y) < 2:
        raise ValueError(f"a Hamiltonian needs at least two points, the data have {len(y)}; give more")
    if np.all(y == y[0]):
        raise ValueError(f"the data never change: all {len(y)} points are equal; check which column is which")
    return inside


def _check_times(samples: Samples, inside: np.ndarray) -> None:
    if not np.any(inside[:, 1:]):
        raise ValueError(
            "a Hamiltonian needs derivatives or trajectories, but the data have no derivatives and one time a"
            " trajectory; give tendencies (derivatives) or at least two times"
        )
    step, pair = np.diff(samples.t, axis=1), inside[:, 1:]
    if not np.all(step[pair] > 0):
        trajectory = int(np.argmax(np.any(pair & ~(step > 0), axis=1)))
        raise ValueError(
            f"the times of trajectory {samples.ids[trajectory]} do not increase; sort them and drop duplicates"
        )


def _collocations(samples: Samples, inside: np.ndarray, pairs: np.ndarray) -> tuple[Gradients, str]:
    _check_times(samples, inside)
    y, step, pair = samples.y, np.diff(samples.t, axis=1), inside[:, 1:]
    with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
        even = inside[:, 2:] & (np.abs(step[:, 1:] - step[:, :-1]) <= EVEN * step[:, :-1])
    if 4 * np.count_nonzero(even) >= np.count_nonzero(pair):
        nodes = np.stack([y[:, :-2][even], y[:, 1:-1][even], y[:, 2:][even]])
        slope = (nodes[2] - nodes[0]) / (step[:, :-1] + step[:, 1:])[even][:, None]
        weights, source = np.array(SIMPSON), "snapshots: Milne-Simpson collocation of evenly spaced triples"
    else:
        first, second = y[:, :-1][pair], y[:, 1:][pair]
        nodes = 0.5 * (first + second)[None]
        slope = (second - first) / step[pair][:, None]
        weights, source = np.ones(1), "snapshots: mid-points of consecutive pairs"
    return Gradients(nodes, weights, gradient_of(slope, pairs)), source
