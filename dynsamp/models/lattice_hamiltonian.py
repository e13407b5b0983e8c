"""Hamiltonians of lattices: one local law at every site, learned on few sites and true on any number.

    separable   H = sum_i v(q[i + k] for k in stencil) + sum_i t(p[i])
    otherwise   H = sum_i h(q[i + k], p[i + k] for k in stencil)

What the gradient of H is at a site is a sum of gradients of the law at the patches that have the site: linear equations
between gradients, so that the search and the fits of ``HamiltonianNetwork`` apply to the law. It has few variables,
whatever the number of sites, and every site is a data point. How the energy of a patch is shared between its sites,
say u(q[i]) - u(q[i + 1]) more, no data tell; no forecast depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from dynsamp.arguments import check_flags
from dynsamp.meter import Meter
from dynsamp.models import tuning
from dynsamp.models.base import Model, Samples
from dynsamp.models.learned_energy import LawEstimator, LawModel, checked_reference, law_report, stacked
from dynsamp.models.measured.canonical import (
    CANONICAL_NAMES,
    canonical_pairs,
    gradient_data,
    snapshot_data,
    units_of_energy,
)
from dynsamp.models.schema import Array, Items, Outline
from dynsamp.networks.gradients import Gradients, canonical_matrix, partners, rotated
from dynsamp.networks.grid import ENDS, Ends
from dynsamp.networks.lattice import Lattice, LatticeEnergy, Part
from dynsamp.networks.network import Energy
from dynsamp.networks.neurons import FitOptions
from dynsamp.networks.search.energy import EnergyFit, fit_energy
from dynsamp.networks.segments.defects import learn_by_defects
from dynsamp.networks.segments.learned_field import Disturbance
from dynsamp.networks.segments.learning import Learned, learn_from_snapshots
from dynsamp.networks.stencil import checked_offsets
from dynsamp.solve import Kernel
from dynsamp.words import State, listed, nearest, quoted


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


def field_pairs(states: Sequence[State]) -> tuple[np.ndarray, str]:
    """Pairs (2, dof) of fields, whatever the number of sites, and in a few words how they were found."""
    return canonical_pairs(tuple(replace(state, dims={}) for state in states))


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
            f" ({listed(state.name for state in states)}); add the missing momentum or coordinate"
        )
    found = tuple(offsets)
    if max(found) - min(found) >= sites:
        raise ValueError(f"stencil {found} does not fit on dimension {dim!r} of {sites} sites; give more sites")
    (q, p), how = field_pairs(states)
    q, p = q.tolist(), p.tolist()
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
    return Lattice(len(states), sites, ends, tuple(parts), tuple(state.name for state in states)), how


@dataclass(frozen=True, kw_only=True, eq=False)
class LatticeHamiltonianModel(LawModel):
    """H = the sum over sites of a learned local law; q' = dH/dp, p' = -dH/dq. Arrays of states are (..., component).

    The law is a sum of parts: V of the patch around a site and T of the site, or one of both, and with free ends a part
    of the sites alone. Each is constants + linear x + x' quadratic x / 2 + coefficients . sigma(weights x + biases),
    of the values at its places: for every offset those of its states. No array says how many sites there are.
    """

    name: ClassVar[str] = "lattice-hamiltonian"

    stencil: Annotated[Sequence[int], Items("offset", least=1)]
    ends: Ends
    separable: bool
    differences: bool  # whether V, or the law, was learned of differences of the q
    weights: Annotated[np.ndarray, Array("feature", "place")]  # places of all parts, zero for those of others
    linear: Annotated[np.ndarray, Array("place")]
    quadratic: Annotated[np.ndarray, Array("place", "place")]  # symmetric
    constants: Annotated[np.ndarray, Array("part")]  # of every patch

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "stencil", tuple(int(k) for k in self.stencil))
        if sum(len(law.terms) for law in self.laws) != len(self.terms):
            raise ValueError(f"each of the terms {listed(map(quoted, self.terms))} should be of one part of the law")

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:
        """See Model.declared_sizes."""
        said = outline.plain
        separable, differences = said["separable"], said["differences"]
        offsets = checked_offsets(said["stencil"])
        lattice, _ = lattice_of(outline.states, offsets, said["ends"], separable=separable, differences=differences)
        if len(said["widths"]) != len(lattice.parts):
            raise ValueError(f"widths should have one item for each of {len(lattice.parts)} parts of the law")
        return {"place": sum(part.size for part in lattice.parts)}

    @cached_property
    def lattice(self) -> Lattice:
        """The sites, and the parts of the law."""
        parts = {"separable": self.separable, "differences": self.differences}
        return lattice_of(self.states, self.stencil, self.ends, **parts)[0]

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
        lowest, highest = np.repeat(low.min(axis=1), sites), np.repeat(high.max(axis=1), sites)
        return replace(self, states=states, low=lowest, high=highest)

    @cached_property
    def laws(self) -> list[Energy]:
        """The parts of the law, of the values at their places, without constants."""
        names = [name for part in self.lattice.parts for name in self.lattice.places(part)]
        return self.energies(_places(self.lattice), names, (np.zeros(len(names)), np.ones(len(names))))

    @property
    def formula(self) -> str:
        """The parts of the law in the names of the states, or a sentence that there is no formula."""
        named = map(self.lattice.places, self.lattice.parts)
        text = self.written(zip(self.laws, named, map(float, self.constants), strict=True))
        return text if sum(self.widths) else f"the sum over sites of {text}"

    @cached_property
    def _energy(self) -> LatticeEnergy:
        return LatticeEnergy(self.lattice, self.laws, self.constants)

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (..., component): an array (...)."""
        return self._energy.value(self._points(y)).reshape(np.shape(y)[:-1])

    def energy_density(self, y: np.ndarray) -> np.ndarray:
        """Energy of each site (..., site), which sum to H: the sites of a patch share its energy evenly.

        How much of it is on-site and how much between sites no data tell, so only sums have a meaning of their own.
        """
        return self._energy.density(self._points(y)).reshape(*np.shape(y)[:-1], self.sites)

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
        pairs = field_pairs(self.states)[0]
        return self.canonical_kernel(self.laws, self.lattice.parts, pairs, self.separable, self.ends)


