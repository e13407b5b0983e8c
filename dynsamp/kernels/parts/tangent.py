"""Tangent dynamics: perturbations carried along a trajectory, for Lyapunov exponents.

The state is (y, v_1, ..., v_m): BASE components and COLUMNS vectors of as many. ``rhs`` and ``iterate`` stand in front
of those of the state alone (``base_rhs``); ``record`` makes the vectors orthonormal again at every saved time, by
modified Gram--Schmidt, twice, in one lane at a time, and saves the logarithms of their growth.
Benettin, Galgani, Giorgilli and Strelcyn (1980), Lyapunov characteristic exponents for smooth dynamical systems and
for Hamiltonian systems, Meccanica 15, 9 and 21.
"""

import numpy as np

from dynsamp.kernels.slots import BASE, COLUMNS, along, base_rhs, fail, fma, jacobian, matrix, peek, poke
from dynsamp.words import Status

OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)


def rhs(t, y, theta, dy):
    """Right-hand side of state and vectors: y' = f(t, y), v' = f'(t, y) v for every vector."""
    base_rhs(t, y[:BASE], theta, dy[:BASE])
    along(t, y[:BASE], theta, y[BASE:], dy[BASE:])


def iterate(t, y, theta, out):
    """One iterate of state and vectors: y <- F(y), v <- F'(y) v for every vector."""
    base_rhs(t, y[:BASE], theta, out[:BASE])
    along(t, y[:BASE], theta, y[BASE:], out[BASE:])


def along_exactly(t, y, theta, v, dv):
    """Slot ``along`` where the Jacobian is known."""
    jac = matrix(BASE, BASE)
    jacobian(t, y, theta, jac)
    for c in range(COLUMNS):
        for i in range(BASE):
            total = jac[i, 0] * v[c * BASE]
            for k in range(1, BASE):
                total = fma(jac[i, k], v[c * BASE + k], total)
            dv[c * BASE + i] = total


def record(y, lane, out, status, j, k):
    """Write saved time k of trajectory j: state (BASE,), logarithms (COLUMNS,); make its vectors orthonormal."""
    for i in range(BASE):
        out[j, k, i] = peek(y, i, lane)
    for c in range(COLUMNS):
        out[j, k, BASE + c] = orthonormalised(y, lane, c)
    for i in range(BASE + COLUMNS):
        if not np.isfinite(out[j, k, i]):
            status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)


def orthonormalised(y, lane, c):
    """Make vector c orthogonal to those before it, and of unit length; returns the logarithm of its length."""
    own = BASE * (1 + c)
    for _ in range(2):  # the second time removes what rounding has left
        for b in range(c):
            other, dot = BASE * (1 + b), 0.0
            for i in range(BASE):
                dot += peek(y, other + i, lane) * peek(y, own + i, lane)
            for i in range(BASE):
                poke(y, own + i, lane, peek(y, own + i, lane) - dot * peek(y, other + i, lane))
    square = 0.0
    for i in range(BASE):
        square += peek(y, own + i, lane) * peek(y, own + i, lane)
    length = np.sqrt(square)
    for i in range(BASE):
        poke(y, own + i, lane, peek(y, own + i, lane) / length)
    return np.log(length)
