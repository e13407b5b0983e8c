"""Jacobian times vectors, where the Jacobian is known."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import BASE, COLUMNS, fma, jacobian, matrix


def along(t: Any, y: Any, theta: Any, v: Any, dv: Any) -> None:
    """Derivatives dv of f along the vectors v, one after the other."""
    jac = matrix(BASE, BASE)
    jacobian(t, y, theta, jac)
    for c in range(COLUMNS):
        for i in range(BASE):
            total = jac[i, 0] * v[c * BASE]
            for k in range(1, BASE):
                total = fma(jac[i, k], v[c * BASE + k], total)
            dv[c * BASE + i] = total
