"""The peers of the solver benchmarks, each behind the same call; and how both sides are timed.

A peer that is not installed is left out, with a line that says so. Import this module before JAX: it restricts the
process to one processor, and XLA to one thread.
"""

from __future__ import annotations

import importlib
import os
import time
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numba
import numpy as np
from solver_problems import HESTON, Ode

__all__ = ["diffrax_adaptive", "diffrax_fixed", "diffrax_heston", "heyoka_batch", "heyoka_extended", "interleaved"]
__all__ += ["jax_rk4", "numbalsoda_solver", "numpy_heston", "numpy_rk4", "one_processor", "peer", "scipy_dop853"]

States = np.ndarray  # (trajectory, state)
Adaptive = Callable[[States, float], States]  # from starts and a tolerance to the last states


def one_processor() -> None:
    """Keep this process and its threads on one processor, where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@lru_cache
def peer(name: str) -> types.ModuleType | None:
    """A peer, or None and one line about it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"left out: {name} ({error})", flush=True)
        return None


def interleaved(actions: Mapping[str, Callable[[], object]], turns: int, clock=time.process_time) -> dict[str, Any]:
    """Seconds (turn,) of each action; all of them have run before, and they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(turns):
        for name, action in actions.items():
            start = clock()
            action()
            seconds[name].append(clock() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def jax_rk4(ode: Ode, starts: States, h: float, steps: int, block: int = 256) -> Callable[[], States]:
    """RK4 as an expert writes it in JAX: components first, a scan over steps, blocks that stay in cache."""
    import jax
    import jax.numpy as jnp

    def step(y, _):
        k1 = ode.field(y, jnp)
        k2 = ode.field(y + 0.5 * h * k1, jnp)
        k3 = ode.field(y + 0.5 * h * k2, jnp)
        k4 = ode.field(y + h * k3, jnp)
        return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

    run = jax.jit(lambda blocks: jax.lax.map(lambda y: jax.lax.scan(step, y, None, length=steps)[0], blocks))
    count = len(starts) - len(starts) % block
    blocks = jnp.asarray(starts[:count].reshape(-1, block, ode.dim).transpose(0, 2, 1))
    return lambda: np.asarray(run(blocks)).transpose(0, 2, 1).reshape(count, ode.dim)


def diffrax_fixed(ode: Ode, starts: States, h: float, steps: int) -> Callable[[], States]:
    """RK4 as a tableau of diffrax, which has none of its own; constant steps, vmap."""
    import diffrax
    import jax
    import jax.numpy as jnp

    class RK4(diffrax.AbstractERK):
        tableau = diffrax.ButcherTableau(
            a_lower=(np.array([0.5]), np.array([0.0, 0.5]), np.array([0.0, 0.0, 1.0])),
            b_sol=np.array([1.0, 2.0, 2.0, 1.0]) / 6.0,
            b_error=np.zeros(4),
            c=np.array([0.5, 0.5, 1.0]),
        )
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms):
            return 4

    run = _diffrax_run(diffrax.ODETerm(lambda t, y, args: ode.field(y, jnp)), RK4(), h, h * steps, steps + 8)
    states = jnp.asarray(starts)
    batched = jax.jit(jax.vmap(run))
    return lambda: np.asarray(batched(states))


def _diffrax_run(term: Any, solver: Any, h: float, end: float, limit: int) -> Callable[[Any], Any]:
    import diffrax

    def run(y):
        last = diffrax.SaveAt(t1=True)
        adjoint = diffrax.DirectAdjoint()
        found = diffrax.diffeqsolve(term, solver, 0.0, end, h, y, saveat=last, max_steps=limit, adjoint=adjoint)
        return found.ys[0]

    return run


def numpy_rk4(ode: Ode, starts: States, h: float, steps: int) -> Callable[[], States]:
    """RK4 on all trajectories at once."""
    first = np.ascontiguousarray(starts.T)

    def run() -> States:
        y = first
        for _ in range(steps):
            k1 = ode.field(y, np)
            k2 = ode.field(y + 0.5 * h * k1, np)
            k3 = ode.field(y + 0.5 * h * k2, np)
            k4 = ode.field(y + h * k3, np)
            y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return y.T

    return run


def numpy_heston(paths: int, steps: int) -> Callable[[], States]:
    """Full-truncation Euler on all paths at once."""
    mu, kappa, level, xi, rho, rest = HESTON.theta
    h = 1.0 / steps
    root = np.sqrt(h)

    def run() -> States:
        rng = np.random.default_rng(1)
        price, variance = np.full(paths, HESTON.start[0]), np.full(paths, HESTON.start[1])
        z = np.empty((2, paths))
        for _ in range(steps):
            rng.standard_normal(out=z)
            positive = np.maximum(variance, 0.0)
            noise = np.sqrt(positive) * root
            price = price + mu * h * price + price * noise * z[0]
            variance = variance + kappa * (level - positive) * h + xi * noise * (rho * z[0] + rest * z[1])
        return np.stack([price, variance], axis=1)

    return run


def diffrax_heston(paths: int, steps: int) -> Callable[[], States]:
    """Euler of diffrax with its cheapest Brownian path, vmap."""
    import diffrax
    import jax
    import jax.numpy as jnp

    mu, kappa, level, xi, rho, rest = (float(value) for value in HESTON.theta)

    def drift(t, y, args):
        return jnp.stack([mu * y[0], kappa * (level - jnp.maximum(y[1], 0.0))])

    def diffusion(t, y, args):
        s = jnp.sqrt(jnp.maximum(y[1], 0.0))
        return jnp.array([[y[0] * s, 0.0 * s], [xi * rho * s, xi * rest * s]])

    def one(key):
        noise = diffrax.ControlTerm(diffusion, diffrax.UnsafeBrownianPath(shape=(2,), key=key))
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), noise)
        return _diffrax_run(terms, diffrax.Euler(), 1.0 / steps, 1.0, steps + 8)(jnp.array(HESTON.start))

    run = jax.jit(jax.vmap(one))
    keys = jax.random.split(jax.random.PRNGKey(1), paths)
    return lambda: np.asarray(run(keys))


def diffrax_adaptive(ode: Ode, solver: str) -> Adaptive:
    """Dopri8 or Tsit5 with the PID controller, vmap; the tolerance is an argument, so it compiles once."""
    import diffrax
    import jax
    import jax.numpy as jnp

    term = diffrax.ODETerm(lambda t, y, args: ode.field(y, jnp))
    method = getattr(diffrax, solver)()

    def one(y, tolerance):
        control = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        last = diffrax.SaveAt(t1=True)
        limits = {"max_steps": 10**6, "throw": False, "stepsize_controller": control}
        return diffrax.diffeqsolve(term, method, 0.0, ode.duration, None, y, saveat=last, **limits).ys[0]

    run = jax.jit(jax.vmap(one, in_axes=(0, None)))
    return lambda starts, tolerance: np.asarray(run(jnp.asarray(starts), tolerance))


def numbalsoda_solver(ode: Ode, name: str) -> Adaptive:
    """``dop853`` (Fortran) or ``lsoda`` (C++) in a compiled loop over trajectories."""
    import numbalsoda

    field, dim, size = numba.njit(error_model="numpy")(ode.rhs), ode.dim, max(len(ode.theta), 1)
    method, times = getattr(numbalsoda, name), np.array([0.0, ode.duration])
    theta = np.array(ode.theta or (0.0,))

    @numba.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, y, dy, p):
        field(t, numba.carray(y, (dim,)), numba.carray(p, (size,)), numba.carray(dy, (dim,)))

    address = rhs.address

    @numba.njit
    def loop(starts, times, theta, tolerance):
        states = np.empty_like(starts)
        for j in range(len(starts)):
            found, success = method(address, starts[j].copy(), times, theta, rtol=tolerance, atol=tolerance)
            states[j] = found[-1]
            if not success:
                states[j] = np.nan
        return states

    return lambda starts, tolerance: loop(starts, times, theta, tolerance)


def scipy_dop853(ode: Ode) -> Adaptive:
    """SciPy's DOP853 with a compiled right-hand side."""
    from scipy.integrate import solve_ivp

    field, theta = numba.njit(error_model="numpy")(ode.rhs), np.array(ode.theta)

    @numba.njit
    def rhs(t, y):
        dy = np.empty_like(y)
        field(t, y, theta, dy)
        return dy

    def run(starts: States, tolerance: float) -> States:
        options = {"method": "DOP853", "rtol": tolerance, "atol": tolerance}
        return np.array([solve_ivp(rhs, (0.0, ode.duration), y, **options).y[:, -1] for y in starts])

    return run


