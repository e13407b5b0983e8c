"""What families with a learned energy share: the knobs of estimators, and the fitted energy with its derivatives."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from dynsamp.arguments import check_flags, real_array, real_number
from dynsamp.models import tuning
from dynsamp.models.base import Estimator, Model, Samples, owners
from dynsamp.models.declared import Symmetry, formula_names, periods_of, structure_of, symmetry_matrix
from dynsamp.models.measured.canonical import CanonicalSamples, canonical, units_of_energy
from dynsamp.models.schema import Array, Items
from dynsamp.networks.compiled import Wiring, network_field, network_theta, trusted
from dynsamp.networks.energy_polynomials import formula
from dynsamp.networks.gradients import Gradients, partners
from dynsamp.networks.grid import Patch
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.neurons import Activation, FitOptions, Length, Neurons, Place, Sampler, one_of
from dynsamp.networks.search.energy import EnergyFit, fit_energy
from dynsamp.networks.search.unseen import Judgement
from dynsamp.networks.segments.collocation import spans
from dynsamp.networks.segments.judging import Verdict
from dynsamp.networks.segments.learning import Fit, Learned
from dynsamp.networks.structure import Structure, closed_group
from dynsamp.networks.terms import Term, mentions, parse, parse_all
from dynsamp.solve import Kernel
from dynsamp.words import quoted


@dataclass(frozen=True)
class LawEstimator(Estimator):
    """Knobs of a learned law; see HamiltonianNetwork."""

    width: int | None = None
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    place: Place | None = None
    length: Length | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None
    tolerance: float | None = None
    polynomial: int = 2

    def __post_init__(self) -> None:
        """Complain of what neither neurons nor a fit can have."""
        super().__post_init__()
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

    separable: bool | None = None
    symmetries: Sequence[Symmetry] = ()
    periodic: Mapping[str, float] | bool | None = None
    quadratic_in_p: bool = False
    terms: Sequence[str] = ()
    positions: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
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
        """What is declared, for data y (point, component), and in words.

        A declared period that they do not cover is not used, unless asked for.
        """
        states, pairs = ready.samples.states, ready.pairs
        said = [f"symmetry {symmetry!r}" if isinstance(symmetry, str) else "a symmetry" for symmetry in self.symmetries]
        group = closed_group([symmetry_matrix(symmetry, pairs) for symmetry in self.symmetries], pairs.size)
        periods = periods_of(states, y, periodic)
        if np.any(np.isfinite(periods[pairs[1]])):
            raise ValueError("a momentum cannot be periodic; name coordinates only")
        said += [f"{owners(states)[k].name} of period {periods[k]:.6g}" for k in np.flatnonzero(np.isfinite(periods))]
        for element in group:
            # exchanged coordinates must have the same period
            if not np.allclose(np.where(np.abs(element) > 0, periods, 0.0).sum(axis=1), periods):
                raise ValueError("a symmetry exchanges coordinates of different periods; declare equal periods")
        momenta = tuple(map(int, pairs[1])) if self.quadratic_in_p else ()
        said += ["H quadratic in p"] * self.quadratic_in_p
        said += [f"the terms {', '.join(self.terms)}"] * bool(self.terms)
        names = tuple(formula_names(states))
        terms = parse_all(self.terms, names)
        for term in terms:
            rows = [y[:: len(y) // tuning.TRIED_ROWS + 1], y[y.argmin(axis=0)], y[y.argmax(axis=0)]]
            term.check_at(np.concatenate(rows))
        return Structure(pairs.size, self.polynomial, group, periods, momenta, terms, names=names), said

    def fitting(self, ready: CanonicalSamples, y: np.ndarray, options: FitOptions) -> tuple[Fit, list[str]]:
        """Fits of one energy, V(q) + T(p) together, to data y (point, component); and what is declared, in words."""
        structure, said = self.structure(ready, y, periodic=self.periodic)
        structure = _summed(structure, ready)

        def fit(rows: Gradients, tolerance: float) -> EnergyFit:
            wanted = replace(options, tolerance=tolerance or options.tolerance)
            return fit_energy(rows, self.neurons, wanted, structure=structure)

        return fit, said


@dataclass(frozen=True, kw_only=True, eq=False)
class LawModel(Model):
    """A model made of energies, each of which has some columns of the arrays: its components, or its places."""

    weights: np.ndarray  # (feature, column)
    biases: Annotated[np.ndarray, Array("feature")]
    coefficients: Annotated[np.ndarray, Array("feature")]
    linear: np.ndarray  # (column,)
    quadratic: np.ndarray  # (column, column), symmetric
    widths: Annotated[Sequence[int], Items("part", total="feature")]
    activations: Annotated[Sequence[Activation], Items("part")]
    terms: Annotated[Sequence[str], Items("term")] = ()  # formulas of what one energy sees each
    term_coefficients: Annotated[np.ndarray, Array("term")] = field(default_factory=lambda: np.empty(0))

    def energies(
        self,
        columns: Sequence[np.ndarray],
        names: Sequence[str],
        box: tuple[np.ndarray, np.ndarray],
        factors: np.ndarray | None = None,
    ) -> list[Energy]:
        """The energies of these columns, which have ``names``, a centre and a half-width; see ``stacked``."""
        found, known, start = list[Energy](), parse_all(self.terms, names), 0
        for at, width, activation in zip(columns, self.widths, self.activations, strict=True):
            rows = slice(start, start := start + width)
            weights = np.ascontiguousarray(self.weights[rows, at])
            layer = HiddenLayer(weights, self.biases[rows], activation, box[0][at], box[1][at])
            mine = [k for k, term in enumerate(known) if mentions(term, at)]
            own = tuple(parse(self.terms[k], [names[i] for i in at]) for k in mine)
            every = np.empty((0, 2), np.int64) if factors is None or not len(factors) else factors[rows]
            polynomial = self.linear[at], self.quadratic[np.ix_(at, at)]
            found.append(Energy(layer, self.coefficients[rows], *polynomial, every, own, self.term_coefficients[mine]))
        return found

    def written(self, parts: Iterable[tuple[Energy, Sequence[str], float]]) -> str:
        """Energies, in these names and with constants, as one formula, or a sentence that there is none.

        It has so many digits as the reported error allows.
        """
        if neurons := sum(self.widths):
            return f"no formula: {neurons} neurons"
        error = self.known_error or 0.0
        digits = 12 if error < tuning.WRITTEN_IN_FULL else max(3, 2 - int(np.log10(error)))
        return " + ".join(formula(*part, digits) for part in parts).replace("+ -", "- ")

    def known(self, theta: np.ndarray, energies: Sequence[Energy]) -> dict[str, Any]:
        """What a kernel with this theta of these energies says of itself."""
        sizes = {"size": self.size, "parameters": theta.shape[-1], "trusted": trusted(*energies)}
        return {"chaotic": self.facts.chaotic, **sizes}

    def canonical_kernel(
        self, energies: Sequence[Energy], patches: Sequence[Patch], pairs: np.ndarray, separable: bool, ends: str = ""
    ) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field.

        The second energy is T then, all others are of q. ``patches`` are what they see, on a grid if it has ends.
        """
        dof, theta = pairs.shape[1], network_theta(*energies)
        known: dict[str, Any] = {"hamiltonian": True, **self.known(theta, energies)}
        every = tuple(range(len(energies)))

        def field_of(which: tuple[int, ...], to: Sequence[int], sign: Sequence[float]) -> Callable[..., Any]:
            seen = [Patch(tuple(k % len(to) for k in patch.fields), patch.offsets) for patch in patches]
            wired = (Wiring.gradient(law, to, sign, patch) for law, patch in zip(energies, seen, strict=True))
            return network_field(tuple(wired), which, len(to) if ends else 0, ends)

        if separable and np.array_equal(pairs.ravel(), np.arange(2 * dof)):
            force = field_of(tuple(k for k in every if k != 1), range(dof), (-1.0,) * dof)
            return Kernel("separable", (field_of((1,), range(dof), (1.0,) * dof), force), theta, **known)
        return Kernel("field", (field_of(every, *partners(pairs)),), theta, **known)


