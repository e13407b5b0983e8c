"""What families with a learned energy share: the knobs of estimators, and the fitted energy with its derivatives."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from dynsamp.arguments import check_flags, real_array, real_number
from dynsamp.models import tuning
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.declared import Declared, Symmetry, formula_names, structure_of
from dynsamp.models.measured.canonical import CanonicalSamples, canonical, units_of_energy
from dynsamp.models.schema import Array, Items
from dynsamp.networks.compiled import trusted
from dynsamp.networks.energy_polynomials import formula
from dynsamp.networks.gradients import Gradients, partners
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.neurons import Activation, FitOptions, Length, Neurons, Place, Sampler, one_of
from dynsamp.networks.search.energy import EnergyFit, fit_energy
from dynsamp.networks.segments.collocation import spans
from dynsamp.networks.segments.learning import Fit, Learned
from dynsamp.networks.structure import Structure
from dynsamp.networks.terms import Term, mentions, parse, parse_all
from dynsamp.words import quoted

__all__ = ["EnergyEstimator", "EnergyModel", "LawEstimator", "assembled", "checked_reference", "energy_report"]
__all__ += ["full_report", "pieces", "pinned"]


_log = logging.getLogger("dynsamp")


class LawEstimator(Estimator):
    """What is made of the knobs of a learned law; its estimators declare them as fields, in an order of their own."""

    width: int | None
    activation: Activation | None
    scale: float | None
    sampler: Sampler | None
    place: Place | None
    length: Length | None
    regularisation: float | None
    rows: int | None
    tolerance: float | None
    polynomial: int

    def check_knobs(self) -> None:
        """Complain of what neither neurons nor a fit can have."""
        self.neurons.in_one_layer()
        self.options()
        one_of("polynomial", self.polynomial, (0, 1, 2))

    @property
    def neurons(self) -> Neurons:
        """The knobs of neurons."""
        return Neurons(self.width, self.activation, self.scale, self.sampler, self.place, self.length)

    def options(self, seed: int = 0, memory: int | None = None, *, key: int = 0) -> FitOptions:
        """The knobs of a fit."""
        return FitOptions(self.regularisation, self.tolerance, self.rows, seed, key, memory)


@dataclass(frozen=True)
class EnergyEstimator(LawEstimator):
    """Knobs of a learned energy."""

    width: int | None = None
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    place: Place | None = None
    length: Length | None = None
    separable: bool | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None
    tolerance: float | None = None
    symmetries: Sequence[Symmetry] = ()
    periodic: Mapping[str, float] | bool | None = None
    quadratic_in_p: bool = False
    polynomial: int = 2
    terms: Sequence[str] = ()
    positions: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_knobs()
        check_flags(separable=self.separable, quadratic_in_p=self.quadratic_in_p, positions=self.positions)
        several: dict[str, Any] = {"symmetries": self.symmetries, "terms": self.terms}
        for label, sequence in several.items():
            if isinstance(sequence, str):
                raise ValueError(f"{label} must be a sequence, got {quoted(sequence)}; write [{quoted(sequence)}]")
            if not isinstance(sequence, Sequence) and (label == "terms" or not isinstance(sequence, np.ndarray)):
                raise TypeError(f"{label} must be a sequence, got {quoted(sequence)}")
        if strange := [term for term in self.terms if not isinstance(term, str)]:
            raise TypeError(f"a term must be a formula such as 'cos(q)', got {quoted(strange[0])}")

    def prepared(self, samples: Samples) -> CanonicalSamples:
        """Samples with velocities where positions alone were measured, continuous angles, and their canonical pairs.

        Raises
        ------
        ValueError
            An odd number of states, wrong pairs, angles whose turns cannot be told.
        """
        return canonical(
            samples, positions=self.positions, separable=self.separable, quadratic_in_p=self.quadratic_in_p
        )

    def structure(
        self, ready: CanonicalSamples, y: np.ndarray, *, periodic: Mapping[str, float] | bool | None
    ) -> tuple[Structure, list[str]]:
        """What is declared, for data y (point, component), and in words."""
        declared = Declared(self.symmetries, periodic, self.quadratic_in_p, self.polynomial, self.terms)
        return declared.structure(ready.samples.states, ready.pairs, y)

    def fitting(self, ready: CanonicalSamples, y: np.ndarray, options: FitOptions) -> tuple[Fit, list[str]]:
        """Fits of one energy, V(q) + T(p) together, to data y (point, component); and what is declared, in words."""
        structure, said = self.structure(ready, y, periodic=self.periodic)
        structure = _summed(structure, ready)

        def fit(rows: Gradients, tolerance: float) -> EnergyFit:
            wanted = replace(options, tolerance=tolerance or options.tolerance)
            return fit_energy(rows, self.neurons, wanted, structure=structure)

        return fit, said


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyModel(Model):
    """H(y) = offset + a quadratic part + coefficients . sigma(weights z + biases), z = (y - centre) / half_width.

    A neuron may be multiplied by two components of y, its ``factors``. A separable H = V(q) + T(p) is the same sum: the
    first ``widths[0]`` neurons have no weights on p, the other ``widths[1]`` none on q.
    """

    weights: Annotated[np.ndarray, Array("feature", "component")]
    biases: Annotated[np.ndarray, Array("feature")]
    coefficients: Annotated[np.ndarray, Array("feature")]
    linear: Annotated[np.ndarray, Array("component")]
    quadratic: Annotated[np.ndarray, Array("component", "component")]  # symmetric
    centre: Annotated[np.ndarray, Array("component")]
    half_width: Annotated[np.ndarray, Array("component", above=0.0)]
    # the components of q and of p
    pairs: Annotated[np.ndarray, Array(2, "dof", dtype="int", below="component", permutation=True)]
    widths: Annotated[Sequence[int], Items("part", total="feature", least=1, most=2)]  # one, or of V and T
    activations: Annotated[Sequence[Activation], Items("part")]
    offset: float
    # components that multiply a neuron, -1 for none; no rows: none for any neuron
    factors: Annotated[np.ndarray, Array("feature", 2, dtype="int", optional=True, low=-1, below="component")] = field(
        default_factory=lambda: np.empty((0, 2), np.int64)
    )
    terms: Annotated[Sequence[str], Items("term")] = ()  # formulas of the components
    term_coefficients: Annotated[np.ndarray, Array("term")] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factors.size and (self.separable or np.any((self.factors < 0).sum(axis=1) == 1)):
            raise ValueError("factors of neurons come in pairs, and a separable H has none")
        for term in self._formulas:  # parsed now, so that what is wrong is said now
            if self.low.size:
                term.check_within(self.low, self.high)
            if self.separable and all(mentions(term, part) for part in self.pairs):
                raise ValueError(f"term {quoted(term.text)} mixes q and p, which a separable H cannot have")

    @property
    def separable(self) -> bool:
        """Whether H = V(q) + T(p) by construction."""
        return len(self.widths) == 2

    @cached_property
    def _formulas(self) -> tuple[Term, ...]:
        """The terms, in the names of the components."""
        return parse_all(self.terms, formula_names(self.states)) if self.terms else ()

    @cached_property
    def _parts(self) -> list[tuple[np.ndarray, Energy]]:
        """Components and energy of every part: all, or q and p."""
        sizes = np.cumsum([0, *self.widths])
        columns = [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(len(self.centre))]
        found = []
        names = formula_names(self.states)
        for k, (part, activation) in enumerate(zip(columns, self.activations, strict=True)):
            rows = slice(sizes[k], sizes[k + 1])
            weights = np.ascontiguousarray(self.weights[rows, part])
            layer = HiddenLayer(weights, self.biases[rows], activation, self.centre[part], self.half_width[part])
            quadratic = self.quadratic[np.ix_(part, part)]
            factors = self.factors[rows] if len(self.factors) else self.factors
            mine = [at for at, term in enumerate(self._formulas) if mentions(term, part)]
            own = tuple(parse(self.terms[at], [names[i] for i in part]) for at in mine)
            known = (factors, own, self.term_coefficients[mine])
            found.append((part, Energy(layer, self.coefficients[rows], self.linear[part], quadratic, *known)))
        return found

    @property
    def formula(self) -> str:
        """H in the names of the states, or a sentence that there is no formula."""
        texts = [formula_of(energy, [formula_names(self.states)[k] for k in part], self.report, self.offset * first)
                 for first, (part, energy) in zip((1, 0), self._parts, strict=False)]  # fmt: skip
        neurons = sum(self.widths)
        return f"no formula: {neurons} neurons" if neurons else " + ".join(texts).replace("+ -", "- ")

    @property
    def whole(self) -> Energy:
        """H as one network; V and T must have the same activation."""
        layer = HiddenLayer(self.weights, self.biases, self.activations[0], self.centre, self.half_width)
        known = (self.factors, self._formulas, self.term_coefficients)
        return Energy(layer, self.coefficients, self.linear, self.quadratic, *known)

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (..., component): an array (...)."""
        points = self._points(y)
        total = np.full(len(points), self.offset)
        for part, energy in self._parts:
            total += energy.value(points[:, part])
        return total.reshape(np.shape(y)[:-1])

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of H at states (..., component), same shape."""
        points = self._points(y)
        gradient = np.empty_like(points)
        for part, energy in self._parts:
            gradient[:, part] = energy.gradient(np.ascontiguousarray(points[:, part]))
        return gradient.reshape(np.shape(y))

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian of H (..., component, component)."""
        points = self._points(y)
        hessian = np.zeros((*points.shape, points.shape[-1]))
        for part, energy in self._parts:
            hessian[:, part[:, None], part] = energy.hessian(np.ascontiguousarray(points[:, part]))
        return hessian.reshape(*np.shape(y), points.shape[-1])

    def _known(self, theta: np.ndarray, parts: Sequence[Energy]) -> dict[str, Any]:
        """What a kernel with this theta of these energies says of itself."""
        sizes = {"size": self.size, "parameters": theta.shape[-1], "trusted": trusted(*parts)}
        return {"chaotic": self.facts.chaotic, **sizes}

    @abstractmethod
    def _field(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Right-hand side (point, component) at times (point,) and states (point, component)."""

    @abstractmethod
    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""

    def step(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """States (..., component) a step later; ``dt`` is that of the training data unless given.

        Gauss collocation of order 16, to rounding errors: for a Hamiltonian the map is symplectic.
        """
        points = self._points(y)
        ends = [self._stepped(part, self._dt(dt), t)[0] for part in _blocks(points)]
        return np.concatenate(ends).reshape(np.shape(y))

    def step_jacobian(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """Jacobian of ``step`` (..., component, component)."""
        points = self._points(y)
        found = [self._stepped(part, self._dt(dt), t)[1] for part in _blocks(points)]
        return np.concatenate(found).reshape(*np.shape(y), points.shape[-1])

    def _dt(self, dt: float | None) -> float:
        known = self.facts.dt if dt is None else dt
        if not known:
            raise ValueError("the model was not learned from snapshots, so it has no step of its own; give dt=")
        return float(known)

    def _stepped(self, y: np.ndarray, dt: float, t: float) -> tuple[np.ndarray, np.ndarray]:
        size = y.shape[1]
        finite = np.isfinite(y).all(axis=1)
        steepest = np.abs(self.jacobian(y[finite])).sum(axis=-1).max(initial=1e-300)
        needed = np.ceil(abs(dt) * float(steepest) / tuning.STEP_REACH / tuning.STEP_STAGES)
        count = min(tuning.STEP_MOST, max(1, int(needed)))
        h = np.full(len(y), dt / count)
        along = np.tile(np.eye(size), (len(y), 1, 1))
        for k in range(count):
            times = np.full(len(y), t + k * dt / count)
            span = spans(_Unforced(self), times, y, h, tuning.STEP_STAGES)
            y = np.where(span.good[:, None], span.end, np.nan)
            along = np.where(span.good[:, None, None], span.along @ along, np.nan)
        return y, along


@dataclass(frozen=True)
class _Unforced:
    """The field of a model as collocation takes it: no signals."""

    model: EnergyModel

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Right-hand side."""
        return self.model._field(t, y)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Its Jacobian."""
        return self.model.jacobian(y)


def _blocks(points: np.ndarray) -> list[np.ndarray]:
    return [points[k : k + tuning.STEP_BLOCK] for k in range(0, len(points), tuning.STEP_BLOCK)] or [points]


def _summed(structure: Structure, ready: CanonicalSamples) -> Structure:
    """The structure with H = V(q) + T(p) in it, for one fit of both."""
    if not ready.separable:
        return structure
    names = formula_names(ready.samples.states)
    for components in ready.parts:  # complains about terms that mix q and p
        structure_of(structure, components, names)
    # T(p) quadratic in p is a summand like any other
    return replace(structure, momenta=(), summands=tuple(tuple(map(int, components)) for components in ready.parts))


def pieces(energy: Energy, ready: CanonicalSamples) -> list[Energy]:
    """V and T of one fit of both, or the energy as it is."""
    if not ready.separable:
        return [energy]
    names = formula_names(ready.samples.states)
    return [energy.restricted(components, [names[k] for k in components]) for components in ready.parts]


def assembled(ready: CanonicalSamples, energies: Sequence[Energy], y: np.ndarray) -> dict[str, Any]:
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
        "facts": replace(samples.facts, separable=ready.separable, energy_units=units_of_energy(samples, pairs)),
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


def formula_of(energy: Energy, names: Sequence[str], report: Mapping[str, Any], constant: float) -> str:
    """A part of an energy in so many digits as its reported error allows."""
    error = report.get("error")
    digits = 12 if not isinstance(error, float) or error < tuning.WRITTEN_IN_FULL else max(3, 2 - int(np.log10(error)))
    return formula(energy, names, constant, digits) if not energy.width else ""


def checked_reference(reference: tuple[Sequence[float], float], size: int) -> tuple[np.ndarray, float]:
    """A state of so many components and the value of H there."""
    if isinstance(reference, str | bytes) or not isinstance(reference, Sequence) or len(reference) != 2:
        raise TypeError(f"reference must be (a state, the value of H there), got {quoted(reference)}")
    state, value = real_array("the state of reference", reference[0]), real_number("the value of H", reference[1])
    if state.shape != (size,) or not (np.all(np.isfinite(state)) and np.isfinite(value)):
        raise ValueError(
            f"reference must be (a state of {size} finite components, the finite value of H there), got {reference!r}"
        )
    return state, value


ZERO = "H is zero at "  # how it is said that nobody gave the constant


def pinned(model: EnergyModel, reference: tuple[Sequence[float], float] | None) -> tuple[float, str]:
    """The additive constant of H, and in words where it is fixed."""
    if reference is None:
        return -float(model.energy(model.centre)), f"{ZERO}the centre of the data"
    state, value = checked_reference(reference, len(model.centre))
    return value - float(model.energy(state)), f"H is {value:g} at {state.tolist()}"


def energy_report(fits: Sequence[EnergyFit], separable: bool) -> dict[str, Any]:
    """Keys of the contract; of V and T where each has its own fit."""
    apart = len(fits) == 2

    def each(values: list[Any]) -> Any:
        return dict(zip(("V", "T"), values, strict=True)) if apart else values[0]

    solutions = [fit.solution for fit in fits]
    return {
        "width": each([fit.neurons.last for fit in fits]),
        "activation": each([fit.neurons.activation for fit in fits]),
        "scale": each([fit.neurons.scale for fit in fits]),
        "sampler": each([fit.neurons.sampler for fit in fits]),
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


def accuracy(
    fits: Sequence[EnergyFit], ids: np.ndarray, tendencies: Sequence[Mapping[str, float]] = ()
) -> dict[str, Any]:
    """First keys of the contract: how wrong the energy is on fresh states, of V and T together, and the noise found.

    Parameters
    ----------
    fits : sequence of EnergyFit
    ids : ndarray (trajectory,)
    tendencies : sequence of mapping of str to float
        Of every fit the names of the states whose derivatives its rows are, and the unit of these rows.
    """
    known = [(fit.judgement, fit.size) for fit in fits if fit.judgement is not None]
    if not known:
        return {}
    whole = sum(size for _, size in known) or 1.0

    def together(values: Sequence[float]) -> float:
        return float(np.sqrt(sum(value**2 * size for value, (_, size) in zip(values, known, strict=True)) / whole))

    report: dict[str, Any] = {
        "error": together([one.error for one, _ in known]),
        "error_interval": [together([one.interval[k] for one, _ in known]) for k in (0, 1)],
    }
    noise = {
        f"tendency_of_{name}": float(sigma / unit)
        for (one, _), own in zip(known, tendencies, strict=False)
        for (name, unit), sigma in zip(own.items(), one.noise, strict=True)
        if sigma
    }
    if noise:
        report["noise"] = noise
    worst = {k: v for one, _ in known for k, v in one.worst().items()}
    if worst:
        three = sorted(worst.items(), key=lambda item: -item[1])[:3]
        report["worst"] = {f"trajectory {ids[k]}": float(v) for k, v in three}
        _log.warning("the learned energy is much worse on some trajectories than on the rest: %s", ", ".join(
            f"{name} ({value:.1e})" for name, value in report["worst"].items()
        ))  # fmt: skip
    return report


def full_report(
    ready: CanonicalSamples, fits: Sequence[EnergyFit], said: Sequence[str], learned: Learned | str
) -> dict[str, Any]:
    """Keys of the contract, and by which route the energy was found, how well, and what was declared."""
    names = formula_names(ready.samples.states)
    route = learned if isinstance(learned, str) else learned.route
    if isinstance(learned, Learned) and learned.verdict is not None:
        report = learned.verdict.said(names, ready.samples.ids)
    else:
        to = partners(ready.pairs)[0]
        parts = ready.parts if len(fits) > 1 else [np.arange(ready.pairs.size)]
        report = accuracy(fits, ready.samples.ids, [{names[to[k]]: 1.0 for k in part} for part in parts])
    report |= {**energy_report(fits, ready.separable), "learned_from": route}
    if isinstance(learned, Learned) and learned.gap is not None:
        report["gap"] = learned.gap
    report |= ready.notes
    if said:
        report["declared"] = ", ".join(said)
    return report
