"""The linear problem behind a regression: scaled rows [1, x, features | y], solved in fixed blocks.

Which rows share a block depends on the sizes of the problem alone, so that data on disk give the same bits as arrays
in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LeastSquares, LinearSolution
from dynsamp.networks.network import Hidden, HiddenLayer, Network, blocks
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.normal_equations import GramLeastSquares
from dynsamp.networks.polynomials import count_of, fewest_terms, powers
from dynsamp.networks.rows import Rows, Summary
from dynsamp.networks.sampling import sample_hidden
from dynsamp.networks.search.unseen import Judgement, Unseen, by_trajectory
from dynsamp.networks.sketch import SketchedLeastSquares
from dynsamp.streams import generator

Method = Literal["qr", "gram", "sketch", "few"]

SHORTEST = 1e-290  # range of an input whose reciprocal, times any slope, is a number


@dataclass(frozen=True)
class Scaling:
    """x -> (x - centre) / half_width, y -> (y - middle) / spread."""

    centre: np.ndarray  # (input,)
    half_width: np.ndarray  # (input,)
    middle: np.ndarray  # (output,)
    spread: np.ndarray  # (output,)


def scaling(x: np.ndarray, y: np.ndarray) -> Scaling:
    """Mid-range and half-range of the inputs, mean and standard deviation of the targets.

    Where few inputs lie far out, of the inner 98 %. What is constant up to rounding errors becomes zero.
    """
    low, high = x.min(axis=0), x.max(axis=0)
    centre, half = 0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low  # halved first: the range may overflow
    inner = np.quantile(x, (0.01, 0.99), axis=0) if len(x) >= 200 else np.stack([low, high])
    inner_half = 0.5 * inner[1] - 0.5 * inner[0]
    far = (half > tuning.OUTLIERS * inner_half) & (inner_half > 1e-3 * half)
    centre, half = np.where(far, 0.5 * inner[0] + 0.5 * inner[1], centre), np.where(far, inner_half, half)
    size = np.maximum(np.abs(low), np.abs(high))
    varies = half > tuning.CONSTANT * size
    if np.any(varies & (half < SHORTEST)):
        column = int(np.argmax(varies & (half < SHORTEST)))
        raise ValueError(
            f"column {column} of x spans {2 * half[column]:.3g}, so little that slopes would overflow; multiply it by a"
            " large number"
        )
    half = np.where(varies, half, np.maximum(size, 1.0))
    bottom, top = y.min(axis=0), y.max(axis=0)
    reach = 0.5 * top - 0.5 * bottom
    flat = reach <= 1e-14 * np.maximum(np.abs(bottom), np.abs(top))
    reach = np.where(flat, 1.0, reach)
    inside = np.where(flat, 0.0, (y - bottom) / reach)
    spread = np.where(flat, 1.0, reach * np.maximum(inside.std(axis=0), 1e-3))
    return Scaling(centre, half, np.where(flat, bottom, bottom + reach * inside.mean(axis=0)), spread)


def block_rows(count: int, size: int) -> int:
    """Rows that are reduced at once, of ``count`` with ``size`` columns and targets: a fixed rule."""
    return max(1, min(count, max(tuning.REGRESSION_ROWS_A_COLUMN * size, tuning.REGRESSION_ENTRIES // size)))


def bytes_needed(count: int, size: int) -> int:
    """Estimate of the peak of a fit in bytes, beyond what was there: block, triangles, workspace and slices read."""
    return 8 * (size * (max(block_rows(count, size), size) + 6 * size) + 6 * tuning.READ_ENTRIES)


@dataclass(frozen=True)
class Blocks:
    """What is held out together, and what is looked at then."""

    trajectory: np.ndarray  # (row,)
    fold: np.ndarray  # (row,)
    apart: int = 1  # as in Unseen
    enough: int = 1 << 62  # rows that tell
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # that are looked at; none: all


@dataclass(frozen=True)
class Fitted:
    """Neurons, the hidden layers drawn from them and the solution of its last layer."""

    neurons: Neurons
    hidden: Hidden
    solution: LinearSolution

    def report(self) -> dict[str, Any]:
        """What was solved, and how well."""
        solution = self.solution
        return {
            "activation": self.neurons.activation if self.neurons.degree == 1 else "polynomial",
            "scale": self.neurons.scale,
            "rows": solution.rows,
            "rank": solution.rank,
            "condition": solution.condition,
        }

    @property
    def error(self) -> float:
        """Root mean square over the targets of the relative cross-validated error."""
        solution = self.solution
        # flat slopes want huge coefficients that cancel: their rounding errors count like a residual
        rounding = np.finfo(float).eps * np.linalg.norm(solution.coefficients, axis=0) / np.maximum(solution.rms, 1e-3)
        error = np.hypot(np.where(np.isfinite(solution.gcv), solution.gcv, 1e300), rounding)
        return float(np.sqrt(np.mean(np.minimum(error, 1e100) ** 2)))


@dataclass(frozen=True)
class Problem:
    """The rows of a regression and everything that all candidates share."""

    rows: Rows
    summary: Summary
    scale: Scaling
    options: FitOptions
    labels: bool
    published: bool = False  # without a linear part beside the neurons
    dtype: str = "float64"
    tikhonov: float | None = None  # as in LeastSquares.solve

    @cached_property
    def order(self) -> np.ndarray:
        """A random order (drawn,) of the drawn rows."""
        return generator(self.options.seed, "rows").permutation(len(self.summary.x))

    @cached_property
    def _distinct(self) -> np.ndarray:
        """Whether a drawn row (drawn,) is the first of its x."""
        keys = np.ascontiguousarray(self.summary.x + 0.0).view(f"V{8 * self.rows.inputs}").ravel()  # -0.0 + 0.0 is 0.0
        found = np.zeros(len(keys), bool)
        found[np.unique(keys, return_index=True)[1]] = True
        return found

    @property
    def free(self) -> int:
        """Columns that are no neurons."""
        return 1 + (0 if self.published else self.rows.inputs)

    def columns(self, neurons: Neurons) -> int:
        """Unknowns of each target."""
        return self.free + (neurons.last or count_of(self.rows.inputs, neurons.degree))

    def hidden(self, neurons: Neurons, part: np.ndarray | None = None) -> Hidden:
        """Sample the hidden layers from the drawn rows, or from some of them."""
        if neurons.degree > 1:
            found = powers(self.rows.inputs, neurons.degree)
            scale = (self.scale.centre, self.scale.half_width)
            return Hidden((HiddenLayer(found, np.ones(len(found)), "polynomial", *scale),))
        part = self.order if part is None else part
        near = neurons.sampler == "near"
        first = part[self._distinct[part]]  # a point that comes twice would give the same neuron twice
        part = first if len(first) else part[:1]
        part = part[: tuning.FEW_SAMPLED if near and self.rows.inputs > tuning.CROWDED else tuning.SAMPLED_FROM]
        y = self.summary.y[part]
        published = self.published
        return sample_hidden(
            self.summary.x[part],
            replace(neurons, place="box") if published and neurons.sampler == "elm" else neurons,
            rng=generator(self.options.seed, "weights"),
            target=y if self.labels or published else (y - self.scale.middle) / self.scale.spread,
            centre=np.zeros(self.rows.inputs) if published else self.scale.centre,
            half_width=np.ones(self.rows.inputs) if published else self.scale.half_width,
        )

    def fit(
        self, neurons: Neurons, part: np.ndarray | None = None, *, method: Method | None = None, ridge: bool = True
    ) -> Fitted:
        """Fit to the drawn rows ``part``, or to all rows of the source.

        "qr" keeps all digits; "gram" takes the normal equations, for errors above about 1e-4; "sketch" keeps the
        digits of many rows in the time of few; "few" takes few columns. ``ridge`` may be left to the last fit where
        rows are many.
        """
        rows = self.rows if part is None else Rows(self.summary.x[part], self.summary.y[part])
        hidden = self.hidden(neurons, part)
        # a linear part with hardly more rows than inputs would follow the noise: only the constant is free then
        free = self.free if rows.count >= 3 * self.free else 1
        columns = self.columns(neurons)
        way: float | Literal["auto"] = "auto" if self.options.regularisation is None else self.options.regularisation
        if self.options.regularisation is None and not ridge and rows.count >= 2 * columns:
            way = 0.0
        return Fitted(
            neurons, hidden, self._solve(rows, hidden, free, method or ("few" if neurons.degree > 1 else "qr"), way)
        )

    def _solve(
        self, rows: Rows, hidden: Hidden, free: int, method: Method, way: float | Literal["auto"]
    ) -> LinearSolution:
        columns = self.free + hidden.width
        if method in ("qr", "few"):
            step, room = block_rows(rows.count, columns + rows.outputs), self.options.memory
            if room is not None:  # of small memory small blocks
                step = min(step, max(room // (24 * (columns + rows.outputs)), columns))
            problem = LeastSquares(columns, rows.outputs, step, unpenalised=free)
            for start in range(0, rows.count, step):
                stop = min(start + step, rows.count)
                block = problem.block(stop - start)
                for place, x, y in rows.read(start, stop):
                    self._fill(hidden, x, y, block[:, place])
            if self.published and self.options.regularisation is None:
                return problem.solve(cutoff=tuning.PUBLISHED_CUTOFF)
            if method == "few":
                return fewest_terms(problem.triangle(), columns, rows.count, self.options.tolerance or tuning.EXACT)
            return problem.solve(way, tikhonov=self.tikhonov)
        one_pass: GramLeastSquares | SketchedLeastSquares
        if method == "gram":
            one_pass = GramLeastSquares(columns, rows.outputs, unpenalised=free)
        else:
            kept = tuning.SKETCH_ROWS_A_COLUMN * columns
            one_pass = SketchedLeastSquares(columns, rows.outputs, kept, free, self.options.seed)
        for _, x, y in rows.read(0, rows.count):
            for start in range(0, len(x), tuning.PRODUCT_ROWS):
                some = slice(start, min(start + tuning.PRODUCT_ROWS, len(x)))
                self._fill(hidden, x[some], y[some], one_pass.block(some.stop - some.start))
        return one_pass.solve(way)

    def _fill(self, hidden: Hidden, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
        scale, free = self.scale, self.free
        out[0] = 1.0
        if not self.published:
            out[1:free] = ((x - scale.centre) / scale.half_width).T
        features = out[free : free + hidden.width]
        if self.dtype == "float32":
            for rows in blocks(len(x), hidden.widest):
                single = np.empty((hidden.width, rows.stop - rows.start), np.float32)
                hidden.fill_values(x[rows], single)
                features[:, rows] = single
        else:
            hidden.fill_values(x, features)
        out[free + hidden.width :] = (y if self.published else (y - scale.middle) / scale.spread).T

    def network(self, fitted: Fitted) -> Network:
        """The fitted function of x, as it is, in the units of y."""
        scale, c = self.scale, fitted.solution.coefficients
        middle, spread = (0.0, np.ones(self.rows.outputs)) if self.published else (scale.middle, scale.spread)
        linear = c[1 : self.free].T if not self.published else np.zeros((self.rows.outputs, self.rows.inputs))
        return Network(
            hidden=fitted.hidden,
            offset=middle + spread * c[0],
            linear=np.ascontiguousarray(spread[:, None] * linear / scale.half_width),
            coefficients=np.ascontiguousarray(spread[:, None] * c[self.free :].T),
            centre=scale.centre,
        )

    def held_out(
        self, neurons: Neurons, fold: np.ndarray, most: int, method: Method | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Drawn rows fold by fold, and their residuals (row, output) from a fit to at most so many of the others."""
        for k in np.unique(fold):
            inside = np.flatnonzero(fold == k)
            train = self.order[fold[self.order] != k][:most]
            if len(inside) and len(train):
                network = self.network(self.fit(neurons, train, method=method))
                yield inside, self.summary.y[inside] - network.values(self.summary.x[inside])

    def judged(
        self, fitted: Fitted, blocks: Blocks, most: int, method: Method | None = None
    ) -> tuple[Judgement, np.ndarray]:
        """What rows that fits have not seen say of this one, and their residuals (row, output)."""
        x, y, scale = self.summary.x, self.summary.y, self.scale
        residual, seen = np.zeros_like(y), np.zeros(len(y), bool)
        for inside, left in self.held_out(fitted.neurons, blocks.fold, most, method):
            residual[inside], seen[inside] = left, True
            if seen.sum() >= blocks.enough:
                break
        if not seen.any():  # nothing can be held out
            return Judgement(1.0, (0.0, 1.0), np.zeros(self.rows.outputs), {}), residual
        moved, left, target = (
            part / scale.spread for part in (self.network(fitted).values(x) - y + residual, residual, y - scale.middle)
        )
        trajectory, fold, points = blocks.trajectory, blocks.fold, (x - scale.centre) / scale.half_width
        rows = blocks.rows if len(blocks.rows) else np.arange(len(x))
        rows, rim = rows[seen[rows] & (fold[rows] >= 0)], np.flatnonzero(seen & (fold < 0))
        others = min(most, round(len(x) * (1.0 - 1.0 / (int(fold.max()) + 1))))
        fresh = max(fitted.solution.rows / max(others, 1) - 1.0, 0.1)
        kept, owner = (left[rows], target[rows], points[rows]), (trajectory[rows], fold[rows])
        found = Unseen(*kept, *owner, moved[rows], fresh, blocks.apart).judgement()
        size = float(np.mean(np.sum(target**2, axis=1)) - np.sum(found.noise**2))
        found = found.with_rim(left[rim], float(np.mean(fold < 0)), size)
        return replace(found, by_trajectory=by_trajectory(trajectory[seen], left[seen], size)), residual


def json_ready(values: np.ndarray) -> Any:
    """A number, or a list where there are several targets."""
    return float(values[0]) if len(values) == 1 else [float(value) for value in values]
