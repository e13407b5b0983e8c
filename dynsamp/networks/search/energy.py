"""Learning a scalar function from its gradient: what is left open is chosen by cross validation, then fitted.

The search asks, in this order: does a polynomial do; do the declared facts leave a Fourier series; which activation
and slope; does the target change along few directions only; which width; is it noise that limits. It looks at part of
the blocks of rows; those of another part say which trial is better where nobody looked. At the end all rows are asked:
where some are much worse than the search believes, it starts again with them in front. How wrong the fit is on fresh
states is judged by fits that have not seen a block: see ``unseen``.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.energy_polynomials import families, origin
from dynsamp.networks.energy_problem import EnergyBasis, EnergyProblem, Trained, solve_energy
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.least_squares import Regularisation, triangle_of
from dynsamp.networks.neurons import Activation, FitOptions, Neurons, Sampler
from dynsamp.networks.polynomials import fewest_terms
from dynsamp.networks.pursuit import pursue, series_basis
from dynsamp.networks.search.climb import Climb, Trial, ladder, simplest
from dynsamp.networks.search.energy_judged import EnergyFit, Shares, energy_folds, judged, missed, with_all
from dynsamp.networks.structure import Structure
from dynsamp.streams import generator

__all__ = ["EnergyFit", "fit_energy", "judged", "refit", "rim_first"]


def fit_energy(
    data: Gradients,
    neurons: Neurons = Neurons(),  # noqa: B008 - frozen
    options: FitOptions = FitOptions(),  # noqa: B008
    *,
    structure: Structure | None = None,
    crowded: bool = False,
    judge: bool = False,
) -> EnergyFit:
    """Choose what is None by cross validation, then fit.

    Parameters
    ----------
    data : Gradients
    neurons : Neurons
    options : FitOptions
        ``rows`` are those of ``data`` to use; by default a random subset of four equations an unknown, and all where
        data are noisy.
    structure : Structure, optional
        What is declared about the function; by default nothing, and a polynomial part of degree two.
    crowded : bool
        Rows are many and crowd somewhere: those that are used fill space evenly.
    judge : bool
        Whether to say how wrong the fit is on fresh states.
    """
    seed, key = options.seed, options.key
    count, components = len(data.target), data.nodes.shape[-1]
    structure = structure or Structure(components, polynomial=2 if components <= tuning.QUADRATIC_UP_TO else 1)
    points = data.nodes.reshape(-1, components)
    centre, half_width = structure.standardisation(points.min(axis=0), points.max(axis=0))
    if crowded:
        order = _evenly(_outermost((data.nodes - centre) / half_width), seed, key)
    else:
        order = rim_first((data.middles - centre)[:, ~structure.periodic] / half_width[~structure.periodic], seed, key)
    order = order[: min(count, options.rows or tuning.MOST_EQUATIONS // components)]
    fold = energy_folds(data, centre, half_width, seed)
    scattered = len(np.unique(data.block)) == len(data.block)
    shares = Shares(data.target.shape[1], judge or len(data.block) > 0, judge, scattered)
    wanted, every, least = neurons.in_one_layer(), data, 0
    found: EnergyFit | None = None
    square: np.ndarray | None = None
    while True:
        data = every.take(order)
        split = shares.split(fold[order], None if square is None else square[order])
        problem = EnergyProblem(data.take(split.seen), structure, centre, half_width, options)
        search = _Search(problem, wanted, data.take(split.steering), split.weights, least)
        previous, found = found, search.run()
        if shares.steered and len(split.steering) and found.error > tuning.BLIND:
            # what no fit can tell without having seen it steers nothing
            shares, found = shares._replace(steered=False), previous
            continue
        if previous is not None and previous.error <= found.error:
            found = previous
        square = np.mean(missed(found, every) ** 2, axis=1) / search.size
        believed = max(found.error, search.goal, tuning.AT_ROUNDING)
        bad = square[order] > (tuning.OUTSTANDING * believed) ** 2
        deceived = bad.any() and np.sqrt(np.mean(square)) > tuning.DECEIVED * believed
        if not deceived or previous is not None:
            break
        least = tuning.ROWS_AGAIN * max(found.solution.rows, int(bad.sum()) * data.target.shape[1])
        order = np.concatenate([order[bad], order[~bad]])
    before = replace(found, work=sum(problem.work))
    found = with_all(before, EnergyProblem(data, structure, centre, half_width, options), split)
    return judged(found, data, split, before) if judge else found


def refit(
    like: EnergyFit, data: Gradients, *, regularisation: float | None = None, memory: int | None = None
) -> EnergyFit:
    """The same neurons on other rows of ``data``, all of them."""
    basis = replace(like.basis, others=len(data.others))
    way: Regularisation = "auto" if regularisation is None else regularisation or None
    found = solve_energy(basis, data, way, memory)
    return replace(like, energy=found.energy, solution=found.solution, basis=basis)


@dataclass
class _Search:
    """The questions, and the number of fits that answered them."""

    problem: EnergyProblem
    wanted: Neurons
    steering: Gradients  # rows that are not fitted
    weights: np.ndarray  # of these
    least: int = 0  # equations of a fit
    tried: int = 0

    def __post_init__(self) -> None:
        self.goal = self.problem.options.tolerance or tuning.EXACT
        self.activations: tuple[Activation, ...] = tuning.SMOOTH
        if len(self.problem.periodic):
            self.activations = ("sin",)
        elif self.wanted.activation is not None:
            self.activations = (self.wanted.activation,)
        plain = self.problem.polynomial
        self.polynomial = replace(plain, layer=replace(plain.layer, activation=self.activations[0]))
        scale = self.problem.half_width if self.steering.maps is None else 1.0
        every = np.concatenate([self.problem.data.target, self.steering.target]) * scale
        self.size = float(np.mean(every**2)) or 1.0

    def run(self) -> EnergyFit:
        """Ask all of them."""
        problem, wanted = self.problem, self.wanted
        plain = self._seen(problem.fit(self.polynomial, self.least))
        few_rows = problem.equations <= 2 * (problem.free + 1)
        if wanted.width == 0:
            return self._quadratic(plain, "as asked for")
        if wanted.width is None and (plain.error <= self.goal or few_rows):
            return self._quadratic(plain, "too few points for more" if few_rows else "it fits to the goal")
        found = self._higher(plain) if wanted.width is None else None
        if found is not None and found.error <= max(self.goal, tuning.POLYNOMIAL):
            return self._quadratic(self._sparse(found), "it fits to the goal")
        if problem.structure.fourier:
            return self._series()
        best, structured = self._climb()
        if best.error > max(tuning.NOISY, self.goal) and wanted.width is None and not structured:
            best, polynomial = self._noisy(best)
            if polynomial is not None:
                return polynomial
        elif found is not None and found.error <= max(tuning.DECEIVED * best.error, tuning.AT_ROUNDING):
            found = self._seen(problem.fit(found.basis, best.fit.solution.rows))  # on as many rows
            if found.error <= max(best.error * self._chance, tuning.AT_ROUNDING):
                return self._quadratic(self._sparse(found), "neurons did not lower the error")
        chosen = f"{best.neurons}: {self.tried} fits compared on blocks that they had not seen, error {best.error:.1e}"
        return EnergyFit.of(best.fit, replace(best.neurons, sampler=best.neurons.drawn_by), chosen)

    @property
    def _chance(self) -> float:
        """Factor by which errors of fits to noise differ by chance."""
        return float(1.0 + min(self.problem.equations, tuning.NOISY_EQUATIONS) ** -0.5)

    def _seen(self, fit: Trained) -> Trained:
        """With its error on rows that it has not seen."""
        if not len(self.steering.target):
            return fit
        return replace(
            fit, held=float(np.sqrt(self.weights @ np.mean(missed(fit, self.steering) ** 2, axis=1) / self.size))
        )

    @cached_property
    def _polynomials(self) -> list[EnergyBasis]:
        """Ever more monomials, as many as the rows tell apart."""
        problem = self.problem
        most = min(tuning.MONOMIALS, problem.equations // 2 - problem.free)
        known = families(problem.structure, problem.centre, problem.half_width, most)
        return [self.polynomial, *(replace(self.polynomial, structure=each) for each in known)]

    def _higher(self, plain: Trained) -> Trained:
        """The best polynomial, or the first that does."""
        best = plain
        for basis in self._polynomials[1:]:
            self.tried += 1
            found = self._seen(self.problem.fit(basis, self.least))
            best = min(best, found, key=lambda fit: fit.error)
            if best.error <= max(self.goal, tuning.POLYNOMIAL):
                break
        return best

    def _sparse(self, full: Trained) -> Trained:
        """A polynomial without what the rows do not ask for, see ``fewest_terms``."""
        basis, problem = full.basis, self.problem
        shift = (problem.centre - origin(problem.centre, problem.half_width)) / problem.half_width
        linear, quadratic = basis.forms  # as monomials of the same differences as those of higher degree
        basis = replace(basis, forms=(linear + quadratic @ shift, quadratic))
        equations = max(full.solution.rows, min(problem.equations, tuning.NOISY_EQUATIONS))
        data = problem.data.take(np.arange(-(-equations // problem.data.target.shape[1])))
        block = np.empty((basis.columns + 1, data.target.size))
        basis.fill(data, block)
        block /= np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-300)
        triangle, known = triangle_of(block), len(problem.structure.terms)
        first = basis.others + len(basis.forms[0])
        # columns that follow from those before say nothing: how a lattice shares energy between sites
        at = np.flatnonzero(np.abs(np.diag(triangle)[:-1]) > tuning.DEPENDENT)
        few = fewest_terms(triangle_of(triangle[:, [*at, -1]].T.copy()), len(at), equations, tuning.EXACT)
        kept = np.isin(np.arange(basis.columns), at[few.coefficients[:, 0] != 0.0])
        kept[: basis.others] = kept[first : first + known] = True  # what was asked for
        terms = tuple(term for term, keep in zip(basis.structure.terms, kept[first:], strict=True) if keep)
        forms = kept[basis.others : first]
        fewer = replace(
            basis, structure=replace(basis.structure, terms=terms), forms=(basis.forms[0][forms], basis.forms[1][forms])
        )
        found = self._seen(problem.fit(fewer, equations))
        return found if found.error <= max(tuning.AT_ROUNDING, tuning.NEARLY * full.error) else full

    @property
    def _largest(self) -> int:
        memory = self.problem.options.memory
        return tuning.HARD_WIDTHS[-1] if memory is None else int(np.sqrt(memory / 100))

    def _quadratic(self, fit: Trained, why: str) -> EnergyFit:
        neurons = Neurons(0, self.activations[0], 1.0, self.wanted.sampler or "uniform")
        return EnergyFit.of(fit, neurons, f"the polynomial part alone: {why}")

    def _new_climb(self, way: Sampler | None, rows_a_column: int = 0, gain: float | None = None) -> Climb:
        def assess(neurons: Neurons) -> tuple[float, Trained]:
            self.tried += 1
            # a hard target needs no digits that the normal equations lose
            gram = neurons.last > tuning.ORTHOGONAL and climb.lead > tuning.HARD
            rows = max(self.least, rows_a_column * neurons.last)
            found = self._seen(self.problem.trial(self.problem.basis(neurons), rows, gram=gram))
            return found.error, found

        wanted = replace(self.wanted, activation=None, sampler=way)
        climb = Climb(assess, wanted, self.activations, self.goal, tuning.STALL_OF_HARD if gain is None else gain)
        return climb

    def _climb(self) -> tuple[Trial, bool]:
        """Best trial, and whether the target changes along few directions."""
        problem, way, structured = self.problem, self.wanted.sampler, False
        given = None if self.wanted.width is None else self.wanted.last
        widths = ladder(given, problem.equations - 2 * problem.free, min(self._largest, tuning.WIDEST))
        free, enough = given is None, len(problem.data.target) > 2 * widths[0]
        climb = self._new_climb(way)
        for rung, width in enumerate(widths):
            climb.rung(width, last=rung == len(widths) - 1, must=not free)
            if way is None and rung <= 1 and climb.lead > max(tuning.HARD, self.goal) and enough:
                # smooth neurons may be the wrong ones: try those along gradient differences
                other = self._new_climb("gradient", tuning.HARD_ROWS, tuning.HARD_GAIN)
                for lower in widths[: rung + 1]:
                    other.rung(lower, must=not free)
                if other.lead < tuning.STRUCTURED * climb.lead:
                    climb, way, structured = other, "gradient", True
            if free and climb.finished:
                break
        assert climb.winner is not None
        if free and structured and climb.winner.error > max(tuning.HARD, self.goal) and not climb.finished:
            return self._resolve(climb.winner), True
        return climb.winner, structured

    def _resolve(self, best: Trial) -> Trial:
        """A target that more neurons still resolve: many of them, with all rows that are affordable."""
        problem = self.problem
        simple = problem.basis(Neurons(1)).simple
        ridge = float(best.fit.solution.regularisation[0])  # the same for more columns: they all have unit norm
        for width in tuning.HARD_WIDTHS:
            rows = min(problem.equations, tuning.HARD_ROWS * width)
            if simple:  # a row costs as much as all rows of its point
                rows = problem.equations
            cost = rows * (width + problem.free) ** 2 / (problem.structure.size if simple else 1)
            if width > self._largest or 4 * width > problem.equations or cost > tuning.HARD_FLOPS:
                break
            found: list[Trial] = []
            cheap = cost < tuning.HARD_FLOPS / 8
            for factor in tuning.HARD_STEEPER if cheap else tuning.HARD_STEEPER_ALONE:  # as there are more of them
                neurons = replace(best.neurons, width=width, scale=factor * best.scale)
                fit = self._seen(problem.fit(problem.basis(neurons), rows, gram=True, ridge=ridge))
                self.tried += 1
                found.append(Trial(neurons, fit.error, fit))
            previous, better = best, min(found, key=lambda trial: trial.error)
            best = min(best, better, key=lambda trial: trial.error)
            if better.error > tuning.HARD_GAIN * previous.error or best.error <= self.goal:
                break
        return best

    def _noisy(self, best: Trial) -> tuple[Trial, EnergyFit | None]:
        """Noise, or a target that is not resolved: many rows and ridge regression show which."""
        problem = self.problem
        top = ladder(None, problem.equations - 2 * problem.free, min(self._largest, tuning.WIDEST))[-1]
        few = [width for width in tuning.NOISY_WIDTHS if width <= top] or [top]

        freedom: dict[Neurons, float] = {}

        def assess(neurons: Neurons) -> tuple[float, Trained]:
            fit = self._seen(problem.fit(problem.basis(neurons), tuning.NOISY_EQUATIONS))
            freedom[neurons] = float(fit.solution.dimension[0])
            return fit.error, fit

        wanted = replace(self.wanted, activation=None)
        climb = Climb(assess, wanted, self.activations, self.goal)
        other = climb.up(few)
        self.tried += len(climb.trials)
        error, fit = assess(best.neurons)  # on as many rows as the others
        best = replace(best, error=error, fit=fit)
        known = [*climb.trials, replace(best, fit=None)]
        # cross validation cannot tell errors as close as this apart: the least effective dimension is the smoothest
        close = min(error, other.error) * (1.0 + tuning.CLOSE * min(problem.equations, tuning.NOISY_EQUATIONS) ** -0.5)
        smoothest = min((trial for trial in known if trial.error <= close), key=lambda trial: freedom[trial.neurons])
        other = best if smoothest.neurons == best.neurons else replace(smoothest, fit=assess(smoothest.neurons)[1])
        best = min(best, other, key=lambda trial: trial.error)
        fits = [self._seen(problem.fit(basis, tuning.NOISY_EQUATIONS)) for basis in self._polynomials]
        first = fits[simplest([fit.error for fit in fits])]
        if first.error <= best.error * self._chance:
            return best, self._quadratic(self._sparse(first), "neurons did not lower the error")
        return other, None

    def _series(self) -> EnergyFit:
        """A Fourier series in the periodic coordinates."""
        problem = self.problem
        structure = problem.structure

        def basis(columns: np.ndarray) -> EnergyBasis:
            return series_basis(structure, problem.centre, problem.half_width, columns, len(problem.data.others))

        found: dict[int, Trained] = {}
        most = max(1, min(self.wanted.last or tuning.SERIES_COLUMNS, problem.equations // 2))
        searched = problem.data.take(np.arange(min(len(problem.data.target), tuning.SERIES_POINTS)))

        def assess(columns: np.ndarray) -> tuple[float, np.ndarray]:
            fit = found[len(columns)] = self._seen(problem.fit(basis(columns), searched.target.size))
            left = missed(fit, searched)
            return fit.error, left if searched.maps is not None else left / problem.half_width

        columns, turns = pursue(structure, problem.half_width, searched, assess, most=most, goal=self.goal)
        final = found[len(columns)]
        chosen = f"a Fourier series of {len(columns)} terms, {turns} turns of matching pursuit, error {final.error:.1e}"
        return EnergyFit.of(final, Neurons(len(columns), "sin", 1.0, "elm"), chosen)


def rim_first(z: np.ndarray, seed: int, key: int) -> np.ndarray:
    """A random order of points z (row, component) in [-1, 1] in which the rim comes early.

    Chebyshev's density of points, the product of (1 - z^2)^(-1/2), is near optimal for smooth targets (Cohen and
    Migliorati 2017) and keeps errors small at the rim.
    """
    late = 0.5 * np.sum(np.log(np.maximum(1.0 - z**2, 1e-3)), axis=1)
    return np.argsort(late - generator(seed, "rows", key).gumbel(size=len(z)), kind="stable")


def _outermost(nodes: np.ndarray) -> np.ndarray:
    """Of nodes (node, row, component) in [-1, 1], what is nearest to the rim (row, component)."""
    found = nodes[0]
    for node in nodes[1:]:
        found = np.where(np.abs(node) > np.abs(found), node, found)
    return np.asarray(found)


def _evenly(z: np.ndarray, seed: int, key: int) -> np.ndarray:
    """A random order of points z (row, component) in [-1, 1] in which the first ones fill space evenly.

    One from every cell of a grid comes first, then another one: data that crowd somewhere would leave few rows where
    they are rare, and a function that changes there could not be told.
    """
    rng = generator(seed, "rows", key)
    bins = max(2, round(tuning.CELLS ** (1.0 / z.shape[1])))
    cell = np.clip((0.5 * (z + 1.0) * bins).astype(np.int64), 0, bins - 1) @ (bins ** np.arange(z.shape[1]))
    shuffled = rng.permutation(len(z))
    order = shuffled[np.argsort(cell[shuffled], kind="stable")]
    _, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    rank = np.arange(len(z)) - np.repeat(start, count)
    return np.asarray(order[np.argsort(rank + rng.uniform(size=len(z)), kind="stable")])
