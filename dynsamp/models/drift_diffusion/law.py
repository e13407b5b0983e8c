"""Drift and covariance of standardised states as columns and coefficients, and the moments that they lead to.

A normal density with moments m and P has m' = E mu(x), P' = E (x - m) mu(x)' + its transpose + E a(x), x ~ N(m, P).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dynsamp.models import tuning
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.polynomials import fill_powers
from dynsamp.networks.search.unseen import folds
from dynsamp.networks.stencil import Increments


def lower_triangle(size: int) -> list[tuple[int, int]]:
    """Places (i, k), k <= i, of the lower triangle, row by row."""
    return [(i, k) for i in range(size) for k in range(i + 1)]


def mirrored(flat: np.ndarray, size: int) -> np.ndarray:
    """Symmetric matrices (row, size, size) from their lower triangles."""
    a = np.empty((len(flat), size, size))
    rows, columns = np.tril_indices(size)
    a[:, rows, columns] = a[:, columns, rows] = flat
    return a


@dataclass(frozen=True)
class Rows:
    """Increments of standardised states; the unit of time is their median spacing."""

    z: np.ndarray  # (row, component)
    dz: np.ndarray  # (row, component)
    dt: np.ndarray  # (row,)
    follows: np.ndarray  # (row,) whether the row before is the increment before, of the same trajectory
    fold: np.ndarray  # (row,) rows that are held out together
    centre: np.ndarray
    spread: np.ndarray
    tick: float  # the unit of time

    @classmethod
    def of(cls, found: Increments) -> Rows:
        """Standardise increments."""
        centre, spread = found.y.mean(axis=0), found.y.std(axis=0)
        spread[spread <= 1e-13 * np.abs(found.y).max(axis=0)] = 1.0
        follows = np.diff(found.trajectory, prepend=-1) == 0
        spacing, fold = found.spacing / found.dt, folds(found.trajectory)
        return cls((found.y - centre) / spread, found.dy / spread, spacing, follows, fold, centre, spread, found.dt)

    def few(self, most: int) -> slice:
        """Rows at even distances."""
        return slice(None, None, -(-len(self.z) // most))


@dataclass(frozen=True)
class Basis:
    """Monomials and neurons of standardised states."""

    exponents: np.ndarray  # (term, component)
    layer: HiddenLayer  # of standardised states

    def values(self, z: np.ndarray) -> np.ndarray:
        """Columns (row, column)."""
        count = len(self.exponents)
        out = np.empty((count + self.layer.width, len(z)))
        fill_powers(z, self.exponents, out[:count])
        if self.layer.width:
            self.layer.fill_values(np.ascontiguousarray(z), out[count:])
        return out.T

    def taken(self, columns: np.ndarray) -> Basis:
        """Only these columns (bool)."""
        terms, neurons = np.split(columns, [len(self.exponents)])
        return Basis(self.exponents[terms], self.layer.taken(np.flatnonzero(neurons)))


@dataclass(frozen=True)
class Law:
    """Drift and covariance of standardised states, per unit of time."""

    basis: Basis
    drift: np.ndarray  # (column, component)
    covariance: np.ndarray  # (column, entry of the lower triangle)
    floor: np.ndarray  # (component,) least variance

    @property
    def both(self) -> np.ndarray:
        """Coefficients (column, component + entry)."""
        return np.concatenate([self.drift, self.covariance], axis=1)

    def values(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Drift (row, component) and covariance (row, component, component)."""
        n, (used, coefficients) = len(self.floor), self._used
        both = used.values(z) @ coefficients
        return both[:, :n], positive(mirrored(both[:, n:], n), self.floor)

    @cached_property
    def _used(self) -> tuple[Basis, np.ndarray]:
        """Columns that count: the others cost most of the time."""
        used = np.asarray(self.both.any(axis=1))
        return self.basis.taken(used), self.both[used]

    def after(self, z: np.ndarray, dt: np.ndarray, low: np.ndarray, high: np.ndarray, substeps: int) -> np.ndarray:
        """What the moments of an increment over dt add to drift and covariance: (row, component + entry)."""
        n = len(self.floor)
        m, p, h = z.copy(), np.zeros((len(z), n, n)), dt / substeps
        for _ in range(substeps):
            total_m, total_p, at_m, at_p = np.zeros_like(m), np.zeros_like(p), m, p
            for weight, part in ((1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)):
                rate_m, rate_p = self._rates(at_m, at_p, low, high)
                total_m, total_p = total_m + weight / 6 * rate_m, total_p + weight / 6 * rate_p
                at_m, at_p = m + (part * h)[:, None] * rate_m, p + (part * h)[:, None, None] * rate_p
            m, p = m + h[:, None] * total_m, p + h[:, None, None] * total_p
        mean, spread = (m - z) / dt[:, None], p / dt[:, None, None]
        drift, covariance = self.values(z)
        i, k = np.tril_indices(n)
        return np.concatenate([mean - drift, (spread - covariance)[:, i, k]], axis=1)

    def _rates(self, m: np.ndarray, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the moments, by points that have them (Julier and Uhlmann 2004, Proc. IEEE 92, 401)."""
        n = m.shape[1]
        if n == 1:
            root = np.sqrt(np.maximum(p, 0.0))
        else:
            least = 1e-12 * np.einsum("rii->r", p).max() + 1e-300
            try:
                root = np.linalg.cholesky(p + least * np.eye(n))
            except np.linalg.LinAlgError:
                values, vectors = np.linalg.eigh(p)
                root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        many = float(max(n, 3))
        away = np.sqrt(many) * np.swapaxes(root, 1, 2)  # (row, way, component)
        points = np.concatenate([m[:, None], m[:, None] + away, m[:, None] - away], axis=1)
        drift, covariance = self.values(np.clip(points, low, high).reshape(-1, n))
        weights = np.concatenate([[1.0 - n / many], np.full(2 * n, 0.5 / many)])
        drift = drift.reshape(points.shape)
        cross = np.einsum("w,rwi,rwj->rij", weights, points - m[:, None], drift)
        mean = np.einsum("w,rwij->rij", weights, covariance.reshape(*points.shape, n))
        return np.einsum("w,rwi->ri", weights, drift), cross + np.swapaxes(cross, 1, 2) + mean


def positive(a: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Matrices with variances above the floor and correlations up to one."""
    n = len(floor)
    for i in range(n):
        np.maximum(a[:, i, i], floor[i], out=a[:, i, i])
    for i, k in lower_triangle(n):
        if i != k:
            bound = np.sqrt(a[:, i, i] * a[:, k, k])
            a[:, i, k] = a[:, k, i] = np.clip(a[:, i, k], -bound, bound)
    return a


def local_variances(rows: Rows) -> np.ndarray:
    """Variance of increments per unit of time (row, component), among neighbours: no function is fitted yet."""
    out = np.empty_like(rows.z)
    least = max(tuning.LEAF_ROWS, len(rows.z) // tuning.LEAVES)
    groups = [np.arange(len(rows.z))]
    while groups:
        group = groups.pop()
        if len(group) >= 2 * least:
            axis = int(np.argmax(np.ptp(rows.z[group], axis=0)))
            order = group[np.argpartition(rows.z[group, axis], len(group) // 2)]
            groups += [order[: len(group) // 2], order[len(group) // 2 :]]
            continue
        root = np.sqrt(rows.dt[group])[:, None]
        line = np.column_stack([root, rows.z[group] * root])  # the drift there is a line
        left = len(group) - line.shape[1]
        gap = rows.dz[group] / root
        gap = gap - line @ np.linalg.lstsq(line, gap, rcond=1e-10)[0] if left > line.shape[1] else gap
        out[group] = (gap**2).sum(axis=0) / max(left, 1)
    usual = (rows.dz**2 / rows.dt[:, None]).mean(axis=0)
    return np.asarray(np.where(usual > 0, np.maximum(out, tuning.VARIANCE_FLOOR * usual), 1.0))
