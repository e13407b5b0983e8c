"""Solutions of a vector field over short spans, from many starts at once, and how they depend on the field.

Collocation at Gauss nodes, order twice their number: Y_j = y0 + h sum_k a[j, k] f(Y_k), solved by Newton's method for
all spans together. The end depends on a change of the field at the nodes by
dy1 = h b' (I - h F A)^-1 df and on the start by I + h b' (I - h F A)^-1 F, exactly, F the Jacobians at the nodes.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.2 and VI.4.2 (derivatives of a method).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from dynsamp.kernels.solvers.implicit import gauss_legendre4, gauss_legendre6, gauss_legendre8
from dynsamp.networks import tuning


class Field(Protocol):
    """What is solved."""

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray, /) -> np.ndarray:
        """Right-hand side (point, component) at times t (point,), states y and signals u (point, input)."""

    def jacobian(self, y: np.ndarray, /) -> np.ndarray:
        """Its Jacobian (point, component, component)."""


Signals = Callable[[np.ndarray], np.ndarray]  # times (node, span) -> (node, span, input)


@cache
def gauss(stages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes c, weights b and matrix A of Gauss collocation on [0, 1]: those of the solvers where there are such."""
    for solver in (gauss_legendre4, gauss_legendre6, gauss_legendre8):
        if stages == solver.STAGES:
            return solver.NODES, solver.WEIGHTS, solver.MU * solver.WEIGHTS
    x, w = np.polynomial.legendre.leggauss(stages)
    c, b = 0.5 * (x + 1.0), 0.5 * w
    # integrals of the Lagrange polynomials, through those of the Legendre polynomials
    values = np.polynomial.legendre.legvander(x, stages - 1)
    unit = np.eye(stages)
    sums = np.stack([np.polynomial.legendre.legval(x, np.polynomial.legendre.legint(row, lbnd=-1)) for row in unit], 1)
    return c, b, 0.5 * sums @ np.linalg.inv(values)


@dataclass(frozen=True)
class Spans:
    """Solutions over one span each."""

    t: np.ndarray  # (node, span)
    nodes: np.ndarray  # (node, span, component)
    u: np.ndarray  # (node, span, input)
    end: np.ndarray  # (span, component)
    maps: np.ndarray  # (node, span, component, component): of changes of the field at the nodes to the end
    along: np.ndarray  # (span, component, component): of a change of the start to the end
    good: np.ndarray  # (span,) whether the equations were solved


def spans(
    law: Field,
    t0: np.ndarray,
    y0: np.ndarray,
    h: np.ndarray,
    stages: int,
    signals: Signals | None = None,
    guess: np.ndarray | None = None,
) -> Spans:
    """Solve over h (span,), which may be negative, from y0 (span, component) at t0 (span,).

    ``guess`` (node, span, component) starts Newton's method; by default a step of Euler's method.
    """
    c, b, matrix = gauss(stages)
    count, size = y0.shape
    t = t0 + c[:, None] * h
    if signals is None:
        signals = lambda t: np.empty((*t.shape, 0))  # noqa: E731 - none
    u = signals(t)
    finite = np.isfinite(y0).all(axis=1)
    scale = np.maximum(np.abs(y0[finite]).max(axis=0, initial=0.0), 1e-300)
    with np.errstate(all="ignore"):
        if guess is None:
            guess = y0 + c[:, None, None] * h[:, None] * law.field(t0, y0, signals(t0[None])[0])
        nodes = guess.copy()
        good = np.zeros(count, bool)
        open_ = np.flatnonzero(np.isfinite(nodes).all(axis=(0, 2)))
        for _ in range(tuning.NEWTON_ITERATIONS):
            if not len(open_):
                break
            now, step = nodes[:, open_], h[open_]
            slopes = _slopes(law, t[:, open_], now, u[:, open_])
            defect = now - y0[open_] - step[:, None] * np.tensordot(matrix, slopes, 1)
            coupled = np.einsum("jk,ksab->sjakb", matrix, _jacobians(law, now))
            system = _identity_less(step[:, None, None, None, None] * coupled)
            rhs = np.moveaxis(defect, 0, 1).reshape(len(open_), -1)
            change = _solved(system, rhs[..., None]).reshape(len(open_), stages, size).swapaxes(0, 1)
            nodes[:, open_] = now - change
            settled = np.abs(change / scale).max(axis=(0, 2)) <= tuning.NEWTON_SETTLED
            lost = ~np.isfinite(nodes[:, open_]).all(axis=(0, 2))
            good[open_[settled & ~lost]] = True
            open_ = open_[~(settled | lost)]
        end = y0 + h[:, None] * np.tensordot(b, _slopes(law, t, nodes, u), 1)
        good &= np.isfinite(end).all(axis=1)
        nodes = np.where(good[:, None], nodes, y0)
        jacobians = _jacobians(law, nodes)
        maps = _sensitivities(jacobians, matrix, b, h)
        good &= np.isfinite(maps).all(axis=(0, 2, 3))
        along = np.eye(size) + np.einsum("jsab,jsbc->sac", maps, jacobians)
    return Spans(t, nodes, u, end, maps, along, good)


def _slopes(law: Field, t: np.ndarray, nodes: np.ndarray, u: np.ndarray) -> np.ndarray:
    flat = law.field(t.ravel(), nodes.reshape(-1, nodes.shape[2]), u.reshape(t.size, -1))
    return np.asarray(flat.reshape(nodes.shape))


def _jacobians(law: Field, nodes: np.ndarray) -> np.ndarray:
    size = nodes.shape[-1]
    return np.asarray(law.jacobian(nodes.reshape(-1, size)).reshape(*nodes.shape, size))


def _identity_less(blocks: np.ndarray) -> np.ndarray:
    """I - blocks (span, node * component, node * component) of blocks (span, node, component, node, component)."""
    count, stages, size = blocks.shape[:3]
    system = np.negative(blocks).reshape(count, stages * size, stages * size)
    system[:, np.arange(stages * size), np.arange(stages * size)] += 1.0
    return np.asarray(system)


def _solved(system: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Solutions of all systems; NaN for singular ones, which must not cost the others."""
    try:
        return np.asarray(np.linalg.solve(system, rhs))
    except np.linalg.LinAlgError:
        good = np.isfinite(system).all(axis=(1, 2))
        good[good] = np.abs(np.linalg.slogdet(system[good])[0]) > 0.0
        result = np.full(rhs.shape, np.nan)
        if np.any(good):
            result[good] = np.linalg.solve(system[good], rhs[good])
        return result


def _sensitivities(jacobians: np.ndarray, matrix: np.ndarray, b: np.ndarray, h: np.ndarray) -> np.ndarray:
    """h b' (I - h F A)^-1 (node, span, component, component)."""
    stages, count, size, _ = jacobians.shape
    system = _identity_less(h[:, None, None, None, None] * np.einsum("jsab,jk->sjakb", jacobians, matrix))
    rows = np.kron(b[:, None], np.eye(size))  # (node * component, component)
    rows = np.broadcast_to(rows, (count, *rows.shape))
    found = _solved(np.swapaxes(system, 1, 2), rows)  # its transpose is b' (I - h F A)^-1
    found = h[:, None, None, None] * found.reshape(count, stages, size, size)
    return np.ascontiguousarray(np.moveaxis(found, (1, 3), (0, 2)))
