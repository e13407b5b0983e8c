"""Hamiltonians of lattices: one local law at every site, learned on few sites and true on any number.

    separable   H = sum_i v(q[i + k] for k in stencil) + sum_i t(p[i])
    otherwise   H = sum_i h(q[i + k], p[i + k] for k in stencil)

What the gradient of H is at a site is a sum of gradients of the law at the patches that have the site: linear equations
between gradients, so that the search and the fits of ``HamiltonianNetwork`` apply to the law. It has few variables,
whatever the number of sites, and every site is a data point. How the energy of a patch is shared between its sites,
say u(q[i]) - u(q[i + 1]) more, no data tell; no forecast depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.canonical import canonical_pairs, gradient_data, snapshot_data
from dynsamp.models.energy_estimator import CANONICAL_NAMES, energy_report
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.models.lattice_hamiltonian_model import LatticeHamiltonianModel, lattice_of
from dynsamp.models.stencil import checked_offsets
from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_fit import EnergyFit, fit_energy
from dynsamp.networks.gradients import Gradients, canonical_matrix
from dynsamp.networks.lattice import ENDS, Lattice
from dynsamp.networks.lattice_defects import Corrected, learn_by_defects
from dynsamp.networks.network import Energy
from dynsamp.networks.snapshots import Learned, learn_from_snapshots
from dynsamp.words import nearest

__all__ = ["LatticeHamiltonian", "LatticeHamiltonianModel"]

RESOLVED = 1e-8  # relative gap of defect correction that needs no other route
DENSE = 100  # components up to which the flow of whole states has dense Jacobians


@dataclass(frozen=True)
class LatticeHamiltonian(Estimator):
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
    ends: str = "fixed"
    separable: bool = True
    differences: bool = False
    width: int | None = None
    activation: str | None = None
    scale: float | None = None
    sampler: str | None = None
    place: str | None = None
    length: str | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None
    tolerance: float | None = None
    polynomial: int = 2

    def __post_init__(self) -> None:
        offsets = checked_offsets(self.stencil)
        if 0 not in offsets:
            raise ValueError(f"stencil must have the offset 0, the site itself, got {offsets}; add it")
        if self.ends not in ENDS:
            known = ", ".join(map(repr, ENDS))
            raise ValueError(f"ends must be one of {known}, got {self.ends!r}{nearest(str(self.ends), ENDS)}")
        if self.differences and len(offsets) < 2:
            raise ValueError(f"differences need a stencil of at least two offsets, got {offsets}; add a neighbour")
        HamiltonianNetwork(  # checks the knobs that they share
            width=self.width, activation=self.activation, scale=self.scale, sampler=self.sampler, place=self.place,
            length=self.length, regularisation=self.regularisation, rows=self.rows, tolerance=self.tolerance,
            polynomial=self.polynomial,
        )  # fmt: skip

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
            lattice, how = lattice_of(
                samples.states, offsets, self.ends, separable=self.separable, differences=self.differences
            )
            from_rows = self._from_rows if samples.dy is not None else self._from_snapshots
            model, report = from_rows(samples, lattice, seed, memory)
        assert meter.cost is not None
        constants, said = _pinned(model, self.reference)
        report = {
            "law": _spoken(lattice, self.separable, self.differences),
            **report,
            "pairs": how or CANONICAL_NAMES,
            "constant": said,
            **meter.cost.as_dict(),
        }
        return replace(model, constants=constants, report=report)

    def _from_rows(
        self, samples: Samples, lattice: Lattice, seed: int, memory: int | None
    ) -> tuple[LatticeHamiltonianModel, dict[str, Any]]:
        """From derivatives: linear; V and T apart, where H is their sum."""
        data, source = gradient_data(samples, canonical_pairs(samples.states)[0])
        if not self.separable:
            fit = self._fit(lattice.rows(data, seed=seed), lattice, seed, 0, memory, None)
            energies = lattice.whole(fit.energy).laws
            return self._made(samples, lattice, energies, [fit], source, {})
        fits, laws = [], []
        of_q = tuple(part for k, part in enumerate(lattice.parts) if k != 1)
        for key, parts in enumerate((of_q, (lattice.parts[1],))):
            some = replace(lattice, parts=parts)
            rows = some.rows(data, seed=seed)
            seen = sorted({field for part in parts for field in part.fields})
            assert rows.maps is not None
            rows = replace(rows, target=rows.target[:, seen], maps=rows.maps[:, :, seen])
            fits.append(self._fit(rows, some, seed, key, memory, None))
            laws.append(some.whole(fits[-1].energy).laws)
        energies = [laws[0][0], laws[1][0], *laws[0][1:]]
        return self._made(samples, lattice, energies, fits, source, {})

    def _from_snapshots(
        self, samples: Samples, lattice: Lattice, seed: int, memory: int | None
    ) -> tuple[LatticeHamiltonianModel, dict[str, Any]]:
        """Through the flow."""
        pairs = canonical_pairs(samples.states)[0]
        data = snapshot_data(samples)

        def fit(rows: Gradients, tolerance: float) -> EnergyFit:
            return self._fit(rows, lattice, seed, 0, memory, tolerance)

        learned: Learned | Corrected | None = learn_by_defects(
            data, pairs, lattice, fit,
            lambda laws: LatticeHamiltonianModel(states=samples.states, **self._arrays(lattice, laws)), seed=seed,
            tolerance=self.tolerance, regularisation=self.regularisation, memory=memory,
        )  # fmt: skip
        resolved = learned is not None and learned.gap <= max(RESOLVED, self.tolerance or 0.0)
        if not resolved and lattice.size <= DENSE:  # coarse, uneven or noisy
            canonical = canonical_matrix(pairs)
            learned = learn_from_snapshots(
                data, Disturbance(canonical, np.zeros_like(canonical)), fit, seed=seed, tolerance=self.tolerance,
                regularisation=self.regularisation, memory=memory, lattice=lattice,
            )  # fmt: skip
        if learned is None:
            raise ValueError(
                f"{lattice.sites} sites are learned from nine evenly spaced snapshots in a row, which no trajectory"
                f" has; give derivatives, more snapshots, or those of at most {DENSE // lattice.fields} sites"
            )
        energies = lattice.whole(learned.fit.energy).laws
        more: dict[str, Any] = {"gap": learned.gap}
        if learned.noise is not None:
            more["noise"] = {
                state.name: float(np.sqrt(np.mean(each**2)))
                for state, each in zip(samples.states, learned.noise.reshape(lattice.fields, -1), strict=True)
            }
        model, report = self._made(samples, lattice, energies, [learned.fit], f"snapshots: {learned.route}", more)
        inside = np.arange(1, data.t.shape[1]) < data.length[:, None]
        return replace(model, facts=replace(model.facts, dt=float(np.median(np.diff(data.t, axis=1)[inside])))), report

    def _fit(
        self, rows: Gradients, lattice: Lattice, seed: int, key: int, memory: int | None, tolerance: float | None
    ) -> EnergyFit:
        return fit_energy(
            rows, structure=lattice.structure(self.polynomial), width=self.width, activation=self.activation,
            scale=self.scale, sampler=self.sampler, regularisation=self.regularisation,
            tolerance=tolerance or self.tolerance, rows=self.rows, place=self.place, length=self.length, seed=seed,
            key=key, memory=memory, crowded=True,
        )  # fmt: skip

    def _made(
        self,
        samples: Samples,
        lattice: Lattice,
        energies: Sequence[Energy],
        fits: list[EnergyFit],
        source: str,
        more: dict[str, Any],
    ) -> tuple[LatticeHamiltonianModel, dict[str, Any]]:
        inside = samples.inside
        y = samples.y[inside]
        model = LatticeHamiltonianModel(
            states=samples.states, facts=replace(samples.facts, separable=self.separable), low=y.min(axis=0),
            high=y.max(axis=0), **self._arrays(lattice, energies),
        )  # fmt: skip
        return model, {**energy_report(fits, self.separable), "learned_from": source, **more}

    def _arrays(self, lattice: Lattice, energies: Sequence[Energy]) -> dict[str, Any]:
        """Fields of the model."""
        sizes = np.cumsum([0, *(len(part.fields) for part in lattice.parts)])
        widths = [energy.layer.width for energy in energies]
        rows = np.cumsum([0, *widths])
        weights, quadratic = np.zeros((rows[-1], sizes[-1])), np.zeros((sizes[-1], sizes[-1]))
        for k, energy in enumerate(energies):
            at = slice(sizes[k], sizes[k + 1])
            weights[rows[k] : rows[k + 1], at], quadratic[at, at] = energy.layer.weights, energy.quadratic
        return {
            "stencil": checked_offsets(self.stencil),
            "ends": self.ends,
            "separable": self.separable,
            "differences": self.differences,
            "widths": widths,
            "activations": [energy.layer.activation for energy in energies],
            "weights": weights,
            "biases": np.concatenate([energy.layer.biases for energy in energies]),
            "coefficients": np.concatenate([energy.coefficients for energy in energies]),
            "linear": np.concatenate([energy.linear for energy in energies]),
            "quadratic": quadratic,
            "constants": np.zeros(len(energies)),
        }


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
    constants = np.array(
        [
            -float(law.value(centre[list(part.fields)][None])[0])
            for part, law in zip(lattice.parts, model.laws, strict=True)
        ]
    )
    if reference is None:
        return constants, f"the law is zero {'where all states are' if rest else 'at the centre of the data'}"
    state, value = np.asarray(reference[0], dtype=float), float(reference[1])
    if state.shape != (lattice.size,) or not (np.all(np.isfinite(state)) and np.isfinite(value)):
        raise ValueError(
            f"reference must be (a state of {lattice.size} finite components, the finite value of H there), got"
            f" {reference!r}"
        )
    missing = value - float(replace(model, constants=constants).energy(state))
    constants[0] += missing / len(lattice.index(lattice.parts[0]))
    return constants, f"H is {value:g} at a given state"