def heyoka_batch(ode: Ode) -> Adaptive:
    """heyoka's Taylor integrator in batch mode, at the width that it recommends."""
    import heyoka

    width = heyoka.recommended_simd_size()
    integrators: dict[float, Any] = {}

    def run(starts: States, tolerance: float) -> States:
        if tolerance not in integrators:
            first = np.ascontiguousarray(starts[:width].T)
            integrators[tolerance] = heyoka.taylor_adaptive_batch(_equations(ode), first, tol=tolerance)
        integrator, states = integrators[tolerance], np.empty_like(starts)
        for j in range(0, len(starts), width):
            integrator.set_time(0.0)
            integrator.state[:] = starts[j : j + width].T
            integrator.propagate_until(ode.duration)
            states[j : j + width] = integrator.state.T
        return states

    return run


def heyoka_extended(ode: Ode, starts: States) -> States:
    """Last states in extended precision (64 bits of mantissa, tolerance 1e-18), rounded to float64."""
    import heyoka

    wide = np.longdouble
    if np.finfo(wide).eps > 1e-18:
        raise NotImplementedError("extended precision is missing on this platform")
    integrator = heyoka.taylor_adaptive(_equations(ode, wide), starts[0].astype(wide), fp_type=wide, tol=wide(1e-18))
    states = np.empty(starts.shape)
    for j, y in enumerate(starts):
        integrator.time = wide(0)
        integrator.state[:] = y
        integrator.propagate_until(wide(ode.duration))
        states[j] = integrator.state
    return states


def _equations(ode: Ode, kind: type = float) -> list[Any]:
    import heyoka

    y = heyoka.make_vars(*(f"y{i}" for i in range(ode.dim)))
    theta = [heyoka.expression(kind(value)) for value in ode.theta]  # the same float64 in every precision
    return list(zip(y, ode.formula(y, theta, heyoka), strict=True))