@dataclass(frozen=True)
class LatticeHamiltonian(LawEstimator):
    """Learn the local law of a chain, from states and their derivatives or from snapshots alone.

    States are fields over one dimension of sites, such as ``State("q", conjugate="p", dims={"mass": 8})``. The model
    holds on any number of sites: ``model.on(4096)``, or a forecast from starts of that length. What is left at None is
    chosen from the data.

    Parameters
    ----------
    stencil : sequence of int
        Offsets of the sites that the law sees; 0 is one of them.
    ends : {"fixed", "periodic", "free"}
        Beyond the ends are zeros (walls), the other end of a ring, or nothing. With "free" a part of the law sees each
        site alone.
    separable : bool
        H = V(q) + T(p), where T sees one site at a time.
    differences : bool
        The law sees differences q[i + k] - q[i + k0] in place of the q, k0 the first offset: it does not change when
        all sites are shifted.
    width, activation, scale, sampler, place, length, regularisation, rows, tolerance, polynomial
        Of the law; see HamiltonianNetwork. ``rows`` counts sites.
    reference : (state, value), optional
        A state (component,) and the value of H there. Without it the law is zero where all values are, or where these
        are not within the data at the centre of the data.

    Examples
    --------
    >>> model = LatticeHamiltonian(differences=True).fit(samples)               # doctest: +SKIP
    >>> model.on(4096).energy(states)                                           # doctest: +SKIP
    """

    name: ClassVar[str] = "lattice-hamiltonian"
    Model: ClassVar[type[Model]] = LatticeHamiltonianModel

    stencil: Sequence[int] = (0, 1)
    ends: Ends = "fixed"
    separable: bool = True
    differences: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flags(separable=self.separable, differences=self.differences)
        offsets = checked_offsets(self.stencil)
        if 0 not in offsets:
            raise ValueError(f"stencil must have the offset 0, the site itself, got {offsets}; add it")
        if not isinstance(self.ends, str) or self.ends not in ENDS:
            known = ", ".join(map(repr, ENDS))
            raise ValueError(f"ends must be one of {known}, got {quoted(self.ends)}{nearest(quoted(self.ends), ENDS)}")
        if self.differences and len(offsets) < 2:
            raise ValueError(f"differences need a stencil of at least two offsets, got {offsets}; add a neighbour")

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> LatticeHamiltonianModel:
        """Fit; ``memory`` bounds the peak of the solver in bytes.

        Raises
        ------
        ValueError
            If the states have no sites or different ones or no pairs, values that are not finite, external inputs,
            fewer than two points, no change, or neither derivatives nor trajectories.
        """
        with Meter() as meter:
            offsets = checked_offsets(self.stencil)
            parts = {"separable": self.separable, "differences": self.differences}
            lattice, how = lattice_of(samples.states, offsets, self.ends, **parts)
            learn = self._from_rows if samples.dy is not None else self._from_snapshots
            model = learn(samples, lattice, seed, memory)
        constants, said = _pinned(model, self.reference)
        report = {
            "law": _spoken(lattice, self.separable, self.differences),
            **model.report,
            "pairs": how or CANONICAL_NAMES,
            "constant": said,
            **meter.cost.as_dict(),
        }
        return replace(model, constants=constants, report=report)

    def _from_rows(self, samples: Samples, lattice: Lattice, seed: int, memory: int | None) -> LatticeHamiltonianModel:
        """From derivatives: linear; V and T apart, where H is their sum."""
        data, source = gradient_data(samples, canonical_pairs(samples.states)[0])
        groups = [lattice.parts]
        if self.separable:
            groups = [tuple(part for k, part in enumerate(lattice.parts) if k != 1), lattice.parts[1:2]]
        fits, laws = [], []
        for key, parts in enumerate(groups):
            some = replace(lattice, parts=parts)
            rows = some.rows(data, seed=seed)
            assert rows.maps is not None
            seen = sorted({field for part in parts for field in part.fields})
            rows = replace(rows, target=rows.target[:, seen], maps=rows.maps[:, :, seen])
            fits.append(self._fit(rows, some, self.options(seed, memory, key=key), judge=True))
            laws.append(some.whole(fits[-1].energy).laws)
        energies = [laws[0][0], laws[1][0], *laws[0][1:]] if self.separable else laws[0]
        return self._made(samples, lattice, energies, fits, source)

    def _from_snapshots(
        self, samples: Samples, lattice: Lattice, seed: int, memory: int | None
    ) -> LatticeHamiltonianModel:
        """Through the flow."""
        pairs = canonical_pairs(samples.states)[0]
        data, options = snapshot_data(samples), self.options(seed, memory)

        def fit(rows: Gradients, tolerance: float) -> EnergyFit:
            return self._fit(rows, lattice, replace(options, tolerance=tolerance or options.tolerance))

        def law_of(laws: Sequence[Energy]) -> LatticeHamiltonianModel:
            return LatticeHamiltonianModel(states=samples.states, **self._arrays(lattice, laws))

        learned = learn_by_defects(data, pairs, lattice, fit, law_of, options)
        gap = np.inf if learned is None or learned.gap is None else learned.gap
        resolved = gap <= max(tuning.LATTICE_GAP, self.tolerance or 0.0)
        if not resolved and lattice.size <= tuning.LATTICE_DENSE:  # coarse, uneven or noisy
            canonical = canonical_matrix(pairs)
            undisturbed = Disturbance(canonical, np.zeros_like(canonical))
            learned, _ = learn_from_snapshots(data, undisturbed, fit, options, lattice)
        if learned is None:
            most = tuning.LATTICE_DENSE // lattice.fields
            raise ValueError(
                f"{lattice.sites} sites are learned from nine evenly spaced snapshots in a row, which no trajectory"
                f" has; give derivatives, more snapshots, or those of at most {most} sites"
            )
        energies = lattice.whole(learned.fit.energy).laws
        if learned.verdict is not None:
            noise = np.sqrt(np.mean(learned.verdict.noise.reshape(lattice.fields, -1) ** 2, axis=1))
            learned = replace(learned, verdict=replace(learned.verdict, noise=noise))
        return self._made(samples, lattice, energies, [learned.fit], learned)

    def _fit(self, rows: Gradients, lattice: Lattice, options: FitOptions, *, judge: bool = False) -> EnergyFit:
        structure = lattice.structure(self.polynomial)
        return fit_energy(rows, self.neurons, options, structure=structure, crowded=True, judge=judge)

    def _made(
        self,
        samples: Samples,
        lattice: Lattice,
        energies: Sequence[Energy],
        fits: list[EnergyFit],
        learned: Learned | str,
    ) -> LatticeHamiltonianModel:
        pairs, units = field_pairs(samples.states)[0], lattice.scale(samples.y[samples.inside])[:: lattice.sites]
        to = partners(pairs)[0]
        parts = [range(len(to))] if len(fits) == 1 else [sorted(part) for part in pairs.tolist()]
        tendencies = [{samples.states[to[k]].name: float(units[k]) for k in part} for part in parts]
        names = [state.name for state in samples.states]
        report = {**law_report(fits, learned, names, samples.ids, tendencies), "separable": self.separable}
        facts: dict[str, Any] = {"energy_units": units_of_energy(samples, canonical_pairs(samples.states)[0])}
        facts |= {} if samples.dy is not None else {"dt": samples.median_step}
        about = samples.about(report, separable=self.separable, **facts)
        return LatticeHamiltonianModel(**about, **self._arrays(lattice, energies))

    def _arrays(self, lattice: Lattice, energies: Sequence[Energy]) -> dict[str, Any]:
        """Fields of the model."""
        return {
            **stacked(energies, _places(lattice)),
            "stencil": checked_offsets(self.stencil),
            "ends": self.ends,
            "separable": self.separable,
            "differences": self.differences,
            "constants": np.zeros(len(energies)),
        }


