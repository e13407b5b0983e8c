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
from dataclasses import dataclass

import numpy as np

from dynsamp.models import tuning


def monomials(size: int, degree: int) -> np.ndarray:
    """Exponents (term, component) up to a total degree, by degree; every one follows those that divide it."""
    found = [np.zeros(size, dtype=np.int64)]
    for order in range(1, degree + 1):
        for places in itertools.combinations_with_replacement(range(size), order):
            found.append(np.bincount(places, minlength=size))
    return np.array(found)


def moved(exponents: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Matrix of monomials of z + by (term, component) in those of z."""
    place = {tuple(row): k for k, row in enumerate(exponents.tolist())}
    matrix = np.zeros((len(exponents), len(exponents)))
    for k, powers in enumerate(exponents.tolist()):
        for lower in itertools.product(*(range(power + 1) for power in powers)):
            factors = (math.comb(p, q) * by[j] ** (p - q) for j, (p, q) in enumerate(zip(powers, lower, strict=True)))
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


@dataclass(frozen=True)
class Choice:
    """A sub-model: coefficients are ``inverse @ moments``, their covariance variance * inverse."""

    inverse: np.ndarray
    score: float  # -2 log evidence
    freedom: float  # effective number of coefficients
    neurons: bool


def chosen(known: Equations, columns: Columns, least: int, sound: Callable[[np.ndarray], bool]) -> Choice:
    """The sub-model of most evidence whose coefficients are sound; neurons stand beside monomials up to ``least``."""
    neurons = [_neurons(known, columns, least)] if columns.neurons else []
    if columns.ridge is not None and neurons:
        return neurons[0]
    best: Choice | None = None
    for score, rows in sorted(_polynomials(known, columns), key=lambda each: each[0]):
        if neurons and neurons[0].score < score and sound(neurons[0].inverse @ known.moments):
            return neurons[0]
        if best is not None and score > best.score + tuning.UNSOUND:
            break
        choice = _submodel(known, rows, score)
        if choice is not None:
            if sound(choice.inverse @ known.moments):
                return choice
            best = best or choice
    assert best is not None
    return best


def rivals(known: Equations, columns: Columns, taken: Choice) -> list[tuple[float, Choice]]:
    """Sub-models that are nearly as probable as the one that was taken, and how probable each is beside it.

    Hoeting, Madigan, Raftery and Volinsky (1999), Statistical Science 14, 382.
    """
    ranked = sorted(_polynomials(known, columns), key=lambda each: each[0])[: tuning.RIVALS]
    found = []
    for score, rows in ranked if not taken.neurons else []:
        choice = _submodel(known, rows, score)
        if choice is not None and np.any(choice.inverse != taken.inverse):
            found.append((math.exp(min(taken.score - score, 0.0) / 2), choice))
    whole = 1.0 + sum(weight for weight, _ in found)
    return [(weight / whole, choice) for weight, choice in found]


def richest(known: Equations, columns: Columns) -> Choice:
    """All columns that the rows support: what a sub-model may have missed."""
    degree = columns.degree
    whole = None
    for most in range(columns.most, -1, -1):
        allowed = np.flatnonzero(degree <= most)
        if len(allowed) * tuning.SDE_ROWS_A_TERM <= known.rows:
            whole = _submodel(known, np.eye(len(known.moments))[allowed], 0.0)
        if whole is not None:
            return _neurons(known, columns, most) if columns.neurons else whole
    return _neurons(known, columns, 0)


def _submodel(known: Equations, rows: np.ndarray, score: float) -> Choice | None:
    """Coefficients are combinations of ``rows`` (unknown, column); None where these depend on each other."""
    if not len(rows):
        return Choice(np.zeros_like(known.matrix), score, 0.0, neurons=False)
    inner = rows @ known.matrix @ rows.T
    size = np.sqrt(np.diag(inner))
    try:
        factor = np.linalg.cholesky(inner / np.outer(size, size))
    except np.linalg.LinAlgError:
        return None
    if np.diag(factor).min() < tuning.DEPENDENT:
        return None
    half = np.linalg.solve(factor, rows / size[:, None])
    return Choice(half.T @ half, score, len(rows), neurons=False)


def _polynomials(known: Equations, columns: Columns) -> Iterator[tuple[float, np.ndarray]]:
    """Score and rows: all monomials of each degree about the mean, and few of them about zero."""
    degree = columns.degree
    terms = np.eye(len(known.moments))[: len(degree)]
    sparse = terms if columns.raw is None else columns.raw @ terms
    of_terms, of_sparse = _Scores.of(known, terms), _Scores.of(known, sparse)
    for most in range(min(int(degree.max()), columns.most) + 1):
        allowed = np.flatnonzero(degree <= most)
        if len(allowed) > max(known.rows / tuning.SDE_ROWS_A_TERM, 1):
            break
        yield of_terms.score(allowed), terms[allowed]
        several = _all_subsets(allowed) if len(allowed) <= tuning.ALL_SUBSETS else of_sparse.fewer(allowed)
        for subset in several:
            if len(subset) < len(allowed) and degree[subset].max(initial=0) == most:  # else seen already
                price = 2.0 * math.log(math.comb(len(allowed), len(subset)))
                yield price + of_sparse.score(subset), sparse[subset]


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
    gain += float(b[fixed] @ across[:, -1]) / known.variance
    both = np.concatenate([fixed, free])
    whole = g[np.ix_(both, both)] + np.diag(np.concatenate([np.full(len(fixed), 1e-13), np.full(len(free), 1 / prior)]))
    inverse = np.zeros((count, count))
    inverse[np.ix_(both, both)] = np.linalg.inv(whole)
    freedom = len(fixed) + float((prior * values / (1 + prior * values)).sum())
    return Choice(inverse / np.outer(size, size), (len(fixed) + 1) * math.log(known.rows) - gain, freedom, neurons=True)
