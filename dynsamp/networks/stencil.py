"""Local stencils: the same function of its neighbours at every site of a ring.

A field has ``state`` values at each of ``site`` places. The patch of a site holds the values of all states at the
offsets of the stencil, the first offset's states first. One set of weights serves all sites: Pathak, Hunt, Girvan, Lu
and Ott (2018), Physical Review Letters 120, 024102, forecast in such patches; Mandal and Gottwald (2025), Nature
Communications 16, share the weights between them, as the symmetry of the law allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynsamp.networks.grid import Grid, Patch
from dynsamp.streams import generator
from dynsamp.words import State


@dataclass(frozen=True)
class Increments:
    """Pairs of consecutive samples of all trajectories, in the order of trajectory and time."""

    y: np.ndarray  # (row, component)
    dy: np.ndarray  # (row, component): next state minus this one
    spacing: np.ndarray  # (row,)
    trajectory: np.ndarray  # (row,) index into the samples

    @property
    def dt(self) -> float:
        """Median spacing."""
        return float(np.median(self.spacing))


def checked_offsets(offsets: Sequence[int]) -> tuple[int, ...]:
    """Offsets of a stencil as plain whole numbers, each of them once.

    Raises
    ------
    ValueError
        If they are no whole numbers, repeated, or none.
    """
    whole = isinstance(offsets, Sequence | np.ndarray) and len(offsets) > 0
    if not whole or not all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in offsets):
        raise ValueError(f"stencil must be whole numbers, such as (-2, -1, 0, 1), or None, got {offsets!r}")
    found = tuple(int(k) for k in offsets)
    if len(set(found)) < len(found):
        repeated = next(k for k in found if found.count(k) > 1)
        raise ValueError(f"stencil has the offset {repeated} more than once, got {found}; give each offset once")
    return found


@dataclass(frozen=True)
class Stencil:
    """Offsets of the neighbours on a ring; components are the sites of the first state, then those of the next."""

    offsets: tuple[int, ...]
    states: int
    sites: int

    @classmethod
    def on(cls, states: tuple[State, ...], offsets: Sequence[int]) -> Stencil:
        """Stencil on the dimension that the states have.

        Raises
        ------
        ValueError
            If the states have no dimension, several, or different ones, or the stencil reaches around the ring.
        """
        found = checked_offsets(offsets)
        rings = {state.name: dict(state.dims) for state in states}
        ring = next(iter(rings.values()), {})
        if any(other != ring for other in rings.values()):
            listed = ", ".join(f"{name} on {_spoken(dims)}" for name, dims in rings.items())
            raise ValueError(f"a stencil needs all states on the same dimension, got {listed}; learn without stencil")
        if len(ring) != 1:
            raise ValueError(
                f"a stencil needs states with one dimension of their own, such as State('X', dims={{'site': 40}}), but"
                f" {', '.join(rings)} {'has' if len(rings) == 1 else 'have'} {_spoken(ring)}; learn without stencil"
            )
        [(dim, sites)] = ring.items()
        if max(found) - min(found) >= sites or max(map(abs, found)) >= sites:
            raise ValueError(
                f"stencil {found} does not fit on dimension {dim!r} of {sites} sites; give fewer offsets, closer to 0"
            )
        return cls(found, len(states), sites)

    @property
    def size(self) -> int:
        """Number of values in a patch."""
        return len(self.offsets) * self.states

    @property
    def patch(self) -> Patch:
        """The values of a patch."""
        return Patch(
            tuple(range(self.states)) * len(self.offsets), tuple(np.repeat(self.offsets, self.states).tolist())
        )

    @property
    def index(self) -> np.ndarray:
        """Component (site, patch) of each value of each patch."""
        return Grid(self.states, self.sites, "periodic").index(self.patch)

    def patches(self, y: np.ndarray) -> np.ndarray:
        """Patches (row * site, patch) of states (row, component)."""
        cut: np.ndarray = y[:, self.index]
        return cut.reshape(-1, self.size)

    def values(self, y: np.ndarray) -> np.ndarray:
        """What the states are at each site: (row * site, state) from (row, component)."""
        fields: np.ndarray = y.reshape(len(y), self.states, self.sites)
        return np.ascontiguousarray(fields.swapaxes(1, 2)).reshape(-1, self.states)

    def joined(self, local: np.ndarray) -> np.ndarray:
        """Components (row, component) from values at each site (row * site, state): the inverse of `values`."""
        fields = local.reshape(-1, self.sites, self.states).swapaxes(1, 2)
        return np.ascontiguousarray(fields).reshape(-1, self.states * self.sites)

    def jacobian(self, local: np.ndarray) -> np.ndarray:
        """Dense derivative (row, component, component) from that of each site (row * site, state, patch)."""
        blocks = local.reshape(-1, self.sites, self.states, self.size)
        n = self.states * self.sites
        result = np.zeros((len(blocks), n, n))
        own = np.arange(self.sites)[:, None] + self.sites * np.arange(self.states)  # (site, state)
        result[:, own[:, :, None], self.index[:, None, :]] = blocks
        return result

    def increments(self, rows: Increments, most: int, seed: int) -> Increments:
        """Increments of patches (row * site, patch): those of one time follow one another.

        Where there are more than ``most``, each time keeps fewer sites, at least one, as far apart as possible
        (neighbours say nearly the same) and turned around the ring at random.
        """
        times = len(rows.y)
        kept = min(max(most // times, 1), self.sites)
        site = np.broadcast_to(self.sites * np.arange(kept) // kept, (times, kept))
        if kept < self.sites:
            site = (site + generator(seed, "turns").integers(0, self.sites, (times, 1))) % self.sites
        at, own = np.arange(times)[:, None, None], site[..., None] + self.sites * np.arange(self.states)
        return Increments(
            rows.y[at, self.index[site]].reshape(-1, self.size),
            rows.dy[at, own].reshape(-1, self.states),
            np.repeat(rows.spacing, kept),
            np.repeat(rows.trajectory, kept),
        )


def _spoken(dims: dict[str, int]) -> str:
    return ", ".join(f"{name} ({size})" for name, size in dims.items()) or "none"
