"""One fit of an energy to equations between its gradients: the columns, and the linear problem, in bounded memory.

Columns are polynomials, known terms, and neurons that obey what is declared. Rows are gradients with respect to
z = (x - centre) / half_width, so that every row is an energy whatever the units of x: the rows of the first component
come first. Equations between gradients are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.least_squares import LeastSquares, LinearSolution, Regularisation
from dynsamp.networks.network import Energy, HiddenLayer, blocks
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.normal_equations import GradientGram, GramLeastSquares
from dynsamp.networks.sampling import NearPairs, sample_layer
from dynsamp.networks.structure import Structure
from dynsamp.networks.terms import Term
from dynsamp.streams import generator

# linear and quadratic forms in z: (form, component), (form, component, component)
Forms = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class EnergyBasis:
    """Functions of which an energy is a combination: polynomials, known terms, then symmetrised neurons."""

    structure: Structure
    layer: HiddenLayer  # before symmetrisation, one row of weights a column
    factors: np.ndarray  # (feature, 2), see Energy; or no rows
    forms: Forms  # of the polynomial part
    others: int = 0  # unknowns of the data that are no part of the energy; their columns come first

    @classmethod
    def of(cls, structure: Structure, layer: HiddenLayer, others: int = 0) -> EnergyBasis:
        """Every neuron of ``layer`` (on all components), times every factor of the structure."""
        kinds = structure.factors
        forms = structure.quadratics(layer.half_width)
        if len(kinds) == 1:
            return cls(structure, layer, np.empty((0, 2), np.int64), forms, others)
        weights, biases = np.tile(layer.weights, (len(kinds), 1)), np.tile(layer.biases, len(kinds))
        factors = np.repeat(np.array(kinds, np.int64), layer.width, axis=0)
        return cls(structure, replace(layer, weights=weights, biases=biases), factors, forms, others)

    @cached_property
    def free(self) -> int:
        """Number of columns that are not neurons: other unknowns, polynomials, known terms."""
        return self.others + len(self.forms[0]) + len(self.structure.terms)

    @cached_property
    def columns(self) -> int:
        """Number of columns."""
        return self.free + len(self.layer.biases)

    @cached_property
    def images(self) -> list[tuple[HiddenLayer, np.ndarray, np.ndarray]]:
        """Layer, factors and signs (feature,) of the neurons at x -> S x, for every S of the group."""
        half, centre = self.layer.half_width, self.layer.centre
        found = []
        for element in self.structure.group:
            weights = self.layer.weights @ (element * half / half[:, None])
            biases = self.layer.biases + (self.layer.weights / half) @ (element @ centre - centre)
            layer = replace(self.layer, weights=np.ascontiguousarray(weights), biases=biases)
            factors, signs = self.factors, np.ones(len(biases))
            if len(factors):
                # component i of S x is +-x[to[i]], as Structure has checked
                to, sign = np.argmax(np.abs(element), axis=1), element.sum(axis=1)
                one, other = factors.T
                signs = np.where(one >= 0, sign[one] * sign[other], 1.0)
                factors = np.sort(np.where(factors >= 0, to[factors], -1), axis=1)
            found.append((layer, factors, signs))
        return found

    @property
    def simple(self) -> bool:
        """Whether a column is one neuron, without images or factors."""
        return len(self.images) == 1 and not len(self.factors)

    def fill_others(self, data: Gradients, columns: np.ndarray, target: np.ndarray) -> None:
        """Write everything but neurons (free, equation * row), and the target (equation * row,)."""
        half, energies = self.layer.half_width, data.maps is None
        scale = half[:, None] if energies else 1.0
        shape = data.target.shape[::-1]
        forms, first = len(self.forms[0]), self.others
        for row, other in zip(columns[:first], data.others, strict=True):
            np.multiply(other.T, scale, out=row.reshape(shape))
        self._fill_polynomials(data, columns[first : first + forms])
        for row, term in zip(columns[first + forms :], self.structure.terms, strict=True):
            np.multiply(data.push(_gradients(term, data)).T, scale, out=row.reshape(shape))
        np.multiply(data.target.T, scale, out=target.reshape(shape))

    def _fill_polynomials(self, data: Gradients, columns: np.ndarray) -> None:
        """Gradients of the polynomial part."""
        half = self.layer.half_width
        linear, quadratic = self.forms
        if not len(columns):
            return
        if data.maps is None:
            mean = np.tensordot(data.weights, (data.nodes - self.layer.centre) / half, 1)
            polynomial = (quadratic @ mean.T) + data.weights.sum() * linear[..., None]
            columns[:] = polynomial.reshape(columns.shape)
            return
        columns[:] = 0.0
        total = columns.reshape(len(columns), data.target.shape[1], -1)
        for node, maps in zip(data.nodes, data.maps, strict=True):
            slopes = (quadratic @ ((node - self.layer.centre) / half).T + linear[..., None]) / half[:, None]
            total += np.einsum("rec,fcr->fer", maps, slopes, optimize=True)

    def fill(self, data: Gradients, out: np.ndarray) -> None:
        """Write all columns and the target, last, into ``out`` (column + 1, equation * row)."""
        self.fill_others(data, out[: self.free], out[-1])
        neurons = out[self.free : -1]
        if data.maps is None:
            self._fill_means(data, neurons)
        else:
            self._fill_mapped(data, data.maps, neurons)

    def _fill_means(self, data: Gradients, neurons: np.ndarray) -> None:
        """Weighted means of the gradients of neurons over the nodes."""
        target = neurons  # of the first image; the others are added to it
        for node, weight in zip(data.nodes, data.weights, strict=True):
            for image, factors, signs in self.images:
                self._fill_image(image, factors, node, target)
                share = weight / len(self.images)
                if len(factors):
                    target *= (share * signs)[:, None]
                elif share != 1.0:
                    target *= share
                if target is not neurons:
                    neurons += target
                elif len(data.nodes) * len(self.images) > 1:
                    target = np.empty_like(neurons)

    def _fill_mapped(self, data: Gradients, maps: np.ndarray, neurons: np.ndarray) -> None:
        """Linear equations between the gradients of neurons at the nodes, in blocks that stay in cache."""
        neurons[:] = 0.0
        count, equations, size = len(data.target), data.target.shape[1], self.structure.size
        total = neurons.reshape(len(neurons), equations, count)
        half = self.layer.half_width
        for node, own in zip(data.nodes, maps / half, strict=True):
            for image, factors, signs in self.images:
                for rows in blocks(count, len(neurons) * equations):
                    x, part = node[rows], own[rows]
                    if not len(factors):  # the gradient of a neuron is its slope times its weights
                        slope = np.empty((len(neurons), len(x)))
                        image.fill_values(x, slope, 1)
                        slope /= len(self.images)
                        turned = np.ascontiguousarray(part.transpose(2, 1, 0)).reshape(size, -1)
                        along = (image.weights @ turned).reshape(len(neurons), equations, len(x))
                        along *= slope[:, None, :]
                        total[:, :, rows] += along
                        continue
                    gradient = np.empty((len(neurons), size * len(x)))
                    self._fill_image(image, factors, x, gradient)
                    gradient *= (signs / len(self.images))[:, None]
                    parts = gradient.reshape(len(neurons), size, len(x))
                    total[:, :, rows] += np.einsum("rec,fcr->fer", part, parts, optimize=True)

    def _fill_image(self, layer: HiddenLayer, factors: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
        """Gradients of one image of the neurons."""
        if not len(layer.biases):
            return
        layer.fill_gradients(x, out)
        if not len(factors):
            return
        half, count = layer.half_width, len(x)
        parts = out.reshape(len(out), -1, count)
        with_factor = np.flatnonzero(factors[:, 0] >= 0)
        values = np.empty((len(with_factor), count))
        layer.taken(with_factor).fill_values(x, values)
        for neuron, value in zip(with_factor, values, strict=True):
            i, j = factors[neuron]
            parts[neuron] *= x[:, i] * x[:, j]
            parts[neuron, i] += value * x[:, j] * half[i]
            parts[neuron, j] += value * x[:, i] * half[j]

    def energy(self, coefficients: np.ndarray) -> Energy:
        """The combination with these coefficients (column,), as ordinary neurons."""
        half = self.layer.half_width
        coefficients = coefficients[self.others :]
        forms, free = len(self.forms[0]), self.free - self.others
        linear, quadratic = (np.tensordot(coefficients[:forms], form, 1) for form in self.forms)
        weights = coefficients[free:] / len(self.images)
        layers, factors, signs = zip(*self.images, strict=True)
        weights_of_all = np.ascontiguousarray(np.concatenate([image.weights for image in layers]))
        layer = replace(self.layer, weights=weights_of_all, biases=np.concatenate([image.biases for image in layers]))
        every = np.concatenate([sign * weights for sign in signs])
        return Energy(
            layer, every, linear / half, quadratic / np.outer(half, half), np.concatenate(factors),
            self.structure.terms, coefficients[forms:free].copy(),
        )  # fmt: skip


def _gradients(term: Term, data: Gradients) -> Iterator[np.ndarray]:
    """Gradient of a term at each node (row, component)."""
    for node in data.nodes:
        gradient = term.gradient(node)
        finite = np.isfinite(term.value(node)) & np.all(np.isfinite(gradient), axis=1)
        if not np.all(finite):
            at = node[np.argmin(finite)].tolist()
            raise ValueError(f"term {term.text!r} is not finite at the point {at}; correct it, or the data")
        yield gradient


@dataclass(frozen=True)
class Trained:
    """The combination of a basis that fits best."""

    basis: EnergyBasis
    energy: Energy
    solution: LinearSolution
    held: float = 0.0  # relative error on rows that were not fitted, where there are some

    @property
    def error(self) -> float:
        """Relative error by cross validation, and where it was not fitted."""
        # flat slopes want huge coefficients that cancel: their rounding errors count like a residual
        rounding = np.finfo(float).eps * np.linalg.norm(self.energy.coefficients) / max(self.solution.rms[0], 1e-300)
        return float(max(np.hypot(self.solution.gcv[0], rounding), self.held))


def solve_energy(
    basis: EnergyBasis,
    data: Gradients,
    regularisation: Regularisation,
    memory: int | None = None,
    cutoff: float | None = None,
) -> Trained:
    """Fit an energy with given neurons to all rows of ``data``; ``memory`` bounds the matrix in bytes.

    Blocks of rows are a function of the number of columns alone: in little memory the fit has the same bits.
    """
    count, equations = data.target.shape
    chunk = min(count, -(-max(basis.columns, tuning.QR_ROWS) // equations))
    needed = 8 * (basis.columns + 1) * (chunk * equations + 3 * (basis.columns + 1))
    if memory is not None and needed > memory:
        raise ValueError(
            f"a fit with {basis.columns} unknowns needs {needed / 1e6:.3g} MB at its peak, but memory allows"
            f" {memory / 1e6:.3g} MB; allow more, or fit fewer neurons"
        )
    problem = LeastSquares(basis.columns, 1, chunk * equations, unpenalised=basis.free)
    for part in _parts(data, chunk):
        basis.fill(part, problem.block(part.target.size))
    solution = problem.solve(regularisation) if cutoff is None else problem.solve(cutoff=cutoff)
    return Trained(basis, basis.energy(solution.coefficients[:, 0]), solution)


def solve_gram(basis: EnergyBasis, data: Gradients, regularisation: Regularisation) -> Trained:
    """The same through the normal equations: less than half the work, in little memory, to seven digits at most."""
    equations = data.target.shape[1]
    problem: GradientGram | GramLeastSquares
    if basis.simple and data.plain:
        problem = GradientGram(basis.layer, basis.free)
        for part in _parts(data, tuning.SLOPE_POINTS):
            others = np.empty((basis.free + 1, part.target.size))
            basis.fill_others(part, others[:-1], others[-1])
            problem.add(part.nodes[0], others)
    else:
        points = max(1, tuning.PRODUCT_ROWS // equations)
        problem = GramLeastSquares(basis.columns, 1, points * equations, basis.free)
        for part in _parts(data, points):
            basis.fill(part, problem.block(part.target.size))
    solution = problem.solve(regularisation)
    return Trained(basis, basis.energy(solution.coefficients[:, 0]), solution)


def _parts(data: Gradients, points: int) -> Iterator[Gradients]:
    count = len(data.target)
    for start in range(0, count, points):
        yield data if points >= count else data.take(np.arange(start, min(start + points, count)))


@dataclass(frozen=True)
class EnergyProblem:
    """Gradient data in the order in which their rows are used, and everything that all fits to them share."""

    data: Gradients
    structure: Structure
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)
    options: FitOptions
    _pairs: dict[tuple[int, ...], NearPairs] = field(default_factory=dict)
    _first_rows: dict[int, Gradients] = field(default_factory=dict)  # those of the last fit
    work: list[float] = field(default_factory=list)  # rows times columns squared of every fit

    @property
    def equations(self) -> int:
        """Number of scalar equations."""
        return int(self.data.target.size)

    @cached_property
    def polynomial(self) -> EnergyBasis:
        """What is not neurons."""
        weights, biases = np.empty((0, self.structure.size)), np.empty(0)
        none = HiddenLayer(weights, biases, tuning.SMOOTH[0], self.centre, self.half_width)
        return EnergyBasis.of(self.structure, none, len(self.data.others))

    @cached_property
    def free(self) -> int:
        """Number of columns that are not neurons."""
        return self.polynomial.free

    @cached_property
    def periodic(self) -> np.ndarray:
        """Components that are periodic."""
        return np.flatnonzero(self.structure.periodic)

    def basis(self, neurons: Neurons) -> EnergyBasis:
        """Sample as many columns of neurons as their width says, at least."""
        factors, parts = len(self.structure.factors), self.structure.blocks
        if factors > 1 or len(parts) > 1:
            each = -(-neurons.last // factors)
            neurons = replace(neurons, width=-(-each // len(parts)))
        layers = [self._sampled(neurons, np.array(q), k) for k, q in enumerate(parts)]
        weights = np.concatenate([layer.weights for layer in layers])
        biases = np.concatenate([layer.biases for layer in layers])
        periodic = self.periodic
        if len(periodic):  # whole wave numbers along these components
            unit = 2.0 * np.pi * self.half_width[periodic] / self.structure.periods[periodic]
            weights[:, periodic] = np.round(weights[:, periodic] / unit) * unit
        layer = HiddenLayer(weights, biases, layers[0].activation, self.centre, self.half_width)
        if factors == 1:
            return replace(self.polynomial, layer=layer)
        return EnergyBasis.of(self.structure, layer, len(self.data.others))

    def _sampled(self, neurons: Neurons, q: np.ndarray, block: int) -> HiddenLayer:
        """Neurons that depend on the components ``q``, their weights on all."""
        points, target, near = self.data.nodes.reshape(-1, self.structure.size)[: tuning.SAMPLED_FROM], None, None
        if neurons.sampler in ("swim", "adaptive", "near", "gradient"):
            # values of E are not known: its gradient says where it changes, or a first fit
            points = self._middles
            target = self._first if neurons.sampler == "adaptive" else self._slopes[:, q]
            near = self._near(tuple(q.tolist())) if neurons.sampler in ("near", "gradient") else None
        x, rng = np.ascontiguousarray(points[:, q]), generator(self.options.seed, "weights", self.options.key, block)
        box = {"centre": self.centre[q], "half_width": self.half_width[q]}
        layer = sample_layer(x, neurons, rng=rng, target=target, near=near, **box)
        weights = np.zeros((len(layer.biases), self.structure.size))
        weights[:, q] = layer.weights
        return replace(layer, weights=weights)

    @cached_property
    def _first(self) -> np.ndarray:
        """Values of a first fit, from which "adaptive" takes its density."""
        width = max(1, min(tuning.DENSITY_WIDTH, self.equations // tuning.ROWS_A_COLUMN))
        first = self.fit(self.basis(Neurons(width, "tanh", tuning.DENSITY_SLOPE, "uniform")))
        return first.energy.value(self._middles)

    @cached_property
    def _middles(self) -> np.ndarray:
        """Points (row, component) to which the rows belong."""
        return self.data.middles[: tuning.SAMPLED_FROM]

    @cached_property
    def _slopes(self) -> np.ndarray:
        """About the gradient there, by standardised components."""
        return np.asarray(self.data.slopes * self.half_width)[: tuning.SAMPLED_FROM]

    def _near(self, components: tuple[int, ...]) -> NearPairs:
        """Neighbours in these components, found once."""
        if components not in self._pairs:
            z, q = (self._middles - self.centre) / self.half_width, np.array(components)
            self._pairs[components] = NearPairs.of(z[:, q], self._slopes[:, q], euclidean=True)
        return self._pairs[components]

    def trial(self, basis: EnergyBasis, least: int = 0, *, gram: bool = False) -> Trained:
        """``fit`` without a ridge, which only the last fit and noisy data need, where rows are many."""
        rows = min(self.equations, max(tuning.ROWS_A_COLUMN * basis.columns, least))
        return self.fit(basis, least, gram=gram, ridge=0.0 if rows >= 2 * basis.columns else None)

    def fit(self, basis: EnergyBasis, least: int = 0, *, gram: bool = False, ridge: float | None = None) -> Trained:
        """Fit to four equations an unknown or at least ``least``.

        ``gram`` solves through the normal equations, which is enough where the error is large. ``ridge`` is used where
        the caller did not say.
        """
        wanted = -(-max(tuning.ROWS_A_COLUMN * basis.columns, least, tuning.FEWEST_ROWS) // self.data.target.shape[1])
        part = self.data
        if self.options.rows is None and wanted < len(self.data.target):
            if wanted not in self._first_rows:
                self._first_rows.clear()
                self._first_rows[wanted] = self.data.take(np.arange(wanted))
            part = self._first_rows[wanted]
        self.work.append(float(part.target.size) * (basis.columns + 1) ** 2)
        way: Regularisation = self.options.regularisation
        if way is None:
            way = "auto" if ridge is None else ridge
        return solve_gram(basis, part, way or None) if gram else solve_energy(basis, part, way, self.options.memory)
