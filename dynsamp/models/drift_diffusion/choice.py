"""Which terms a conditional moment has: monomials up to some degree, few of them, or neurons.

A weighted regression is known by its normal equations, and increments are so noisy that these lose nothing. With the
matrix G and the moments b of all columns, any sub-model has coefficients R b and the covariance phi R, R the inverse of
its part of G, phi the variance of a whitened row. Sub-models compete by the evidence of the data: Schwarz (1978),
Annals of Statistics 6, 461, for monomials, with what choosing among many costs (Chen and Chen 2008, Biometrika 95,
759); the marginal likelihood for neurons, whose coefficients are normal with a common variance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dynsamp.models import tuning
from dynsamp.networks.polynomials import powers


def monomials(size: int, degree: int) -> np.ndarray:
    """Exponents (term, component) up to a total degree, by degree; every one follows those that divide it."""
    found = [np.zeros((1, size)), np.eye(size), powers(size, degree)]
    return np.concatenate(found).astype(np.int64)


def moved(exponents: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Matrix of monomials of z + by (term, component) in those of z."""
    place = {tuple(row): k for k, row in enumerate(exponents.tolist())}
    matrix = np.zeros((len(exponents), len(exponents)))
    for k, own in enumerate(exponents.tolist()):
        for lower in itertools.product(*(range(power + 1) for power in own)):
            factors = (math.comb(p, q) * by[j] ** (p - q) for j, (p, q) in enumerate(zip(own, lower, strict=True)))
            matrix[k, place[lower]] = math.prod(factors)
    return matrix


@dataclass(frozen=True)
class Columns:
    """What the columns of a regression are: monomials of standardised states, then neurons."""

    exponents: np.ndarray  # (term, component)
    raw: np.ndarray | None  # (term, term): monomials about zero in those about the mean, where zero is not far away
    neurons: int
    ridge: float | None = None  # of the neurons, where it was asked for; they are then taken
    most: int = 9  # total degree of those that are tried

    @property
    def degree(self) -> np.ndarray:
        """Total degree (term,)."""
        return np.asarray(self.exponents.sum(axis=1))


@dataclass(frozen=True)
class Equations:
    """A weighted regression: G, b, the mean square of what is left when all columns are used, and rows."""

    matrix: np.ndarray
    moments: np.ndarray
    variance: float
    rows: int
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = ()  # G and b of the rows that are held out together

    def corrected(self, shift: np.ndarray) -> Equations:
        """The equations of what is left when these coefficients are known."""
        folds = tuple((g, b - g @ shift) for g, b in self.folds)
        return replace(self, moments=self.moments - self.matrix @ shift, folds=folds)

    def without(self) -> Iterator[Equations]:
        """The equations without each fold."""
        for g, b in self.folds:
            yield replace(self, matrix=self.matrix - g, moments=self.moments - b, folds=())


@dataclass(frozen=True)
class Choice:
    """A sub-model: coefficients are ``inverse @ moments``, their covariance variance * inverse."""

    terms: np.ndarray  # (unknown, column)
    price: float  # of its coefficients
    freedom: float  # effective number of coefficients
    penalty: np.ndarray | None  # (unknown,) of columns of unit norm, where there are neurons
    inverse: np.ndarray
    score: float  # -2 log evidence

    @property
    def neurons(self) -> bool:
        """Whether neurons are among the terms."""
        return self.penalty is not None

    @classmethod
    def of(
        cls, known: Equations, terms: np.ndarray, price: float, freedom: float, penalty: np.ndarray | None = None
    ) -> Choice | None:
        """Fit coefficients; None where the columns depend on each other."""
        if not len(terms):
            return cls(terms, price, freedom, penalty, np.zeros_like(known.matrix), price)
        inner = terms @ known.matrix @ terms.T
        size = np.sqrt(np.maximum(np.diag(inner), 1e-300))
        inner = inner / np.outer(size, size)
        try:
            factor = np.linalg.cholesky(inner if penalty is None else inner + np.diag(penalty))
        except np.linalg.LinAlgError:
            return None
        if penalty is None and np.diag(factor).min() < tuning.DEPENDENT:
            return None
        half = np.linalg.solve(factor, terms / size[:, None])
        score = price - float(np.sum((half @ known.moments) ** 2)) / known.variance
        return cls(terms, price, freedom, penalty, half.T @ half, score)

    def again(self, known: Equations) -> Choice | None:
        """The same terms in other equations."""
        return Choice.of(known, self.terms, self.price, self.freedom, self.penalty)


