"""Samples of canonical pairs (q, p), and what an energy is fitted to: gradients of H, or trajectories.

`canonical` is the door of estimators of an energy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dynsamp.models.base import Samples, owners
from dynsamp.models.measured.angles import unwrapped
from dynsamp.models.measured.names import guess_pairs, is_coordinate, is_velocity
from dynsamp.models.measured.velocities import with_velocities
from dynsamp.networks.gradients import Gradients, gradient_of
from dynsamp.networks.segments.snapshots import Trajectories
from dynsamp.networks.tuning import EVEN
from dynsamp.words import Facts, State, energy_units, listed, spans

CANONICAL_NAMES = "the first half of the states is q, the second p"

SIMPSON = (1 / 6, 4 / 6, 1 / 6)


@dataclass(frozen=True)
class CanonicalSamples:
    """Samples whose states are canonical pairs."""

    samples: Samples
    pairs: np.ndarray  # (2, dof), components of q and of p
    notes: Mapping[str, Any]  # of the report: pairs, velocities, angles
    separable: bool

    @property
    def parts(self) -> list[np.ndarray]:
        """Components of V and T where H is their sum, else all."""
        return [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(self.pairs.size)]

    @property
    def signals(self) -> int:
        """Number of external inputs."""
        return 0 if self.samples.u is None else self.samples.u.shape[2]


def canonical(
    samples: Samples, *, positions: bool | None = None, separable: bool | None = None, quadratic_in_p: bool = False
) -> CanonicalSamples:
    """Samples with velocities where positions alone were measured, continuous angles, and their canonical pairs.

    Parameters
    ----------
    samples : Samples
    positions, separable, quadratic_in_p
        See HamiltonianNetwork. By default H is separable where the data declare it, or where the momenta are
        velocities, which they are only where the inertia is constant.

    Raises
    ------
    ValueError
        An odd number of states, wrong pairs, angles whose turns cannot be told.
    """
    notes: dict[str, Any] = {}
    alone = positions_only(samples.states, samples.dy, samples.facts) if positions is None else positions
    samples, angles = unwrapped(samples, range(samples.size) if alone else None)
    if angles:
        notes["angles"] = "; ".join(angles)
    if alone:
        samples, notes["velocities"] = with_velocities(samples)
    pairs, how = canonical_pairs(samples.states)
    notes["pairs"] = how or CANONICAL_NAMES
    if separable is None:
        separable = samples.facts.separable
    momenta = (samples.owners[k].name for k in pairs[1])
    if separable is None and not quadratic_in_p and (alone or all(map(is_velocity, momenta))):
        separable, notes["separable_because"] = True, "the momenta are velocities"
    return CanonicalSamples(samples, pairs, notes, bool(separable))


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


def canonical_pairs(states: tuple[State, ...]) -> tuple[np.ndarray, str]:
    """Components of q and of p, (2, dof), and in a few words how they were found.

    Without any ``conjugate`` the names tell ("angle" and "angular_velocity"); where they leave a doubt, the first half
    is q and the second half p, and the words are empty.
    """
    size = {state.name: state.size for state in states}
    total = sum(size.values())
    if total % 2:
        raise ValueError(
            f"a Hamiltonian needs canonical pairs (q, p), but the data have {total} components"
            f" ({listed(state.name for state in states)}); add the missing momentum or coordinate; where"
            " all of them are positions, positions=True takes velocities from their times"
        )
    how = "as declared"
    if not any(state.conjugate for state in states):
        guessed = guess_pairs([state.name for state in states])
        if guessed is None or any(size[one] != size[other] for one, other in guessed):
            return np.arange(total).reshape(2, -1), ""
        how = "by their names, " + ", ".join(f"({one}, {other})" for one, other in guessed)
        momentum = dict(guessed)
        states = tuple(replace(state, conjugate=momentum.get(state.name)) for state in states)
    components = {name: range(span.start, span.stop) for name, span in spans(states).items()}
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
            q += components[state.name]
            p += components[state.conjugate]
    if sorted(q + p) != list(range(total)):
        missing = set(range(total)) ^ set(q + p) or {k for k in q + p if (q + p).count(k) > 1}
        raise ValueError(
            f"state {owners(states)[min(missing)].name!r} is in no canonical pair, or in two; give every q the"
            " name of its own momentum, State(conjugate=...)"
        )
    return np.array([q, p]), how


def gradient_data(samples: Samples, pairs: np.ndarray) -> tuple[Gradients, str]:
    """Rows for grad H, and in a few words where they come from."""
    inside = checked(samples, inputs=False)
    if samples.dy is not None:
        slopes = gradient_of(samples.dy[inside], pairs)
        return Gradients(samples.y[inside][None], np.ones(1), slopes, block=samples.blocks[inside]), "derivatives"
    return _collocations(samples, inside, pairs)


def snapshot_data(samples: Samples, *, inputs: bool = False) -> Trajectories:
    """Trajectories for a fit through the flow; ``inputs`` says whether it can use external ones."""
    checked(samples, inputs=inputs)
    _check_times(samples)
    u = samples.u if samples.u is not None else np.empty((*samples.y.shape[:2], 0))
    smoothed = samples.facts.velocities
    return Trajectories(samples.t, samples.y, u, samples.length, samples.blocks, smoothed)


def checked(samples: Samples, *, inputs: bool) -> np.ndarray:
    """Where there are samples (trajectory, time).

    Raises
    ------
    ValueError
        For values that are not finite, external inputs unless they can be used, fewer than two points, no change.
    """
    samples.check_finite("fill the gap or leave the trajectory out", derivatives=True)
    inside = samples.inside
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


def _check_times(samples: Samples) -> None:
    if not samples.inside[:, 1:].any():
        raise ValueError(
            "a Hamiltonian needs derivatives or trajectories, but the data have no derivatives and one time a"
            " trajectory; give tendencies (derivatives) or at least two times"
        )
    samples.check_order()


def _collocations(samples: Samples, inside: np.ndarray, pairs: np.ndarray) -> tuple[Gradients, str]:
    _check_times(samples)
    y, step, pair = samples.y, np.diff(samples.t, axis=1), inside[:, 1:]
    with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
        even = inside[:, 2:] & (np.abs(step[:, 1:] - step[:, :-1]) <= EVEN * step[:, :-1])
    if 4 * np.count_nonzero(even) >= np.count_nonzero(pair):
        nodes = np.stack([y[:, :-2][even], y[:, 1:-1][even], y[:, 2:][even]])
        slope = (nodes[2] - nodes[0]) / (step[:, :-1] + step[:, 1:])[even][:, None]
        block = samples.blocks[:, 1:-1][even]
        weights, source = np.array(SIMPSON), "snapshots: Milne-Simpson collocation of evenly spaced triples"
    else:
        first, second = y[:, :-1][pair], y[:, 1:][pair]
        nodes = 0.5 * (first + second)[None]
        slope = (second - first) / step[pair][:, None]
        block = samples.blocks[:, 1:][pair]
        weights, source = np.ones(1), "snapshots: mid-points of consecutive pairs"
    return Gradients(nodes, weights, gradient_of(slope, pairs), block=block), source


def units_of_energy(samples: Samples, pairs: np.ndarray) -> str:
    """Units of the energy of canonical samples: those that are known, else those of the first pair (2, dof)."""
    if samples.facts.energy_units != "1":
        return samples.facts.energy_units
    q, p = (samples.owners[k] for k in pairs[:, 0])
    return energy_units(q, p, samples.facts.time_unit)