def stacked(energies: Sequence[Energy], columns: Sequence[np.ndarray]) -> dict[str, Any]:
    """Fields of a LawModel: energies of these columns each."""
    widths, size = [energy.width for energy in energies], sum(map(len, columns))
    starts = np.cumsum([0, *widths])
    weights, linear, quadratic = np.zeros((int(starts[-1]), size)), np.empty(size), np.zeros((size, size))
    for at, energy, start in zip(columns, energies, starts, strict=False):
        weights[start : start + energy.width, at] = energy.layer.weights
        linear[at], quadratic[np.ix_(at, at)] = energy.linear, energy.quadratic
    return {
        "weights": weights,
        "biases": np.concatenate([energy.layer.biases for energy in energies]),
        "coefficients": np.concatenate([energy.coefficients for energy in energies]),
        "linear": linear,
        "quadratic": quadratic,
        "widths": widths,
        "activations": [energy.layer.activation for energy in energies],
        "terms": [term.text for energy in energies for term in energy.terms],
        "term_coefficients": np.concatenate([energy.term_coefficients for energy in energies]),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyModel(LawModel):
    """H(y) = offset + a quadratic part + coefficients . sigma(weights z + biases), z = (y - centre) / half_width.

    A neuron may be multiplied by two components of y, its ``factors``. A separable H = V(q) + T(p) is the same sum: the
    first ``widths[0]`` neurons have no weights on p, the other ``widths[1]`` none on q.
    """

    weights: Annotated[np.ndarray, Array("feature", "component")]
    linear: Annotated[np.ndarray, Array("component")]
    quadratic: Annotated[np.ndarray, Array("component", "component")]  # symmetric
    centre: Annotated[np.ndarray, Array("component")]
    half_width: Annotated[np.ndarray, Array("component", above=0.0)]
    # the components of q and of p
    pairs: Annotated[np.ndarray, Array(2, "dof", dtype="int", below="component", permutation=True)]
    widths: Annotated[Sequence[int], Items("part", total="feature", least=1, most=2)]  # one, or of V and T
    offset: float
    # components that multiply a neuron, -1 for none; no rows: none for any neuron
    factors: Annotated[np.ndarray, Array("feature", 2, dtype="int", optional=True, low=-1, below="component")] = field(
        default_factory=lambda: np.empty((0, 2), np.int64)
    )

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
        return parse_all(self.terms, formula_names(self.states))

    @cached_property
    def _parts(self) -> list[tuple[np.ndarray, Energy]]:
        """Components and energy of every part: all, or q and p."""
        columns = [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(len(self.centre))]
        box = self.centre, self.half_width
        return list(zip(columns, self.energies(columns, formula_names(self.states), box, self.factors), strict=True))

    @property
    def formula(self) -> str:
        """H in the names of the states, or a sentence that there is no formula."""
        names, offsets = formula_names(self.states), (self.offset, 0.0)
        named = ((energy, [names[k] for k in part]) for part, energy in self._parts)
        return self.written((*each, offset) for each, offset in zip(named, offsets, strict=False))

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

    @abstractmethod
    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Right-hand side (point, component) at times (point,), states (point, component) and signals u."""

    @abstractmethod
    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""

    def step(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """States (..., component) a step later; ``dt`` is that of the training data unless given.

        Gauss collocation of order 16, to rounding errors: for a Hamiltonian the map is symplectic.
        """
        return self._stepped(y, dt, t)[0].reshape(np.shape(y))

    def step_jacobian(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """Jacobian of ``step`` (..., component, component)."""
        return self._stepped(y, dt, t)[1].reshape(*np.shape(y), self.size)

    def _stepped(self, y: np.ndarray, dt: float | None, t: float) -> tuple[np.ndarray, np.ndarray]:
        points, known = self._points(y), self.facts.dt if dt is None else dt
        if not known:
            raise ValueError("the model was not learned from snapshots, so it has no step of its own; give dt=")
        most = tuning.STEP_BLOCK
        parts = [points[k : k + most] for k in range(0, len(points), most)] or [points]
        ends, along = zip(*(self._stepped_block(part, float(known), t) for part in parts), strict=True)
        return np.concatenate(ends), np.concatenate(along)

    def _stepped_block(self, y: np.ndarray, dt: float, t: float) -> tuple[np.ndarray, np.ndarray]:
        finite = np.isfinite(y).all(axis=1)
        steepest = np.abs(self.jacobian(y[finite])).sum(axis=-1).max(initial=1e-300)
        needed = np.ceil(abs(dt) * float(steepest) / tuning.STEP_REACH / tuning.STEP_STAGES)
        count = min(tuning.STEP_MOST, max(1, int(needed)))
        h = np.full(len(y), dt / count)
        along = np.tile(np.eye(self.size), (len(y), 1, 1))
        for k in range(count):
            times = np.full(len(y), t + k * dt / count)
            span = spans(self, times, y, h, tuning.STEP_STAGES)
            y = np.where(span.good[:, None], span.end, np.nan)
            along = np.where(span.good[:, None, None], span.along @ along, np.nan)
        return y, along


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
    centre, half_width = np.empty(pairs.size), np.empty(pairs.size)
    for at, energy in zip(ready.parts, energies, strict=True):
        centre[at], half_width[at] = energy.layer.centre, energy.layer.half_width
    return {
        **stacked(energies, ready.parts),
        "states": samples.states,
        "facts": replace(samples.facts, separable=ready.separable, energy_units=units_of_energy(samples, pairs)),
        "low": y.min(axis=0),
        "high": y.max(axis=0),
        "centre": centre,
        "half_width": half_width,
        "pairs": pairs,
        "factors": energies[0].factors,  # none where H is separable
        "offset": 0.0,
    }


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


def _choices(fits: Sequence[EnergyFit]) -> dict[str, Any]:
    """What was chosen; of V and T where each has its own fit."""
    each = []
    for fit in fits:
        said = {"width": fit.neurons.last}
        said |= {name: getattr(fit.neurons, name) for name in ("activation", "scale", "sampler")}
        said |= {name: getattr(fit.solution, name) for name in ("rows", "rank", "condition")}
        known = {"residual": "residual", "gcv_error": "gcv", "regularisation": "regularisation"}
        each.append(said | {name: float(getattr(fit.solution, own)[0]) for name, own in known.items()})
    if len(fits) == 1:
        return {**each[0], "chosen": fits[0].chosen}
    both = {key: dict(zip(("V", "T"), (one[key] for one in each), strict=True)) for key in each[0]}
    return {**both, "chosen": f"V: {fits[0].chosen}; T: {fits[1].chosen}"}


def _accuracy(fits: Sequence[EnergyFit], ids: np.ndarray, tendencies: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """How wrong the energy is on fresh states, of V and T together, and the noise found."""
    known = [fit.judgement for fit in fits if fit.judgement is not None]
    if not known:
        return {}
    shares = np.array([fit.size for fit in fits]) / (sum(fit.size for fit in fits) or 1.0)

    def together(values: Sequence[float]) -> float:
        return float(np.sqrt(shares @ np.square(values)))

    low, high = (together([one.interval[k] for one in known]) for k in (0, 1))
    every = {k: max(one.by_trajectory[k] for one in known) for k in known[0].by_trajectory}
    noise = {
        f"tendency_of_{name}": float(sigma / unit)
        for one, own in zip(known, tendencies, strict=False)
        for (name, unit), sigma in zip(own.items(), one.noise, strict=True)
        if sigma
    }
    judgement = Judgement(together([one.error for one in known]), (low, high), np.empty(0), every)
    return Verdict(judgement, 0, {}, np.array(list(noise.values()))).said(list(noise), ids)


def law_report(
    fits: Sequence[EnergyFit],
    learned: Learned | str,
    names: Sequence[str],
    ids: np.ndarray,
    tendencies: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Keys of the contract, of V and T together where each has its own fit, and by which route they were found.

    Parameters
    ----------
    fits : sequence of EnergyFit
    learned : Learned or str
        From snapshots or slopes; or in a few words where the rows come from.
    names, ids
        Of states or components, and of trajectories.
    tendencies : sequence of mapping of str to float
        Of every fit the names of the states whose derivatives its rows are, and the unit of these rows.
    """
    known = Learned(fits[0], learned) if isinstance(learned, str) else learned
    first = _accuracy(fits, ids, tendencies) if known.verdict is None else known.verdict.said(names, ids)
    gap = {} if known.gap is None else {"gap": known.gap}
    return {**first, **_choices(fits), "learned_from": known.route, **gap}


def full_report(
    ready: CanonicalSamples, fits: Sequence[EnergyFit], said: Sequence[str], learned: Learned | str
) -> dict[str, Any]:
    """Keys of the contract, by which route the energy was found, how well, and what was declared."""
    names, to = formula_names(ready.samples.states), partners(ready.pairs)[0]
    parts = ready.parts if len(fits) > 1 else [np.arange(ready.pairs.size)]
    report = law_report(fits, learned, names, ready.samples.ids, [{names[to[k]]: 1.0 for k in part} for part in parts])
    declared = {"declared": ", ".join(said)} if said else {}
    return {**report, "separable": ready.separable, **ready.notes, **declared}
