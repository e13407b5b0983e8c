"""Drift and covariance from increments: regressions of conditional moments, and the step from moments to the law.

Of a short spacing dt the increments have the mean mu dt and the covariance a dt: Stanton (1997), J. Finance 52, 1973.
Of a longer one they are those of the law after dt, which a normal density with moments m and P that follow

    m' = E mu(x),    P' = E (x - m) mu(x)' + its transpose + E a(x),    x ~ N(m, P)

has closely (Sarkka 2007, IEEE Trans. Automatic Control 52, 1631), and exactly where mu is linear and a is quadratic.
The difference between these moments and mu dt, a dt is a smooth function of the state. It is regressed on the same
columns and taken from the coefficients until both agree. Regressions know their rows by normal equations alone, so this
and every choice of terms cost nothing that grows with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.drift_diffusion.choice import Choice, Columns, Equations, chosen, monomials, moved, richest
from dynsamp.models.drift_diffusion.law import Basis, Law, Rows, local_variances, lower_triangle
from dynsamp.networks.network import HiddenLayer


@dataclass(frozen=True)
class _Turn:
    """Terms, the law, and what the moments after a spacing add to its coefficients."""

    columns: tuple[Columns, Columns]  # of the drift and of the covariance
    shift: np.ndarray  # (column, output): components of the drift, then entries of the covariance
    choices: list[Choice] = field(default_factory=list)
    law: Law | None = None
    settled: bool = False


@dataclass(frozen=True)
class Fitted:
    """What was learned."""

    fit: _Fit
    known: list[Equations]  # of each component of the drift, then of each entry of the covariance
    turn: _Turn
    noise: np.ndarray  # (component,) standard deviation of errors of the samples
    score: float  # -2 log evidence of the increments

    @property
    def law(self) -> Law:
        """Drift and covariance."""
        assert self.turn.law is not None
        return self.turn.law

    @cached_property
    def limits(self) -> np.ndarray:
        """Where monomials stay as they are (drift or covariance, lowest or highest, component), of standardised states.

        High powers say nothing beyond the data, and where a law takes paths away from there it is not followed.
        """
        edges = np.stack([self._edges(-1.0), self._edges(1.0)])
        found = np.tile(tuning.NO_LIMIT * np.sign(edges), (2, 1, 1))
        degree = self.law.basis.exponents.sum(axis=1)
        if degree[self.law.drift[: len(degree)].any(axis=1)].max(initial=0) > 1:
            far = np.quantile(np.abs(self.fit.few).max(axis=1), 0.9)
            z = tuning.SDE_BEYOND * self.fit.few[np.abs(self.fit.few).max(axis=1) >= far]
            for _ in range(tuning.SDE_FOLLOWED):
                away = self.law.values(z)[0]
                length = np.maximum(np.linalg.norm(z, axis=1), 1.0) / np.maximum(np.linalg.norm(away, axis=1), 1e-300)
                z = np.clip(z + 0.1 * length[:, None] * away, 10 * edges[0], 10 * edges[1])
            found[0, 0] = np.where((z < 4 * edges[0]).any(axis=0), edges[0], found[0, 0])
            found[0, 1] = np.where((z > 4 * edges[1]).any(axis=0), edges[1], found[0, 1])
        for part, both, most in ((0, self.law.drift, tuning.USUAL), (1, self.law.covariance, 2)):
            if degree[both[: len(degree)].any(axis=1)].max(initial=0) > most:
                found[part] = edges
        return found

    def _edges(self, sign: float) -> np.ndarray:
        """Highest (or lowest) states (component,), without the rarest ones where the drift leads away from others."""
        z, few = sign * self.fit.rows.z, self.fit.few
        found = z.max(axis=0)
        for k in np.flatnonzero(found):
            outer = few[sign * few[:, k] >= np.quantile(sign * few[:, k], 1.0 - tuning.SDE_RARE[-1])]
            for share in tuning.SDE_RARE:
                edge = np.quantile(z[:, k], 1.0 - share)
                outer[:, k] = sign * edge
                if sign * self.law.values(outer)[0][:, k].mean() < 0.0:
                    found[k] = edge
                    break
        return np.asarray(sign * np.where(found > 0.0, found, 1.0))  # of what never changes, too

    @property
    def longest(self) -> float:
        """Step of Euler and Maruyama's method that makes an error of a few percent at most, whatever is saved.

        A step h changes rates of decay by h rate / 2 and amplitudes of turns by h turning^2 / 2; where the diffusion
        changes with the state, it should not change much in a step.
        """
        fit, law = self.fit, self.law
        slopes = fit.slopes(law)
        rate = float(np.quantile(np.linalg.norm(slopes, axis=(1, 2)), 0.95))
        values = np.linalg.eigvals(slopes.mean(axis=0))
        turning = np.abs(values.imag) > np.abs(values.real)
        slow = [max(-v.real, tuning.STEP_TURN * abs(v)) / abs(v) ** 2 for v in values[turning]]
        shift = 1e-5 * np.eye(len(law.floor))
        i = np.arange(len(law.floor))
        roots = [np.sqrt(law.values(fit.few + way)[1][:, i, i]) for d in shift for way in (d, -d)]
        bend = [np.median(np.sum(((a - b) / 2e-5) ** 2, axis=1)) for a, b in zip(roots[::2], roots[1::2], strict=True)]
        dt = float(np.median(fit.rows.dt))
        allowed = [dt, tuning.STEP_RATE / max(rate, 1e-300), *(tuning.STEP_RATE * 2 * each for each in slow)]
        step = min(*allowed, tuning.STEP_RATE / max(float(sum(bend)), 1e-300))
        return float(max(step, dt / tuning.STEP_PARTS)) * fit.rows.tick


def fitted(rows: Rows, layer: HiddenLayer, degrees: tuple[int, int], ridge: float | None) -> Fitted:
    """Fit drift and covariance: monomials up to ``degrees`` of the two, or neurons of standardised states."""
    return _Fit.of(rows, layer, degrees, ridge).found()


@dataclass(frozen=True)
class _Fit:
    rows: Rows
    basis: Basis
    columns: tuple[Columns, Columns]  # of the drift and of the covariance
    few: np.ndarray  # (point, component) states at which functions are looked at
    few_dt: np.ndarray
    at_few: np.ndarray  # (point, column)
    box: tuple[np.ndarray, np.ndarray]  # where the law is looked at

    @classmethod
    def of(cls, rows: Rows, layer: HiddenLayer, degrees: tuple[int, int], ridge: float | None) -> _Fit:
        exponents = monomials(rows.z.shape[1], max(degrees))
        basis = Basis(exponents, layer)
        shift = rows.centre / rows.spread
        near = np.abs(shift).max() < tuning.ZERO_NEAR
        raw = moved(exponents, shift) if near else None
        drift, covariance = (Columns(exponents, raw, layer.width, ridge, degree) for degree in degrees)
        few = rows.few(tuning.SDE_POINTS)
        low, high = rows.z.min(axis=0), rows.z.max(axis=0)
        margin = tuning.SDE_MARGIN * (high - low)
        at_few = basis.values(rows.z[few])
        return cls(rows, basis, (drift, covariance), rows.z[few], rows.dt[few], at_few, (low - margin, high + margin))

    def found(self) -> Fitted:
        """Regress with local variances, then with those of a first law; choose and correct in turn."""
        rows, n = self.rows, self.rows.z.shape[1]
        local = local_variances(rows)
        moves = rows.dz.any(axis=0)
        floor = np.where(moves, tuning.LEAST_VARIANCE * local.min(axis=0), np.finfo(float).tiny ** 0.5)
        first = _Turn(self.columns, np.zeros((self.at_few.shape[1], n + len(lower_triangle(n)))))
        known, noise = self._known(local, first, np.zeros(n))
        first = self._turned(known, first, floor, bool(noise.any()), 1)
        assert first.law is not None
        i = np.arange(n)
        whole = self.law(first.law.both + first.shift, floor)  # the moments after a spacing
        a = np.concatenate([whole.values(rows.z[part])[1][:, i, i] for part in self._parts()])
        variance = np.clip(a, local / tuning.WEIGHTS_NEAR, local * tuning.WEIGHTS_NEAR)
        known, _ = self._known(variance, first, noise)
        turns = [self._turned(known, first, floor, bool(noise.any()), tuning.SDE_TURNS)]
        if turns[0].settled and self._large(turns[0]):
            # chance grows with the correction, and what is chosen after it follows chance: neurons are a last resort
            for degree in tuning.SDE_COARSE:
                limits = min(degree, self.columns[0].most), min(max(degree - 1, 2), self.columns[1].most)
                one, two = (replace(c, neurons=0, most=m) for c, m in zip(self.columns, limits, strict=True))
                start = _Turn((one, two), np.zeros_like(first.shift))
                turns.append(self._turned(known, start, floor, bool(noise.any()), tuning.SDE_TURNS))
        best = self._simplest(turns, noise)
        return Fitted(self, known, best, noise, float(self._scores(best, noise).sum()))

    def _simplest(self, turns: list[_Turn], noise: np.ndarray) -> _Turn:
        """The simplest that is as probable as the most probable one within a standard error.

        The density is nearly normal at best, so what did not settle, or needs more than cubes, must be more probable by
        far.
        """
        if len(turns) == 1:
            return turns[0]
        degree, size = self.columns[0].degree, len(self.columns[0].degree)
        efforts = []
        for turn in turns:
            assert turn.law is not None
            highest = int(degree[turn.law.both[:size].any(axis=1)].max(initial=0))
            doubtful = not turn.settled or highest > tuning.USUAL or any(choice.neurons for choice in turn.choices)
            efforts.append((doubtful, highest, sum(c.freedom for c in turn.choices)))
        scores = [self._scores(turn, noise) + tuning.DOUBTFUL * e[0] for turn, e in zip(turns, efforts, strict=True)]
        best = min(scores, key=lambda each: float(each.sum()))
        for at in sorted(range(len(turns)), key=lambda at: efforts[at]):
            gap = scores[at] - best
            if gap.sum() <= gap.std() * np.sqrt(len(gap)):
                return turns[at]
        raise AssertionError

    def _known(self, variance: np.ndarray, turn: _Turn, noise: np.ndarray) -> tuple[list[Equations], np.ndarray]:
        """Regressions of all outputs with these variances of increments, and errors of the samples."""
        drifts = self._drift_equations(variance, bool(noise.any()))
        residual = self._residual(drifts, turn)
        if turn.law is None:
            noise = _noise(residual, self.rows)
            if noise.any():
                drifts = self._drift_equations(variance, True)
                residual = self._residual(drifts, turn)
                noise = np.where(noise > 0, np.maximum(noise, _noise(residual, self.rows)), 0.0)
        return [*drifts, *self._covariance_equations(residual, variance, noise)], noise

    def _turned(self, known: list[Equations], turn: _Turn, floor: np.ndarray, late: bool, turns: int) -> _Turn:
        """Choose terms by the corrected moments, and correct what was chosen."""
        n = len(floor)
        short = self._short(known[:n])
        for _ in range(turns):
            choices = [*self._chosen(known[:n], turn, 0), *self._chosen(known[n:], turn, n)]
            law = self.law(self.plain(choices, known), floor)
            settled = self.settled(law, choices, known, late) if short else None
            if settled is None:
                return turn if turn.settled else replace(turn, choices=choices, law=law)
            turn = replace(turn, choices=choices, law=settled[0], shift=settled[1], settled=True)
        return turn

    def _large(self, turn: _Turn) -> bool:
        """Whether the correction for the spacing is no small part of what it corrects."""
        assert turn.law is not None
        parts = (np.mean((self.at_few @ each) ** 2, axis=0) for each in (turn.shift, turn.law.both))
        shift, law = parts
        return bool(np.any(shift > tuning.CORRECTION_LARGE**2 * law))

    def _parts(self) -> Iterator[slice]:
        for start in range(0, len(self.rows.z), tuning.MOMENT_CHUNK):
            yield slice(start, start + tuning.MOMENT_CHUNK)

    def law(self, both: np.ndarray, floor: np.ndarray) -> Law:
        n = len(floor)
        return Law(self.basis, both[:, :n], both[:, n:], floor)

    def _drift_equations(self, variance: np.ndarray, late: bool) -> list[Equations]:
        """One weighted regression a component; ``late`` on the state one sample before, whose error is another."""
        rows = self.rows
        z, dz, dt, fold = rows.z, rows.dz, rows.dt, rows.fold
        if late:
            z = z[:-1][rows.follows[1:]]
            dz, dt, fold, variance = (each[rows.follows] for each in (dz, dt, fold, variance))
        return self._equations(z, dz / dt[:, None], dt[:, None] / variance, fold)

    def _covariance_equations(self, residual: np.ndarray, variance: np.ndarray, noise: np.ndarray) -> list[Equations]:
        pairs = lower_triangle(len(noise))
        targets = np.stack([residual[:, i] * residual[:, k] - 2 * (i == k) * noise[i] ** 2 for i, k in pairs], axis=1)
        variance = np.maximum(variance, tuning.VARIANCE_LIGHT * np.median(variance, axis=0))
        weights = np.stack([1 / (variance[:, i] * variance[:, k]) for i, k in pairs], axis=1)
        return self._equations(self.rows.z, targets / self.rows.dt[:, None], weights, self.rows.fold)

    def _residual(self, drifts: list[Equations], turn: _Turn) -> np.ndarray:
        """Increments without their mean (row, component), of more terms than a law has: squares see what is left."""
        rows, out = self.rows, np.empty_like(self.rows.dz)
        choices, means = self._chosen(drifts, turn, 0), []
        for each, choice in zip(drifts, choices, strict=True):
            rich = richest(each, replace(self.columns[0], neurons=0))
            gain = float(each.moments @ (rich.inverse - choice.inverse) @ each.moments) / each.variance
            more = rich.freedom - choice.freedom
            means.append(choice if choice.neurons or gain < 2 * more + tuning.RICHER * max(more, 0) ** 0.5 else rich)
        mean = self.plain(means, drifts)
        for part in self._parts():
            out[part] = rows.dz[part] - rows.dt[part, None] * (self.basis.values(rows.z[part]) @ mean)
        return out * np.sqrt([len(out) / max(len(out) - each.freedom, 1.0) for each in means])

    def _equations(self, z: np.ndarray, targets: np.ndarray, weights: np.ndarray, fold: np.ndarray) -> list[Equations]:
        """Normal equations of each target, all in one pass."""
        count, size, parts = targets.shape[1], self.at_few.shape[1], int(fold.max()) + 1
        by_fold, b_fold = np.zeros((count, parts, size, size)), np.zeros((count, parts, size))
        for part in range(parts):
            own = np.flatnonzero(fold == part)
            for start in range(0, len(own), tuning.MOMENT_CHUNK):
                rows = own[start : start + tuning.MOMENT_CHUNK]
                values, roots = self.basis.values(z[rows]), np.sqrt(weights[rows])
                for k in range(count):
                    weighted = values * roots[:, k, None]
                    by_fold[k, part] += weighted.T @ weighted
                    b_fold[k, part] += weighted.T @ (roots[:, k] * targets[rows, k])
        matrices, moments = by_fold.sum(axis=1), b_fold.sum(axis=1)
        squares = (weights * targets**2).sum(axis=0)
        found = []
        for k in range(count):
            unseen = np.diag(matrices[k]) == 0  # columns of a component that never changes
            matrices[k][unseen, unseen] = 1.0
            norms = np.sqrt(np.maximum(np.diag(matrices[k]), 1e-300))
            scaled, right = matrices[k] / np.outer(norms, norms), moments[k] / norms
            gain = right @ np.linalg.lstsq(scaled, right, rcond=1e-10)[0]
            left = max(squares[k] - gain, 1e-12 * squares[k], 1e-300) / max(len(z) - size, 1)
            folds = tuple(zip(by_fold[k], b_fold[k], strict=True))
            found.append(Equations(matrices[k], moments[k], float(left), len(z), folds))
        return found

    def _chosen(self, known: list[Equations], turn: _Turn, first: int) -> list[Choice]:
        """Sub-models by the moments without the shift."""
        n, choices = self.rows.z.shape[1], []
        for k, equations in enumerate(known, first):
            own = equations.corrected(turn.shift[:, k])
            if k < n:
                choices.append(chosen(own, turn.columns[0], 1, _any))
            else:
                i, j = lower_triangle(n)[k - n]
                choices.append(chosen(own, turn.columns[1], 2, self._stays_positive if i == j else _any))
        return choices

    @staticmethod
    def plain(choices: list[Choice], known: list[Equations]) -> np.ndarray:
        """Coefficients (column, output) of the moments as they are."""
        return np.stack([choice.inverse @ each.moments for choice, each in zip(choices, known, strict=True)], axis=1)

    def _stays_positive(self, coefficients: np.ndarray) -> bool:
        return bool(np.quantile(self.at_few @ coefficients, tuning.SDE_OUTLIERS) >= 0)

    def _short(self, known: list[Equations]) -> bool:
        """Whether a linear law would be known again after a spacing: a rule without chance in it."""
        n = self.rows.z.shape[1]
        degree = self.columns[0].degree
        rows = np.eye(self.at_few.shape[1])[: len(degree)][degree <= 1]
        slopes = []
        for equations in known:
            inner = rows @ equations.matrix @ rows.T
            slopes.append(np.linalg.lstsq(inner, rows @ equations.moments, rcond=None)[0][1:])
        step = np.linalg.eigvals(np.eye(n) + np.median(self.rows.dt) * np.array(slopes)).astype(complex)
        return bool(np.all(np.abs(step) > tuning.FORGOTTEN) and np.all(np.abs(np.angle(step)) < 2.0))

    def settled(
        self, raw: Law, choices: list[Choice], known: list[Equations], late: bool
    ) -> tuple[Law, np.ndarray] | None:
        """The law whose moments after a spacing are those of the data, and the shift of its coefficients."""
        # the shift is regressed on few states: of more terms than it needs the highest would go wild beyond them
        degree = self.columns[0].degree
        most = degree[raw.both[: len(degree)].any(axis=1)].max(initial=0) + 2
        used = np.append(degree <= most, np.full(self.at_few.shape[1] - len(degree), any(c.neurons for c in choices)))
        _, a = raw.values(self.few)
        own = np.einsum("rii->ri", a)
        light = 1 / (own / own.mean(axis=0)).sum(axis=1)
        projectors = np.zeros((2, self.at_few.shape[1], len(self.few)))  # long spacings weigh more in the drift alone
        for which, root in enumerate((np.sqrt(self.few_dt * light), light)):
            projectors[which, used] = np.linalg.pinv(self.at_few[:, used] * root[:, None], rcond=1e-9) * root
        back = [choice.inverse @ equations.matrix for choice, equations in zip(choices, known, strict=True)]
        n, plain = self.rows.z.shape[1], raw.both
        substeps = self._substeps(raw)

        def shifted(both: np.ndarray) -> np.ndarray:
            law = self.law(both, raw.floor)
            found = law.after(self.few, self.few_dt, *self.box, substeps)
            if late:
                twice = law.after(self.few, 2 * self.few_dt, *self.box, 2 * substeps)
                found[:, :n] = 2 * twice[:, :n] - found[:, :n]
            return np.concatenate([projectors[0] @ found[:, :n], projectors[1] @ found[:, n:]], axis=1)

        def moved_by(shift: np.ndarray) -> np.ndarray:
            return np.stack([back[k] @ shift[:, k] for k in range(len(back))], axis=1)

        at, steps, gaps = plain, [], []
        scale = np.sqrt(np.mean((self.at_few @ plain) ** 2, axis=0)) + tuning.SETTLED_LEAST
        for _ in range(tuning.SETTLING):
            shift = shifted(at)
            gap = plain - moved_by(shift) - at
            if not np.all(np.isfinite(gap)):
                return None
            size = np.max(np.sqrt(np.mean((self.at_few @ gap) ** 2, axis=0)) / scale)
            if size < tuning.SETTLED:
                return self.law(at, raw.floor), shift
            steps.append(at)
            gaps.append(gap)
            # Anderson (1965), J. ACM 12, 547: the combination of what was tried whose gap is least
            ahead = at + gap
            if len(gaps) > 1:
                tried = gaps[-tuning.ANDERSON :]
                changes = np.stack([(self.at_few @ (gap - other) / scale).ravel() for other in tried[:-1]], axis=1)
                weights = np.linalg.lstsq(changes, (self.at_few @ gap / scale).ravel(), rcond=1e-8)[0]
                before = [s + g for s, g in zip(steps[-tuning.ANDERSON :], tried, strict=True)][:-1]
                ahead = ahead - sum(w * (at + gap - other) for w, other in zip(weights, before, strict=True))
            at = ahead
        return None

    def _substeps(self, law: Law) -> int:
        """Steps in which moments are followed over a spacing."""
        rate = np.quantile(np.abs(self.slopes(law)).sum(axis=2).max(axis=1), 0.95)
        return int(np.clip(np.ceil(4 * rate * self.few_dt.max()), 1, tuning.MOMENT_STEPS))

    def slopes(self, law: Law) -> np.ndarray:
        """Jacobian of the drift (point, component, component)."""
        shift = 1e-5 * np.eye(self.few.shape[1])
        ways = [(law.values(self.few + d)[0] - law.values(self.few - d)[0]) / 2e-5 for d in shift]
        return np.stack(ways, axis=2)

    def _scores(self, turn: _Turn, noise: np.ndarray) -> np.ndarray:
        """-2 log likelihood (row,) of a normal density with the moments of the law, and what coefficients cost."""
        rows, found = self.rows, []
        assert turn.law is not None
        whole = self.law(turn.law.both + turn.shift, turn.law.floor)
        for part in self._parts():
            mean, spread = whole.values(rows.z[part])
            spread = spread * rows.dt[part, None, None] + 2 * np.diag(noise**2)
            values, vectors = np.linalg.eigh(spread)
            values = np.maximum(values, 1e-12 * values[:, -1:])
            gap = np.einsum("rik,ri->rk", vectors, rows.dz[part] - mean * rows.dt[part, None])
            found.append((gap**2 / values + np.log(values)).sum(axis=1))
        price = sum(choice.freedom for choice in turn.choices) * np.log(len(rows.z)) / len(rows.z)
        return np.asarray(np.concatenate(found) + price + 2 * np.log(rows.spread).sum())


def _any(_: np.ndarray) -> bool:
    return True


def _noise(residual: np.ndarray, rows: Rows) -> np.ndarray:
    """Standard deviation of errors of the samples (component,): each enters two increments with opposite signs."""
    pair = rows.follows[1:]
    product = -(residual[1:] * residual[:-1])[pair]
    if len(product) < tuning.LEAF_ROWS:
        return np.zeros(residual.shape[1])
    mean, doubt = product.mean(axis=0), product.std(axis=0) / np.sqrt(len(product))
    seen = (mean > tuning.NOISE_SURE * doubt) & (2 * mean > tuning.NOISE_SEEN * (residual**2).mean(axis=0))
    seen &= mean > tuning.NOISE_LEAST**2  # of states of unit spread; less is rounding
    return np.sqrt(np.where(seen, mean, 0.0))
