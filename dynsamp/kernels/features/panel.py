"""Householder's QR of a few columns [corner; rows] with an upper triangular corner, in registers and cache.

LAPACK's panels read the columns once for every product with a reflector; here four columns share a pass.
"""

import numpy as np

from dynsamp.kernels.jit import inner
from dynsamp.kernels.simd import fma, splat
from dynsamp.kernels.simd.arrays import extract, lane_view

SAFE = 1e280  # squares beyond, or below its inverse, are taken of scaled numbers


@inner
def total(x):
    """Sum of the lanes."""
    result = 0.0
    for lane in range(8):
        result += extract(x, lane)
    return result


@inner
def norm(v):
    """Euclidean norm of a column."""
    x = lane_view(8, v)
    squares = splat(8, 0.0)
    for i in range(len(x)):
        squares = fma(x[i], x[i], squares)
    result = total(squares)
    if 1.0 / SAFE < result < SAFE:
        return np.sqrt(result)
    top = 0.0
    for i in range(len(v)):
        top = max(top, abs(v[i]))
    if not 0.0 < top < np.inf:
        return top
    result = 0.0
    for i in range(len(v)):
        result += (v[i] / top) ** 2
    return top * np.sqrt(result)


@inner
def reflect_four(v, a, b, c, d, corner, j, k, tau):
    """Apply a reflector [e_j; v] to columns k ... k + 3."""
    x, p, q, r, s = lane_view(8, v), lane_view(8, a), lane_view(8, b), lane_view(8, c), lane_view(8, d)
    zero = splat(8, 0.0)
    f, g, h, m = zero, zero, zero, zero
    for i in range(len(x)):
        y = x[i]
        f, g, h, m = fma(y, p[i], f), fma(y, q[i], g), fma(y, r[i], h), fma(y, s[i], m)
    t, u, w, z = (
        tau * (corner[j, k] + total(f)),
        tau * (corner[j, k + 1] + total(g)),
        tau * (corner[j, k + 2] + total(h)),
        tau * (corner[j, k + 3] + total(m)),
    )
    corner[j, k] -= t
    corner[j, k + 1] -= u
    corner[j, k + 2] -= w
    corner[j, k + 3] -= z
    for i in range(len(x)):
        y = x[i]
        p[i] = fma(-t, y, p[i])
        q[i] = fma(-u, y, q[i])
        r[i] = fma(-w, y, r[i])
        s[i] = fma(-z, y, s[i])


@inner
def reflect_one(v, a, corner, j, k, tau):
    """Apply a reflector [e_j; v] to column k."""
    x, p = lane_view(8, v), lane_view(8, a)
    f = splat(8, 0.0)
    for i in range(len(x)):
        f = fma(x[i], p[i], f)
    t = tau * (corner[j, k] + total(f))
    corner[j, k] -= t
    for i in range(len(x)):
        p[i] = fma(-t, x[i], p[i])


def run(corner, columns, taus):
    """Corner (column, column), columns (column, row) with a multiple of 8 rows, taus (column,).

    Leaves the triangle in the corner, the vectors v of the reflectors 1 - tau [e; v] [e; v]' in the columns.
    """
    count = len(columns)
    for j in range(count):
        v = columns[j]
        size, alpha = norm(v), corner[j, j]
        if size == 0.0:
            taus[j] = 0.0
            continue
        beta = -np.copysign(np.hypot(alpha, size), alpha)
        tau, scale = (beta - alpha) / beta, 1.0 / (alpha - beta)
        taus[j], corner[j, j] = tau, beta
        for i in range(len(v)):
            v[i] *= scale
        for k in range(j + 1, count - 3, 4):
            reflect_four(v, columns[k], columns[k + 1], columns[k + 2], columns[k + 3], corner, j, k, tau)
        for k in range(j + 1 + (count - 1 - j) // 4 * 4, count):
            reflect_one(v, columns[k], corner, j, k, tau)
