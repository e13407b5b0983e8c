"""The search behind an energy: what was left open is chosen by cross validation.

It asks, in this order: does a polynomial do; do the declared facts leave a Fourier series; which activation and slope;
does the target change along few directions only; which width; is it noise that limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks.energy_basis import EnergyBasis
from dynsamp.networks.energy_problem import EnergyProblem, Trained
from dynsamp.networks.least_squares import NOISE, Solution
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.neurons import Activation, Neurons, Sampler
from dynsamp.networks.pursuit import pursue, series_basis
from dynsamp.networks.selection import FLOOR, HARD, MARGIN, SMOOTH, Climb, Trial, choose, ladder

__all__ = ["EnergyFit", "EnergySearch"]

MANY_ROWS = 20_000  # for choosing among noisy fits
FLOPS = 5e10  # of the last fit where data are noisy: more rows help, for a few seconds
CLOSE = 0.1  # of the standard error of a noise level: errors of fits to the same data differ less than that
NOISY = 1e-4  # relative error from which noise is considered
WIDEST = 800  # neurons for a smooth target
STRUCTURED = 0.7  # directions that lower the error so much are no accident: noise has none
HARD_ROWS = 8  # equations an unknown for a hard target, which overfits with fewer
HARD_WIDTHS = (1300, 2600, 5000)
HARD_FLOPS = 6e11  # of a fit of a hard target
ORTHOGONAL = 200  # neurons up to which orthogonalisation costs next to nothing
HARD_GAIN = 0.85  # twice the neurons must lower the error so much
SEARCHED, MOST_COLUMNS = 2000, 1600  # points and columns of a Fourier series


@dataclass(frozen=True)
class EnergyFit:
    """A fitted energy and how it was chosen."""

    energy: Energy
    solution: Solution
    neurons: Neurons  # its width counts columns
    chosen: str  # one sentence
    basis: EnergyBasis  # whose combination the energy is


@dataclass
class EnergySearch:
    """The questions, and the number of fits that answered them."""

    problem: EnergyProblem
    wanted: Neurons
    tried: int = 0

    @property
    def goal(self) -> float:
        """Error that is enough."""
        return self.problem.options.tolerance or FLOOR

    def run(self) -> EnergyFit:
        """Ask all of them."""
        problem, wanted = self.problem, self.wanted
        error, plain = problem.fit(self._polynomial())
        few_rows = problem.equations <= 2 * (problem.free + 1)
        if wanted.width == 0:
            return self._quadratic(plain, "as asked for")
        if wanted.width is None and (error <= self.goal or few_rows):
            return self._quadratic(plain, "too few points for more" if few_rows else "it fits to the goal")
        if problem.structure.fourier:
            return self._series()
        best, structured = self._climb()
        if best.error > max(NOISY, self.goal) and wanted.width is None and not structured:
            best, polynomial = self._noisy(best)
            if polynomial is not None:
                return polynomial
        final: Trained = best.fit
        basis = problem.basis(best.neurons)
        affordable = min(problem.equations, int(FLOPS / (2 * (best.width + problem.free) ** 2)))
        if best.error > max(NOISE, self.goal) and (final[1].rows < affordable or not structured):
            _, final = problem.fit(basis, max(affordable, final[1].rows))
        chosen = f"{best.neurons}: {self.tried} fits compared by generalised cross validation, error {best.error:.1e}"
        return EnergyFit(*final, replace(best.neurons, sampler=best.neurons.drawn_by), chosen, basis)

    @property
    def _names(self) -> tuple[Activation, ...]:
        if np.any(self.problem.structure.periodic):
            return ("sin",)
        return SMOOTH if self.wanted.activation is None else (self.wanted.activation,)

    @property
    def _largest(self) -> int:
        memory = self.problem.options.memory
        return HARD_WIDTHS[-1] if memory is None else int(np.sqrt(memory / 100))

    def _polynomial(self) -> EnergyBasis:
        problem = self.problem
        none = np.empty((0, problem.structure.size))
        empty = HiddenLayer(none, np.empty(0), self._names[0], problem.centre, problem.half_width)
        return EnergyBasis(problem.structure, empty, np.empty((0, 2), np.int64), len(problem.data.others))

    def _quadratic(self, fit: Trained, why: str) -> EnergyFit:
        chosen = f"the polynomial part alone: {why}"
        neurons = Neurons(0, self._names[0], 1.0, self.wanted.sampler or "uniform")
        return EnergyFit(*fit, neurons, chosen, self._polynomial())

    def _new_climb(self, way: Sampler | None, rows_a_column: int = 0, gain: float = 0.5) -> Climb:
        def assess(neurons: Neurons) -> tuple[float, Trained]:
            self.tried += 1
            # a hard target needs no digits that the normal equations lose
            gram = neurons.last > ORTHOGONAL and climb.lead > HARD
            return self.problem.trial(self.problem.basis(neurons), rows_a_column * neurons.last, gram=gram)

        wanted = replace(self.wanted, activation=None, sampler=way)
        climb = Climb(assess, wanted, self._names, self.goal, gain)
        return climb

    def _climb(self) -> tuple[Trial, bool]:
        """Best trial, and whether the target changes along few directions."""
        problem, way, structured = self.problem, self.wanted.sampler, False
        given = None if self.wanted.width is None else self.wanted.last
        widths = ladder(given, problem.equations - 2 * problem.free, min(self._largest, WIDEST))
        free = given is None
        climb = self._new_climb(way)
        for rung, width in enumerate(widths):
            climb.rung(width, last=rung == len(widths) - 1, must=not free)
            if way is None and rung <= 1 and climb.lead > max(HARD, self.goal) and self._enough(widths):
                # smooth neurons may be the wrong ones: try those along gradient differences
                other = self._new_climb("gradient", HARD_ROWS, HARD_GAIN)
                for lower in widths[: rung + 1]:
                    other.rung(lower, must=not free)
                if other.lead < STRUCTURED * climb.lead:
                    climb, way, structured = other, "gradient", True
            if free and climb.finished:
                break
        assert climb.winner is not None
        if free and structured and climb.winner.error > max(HARD, self.goal) and not climb.finished:
            return self._resolve(climb.winner), True
        return climb.winner, structured

    def _enough(self, widths: list[int]) -> bool:
        return len(self.problem.data.target) > 2 * widths[0]

    def _resolve(self, best: Trial) -> Trial:
        """A target that more neurons still resolve: many of them, with all rows that are affordable."""
        problem = self.problem
        simple = problem.basis(Neurons(1)).simple
        ridge = float(best.fit[1].regularisation[0])  # the same for more columns: they all have unit norm
        for width in HARD_WIDTHS:
            rows = min(problem.equations, HARD_ROWS * width)
            if simple:  # a row costs as much as all rows of its point
                rows = problem.equations
            cost = rows * (width + problem.free) ** 2 / (problem.structure.size if simple else 1)
            if width > self._largest or 4 * width > problem.equations or cost > HARD_FLOPS:
                break
            found: list[Trial] = []
            for factor in (1.0, 1.4) if cost < HARD_FLOPS / 8 else (1.2,):  # steeper, as there are more of them
                neurons = replace(best.neurons, width=width, scale=factor * best.scale)
                error, fit = problem.fit(problem.basis(neurons), rows, gram=True, ridge=ridge)
                self.tried += 1
                found.append(Trial(neurons, error, fit))
            previous, better = best, min(found, key=lambda trial: trial.error)
            best = min(best, better, key=lambda trial: trial.error)
            if better.error > HARD_GAIN * previous.error or best.error <= self.goal:
                break
        return best

    def _noisy(self, best: Trial) -> tuple[Trial, EnergyFit | None]:
        """Noise, or a target that is not resolved: many rows and ridge regression show which."""
        problem = self.problem
        top = ladder(None, problem.equations - 2 * problem.free, min(self._largest, WIDEST))[-1]
        few = [width for width in (25, 50, 100, 200, 400) if width <= top] or [top]

        freedom: dict[Neurons, float] = {}

        def assess(neurons: Neurons) -> tuple[float, Trained]:
            error, fit = problem.fit(problem.basis(neurons), MANY_ROWS)
            freedom[neurons] = float(fit[1].dimension[0])
            return error, fit

        wanted = replace(self.wanted, activation=None)
        other, more = choose(assess, few, wanted, activations=self._names, goal=self.goal)
        self.tried += len(more)
        error, fit = assess(best.neurons)  # on as many rows as the others
        best = replace(best, error=error, fit=fit)
        known = [*more, replace(best, fit=None)]
        # cross validation cannot tell errors as close as this apart: the least effective dimension is the smoothest
        close = min(error, other.error) * (1.0 + CLOSE * min(problem.equations, MANY_ROWS) ** -0.5)
        smoothest = min(
            (trial for trial in known if trial.error <= close),
            key=lambda trial: freedom[trial.neurons],
        )
        other = best if smoothest.neurons == best.neurons else replace(smoothest, fit=assess(smoothest.neurons)[1])
        best = min(best, other, key=lambda trial: trial.error)
        if problem.fit(self._polynomial(), MANY_ROWS)[0] <= best.error * MARGIN:
            _, final = problem.fit(self._polynomial(), problem.equations)
            return best, self._quadratic(final, "neurons did not lower the error")
        return other, None

    def _series(self) -> EnergyFit:
        """A Fourier series in the periodic coordinates."""
        problem = self.problem
        structure = problem.structure

        def basis(columns: np.ndarray) -> EnergyBasis:
            return series_basis(structure, problem.centre, problem.half_width, columns, len(problem.data.others))

        found: dict[int, tuple[float, Trained]] = {}
        most = max(1, min(self.wanted.last or MOST_COLUMNS, problem.equations // 2))
        searched = problem.data.take(np.arange(min(len(problem.data.target), SEARCHED)))

        def assess(columns: np.ndarray) -> tuple[float, np.ndarray]:
            error, fit = found[len(columns)] = problem.fit(basis(columns), searched.target.size)
            left = searched.target - searched.push(map(fit[0].gradient, searched.nodes))
            for other, coefficient in zip(searched.others, fit[1].coefficients[:, 0], strict=False):
                left = left - coefficient * other
            return error, left

        columns, turns = pursue(structure, problem.half_width, searched, assess, most=most, goal=self.goal)
        error, final = found[len(columns)]
        if error > max(NOISE, self.goal):
            affordable = min(problem.equations, int(FLOPS / (2 * (len(columns) + 1) ** 2)))
            _, final = problem.fit(basis(columns), affordable)
        chosen = f"a Fourier series of {len(columns)} terms, {turns} turns of matching pursuit, error {error:.1e}"
        return EnergyFit(*final, Neurons(len(columns), "sin", 1.0, "elm"), chosen, basis(columns))
