"""The search of flow maps: a polynomial where one does, else a network chosen by cross validation and blocks of time.

One-step errors inside a trajectory flatter a steep network: neighbouring samples are almost the same point. So the
candidates that generalised cross validation lists are compared on blocks of time, or whole trajectories, that their
fit has not seen, and the best of them that stays near the data when iterated wins.

With a stencil the rows are the patches of all sites, of which one time has many: they stay in one block of time.

Where states carry errors, the map that fits best is not the law: errors of the inputs flatten it (attenuation), and no
residual shows that. So the fit is repeated on data that the fitted map and errors of the same size have made; how far
that fit is from the map is the error (Cook and Stefanski 1994, J. Am. Stat. Assoc. 89, 1314; Efron 1979). The size of
the errors comes from residuals that follow each other, which share the error of the sample between them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import qr

from dynsamp.networks import tuning
from dynsamp.networks.network import Network
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.polynomials import count_of
from dynsamp.networks.regression_problem import Blocks, Fitted, Problem, Scaling
from dynsamp.networks.rows import Rows, Summary
from dynsamp.networks.search.climb import LINEAR, Climb, simplest
from dynsamp.networks.search.unseen import Judgement, folds
from dynsamp.networks.stencil import Increments, Stencil
from dynsamp.streams import generator


@dataclass(frozen=True)
class FlowFit:
    """The fitted increments of states or patches (row, input), and what is known of them."""

    network: Network
    fitted: Fitted
    judgement: Judgement
    noise: np.ndarray  # (output,) standard deviation of the errors of states
    chosen: str

    @property
    def missed(self) -> float:
        """Part of the mean square of steps that the fit leaves."""
        return float(np.mean(self.fitted.solution.residual**2))

    def report(self) -> dict[str, Any]:
        """What was chosen, how well it fits, and why."""
        solution = self.fitted.solution
        return {
            "width": int(np.any(self.network.coefficients != 0.0, axis=0).sum()),
            **self.fitted.report(),
            "residual": float(solution.residual.max()),
            "cross_validated_error": float(solution.gcv.max()),
            "regularisation": float(solution.regularisation.max()),
            "chosen": self.chosen,
        }


def fit_flow(states: Increments, wanted: Neurons, options: FitOptions, stencil: Stencil | None = None) -> FlowFit:
    """Choose what is None, then fit to all rows that help; the stencil is that on its ring."""
    return _Search(states, wanted, options, stencil).run()


@dataclass
class _Search:
    states: Increments
    wanted: Neurons
    options: FitOptions
    stencil: Stencil | None

    def __post_init__(self) -> None:
        states, stencil = self.states, self.stencil
        self.rows = states
        if stencil is not None:
            self.rows = stencil.increments(states, tuning.MOST_EQUATIONS, self.options.seed)
        values = states.y if stencil is None else stencil.values(states.y)
        centre, spread = values.mean(axis=0), values.std(axis=0)
        size = np.abs(values).max(axis=0)
        still = spread <= tuning.CONSTANT * size  # constant up to rounding, which is nothing to learn
        spread[still] = 1.0
        some = (values[:: -(-len(values) // tuning.MOST_EQUATIONS)] - centre) / spread
        triangle, pivots = qr(some, mode="r", pivoting=True, check_finite=False)
        sizes = np.abs(np.diag(triangle))
        least = tuning.INDEPENDENT * np.finfo(float).eps * sizes.max() * np.abs(values / spread).max()
        spread[pivots[: len(sizes)][sizes <= least]] = np.inf  # a component that others determine gets no weight
        plain = np.abs(centre) <= tuning.POLYNOMIAL_CENTRED * spread  # a law has its fewest terms about zero
        zero = np.where(plain.all(), 0.0, centre)
        if stencil is not None:  # all sites are alike
            centre, spread, zero = (np.tile(part, len(stencil.offsets)) for part in (centre, spread, zero))
        y, dy = self.rows.y, self.rows.dy
        norm = np.sqrt((dy**2).mean(axis=0))
        if np.any((norm == 0.0) & dy.any(axis=0)):
            raise ValueError("squares of steps should be finite, got: squares of steps that vanish")
        norm[still] = np.where(size[still] > 0.0, size[still], 1.0)
        norm[norm == 0.0] = 1.0
        self.still = still
        summary = Summary(np.arange(len(y)), y, dy, y.min(axis=0), y.max(axis=0))
        scale = Scaling(centre, spread, np.zeros(len(norm)), norm)
        self.problem = Problem(Rows(y, dy), summary, scale, self.options, labels=False, tikhonov=tuning.MAP_TIKHONOV)
        self.kept = len(y) // len(states.y)  # sites of a time
        self.fold = np.repeat(folds(states.trajectory, self.options.seed, tuning.FOLDS), self.kept)
        rounding = np.finfo(float).eps * np.sqrt((y**2).mean()) / np.sqrt((dy**2).mean() or 1.0)
        self.exact = max(tuning.POLYNOMIAL_EXACT, 4.0 * float(rounding))
        options = replace(self.options, tolerance=self.exact)
        self.polynomial = replace(self.problem, scale=replace(scale, centre=zero), options=options)
        self.tried, self.noisy = 0, False

    def home(self, neurons: Neurons) -> Problem:
        """The problem with the centre of polynomials, or of neurons."""
        return self.polynomial if neurons.degree > 1 else self.problem

    def fit(self, neurons: Neurons, most: int) -> Fitted:
        """Fit to at most so many rows."""
        return self.home(neurons).fit(neurons, np.sort(self.problem.order[: self.most(neurons, most)]))

    def most(self, neurons: Neurons, most: int) -> int:
        """Rows of a fit: few of a polynomial of many columns, which pursuit then finds."""
        wide = neurons.degree > 1 and self.problem.columns(neurons) > tuning.POLYNOMIAL_COLUMNS
        return tuning.POLYNOMIAL_COLUMNS if wide else most

    def run(self) -> FlowFit:
        """Ask the questions one after the other."""
        wanted, count = self.wanted, len(self.rows.y)
        top = max(min(tuning.MAP_WIDTH, count // 4 - self.problem.free), 0) if wanted.width is None else wanted.last
        if wanted.width == 0:
            return self.finished(self.fit(LINEAR, tuning.MOST_EQUATIONS), "the linear map, as asked")
        best = self.polynomials() if replace(wanted, sampler=None) == Neurons() else []
        if best and best[-1][0] <= self.exact:
            chosen = f"{best[-1][1]}: it leaves nothing"
            return self.finished(self.fit(best[-1][1], tuning.MAP_ROWS_A_COLUMN * count), chosen)
        trials = best
        if top:
            small = min(tuning.MAP_FIRST_WIDTH, top)
            climb = Climb(self.assess, wanted, ("sin", "tanh"), slopes=tuning.MAP_SLOPES)
            climb.rung(small)
            self.tried = len(climb.trials)
            trials = trials + [(trial.error, trial.neurons) for trial in climb.trials]
        trials.sort(key=lambda trial: trial[0])
        self.noisy = not trials or trials[0][0] > tuning.NOISE
        listed = [c for error, c in trials if error <= tuning.LISTED_WITHIN * trials[0][0]]
        simple, networks = [c for c in listed if c.last == 0], [c for c in listed if c.last > 0][: tuning.LISTED]
        simple = sorted(simple, key=lambda c: c.degree)
        scored: list[tuple[float, int, Neurons]] = []

        def compare(candidates: list[Neurons]) -> None:
            for candidate in candidates:
                scored.append((self.unseen(candidate), len(scored), candidate))

        def best_within() -> tuple[float, int, Neurons]:
            return scored[simplest([error for error, _, _ in scored])]

        if not self.noisy or wanted.width is not None:
            compare([*simple, *(replace(c, width=top) for c in networks)])
        else:
            narrow = [replace(c, width=w) for w in tuning.MAP_NOISY_WIDTHS if w < top for c in networks]
            compare([LINEAR, *simple, *narrow])
            if networks and best_within()[2].last == max(c.last for _, _, c in scored):  # a hard target, not noise?
                compare([replace(c, width=top) for c in networks])
        winner = best_within() if self.noisy else min(scored)
        ranked = [winner, *sorted(item for item in scored if item is not winner)]
        how = f"{self.tried} small networks compared by generalised cross validation, {len(scored)} maps on unseen"
        how += " blocks, noise suspected" if self.noisy else " blocks"
        close = [candidate for error, _, candidate in ranked if error <= tuning.STABLE_WITHIN * ranked[0][0]]
        fits = (self.fit(candidate, self.enough(candidate)) for candidate in close)  # as asked for
        best_fit = next(fits)
        if self.strays(best_fit):
            for calmer in fits:
                if not self.strays(calmer):
                    best_fit, how = calmer, f"{how}; the best in one step strayed from the data when iterated"
                    break
        return self.finished(best_fit, f"{best_fit.neurons}: {how}")

    def polynomials(self) -> list[tuple[float, Neurons]]:
        """Polynomials of growing degree with their cross-validated errors, up to one that leaves nothing."""
        found: list[tuple[float, Neurons]] = []
        count, inputs = self.problem.rows.count, self.problem.rows.inputs
        for degree in range(2, tuning.POLYNOMIAL_DEGREE + 1):
            neurons = Neurons(0, degree=degree)
            columns = self.problem.columns(neurons)
            if columns > tuning.POLYNOMIAL_PURSUED or (count_of(inputs, degree - 1) and columns > 20 * count):
                break
            error = self.assess(neurons)[0]
            if error <= self.exact or tuning.MAP_POLYNOMIAL_ROWS * columns <= count:
                found.append((error, neurons))
            if error <= self.exact:
                break
        return found

    def assess(self, neurons: Neurons) -> tuple[float, Fitted]:
        """Cross-validated error of a fit to some rows."""
        columns = self.problem.columns(neurons)
        few = neurons.degree > 1 and columns > tuning.MAP_FIRST_WIDTH
        fitted = self.fit(neurons, (2 if few else tuning.MAP_ROWS_A_COLUMN) * columns)
        return float(np.sqrt((fitted.solution.gcv**2).mean())), fitted

    def enough(self, neurons: Neurons) -> int:
        """Rows of the last fit: more help against noise alone."""
        return tuning.MOST_EQUATIONS if self.noisy else tuning.MAP_ROWS_A_COLUMN * self.problem.columns(neurons)

    def some(self, neurons: Neurons) -> int:
        """Rows of a fit that others are compared with."""
        most = tuning.ROWS_A_COLUMN * self.problem.columns(neurons)
        return self.most(neurons, max(most, tuning.MAP_NOISY_ROWS) if self.noisy else most)

    def unseen(self, neurons: Neurons) -> float:
        """Geometric mean over folds of the one-step error, relative to the increments."""
        problem = self.home(neurons)
        parts = problem.held_out(neurons, self.fold, self.some(neurons))
        logs = [np.log(np.sqrt(((left / problem.scale.spread) ** 2).mean()) + 1e-300) for _, left in parts]
        return float(np.exp(np.mean(logs))) if logs else np.inf

    def strays(self, fitted: Fitted) -> bool:
        """Whether a trajectory leaves the box of the data, widened by its width, within their length."""
        y, trajectory = self.states.y, self.states.trajectory
        network, ring = self.home(fitted.neurons).network(fitted), self.stencil
        low, high = y.min(axis=0), y.max(axis=0)
        last = np.flatnonzero(np.diff(trajectory, append=trajectory[-1] + 1))
        first = np.concatenate([[0], last[:-1] + 1])
        state = y[np.concatenate([first[:8], last[:8]])]
        margin = np.where(high > low, high - low, 1.0)
        with np.errstate(all="ignore"):
            for _ in range(min(int((last - first).max()) + 1, 1000)):
                change = network.values(state if ring is None else ring.patches(state))
                state = state + (change if ring is None else ring.joined(change))
                if not np.all((state >= low - margin) & (state <= high + margin)):
                    return True
        return False

    def finished(self, fitted: Fitted, chosen: str) -> FlowFit:
        """With what unseen blocks say of it."""
        problem, neurons = self.home(fitted.neurons), fitted.neurons
        network, states = problem.network(fitted), self.states
        plenty = self.some(neurons) <= len(self.rows.y) * (1 - 1 / tuning.FOLDS)
        parts = tuning.FOLDS if plenty or not states.trajectory.any() else tuning.JUDGED_FOLDS
        fold = np.repeat(folds(states.trajectory, self.options.seed + 1, parts), self.kept)
        site = np.arange(len(states.y)) * self.kept  # one site of a time: its neighbours share much
        site = site + generator(self.options.seed, "sites").integers(0, self.kept, len(site))
        blocks = Blocks(self.rows.trajectory, fold, 2, rows=site)
        judged, residual = problem.judged(fitted, blocks, self.some(neurons))
        noise = np.zeros(len(network.offset))
        if judged.noise.any():
            noise = np.where(self.still, 0.0, self.noise(network, residual))
            found = self.simulated(fitted, noise, judged.noise * problem.scale.spread)
            error = max(judged.error, found) if judged.sure else found
            low, high = judged.interval
            judged = replace(judged, error=error, interval=(min(low, error / 3.0), max(high, 3.0 * error)))
        return FlowFit(network, fitted, judged, noise, chosen)

    @property
    def own(self) -> np.ndarray:
        """Places (output,) of a site's own states among the inputs; -1 where a stencil leaves them out."""
        outputs = self.rows.dy.shape[1]
        if self.stencil is None:
            return np.arange(outputs)
        at = self.stencil.offsets.index(0) * outputs if 0 in self.stencil.offsets else -1
        return np.arange(at, at + outputs) if at >= 0 else np.full(outputs, -1)

    def noise(self, network: Network, residual: np.ndarray) -> np.ndarray:
        """Standard deviation (output,) of the errors of states, from residuals that follow each other.

        The residual of a row has the error e of the next sample, that of the next row has -J e, J the derivative of
        the step: their mean product is -J times the variance of e, whatever the law's own randomness.
        """
        own, step, seen = self.own, self.kept, self.problem.rows.outputs
        after = np.arange(step, len(residual))
        after = after[self.rows.trajectory[after] == self.rows.trajectory[after - step]]
        if own[0] < 0 or not len(after) or (self.stencil is not None and step < self.stencil.sites):
            return np.zeros(seen)
        after = after[:: -(-len(after) // tuning.JUDGED_ROWS)]
        slope = network.jacobian(self.rows.y[after])[:, :, own]
        slope[:, np.arange(seen), np.arange(seen)] += 1.0
        weight = 1.0 / np.maximum((residual**2).mean(axis=0), 1e-300)  # outputs have units of their own
        product = -np.einsum("rok,ro,o->rk", slope, residual[after], weight) * residual[after - step]
        variance = product.mean(axis=0)
        size = np.maximum(np.einsum("rok,o->k", slope**2, weight) / len(after), 1e-300)
        sure = variance > 2.0 * product.std(axis=0) / np.sqrt(len(after))
        return np.asarray(np.sqrt(np.where(sure, variance, 0.0) / size))

    def simulated(self, fitted: Fitted, noise: np.ndarray, scatter: np.ndarray) -> float:
        """Relative error of a fit to data that a map has made, with errors as large as those found.

        The map is the fitted one. A polynomial may have lost terms to the noise, which one of all terms and the next
        degree has: the law is between them, and so is the error.
        """
        problem, neurons = self.home(fitted.neurons), fitted.neurons
        rows = np.sort(problem.order[: self.most(neurons, tuning.MAP_SIMULATED_ROWS)])
        worlds = [problem.network(fitted)]
        richer = Neurons(0, degree=neurons.degree + 1)
        columns = problem.columns(richer)
        if not neurons.last and max(tuning.MAP_POLYNOMIAL_ROWS * columns, columns**2 // 100) <= len(rows):
            worlds.append(self.polynomial.network(self.polynomial.fit(richer, rows, method="qr")))
        x, own = problem.summary.x[rows], self.own
        rng = generator(self.options.seed, "simulated")
        wrong = rng.normal(size=x.shape) * np.resize(noise, x.shape[1])
        left = np.sqrt(np.maximum(scatter**2 - 2.0 * noise**2, 0.0))  # the law's own randomness
        random = rng.normal(size=(len(x), len(noise))) * np.hypot(noise, left)
        found = []
        for world in worlds:
            change = world.values(x)
            y = change + random - (wrong[:, own] if own[0] >= 0 else 0.0)
            other = replace(problem, rows=Rows(x + wrong, y), summary=replace(problem.summary, x=x + wrong, y=y))
            again = other.network(other.fit(neurons)).values(x)
            norm = np.maximum(np.sqrt((change**2).mean(axis=0)), tuning.LEAST_SIGNAL * problem.scale.spread)
            found.append(float(np.sqrt((((again - change) / norm) ** 2).mean())))
        return float(np.exp(np.mean(np.log(np.maximum(found, 1e-300)))))