def ranked(known: Equations, columns: Columns, least: int) -> list[Choice]:
    """The sub-models of most evidence, best first; neurons stand beside monomials up to ``least``."""
    neurons = [_neurons(known, columns, least)] if columns.neurons else []
    if columns.ridge is not None and neurons:
        return neurons
    fits: list[Choice] = []
    for score, terms, more in sorted(_polynomials(known, columns), key=lambda each: each[0]):
        if fits and (len(fits) == tuning.RIVALS or score > fits[0].score + tuning.UNSOUND):
            break
        fit = Choice.of(known, terms, more + math.log(known.rows) * len(terms), len(terms))
        fits += [fit] if fit is not None else []
    return sorted(neurons + fits, key=lambda each: each.score)


def chosen(known: Equations, columns: Columns, least: int, sound: Callable[[np.ndarray], bool]) -> Choice:
    """The sub-model of least degree that says unseen rows as well as the one of most evidence, within chance."""
    tried = ranked(known, columns, least)
    good = [each for each in tried if sound(each.inverse @ known.moments)] or tried[:1]
    best = good[0]
    simpler = [each for each in good if _effort(each, columns) < _effort(best, columns)]
    apart = _apart(known, best) if simpler else np.empty(0)
    for choice in sorted(simpler, key=lambda each: _effort(each, columns)):
        other = _apart(known, choice)
        gap = other - apart
        each = list(zip(known.folds, apart, other, gap, strict=True))
        change = sum(float(two @ g @ two - one @ g @ one - 2 * by @ b) for (g, b), one, two, by in each)
        spread = 4.0 * known.variance * sum(float(by @ g @ by) for (g, _), _, _, by in each)
        if change < tuning.UNSEEN_SURE * math.sqrt(spread):
            return choice
    return best


def _effort(choice: Choice, columns: Columns) -> tuple[bool, int]:
    """How far a sub-model is from simple: neurons, and the degree from that of a line; evidence counts terms."""
    used = (choice.terms[:, : len(columns.degree)] != 0).any(axis=0)
    return choice.neurons, int(columns.degree[used].max(initial=1))


def _apart(known: Equations, choice: Choice) -> np.ndarray:
    """Coefficients (fold, column) without each fold."""
    fits = [(choice.again(each) or choice, each) for each in known.without()]
    return np.array([fit.inverse @ each.moments for fit, each in fits])


def jackknife(known: Equations, taken: Choice) -> np.ndarray:
    """Second moments (column, column) of coefficients by how far they move with the blocks of the data.

    Efron and Stein (1981), Annals of Statistics 9, 586.
    """
    change, count = _apart(known, taken), len(known.folds)
    change = change - change.mean(axis=0)
    return np.asarray(change.T @ change * (count - 1) / count)


def richest(known: Equations, columns: Columns) -> Choice:
    """All columns that the rows support: what a sub-model may have missed."""
    degree = columns.degree
    for most in range(columns.most, -1, -1):
        allowed = np.flatnonzero(degree <= most)
        if len(allowed) * tuning.SDE_ROWS_A_TERM <= known.rows or not most:
            if columns.neurons:
                return _neurons(known, columns, most)
            whole = Choice.of(known, np.eye(len(known.moments))[allowed], 0.0, len(allowed))
            if whole is not None:
                return whole
    raise AssertionError


def _polynomials(known: Equations, columns: Columns) -> Iterator[tuple[float, np.ndarray, float]]:
    """Score, terms, and the price of choosing them: all of each degree about the mean, and few about zero."""
    degree = columns.degree
    terms = np.eye(len(known.moments))[: len(degree)]
    sparse = terms if columns.raw is None else columns.raw @ terms
    of_terms, of_sparse = _Scores.of(known, terms), _Scores.of(known, sparse)
    for most in range(min(int(degree.max()), columns.most) + 1):
        allowed = np.flatnonzero(degree <= most)
        if len(allowed) > max(known.rows / tuning.SDE_ROWS_A_TERM, 1):
            break
        yield of_terms.score(allowed), terms[allowed], 0.0
        several = _all_subsets(allowed) if len(allowed) <= tuning.ALL_SUBSETS else of_sparse.fewer(allowed)
        for subset in several:
            if len(subset) < len(allowed) and degree[subset].max(initial=0) == most:  # else seen already
                price = 2.0 * math.log(math.comb(len(allowed), len(subset)))
                yield price + of_sparse.score(subset), sparse[subset], price


