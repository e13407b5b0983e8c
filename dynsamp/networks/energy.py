"""Learning a scalar potential from its gradient: the linear problem behind Hamiltonian models.

    E(x) = linear . d + d' quadratic d / 2 + coefficients . sigma(weights z + biases)

with d = x - centre and z = d / half_width.

The quadratic part is exact for harmonic systems and for kinetic energies, costs a few columns, and is what noisy data
are shrunk to. Rows are gradients with respect to z, so that every row is an energy, whatever the units of x. The
gradient may be a weighted mean over several nodes of a row: that makes Newton-Cotes collocation of snapshots linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dynsamp.networks.features import HiddenLayer, activate, blocks
from dynsamp.networks.least_squares import NOISE, LeastSquares, Solution
from dynsamp.networks.sampling import generator, sample_layer, standardisation
from dynsamp.networks.selection import FLOOR, HARD, MARGIN, choose, ladder

__all__ = ["Energy", "EnergyFit", "Gradients", "fit_energy"]

QUADRATIC_UP_TO = 12  # components; beyond, the quadratic part would dominate the cost
ROWS_A_COLUMN = 4  # of a noise-free problem; more rows gain less than a factor of 3 in error
MANY_ROWS = 20_000  # for choosing among noisy fits
MOST_ROWS = 400_000  # of a noisy fit
FLOPS = 5e10  # of the last fit where data are noisy or the target is hard: more rows help, for a few seconds
NOISY = 1e-4  # relative error from which noise is considered


@dataclass(frozen=True)
class Gradients:
    """What is known of the gradient: sum_j weights[j] grad E(nodes[j]) = target, row by row."""

    nodes: np.ndarray  # (node, row, component)
    weights: np.ndarray  # (node,)
    target: np.ndarray  # (row, component)

    def take(self, rows: np.ndarray) -> Gradients:
        """Only these rows."""
        return Gradients(np.ascontiguousarray(self.nodes[:, rows]), self.weights, self.target[rows])


@dataclass(frozen=True)
class Energy:
    """A scalar function of x and its derivatives; arrays of points are (point, component)."""

    layer: HiddenLayer
    coefficients: np.ndarray  # (feature,)
    linear: np.ndarray  # (component,), per unit of x
    quadratic: np.ndarray  # (component, component), symmetric, per unit of x squared

    def value(self, x: np.ndarray) -> np.ndarray:
        """E (point,); zero of the polynomial part at the centre."""
        d = x - self.layer.centre
        result: np.ndarray = d @ self.linear + 0.5 * np.einsum("ni,ij,nj->n", d, self.quadratic, d)
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            result[rows] += self.coefficients @ activate(self.layer.activation, z, out=z)
        return result

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient of E with respect to x (point, component)."""
        outer = self.coefficients[:, None] * self.layer.weights / self.layer.half_width
        result: np.ndarray = self.linear + (x - self.layer.centre) @ self.quadratic
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            result[rows] += activate(self.layer.activation, z, 1, out=z).T @ outer
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian of E with respect to x (point, component, component)."""
        slopes = self.layer.weights / self.layer.half_width
        result = np.repeat(self.quadratic[None], len(x), axis=0)
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            curvature = activate(self.layer.activation, z, 2, out=z) * self.coefficients[:, None]
            for i, column in enumerate(slopes.T):
                result[rows, i] += curvature.T @ (column[:, None] * slopes)
        return result


@dataclass(frozen=True)
class EnergyFit:
    """A fitted energy and how it was chosen."""

    energy: Energy
    solution: Solution
    activation: str
    scale: float
    sampler: str
    chosen: str  # one sentence


def _monomials(components: int) -> list[tuple[int, int]]:
    if components > QUADRATIC_UP_TO:
        return []
    return [(i, j) for i in range(components) for j in range(i, components)]


def _fill(layer: HiddenLayer, data: Gradients, out: np.ndarray) -> None:
    """Columns linear, quadratic, features and target, (column, component * row), all with respect to z."""
    count, components = data.target.shape
    terms = _monomials(components)
    free = components + len(terms)
    out[:free] = 0.0
    for k in range(components):
        out[k, k * count : (k + 1) * count] = data.weights.sum()
    mean = np.tensordot(data.weights, (data.nodes - layer.centre) / layer.half_width, 1)
    for row, (i, j) in enumerate(terms, start=components):
        out[row, i * count : (i + 1) * count] += mean[:, j]
        out[row, j * count : (j + 1) * count] += mean[:, i]
    layer.fill_gradients(data.nodes[0], out[free:-1])
    if len(data.nodes) > 1:
        out[free:-1] *= data.weights[0]
        other = np.empty_like(out[free:-1])
        for node, weight in zip(data.nodes[1:], data.weights[1:], strict=True):
            layer.fill_gradients(node, other)
            other *= weight
            out[free:-1] += other
    out[-1] = (data.target * layer.half_width).T.ravel()


def solve_energy(
    layer: HiddenLayer,
    data: Gradients,
    regularisation: float | Literal["auto"] | None,
    memory: int | None = None,
) -> tuple[Energy, Solution]:
    """Fit the linear part of an energy with a given hidden layer to all rows of ``data``."""
    count, components = data.target.shape
    terms = _monomials(components)
    free = components + len(terms)
    columns = free + layer.width
    chunk = count
    if memory is not None:
        chunk = min(count, max(memory // (24 * (columns + 1)) // components, columns // components + 1))
    problem = LeastSquares(columns, 1, chunk * components, unpenalised=free)
    for start in range(0, count, chunk):
        part = data if chunk == count else data.take(np.arange(start, min(start + chunk, count)))
        _fill(layer, part, problem.block(len(part.target) * components))
    solution = problem.solve(regularisation)
    c = solution.coefficients[:, 0]
    quadratic = np.zeros((components, components))
    for value, (i, j) in zip(c[components:free], terms, strict=True):
        quadratic[i, j] += value
        quadratic[j, i] += value
    half = layer.half_width
    return Energy(layer, c[free:].copy(), c[:components] / half, quadratic / np.outer(half, half)), solution


def fit_energy(
    data: Gradients,
    *,
    width: int | None = None,
    activation: str | None = None,
    scale: float | None = None,
    sampler: str | None = None,
    regularisation: float | None = None,
    rows: int | None = None,
    seed: int = 0,
    key: int = 0,
    memory: int | None = None,
) -> EnergyFit:
    """Choose what is None by cross validation, then fit.

    Parameters
    ----------
    data : Gradients
    width, activation, scale, sampler, regularisation
        See HamiltonianNetwork.
    rows : int, optional
        Rows of ``data`` to use; by default a random subset of four equations an unknown, and all where data are noisy.
    seed, key : int
        The draws are a function of both.
    memory : int, optional
        Bound on the peak, in bytes.
    """
    count, components = data.target.shape
    centre, half_width = standardisation(data.nodes.reshape(-1, components))
    # a random order in which the rim of the data comes early: Chebyshev's density of points, product of
    # (1 - z^2)^(-1/2), is near optimal for smooth targets (Cohen and Migliorati 2017) and keeps errors small there
    z = (data.nodes.mean(axis=0) - centre) / half_width
    late = 0.5 * np.sum(np.log(np.maximum(1.0 - z**2, 1e-3)), axis=1)
    order = np.argsort(late - generator(seed, key, 0).gumbel(size=count), kind="stable")
    data = data.take(order[: min(count, rows or MOST_ROWS // components)])
    count = len(data.target)
    points = data.nodes.reshape(-1, components)
    points = points[:20_000]
    free = components + len(_monomials(components))

    def layer_of(name: str, slope: float, neurons: int, how: str | None) -> HiddenLayer:
        rng = generator(seed, key, 1)
        target, at = None, points
        if how in ("swim", "gradient"):  # no values of E are known: its gradient says where it changes
            target = (data.target * half_width)[: len(points)]
            at = data.nodes[:, : len(points)].mean(axis=0)
        return sample_layer(
            at, neurons, rng=rng, activation=name, scale=slope, sampler=how, target=target, centre=centre,
            half_width=half_width,
        )  # fmt: skip

    def fit(name: str, slope: float, neurons: int, least: int, how: str | None = sampler) -> tuple[float, Any]:
        wanted = -(-max(ROWS_A_COLUMN * (neurons + free), least) // components)
        part = data if rows is not None or wanted >= count else data.take(np.arange(wanted))
        way: float | Literal["auto"] = "auto" if regularisation is None else regularisation
        energy, solution = solve_energy(layer_of(name, slope, neurons, how), part, way, memory)
        # flat slopes want huge coefficients that cancel: their rounding errors count like a residual
        rounding = np.finfo(float).eps * np.linalg.norm(energy.coefficients) / max(solution.rms[0], 1e-300)
        return float(np.hypot(solution.gcv[0], rounding)), (energy, solution)

    def result(trial: tuple[Energy, Solution], name: str, slope: float, how: str | None, chosen: str) -> EnergyFit:
        return EnergyFit(trial[0], trial[1], name, slope, how or ("elm" if name == "sin" else "uniform"), chosen)

    largest = 1600 if memory is None else int(min(1600, np.sqrt(memory / 100)))
    names = ("tanh", "sin", "gauss") if activation is None else (activation,)
    widths = ladder(width, count * components - 2 * free, min(largest, 800))
    plain = fit("tanh", 1.0, 0, 0)  # the quadratic energy alone
    few_rows = count * components <= 2 * (free + 1)
    if width == 0 or (width is None and (plain[0] <= FLOOR or few_rows)):
        why = "as asked for" if width == 0 else "too few points for more" if few_rows else "it fits to rounding errors"
        return result(plain[1], "tanh", 1.0, sampler, f"the quadratic energy alone, {why}")
    free_width = width is None
    best, trials = choose(lambda a, s, w: fit(a, s, w, 0), widths, activations=names, scale=scale, grow=free_width)
    tried, way, structured = len(trials), sampler, False
    if best.error > HARD and free_width and sampler is None and count > 2 * widths[0]:
        # it may oscillate along few directions only
        other, more = choose(
            lambda a, s, w: fit(a, s, w, 2 * ROWS_A_COLUMN * w, "gradient"), widths, activations=names, scale=scale
        )
        tried += len(more)
        structured = other.error < 0.7 * best.error  # noise has no directions
        if other.error < best.error * MARGIN:
            best, way = other, "gradient"
        if structured and best.error > HARD:  # resolved slowly: more neurons and rows
            name, slope = (best.activation,), best.scale
            wider = [w for w in (800, 1600) if best.width < w <= largest and 4 * w < count * components]
            if wider:
                other, more = choose(lambda a, s, w: fit(a, s, w, MANY_ROWS, way), wider, activations=name, scale=slope)
                tried += len(more)
                best = min(best, other, key=lambda trial: trial.error)
    if best.error > NOISY and free_width and not structured:
        # noise, or a target that is not resolved: many rows and ridge regression show which
        few = [w for w in (25, 50, 100, 200, 400) if w <= widths[-1]] or widths
        other, more = choose(lambda a, s, w: fit(a, s, w, MANY_ROWS), few, activations=names, scale=scale)
        tried += len(more)
        if other.error < best.error * MARGIN:
            best, way = other, sampler
        if fit("tanh", 1.0, 0, MANY_ROWS)[0] <= best.error * MARGIN:
            _, final = fit("tanh", 1.0, 0, count * components)
            return result(final, "tanh", 1.0, sampler, "the quadratic energy alone: neurons did not lower the error")
    final = best.fit
    affordable = min(count * components, int(FLOPS / (2 * (best.width + free) ** 2)))
    if best.error > NOISE and final[1].rows < affordable:
        _, final = fit(best.activation, best.scale, best.width, affordable, way)
    chosen = (
        f"{best.activation} of slope {best.scale:.3g}, {best.width} neurons: {tried} fits compared by generalised"
        f" cross validation, error {best.error:.1e}"
    )
    return result(final, best.activation, best.scale, way, chosen)
