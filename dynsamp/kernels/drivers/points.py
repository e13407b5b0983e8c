"""Functions of a system at points: t (n,), y (n, state), theta (1 or n, parameter)."""

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, SWEPT, diffusion, jacobian, matrix, rhs, scalar, vector


def fields(t, y, theta, out, begin, end):
    """Right-hand sides, drifts: out (n, state)."""
    u, dy = vector(DIM), vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
            dy[i] = 0.0
        rhs(t[j], u, theta[j * SWEPT], dy)
        for i in range(DIM):
            out[j, i] = dy[i]


def jacobians(t, y, theta, out, begin, end):
    """Jacobians: out (n, state, state)."""
    u = vector(DIM)
    for j in range(begin, end):
        jac = matrix(DIM, DIM)
        for i in range(DIM):
            u[i] = y[j, i]
        jacobian(t[j], u, theta[j * SWEPT], jac)
        for i in range(DIM):
            for k in range(DIM):
                out[j, i, k] = jac[i, k]


def diffusions(t, y, theta, out, begin, end):
    """Diffusions: out (n, state, noise), (n, state, 1) where diagonal."""
    u = vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
        if DIAGONAL:
            b = vector(DIM)
            diffusion(t[j], u, theta[j * SWEPT], b)
            for i in range(DIM):
                out[j, i, 0] = b[i]
        else:
            g = matrix(DIM, NOISE)
            diffusion(t[j], u, theta[j * SWEPT], g)
            for i in range(DIM):
                for k in range(NOISE):
                    out[j, i, k] = g[i, k]


def scalars(t, y, theta, out, begin, end):
    """Energies, diagnostics, invariants: out (n,)."""
    u = vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
        out[j] = scalar(t[j], u, theta[j * SWEPT])