def _all_subsets(allowed: np.ndarray) -> Iterator[np.ndarray]:
    for count in range(len(allowed)):
        for subset in itertools.combinations(allowed.tolist(), count):
            yield np.array(subset, dtype=np.int64)


@dataclass(frozen=True)
class _Scores:
    """Normal equations of some unknowns, of unit norm."""

    matrix: np.ndarray
    moments: np.ndarray
    variance: float
    price: float  # of a coefficient

    @classmethod
    def of(cls, known: Equations, rows: np.ndarray) -> _Scores:
        inner = rows @ known.matrix @ rows.T
        size = np.sqrt(np.maximum(np.diag(inner), 1e-300))
        moments = rows @ known.moments / size
        return cls(inner / np.outer(size, size), moments, known.variance, math.log(known.rows))

    def score(self, subset: np.ndarray) -> float:
        """-2 log evidence with these unknowns."""
        try:
            found = np.linalg.solve(self.matrix[np.ix_(subset, subset)], self.moments[subset])
        except np.linalg.LinAlgError:
            return math.inf
        return self.price * len(subset) - float(self.moments[subset] @ found) / self.variance

    def fewer(self, allowed: np.ndarray) -> Iterator[np.ndarray]:
        """Subsets by taking away the least significant unknowns, one after the other, several where there are many."""
        left = allowed
        while len(left) > 1:
            try:
                inverse = np.linalg.inv(self.matrix[np.ix_(left, left)])
            except np.linalg.LinAlgError:
                left = left[:-1]
                continue
            spread = np.diag(inverse)  # not positive where unknowns depend on each other
            significance = np.where(
                spread > 0, (inverse @ self.moments[left]) ** 2 / np.where(spread > 0, spread, 1), 0
            )
            left = np.delete(left, np.argsort(significance)[: max(1, len(left) // 8)])
            yield left


def _neurons(known: Equations, columns: Columns, least: int) -> Choice:
    """Monomials up to a degree and all neurons, with the ridge of most evidence."""
    count = len(known.moments)
    fixed = np.flatnonzero(columns.degree <= least)
    free = np.arange(len(columns.degree), count)
    g, b = known.matrix, known.moments
    size = np.sqrt(np.maximum(np.diag(g), 1e-300))
    g, b = g / np.outer(size, size), b / size
    across = np.linalg.solve(g[np.ix_(fixed, fixed)], np.column_stack([g[np.ix_(fixed, free)], b[fixed]]))
    inner = g[np.ix_(free, free)] - g[np.ix_(free, fixed)] @ across[:, :-1]
    values, vectors = np.linalg.eigh(inner)
    values = np.maximum(values, 0.0)
    pushed = (vectors.T @ (b[free] - g[np.ix_(free, fixed)] @ across[:, -1])) ** 2 / known.variance
    if columns.ridge is None:
        width = np.asarray(tuning.PRIOR_VARIANCES)[:, None]
        gains = (pushed * width / (1 + width * values) - np.log1p(width * values)).sum(axis=1)
        best = int(np.argmax(gains))
        prior, gain = float(width[best, 0]), float(gains[best])
    else:
        prior, gain = 1.0 / max(columns.ridge, 1e-14), 0.0
    penalty = np.concatenate([np.full(len(fixed), 1e-13), np.full(len(free), 1 / prior)])
    freedom = len(fixed) + float((prior * values / (1 + prior * values)).sum())
    taken = Choice.of(known, np.eye(count)[np.concatenate([fixed, free])], 0.0, freedom, penalty)
    assert taken is not None
    score = (len(fixed) + 1) * math.log(known.rows) - gain - float(b[fixed] @ across[:, -1]) / known.variance
    return replace(taken, price=score - taken.score, score=score)
