"""What estimators of an energy share: their knobs, and what becomes of the samples before a fit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dynsamp.models.angles import unwrapped
from dynsamp.models.base import Estimator, Samples
from dynsamp.models.canonical import canonical_pairs
from dynsamp.models.declared import declared_structure, formula_names, part
from dynsamp.models.energy_model import EnergyModel
from dynsamp.models.naming import is_velocity
from dynsamp.models.velocities import positions_only, with_velocities
from dynsamp.networks import ACTIVATIONS
from dynsamp.networks.energy_fit import EnergyFit, fit_energy
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.network import Energy
from dynsamp.networks.sampling import LENGTHS, PLACES, SAMPLERS
from dynsamp.networks.structure import Structure
from dynsamp.words import State

__all__ = [
    "EnergyEstimator",
    "Prepared",
    "assembled",
    "energy_report",
    "noise_of",
    "pieces",
    "pinned",
    "summed",
    "warn",
]

_log = logging.getLogger("dynsamp")

CANONICAL_NAMES = "the first half of the states is q, the second p"


@dataclass(frozen=True)
class Prepared:
    """Samples as a fit takes them."""

    samples: Samples
    pairs: np.ndarray  # (2, dof)
    notes: Mapping[str, Any]  # of the report: pairs, velocities, angles
    separable: bool

    @property
    def parts(self) -> list[np.ndarray]:
        """Components of V and T where H is their sum, else all."""
        return [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(self.pairs.size)]


@dataclass(frozen=True)
class EnergyEstimator(Estimator):
    """Knobs of a learned energy."""

    width: int | None = None
    activation: str | None = None
    scale: float | None = None
    sampler: str | None = None
    place: str | None = None
    length: str | None = None
    separable: bool | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None
    tolerance: float | None = None
    symmetries: Sequence[Any] = ()
    periodic: Mapping[str, float] | bool | None = None
    quadratic_in_p: bool = False
    polynomial: int = 2
    terms: Sequence[str] = ()
    positions: bool | None = None

    def __post_init__(self) -> None:
        words = ("activation", ACTIVATIONS), ("sampler", SAMPLERS), ("place", PLACES), ("length", LENGTHS)
        for label, known in words:
            given = getattr(self, label)
            if given is not None and given not in known:
                raise ValueError(f"{label} must be one of {', '.join(map(repr, known))}, got {given!r}")
        for label, value, least in (("width", self.width, 0), ("rows", self.rows, 2)):
            if value is not None and (isinstance(value, bool) or int(value) != value or value < least):
                raise ValueError(f"{label} must be a whole number of at least {least}, got {value!r}")
        if self.scale is not None and not 0 < self.scale < np.inf:
            raise ValueError(f"scale must be a positive number, got {self.scale!r}; 1 is the published slope")
        if self.regularisation is not None and not 0 <= self.regularisation < np.inf:
            raise ValueError(f"regularisation must be a number of at least 0, got {self.regularisation!r}")
        if self.tolerance is not None and not 0 < self.tolerance < np.inf:
            raise ValueError(f"tolerance must be a positive number, got {self.tolerance!r}")
        if self.polynomial not in (0, 1, 2):
            raise ValueError(f"polynomial must be 0, 1 or 2, got {self.polynomial!r}")
        for label, sequence in (("symmetries", self.symmetries), ("terms", self.terms)):
            if isinstance(sequence, str):
                raise ValueError(f"{label} must be a sequence, got {sequence!r}; write [{sequence!r}]")

    def prepared(self, samples: Samples) -> Prepared:
        """Samples with velocities where positions alone were measured, continuous angles, and their canonical pairs.

        Raises
        ------
        ValueError
            An odd number of states, wrong pairs, angles whose turns cannot be told.
        """
        notes: dict[str, Any] = {}
        measured = samples.size
        alone = self.positions
        if alone is None:
            alone = positions_only(samples.states, samples.dy, samples.facts)
        samples, angles = unwrapped(samples, range(measured) if alone else None)
        if angles:
            notes["angles"] = "; ".join(angles)
        if alone:
            samples, notes["velocities"] = with_velocities(samples)
        pairs, how = canonical_pairs(samples.states)
        notes["pairs"] = how or CANONICAL_NAMES
        separable = self.separable
        if separable is None:
            separable = samples.facts.separable
        if separable is None and not self.quadratic_in_p and (alone or _velocities(samples.states, pairs)):
            # velocities are momenta only where the inertia is constant
            separable, notes["separable_because"] = True, "the momenta are velocities"
        return Prepared(samples, pairs, notes, bool(separable))

    def structure(
        self, ready: Prepared, y: np.ndarray, *, periodic: Mapping[str, float] | bool | None
    ) -> tuple[Structure, list[str]]:
        """What is declared, for data y (point, component), and in words."""
        return declared_structure(
            ready.samples.states, ready.pairs, y, symmetries=self.symmetries, quadratic_in_p=self.quadratic_in_p,
            periodic=periodic, polynomial=self.polynomial, terms=self.terms,
        )  # fmt: skip

    def fit_energy(
        self,
        data: Gradients,
        structure: Structure,
        *,
        seed: int,
        key: int = 0,
        memory: int | None = None,
        tolerance: float | None = None,
    ) -> EnergyFit:
        """One fit with these knobs; ``tolerance`` replaces that of the estimator."""
        return fit_energy(
            data, structure=structure, width=self.width, activation=self.activation, scale=self.scale,
            sampler=self.sampler, regularisation=self.regularisation, tolerance=tolerance or self.tolerance,
            rows=self.rows, place=self.place, length=self.length, seed=seed, key=key, memory=memory,
        )  # fmt: skip


def _velocities(states: tuple[State, ...], pairs: np.ndarray) -> bool:
    """Whether all momenta are named like velocities."""
    owners = [state.name for state in states for _ in range(state.size)]
    return all(is_velocity(owners[k]) for k in pairs[1])


def summed(structure: Structure, ready: Prepared) -> Structure:
    """The structure with H = V(q) + T(p) in it, for one fit of both."""
    if not ready.separable:
        return structure
    names = formula_names(ready.samples.states)
    for components in ready.parts:  # complains about terms that mix q and p
        part(structure, components, names)
    # T(p) quadratic in p is a summand like any other
    return replace(structure, momenta=(), summands=tuple(tuple(map(int, components)) for components in ready.parts))


def pieces(energy: Energy, ready: Prepared) -> list[Energy]:
    """V and T of one fit of both, or the energy as it is."""
    if not ready.separable:
        return [energy]
    names = formula_names(ready.samples.states)
    return [energy.restricted(components, [names[k] for k in components]) for components in ready.parts]


def assembled(ready: Prepared, energies: Sequence[Energy], y: np.ndarray) -> dict[str, Any]:
    """Fields of an EnergyModel: H, or V and T, of data y (point, component)."""
    samples, pairs = ready.samples, ready.pairs
    size = pairs.size
    widths = [energy.layer.width for energy in energies]
    starts = np.cumsum([0, *widths])
    weights, quadratic = np.zeros((int(starts[-1]), size)), np.zeros((size, size))
    linear, centre, half_width = np.empty(size), np.empty(size), np.empty(size)
    for at, energy, start, stop in zip(ready.parts, energies, starts[:-1], starts[1:], strict=True):
        weights[start:stop, at] = energy.layer.weights
        quadratic[np.ix_(at, at)] = energy.quadratic
        linear[at], centre[at], half_width[at] = energy.linear, energy.layer.centre, energy.layer.half_width
    return {
        "states": samples.states,
        "facts": replace(samples.facts, separable=ready.separable),
        "low": y.min(axis=0),
        "high": y.max(axis=0),
        "weights": weights,
        "biases": np.concatenate([energy.layer.biases for energy in energies]),
        "coefficients": np.concatenate([energy.coefficients for energy in energies]),
        "linear": linear,
        "quadratic": quadratic,
        "centre": centre,
        "half_width": half_width,
        "pairs": pairs,
        "widths": widths,
        "factors": energies[0].factors,  # none where H is separable
        "terms": [term.text for energy in energies for term in energy.terms],
        "term_coefficients": np.concatenate([energy.term_coefficients for energy in energies]),
        "activations": [energy.layer.activation for energy in energies],
        "offset": 0.0,
    }


def pinned(model: EnergyModel, reference: tuple[Sequence[float], float] | None) -> tuple[float, str]:
    """The additive constant of H, and in words where it is fixed."""
    if reference is None:
        return -float(model.energy(model.centre)), "H is zero at the centre of the data"
    state, value = np.asarray(reference[0], dtype=float), float(reference[1])
    if state.shape != model.centre.shape or not (np.all(np.isfinite(state)) and np.isfinite(value)):
        raise ValueError(
            f"reference must be (a state of {len(model.centre)} finite components, the finite value of H there),"
            f" got {reference!r}"
        )
    return value - float(model.energy(state)), f"H is {value:g} at {state.tolist()}"


def energy_report(fits: Sequence[EnergyFit], separable: bool) -> dict[str, Any]:
    """Keys of the contract; of V and T where each has its own fit."""
    apart = len(fits) == 2

    def each(values: list[Any]) -> Any:
        return dict(zip(("V", "T"), values, strict=True)) if apart else values[0]

    solutions = [fit.solution for fit in fits]
    return {
        "width": each([fit.width for fit in fits]),
        "activation": each([fit.activation for fit in fits]),
        "scale": each([fit.scale for fit in fits]),
        "sampler": each([fit.sampler for fit in fits]),
        "rows": each([solution.rows for solution in solutions]),
        "rank": each([solution.rank for solution in solutions]),
        "condition": each([solution.condition for solution in solutions]),
        "residual": each([float(solution.residual[0]) for solution in solutions]),
        "gcv_error": each([float(solution.gcv[0]) for solution in solutions]),
        "regularisation": each([float(solution.regularisation[0]) for solution in solutions]),
        "separable": separable,
        "chosen": "; ".join(f"{label}{fit.chosen}" for label, fit in zip(
            ("V: ", "T: ") if apart else ("",), fits, strict=True
        )),
    }  # fmt: skip


def warn(message: str) -> None:
    """Say what a person should know about a fit; it stands in the report too."""
    _log.warning("%s", message)


def noise_of(ready: Prepared, sigma: np.ndarray) -> dict[str, float]:
    """Standard deviations of the errors by state."""
    names = formula_names(ready.samples.states)
    return {name: float(value) for name, value in zip(names, sigma, strict=True)}
