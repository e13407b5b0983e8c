"""The fitted Hamiltonian of a lattice: one local law for any number of sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from dynsamp.models.base import Model
from dynsamp.models.canonical import canonical_pairs
from dynsamp.networks import ACTIVATIONS, HiddenLayer
from dynsamp.networks.gradients import rotated
from dynsamp.networks.lattice import ENDS, Lattice, LatticeEnergy, Part
from dynsamp.networks.lattice_fields import lattice_field, lattice_theta
from dynsamp.networks.network import Energy
from dynsamp.solve import Kernel
from dynsamp.words import State

__all__ = ["LatticeHamiltonianModel", "lattice_of", "site_dimension"]


def site_dimension(states: Sequence[State]) -> tuple[str, int]:
    """The dimension of the sites, and their number.

    Raises
    ------
    ValueError
        If the states have no dimension of their own, several, or different ones.
    """
    for state in states:
        if len(state.dims) != 1:
            has = ", ".join(f"{name} ({size})" for name, size in state.dims.items()) or "none"
            raise ValueError(
                f"a lattice needs states with one dimension of their own, such as State('q', dims={{'mass': 8}}), but"
                f" {state.name} has {has}; learn a HamiltonianNetwork() instead"
            )
    first = states[0]
    for state in states[1:]:
        if dict(state.dims) != dict(first.dims):
            (one, here), (other, there) = next(iter(first.dims.items())), next(iter(state.dims.items()))
            raise ValueError(
                f"all states of a lattice need the same sites, but {first.name} has {one} ({here}) and {state.name} has"
                f" {other} ({there}); cut them to the same sites"
            )
    return next(iter(first.dims.items()))


def lattice_of(
    states: tuple[State, ...], offsets: Sequence[int], ends: str, *, separable: bool, differences: bool = False
) -> tuple[Lattice, str]:
    """The lattice of canonical states and the parts of its law, and how the pairs were found, in a few words.

    The parts are V and T, or one of both; with free ends, where not every site is at every place of a patch, a part of
    the sites alone follows.

    Raises
    ------
    ValueError
        If the states have no pairs or no sites, or the stencil does not fit.
    """
    dim, sites = site_dimension(states)
    if len(states) % 2:
        raise ValueError(
            f"a Hamiltonian needs canonical pairs (q, p), but the data have {len(states)} states"
            f" ({', '.join(state.name for state in states)}); add the missing momentum or coordinate"
        )
    found = tuple(offsets)
    if max(found) - min(found) >= sites:
        raise ValueError(f"stencil {found} does not fit on dimension {dim!r} of {sites} sites; give more sites")
    pairs, how = canonical_pairs(states)
    q, p = ((row[::sites] // sites).tolist() for row in pairs)
    seen = sorted(q if separable else q + p)
    relative = tuple(q) if differences else ()
    near = Part(tuple(field for _ in found for field in seen), tuple(k for k in found for _ in seen), relative)
    parts = [near]
    if separable:
        parts.append(Part(tuple(p), (0,) * len(p)))
    if ends == "free" and len(found) > 1:
        own = [field for field in seen if field not in relative]
        if own:
            parts.append(Part(tuple(own), (0,) * len(own)))
    return Lattice(tuple(parts), len(states), sites, ends), how


@dataclass(frozen=True, kw_only=True, eq=False)
class LatticeHamiltonianModel(Model):
    """H = the sum over sites of a learned local law; q' = dH/dp, p' = -dH/dq. Arrays of states are (..., component).

    The law is a sum of parts: V of the patch around a site and T of the site, or one of both, and with free ends a part
    of the sites alone. Each is constants + linear x + x' quadratic x / 2 + coefficients . sigma(weights x + biases),
    of the values at its places: for every offset those of its states. No array says how many sites there are.
    """

    name: ClassVar[str] = "lattice-hamiltonian"

    stencil: Sequence[int]
    ends: str
    separable: bool
    differences: bool  # whether V, or the law, was learned of differences of the q
    widths: Sequence[int]  # one a part
    activations: Sequence[str]
    weights: np.ndarray  # (feature, place); places of all parts, zero for those of others
    biases: np.ndarray  # (feature,)
    coefficients: np.ndarray  # (feature,)
    linear: np.ndarray  # (place,)
    quadratic: np.ndarray  # (place, place), symmetric
    constants: np.ndarray  # (part,), of every patch

    def __post_init__(self) -> None:
        # compiled code trusts these shapes, and a file may come from anybody
        object.__setattr__(self, "stencil", tuple(int(k) for k in self.stencil))
        if self.ends not in ENDS or not set(self.activations) <= set(ACTIVATIONS):
            raise ValueError(f"a lattice has no ends {self.ends!r} or no activations {self.activations!r}")
        parts = self.lattice.parts
        size, width = sum(len(part.fields) for part in parts), int(sum(self.widths))
        shapes = {
            "weights": (width, size),
            "biases": (width,),
            "coefficients": (width,),
            "linear": (size,),
            "quadratic": (size, size),
            "constants": (len(parts),),
        }
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if not len(self.widths) == len(self.activations) == len(parts) or min(self.widths) < 0:
            wrong.append("widths")
        if wrong:
            raise ValueError(f"the arrays of a {type(self).__name__} do not fit together: {', '.join(wrong)}")

    @cached_property
    def lattice(self) -> Lattice:
        """The sites, and the parts of the law."""
        return lattice_of(self.states, self.stencil, self.ends, separable=self.separable, differences=self.differences)[
            0
        ]

    @property
    def sites(self) -> int:
        """Number of sites."""
        return self.lattice.sites

    def on(self, sites: int) -> LatticeHamiltonianModel:
        """The same law on another number of sites."""
        if isinstance(sites, bool) or int(sites) != sites or sites < 1:
            raise ValueError(f"sites must be a positive whole number, got {sites!r}")
        dim, here = site_dimension(self.states)
        states = tuple(replace(state, dims={dim: int(sites)}) for state in self.states)
        low, high = (box.reshape(-1, here) for box in (self.low, self.high))
        # what a site has seen all sites have: the law is the same
        return replace(
            self, states=states, low=np.repeat(low.min(axis=1), sites), high=np.repeat(high.max(axis=1), sites)
        )

    @cached_property
    def laws(self) -> list[Energy]:
        """The parts of the law, of the values at their places, without constants."""
        found, rows, places = [], 0, 0
        for part, width, activation in zip(self.lattice.parts, self.widths, self.activations, strict=True):
            own, at = slice(rows, rows + width), slice(places, places + len(part.fields))
            size = len(part.fields)
            layer = HiddenLayer(
                np.ascontiguousarray(self.weights[own, at]), self.biases[own], activation, np.zeros(size), np.ones(size)
            )
            found.append(Energy(layer, self.coefficients[own], self.linear[at], self.quadratic[at, at]))
            rows, places = rows + width, places + size
        return found

    @cached_property
    def _energy(self) -> LatticeEnergy:
        return LatticeEnergy(self.lattice, self.laws)

    def _points(self, y: np.ndarray) -> np.ndarray:
        y = np.asarray(y, dtype=float)
        size = self.lattice.size
        if y.ndim == 0 or y.shape[-1] != size:
            raise ValueError(
                f"y must be (..., {size}), one entry a state component, got shape {y.shape}; model.on(sites) is the"
                " same law on another number of sites"
            )
        return y.reshape(-1, size)

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (..., component): an array (...)."""
        total = self._energy.value(self._points(y))
        for part, constant in zip(self.lattice.parts, self.constants, strict=True):
            total += constant * len(self.lattice.index(part))
        return total.reshape(np.shape(y)[:-1])

    def energy_density(self, y: np.ndarray) -> np.ndarray:
        """Energy of each site (..., site), which sum to H: the sites of a patch share its energy evenly.

        How much of it is on-site and how much between sites no data tell, so only sums have a meaning of their own.
        """
        density = self._energy.density(self._points(y))
        for part, constant in zip(self.lattice.parts, self.constants, strict=True):
            index = self.lattice.index(part)
            inside = index >= 0
            shares = np.broadcast_to(constant / np.maximum(inside.sum(axis=1, keepdims=True), 1), index.shape)
            density += np.bincount(index[inside] % self.sites, shares[inside], self.sites)
        return density.reshape(*np.shape(y)[:-1], self.sites)

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of H at states (..., component), same shape."""
        return self._energy.gradient(self._points(y)).reshape(np.shape(y))

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian of H (..., component, component)."""
        return self._energy.hessian(self._points(y)).reshape(*np.shape(y), self.lattice.size)

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """(q', p') = (dH/dp, -dH/dq) of states (..., component), same shape."""
        return rotated(self.gradient(y), canonical_pairs(self.states)[0])

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        return rotated(self.hessian(y), canonical_pairs(self.states)[0], -2)

    def kernel(self) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field."""
        lattice, names = self.lattice, tuple(self.activations)
        count, theta = lattice.fields, lattice_theta(self.laws)
        q, p = ((row[:: self.sites] // self.sites).tolist() for row in canonical_pairs(self.states)[0])
        dof = count // 2
        if self.separable and q + p == list(range(count)):
            same, of_q = tuple(range(dof)), tuple(k for k in range(len(names)) if k != 1)
            velocity = lattice_field(names, lattice.parts, (1,), tuple(p), self.ends, same, (1.0,) * dof)
            force = lattice_field(names, lattice.parts, of_q, tuple(q), self.ends, same, (-1.0,) * dof)
            return Kernel("separable", (velocity, force), theta, hamiltonian=True, chaotic=self.facts.chaotic)
        to, sign = np.empty(count, int), np.ones(count)
        to[q], to[p], sign[q] = p, q, -1.0
        every = tuple(range(count))
        rhs = lattice_field(
            names, lattice.parts, tuple(range(len(names))), every, self.ends, tuple(to.tolist()), tuple(sign.tolist())
        )
        return Kernel("field", (rhs,), theta, hamiltonian=True, chaotic=self.facts.chaotic)
