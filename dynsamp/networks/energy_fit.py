"""Learning a scalar function from its gradient: what is left open is chosen by cross validation, then fitted.

The search asks, in this order: does a polynomial do; do the declared facts leave a Fourier series; which activation,
slope and width; does the target change along few directions only; is it noise that limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.networks.energy import Energy, Gradients
from dynsamp.networks.energy_basis import EnergyBasis
from dynsamp.networks.energy_problem import ROWS_A_COLUMN, EnergyProblem, Trained
from dynsamp.networks.features import HiddenLayer
from dynsamp.networks.least_squares import NOISE, Solution
from dynsamp.networks.pursuit import pursue, series_basis
from dynsamp.networks.sampling import generator
from dynsamp.networks.selection import FLOOR, HARD, MARGIN, Trial, choose, ladder
from dynsamp.networks.structure import Structure

__all__ = ["EnergyFit", "fit_energy"]

MANY_ROWS = 20_000  # for choosing among noisy fits
MOST_ROWS = 400_000  # of a noisy fit
FLOPS = 5e10  # of the last fit where data are noisy or the target is hard: more rows help, for a few seconds
NOISY = 1e-4  # relative error from which noise is considered
SEARCHED, MOST_COLUMNS = 2000, 1600  # points and columns of a Fourier series
SMOOTH = ("tanh", "sin", "gauss")  # activations that compete


@dataclass(frozen=True)
class EnergyFit:
    """A fitted energy and how it was chosen."""

    energy: Energy
    solution: Solution
    activation: str
    scale: float
    sampler: str
    width: int  # columns of neurons
    chosen: str  # one sentence


def fit_energy(
    data: Gradients,
    *,
    structure: Structure | None = None,
    width: int | None = None,
    activation: str | None = None,
    scale: float | None = None,
    sampler: str | None = None,
    regularisation: float | None = None,
    tolerance: float | None = None,
    rows: int | None = None,
    seed: int = 0,
    key: int = 0,
    memory: int | None = None,
) -> EnergyFit:
    """Choose what is None by cross validation, then fit.

    Parameters
    ----------
    data : Gradients
    structure : Structure, optional
        What is declared about the function; by default nothing, and a polynomial part of degree two.
    width, activation, scale, sampler, regularisation, tolerance
        See HamiltonianNetwork.
    rows : int, optional
        Rows of ``data`` to use; by default a random subset of four equations an unknown, and all where data are noisy.
    seed, key : int
        The draws are a function of both.
    memory : int, optional
        Bound on the peak, in bytes.
    """
    count, components = data.target.shape
    structure = structure or Structure(components, polynomial=2 if components <= QUADRATIC_UP_TO else 1)
    points = data.nodes.reshape(-1, components)
    centre, half_width = structure.standardisation(points.min(axis=0), points.max(axis=0))
    # a random order in which the rim of the data comes early: Chebyshev's density of points, product of
    # (1 - z^2)^(-1/2), is near optimal for smooth targets (Cohen and Migliorati 2017) and keeps errors small there
    z = (data.nodes.mean(axis=0) - centre) / half_width
    late = 0.5 * np.sum(np.log(np.maximum(1.0 - z[:, ~structure.periodic] ** 2, 1e-3)), axis=1)
    order = np.argsort(late - generator(seed, key, 0).gumbel(size=count), kind="stable")
    data = data.take(order[: min(count, rows or MOST_ROWS // components)])
    problem = EnergyProblem(
        data, structure, centre, half_width, regularisation, rows is not None, seed, key, memory
    )  # fmt: skip
    return _Search(problem, width, activation, scale, sampler, tolerance or FLOOR).run()


QUADRATIC_UP_TO = 12  # components; beyond, the quadratic part would dominate the cost


@dataclass
class _Search:
    """The questions, and the number of fits that answered them."""

    problem: EnergyProblem
    width: int | None
    activation: str | None
    scale: float | None
    sampler: str | None
    goal: float
    tried: int = 0

    def run(self) -> EnergyFit:
        problem = self.problem
        plain = problem.fit(self._polynomial())
        few_rows = problem.equations <= 2 * (problem.free + 1)
        if self.width == 0 or (self.width is None and (plain[0] <= self.goal or few_rows)):
            why = "too few points for more" if few_rows else "it fits to the goal"
            why = "as asked for" if self.width == 0 else why
            return self._quadratic(plain[1], why)
        if problem.structure.fourier:
            return self._series()
        best = self._choose(self._widths(), 0, self.sampler)
        way, structured = self.sampler, False
        free = self.width is None
        if best.error > max(HARD, self.goal) and free and way is None:
            best, way, structured = self._along_directions(best)
        if best.error > max(NOISY, self.goal) and free and not structured:
            best, way, answer = self._noisy(best, way)
            if answer is not None:
                return answer
        final: Trained = best.fit
        affordable = min(problem.equations, int(FLOPS / (2 * (best.width + problem.free) ** 2)))
        if best.error > max(NOISE, self.goal) and final[1].rows < affordable:
            basis = problem.basis(best.activation, best.scale, best.width, way)
            _, final = problem.fit(basis, affordable)
        chosen = (
            f"{best.activation} of slope {best.scale:.3g}, {best.width} neurons: {self.tried} fits compared by"
            f" generalised cross validation, error {best.error:.1e}"
        )
        way = way or ("elm" if best.activation == "sin" else "uniform")
        return EnergyFit(*final, best.activation, best.scale, way, best.width, chosen)

    @property
    def _names(self) -> tuple[str, ...]:
        if np.any(self.problem.structure.periodic):
            return ("sin",)
        return SMOOTH if self.activation is None else (self.activation,)

    def _widths(self) -> list[int]:
        problem = self.problem
        largest = 1600 if problem.memory is None else int(min(1600, np.sqrt(problem.memory / 100)))
        return ladder(self.width, problem.equations - 2 * problem.free, min(largest, 800))

    def _polynomial(self) -> EnergyBasis:
        problem = self.problem
        empty = HiddenLayer(
            np.empty((0, problem.structure.size)), np.empty(0), self._names[0], problem.centre, problem.half_width
        )
        return EnergyBasis(problem.structure, empty, np.empty((0, 2), np.int64))

    def _quadratic(self, fit: Trained, why: str) -> EnergyFit:
        sampler = self.sampler or "uniform"
        return EnergyFit(*fit, self._names[0], 1.0, sampler, 0, f"the polynomial part alone: {why}")

    def _choose(self, widths: list[int], least: int, way: str | None, **knobs: Any) -> Trial:
        def assess(name: str, slope: float, width: int) -> tuple[float, Trained]:
            rows = max(least, knobs.get("rows", 0) * width)
            return self.problem.fit(self.problem.basis(name, slope, width, way), rows)

        names, scale = knobs.get("names", self._names), knobs.get("scale", self.scale)
        best, trials = choose(
            assess, widths, activations=names, scale=scale, grow=self.width is None or len(widths) == 1, goal=self.goal
        )
        self.tried += len(trials)
        return best

    def _along_directions(self, best: Trial) -> tuple[Trial, str | None, bool]:
        """Neurons along gradient differences: a target may oscillate along few directions only."""
        problem, widths = self.problem, self._widths()
        if len(problem.data.target) <= 2 * widths[0]:
            return best, None, False
        other = self._choose(widths, 0, "gradient", rows=2 * ROWS_A_COLUMN)
        structured = other.error < 0.7 * best.error  # noise has no directions
        way = None
        if other.error < best.error * MARGIN:
            best, way = other, "gradient"
        if structured and best.error > HARD:  # resolved slowly: more neurons and rows
            largest = 1600 if problem.memory is None else int(min(1600, np.sqrt(problem.memory / 100)))
            wider = [w for w in (800, 1600) if best.width < w <= largest and 4 * w < problem.equations]
            if wider:
                other = self._choose(wider, MANY_ROWS, way, names=(best.activation,), scale=best.scale)
                best = min(best, other, key=lambda trial: trial.error)
        return best, way, structured

    def _noisy(self, best: Trial, way: str | None) -> tuple[Trial, str | None, EnergyFit | None]:
        """Noise, or a target that is not resolved: many rows and ridge regression show which."""
        problem, widths = self.problem, self._widths()
        few = [w for w in (25, 50, 100, 200, 400) if w <= widths[-1]] or widths
        other = self._choose(few, MANY_ROWS, self.sampler)
        if other.error < best.error * MARGIN:
            best, way = other, self.sampler
        if problem.fit(self._polynomial(), MANY_ROWS)[0] <= best.error * MARGIN:
            _, final = problem.fit(self._polynomial(), problem.equations)
            return best, way, self._quadratic(final, "neurons did not lower the error")
        return best, way, None

    def _series(self) -> EnergyFit:
        """A Fourier series in the periodic coordinates."""
        problem = self.problem
        structure = problem.structure

        def basis(columns: np.ndarray) -> EnergyBasis:
            return series_basis(structure, problem.centre, problem.half_width, columns)

        found: dict[int, tuple[float, Trained]] = {}
        most = max(1, min(self.width or MOST_COLUMNS, problem.equations // 2))
        searched = problem.data.take(np.arange(min(len(problem.data.target), SEARCHED)))

        def assess(columns: np.ndarray) -> tuple[float, np.ndarray]:
            error, fit = found[len(columns)] = problem.fit(basis(columns), searched.target.size)
            gradients = np.tensordot(searched.weights, [fit[0].gradient(node) for node in searched.nodes], 1)
            return error, ((searched.target - gradients) * problem.half_width).T

        columns, turns = pursue(structure, problem.half_width, searched, assess, most=most, goal=self.goal)
        error, final = found[len(columns)]
        if error > max(NOISE, self.goal):
            affordable = min(problem.equations, int(FLOPS / (2 * (len(columns) + 1) ** 2)))
            _, final = problem.fit(basis(columns), affordable)
        chosen = f"a Fourier series of {len(columns)} terms, {turns} turns of matching pursuit, error {error:.1e}"
        return EnergyFit(*final, "sin", 1.0, "elm", len(columns), chosen)
