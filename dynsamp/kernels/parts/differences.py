"""Central differences of the right-hand side, for kernels that give no Jacobian: relative errors of about 1e-10.

The shift is eps^(1/3) times a size of the state: for component k of a Jacobian max(|y_k|, max |y| / 1000), along a
vector max |y|. The difference is divided by what was really added.
"""

from dynsamp.kernels.slots import BASE, COLUMNS, base_rhs, fma, rhs, select, vector

SHIFT = 2.0**-17  # eps^(1/3)
FLOOR = 1e-3


def jacobian(t, y, theta, jac):
    """jac[i, k] = d f_i / d y_k at (t, y)."""
    u, above, below = vector(BASE), vector(BASE), vector(BASE)
    largest = abs(y[0])
    for i in range(BASE):
        u[i] = y[i]
        largest = max(largest, abs(y[i]))
    floor = select(largest > 0.0, FLOOR * largest, 1.0)
    for k in range(BASE):
        shift = SHIFT * max(abs(y[k]), floor)
        u[k] = y[k] + shift
        high = u[k]
        rhs(t, u, theta, above)
        u[k] = y[k] - shift
        span = high - u[k]
        rhs(t, u, theta, below)
        u[k] = y[k]
        for i in range(BASE):
            jac[i, k] = (above[i] - below[i]) / span


def along(t, y, theta, v, dv):
    """Derivatives dv of f along the vectors v, one after the other."""
    u, above, below = vector(BASE), vector(BASE), vector(BASE)
    size = abs(y[0])
    for i in range(1, BASE):
        size = max(size, abs(y[i]))
    size = select(size > 0.0, size, 1.0)
    for c in range(COLUMNS):
        length = abs(v[c * BASE])
        for i in range(1, BASE):
            length = max(length, abs(v[c * BASE + i]))
        h = SHIFT * size / length
        for i in range(BASE):
            u[i] = fma(h, v[c * BASE + i], y[i])
        base_rhs(t, u, theta, above)
        for i in range(BASE):
            u[i] = fma(-h, v[c * BASE + i], y[i])
        base_rhs(t, u, theta, below)
        for i in range(BASE):
            dv[c * BASE + i] = (above[i] - below[i]) / (h + h)