def _places(lattice: Lattice) -> list[np.ndarray]:
    """Columns of the parts of the law."""
    stops = np.cumsum([part.size for part in lattice.parts])
    return [np.arange(stop - part.size, stop) for part, stop in zip(lattice.parts, stops, strict=True)]


def _spoken(lattice: Lattice, separable: bool, differences: bool) -> str:
    """The law in words."""
    offsets = ", ".join(str(k) for k in lattice.parts[0].reach)
    seen = f"the sites at {offsets}"
    if differences:
        seen = f"differences between {seen}"
    what = f"V of q, {seen}, and T of p at a site" if separable else f"one function of q and p, {seen}"
    return f"{what}; {lattice.ends} ends; learned on {lattice.sites} sites"


def _pinned(model: LatticeHamiltonianModel, reference: tuple[Sequence[float], float] | None) -> tuple[np.ndarray, str]:
    """Additive constants of a patch of each part, and in words where they are fixed."""
    lattice = model.lattice
    low = model.low.reshape(lattice.fields, -1).min(axis=1)
    high = model.high.reshape(lattice.fields, -1).max(axis=1)
    rest = bool(np.all((low <= 0.0) & (high >= 0.0)))
    centre = np.zeros(lattice.fields) if rest else 0.5 * (low + high)
    points = [centre[list(part.fields)][None] for part in lattice.parts]
    constants = np.array([-float(law.value(at)[0]) for law, at in zip(model.laws, points, strict=True)])
    if reference is None:
        return constants, f"the law is zero {'where all states are' if rest else 'at the centre of the data'}"
    state, value = checked_reference(reference, lattice.size)
    missing = value - float(replace(model, constants=constants).energy(state))
    constants[0] += missing / len(lattice.index(lattice.parts[0]))
    return constants, f"H is {value:g} at a given state"
