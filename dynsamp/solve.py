"""The door to the solvers: converts, checks, picks a method, explains.

A true system and a fitted model are the same thing here: compiled functions and a flat vector ``theta``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dynsamp.checks import as_ids, as_room, as_states, as_theta, as_times

if TYPE_CHECKING:
    from dynsamp.kernels.integrate import Problem

__all__ = ["Kernel", "Solution", "diffusion_values", "field_values", "scalar_values", "solve"]

Kind = Literal["field", "separable", "sde", "map"]
Inputs = tuple[np.ndarray, np.ndarray]

_METHODS: dict[str, tuple[str, ...]] = {
    "field": ("dop853", "rk4", "implicit_midpoint"),
    "separable": ("yoshida4", "verlet", "dop853", "rk4", "implicit_midpoint"),
    "sde": ("euler_maruyama",),
    "map": ("map",),
}
_RTOL, _RTOL_CHAOTIC = 1e-9, 3e-14  # chaos amplifies every error: as small as float64 permits
_MAX_STEPS = 1_000_000


@dataclass(frozen=True)
class Kernel:
    """What a solver needs to know of a system or of a fitted model.

    Parameters
    ----------
    kind : {"field", "separable", "sde", "map"}
        Which functions follow.
    functions : tuple of callables
        field ``(rhs,)``, separable ``(velocity, force)``, sde ``(drift, diffusion)``, map ``(step,)``;
        plain Python or njit, signatures as in ``dynsamp.system``.
    theta : ndarray
        Parameters, shape (parameter,) or, swept over trajectories, (trajectory, parameter).
    noise : "diagonal", int or None
        sde: "diagonal" (``g`` is (state,)) or the number m of Wiener processes (``g`` is (state, m));
        map: the number m of standard normals that ``step`` receives as ``xi`` before ``out``.
    dt : float, optional
        Time between two iterates of a map.
    inputs : tuple of bool
        One entry an external signal: held between samples (True) or linear (False); ``u`` follows ``theta``.
    facts : mapping
        What the choice of a method may use: "hamiltonian", "stiff", "chaotic" (bools).
    """

    kind: Kind
    functions: tuple[Callable[..., Any], ...]
    theta: np.ndarray
    noise: int | Literal["diagonal"] | None = None
    dt: float | None = None
    inputs: tuple[bool, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Solution:
    """Trajectories and what became of them."""

    states: np.ndarray  # (trajectory, time, state), NaN after a failure
    status: np.ndarray  # (trajectory,) int8, codes of words.Status
    method: str  # "rk4", "dop853", ... ; the scalar route is recorded as "rk4-scalar", ...
    reason: str  # one sentence: why this method
    options: Mapping[str, float]  # step, or rtol and atol, as used


def solve(
    kernel: Kernel,
    times: Any,
    y0: Any,
    *,
    ids: Any = None,
    seed: int = 0,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    inputs: Inputs | None = None,
    out: np.ndarray | None = None,
) -> Solution:
    """Trajectories from many starts.

    Parameters
    ----------
    kernel : Kernel
        Functions and parameters.
    times : array_like (time,)
        Saved times, increasing; the first is that of ``y0``.
    y0 : array_like (trajectory, state)
        Starts.
    ids : array_like of int (trajectory,), optional
        Names of the streams of noise; by default 0, 1, ...
    seed : int
        Of the noise.
    method : str, optional
        "rk4", "dop853", "verlet", "yoshida4", "implicit_midpoint", "euler_maruyama" or "map"; chosen by the kind of
        kernel if not given.
    step : float, optional
        Longest internal step of a fixed-step method, which takes a whole number of equal steps between saved times;
        by default the smallest spacing of ``times``.
    rtol, atol : float, optional
        Tolerances of dop853: 1e-9, or 3e-14 for chaotic systems.
    max_steps : int, optional
        Steps of dop853 after which a trajectory is given up: 1 000 000.
    threads : int, optional
        By default ``DYNSAMP_THREADS``, or all processors. No result depends on it.
    inputs : (times (n,), values (trajectory or 1, n, signal)), optional
        External signals, for a kernel that has them.
    out : ndarray (trajectory, time, state), optional
        Where to write the states.

    Returns
    -------
    Solution
        A trajectory that fails has NaN from the failure on and a status; it raises nothing.

    Raises
    ------
    ValueError, TypeError
        For arguments that contradict each other, and functions that do not compile.
    RuntimeError
        If a function of the system raises.
    """
    from dynsamp.kernels.integrate import Schedule, integrate

    times, y0 = as_times(times), as_states(y0)
    name, reason = _choice(kernel, method, rtol is not None or atol is not None)
    numbers = as_ids(ids, len(y0))
    problem = _problem(kernel, y0.shape[1], len(y0), inputs, (times[0], times[-1]))
    substeps, tolerance = np.ones(len(times) - 1, dtype=np.int64), np.empty(2)
    if name == "dop853":
        rtol, atol = _tolerances(kernel, rtol, atol)
        tolerance[:] = rtol, atol
        options = {"rtol": rtol, "atol": atol}
    else:
        substeps, width = _substeps(kernel, times, step)
        options = {"step": width}
    limit = _MAX_STEPS if max_steps is None else int(max_steps)
    if limit < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")
    states = as_room(out, (len(y0), len(times), y0.shape[1]))
    status, route = integrate(
        name, problem, Schedule(times, substeps, tolerance, limit), y0, numbers, int(seed), threads, states
    )
    return Solution(states, status, route, reason, options)


def field_values(kernel: Kernel, t: Any, y: Any, theta: Any = None, inputs: Inputs | None = None) -> np.ndarray:
    """Right-hand side (n, state) (drift, for an sde) at times t (n,) and states y (n, state).

    theta (parameter,) or (n, parameter) replaces that of the kernel.
    """
    from dynsamp.kernels.integrate import fields

    problem, t, y = _at_points(kernel, t, y, theta, inputs)
    return fields(problem, t, y)


def diffusion_values(kernel: Kernel, t: Any, y: Any, theta: Any = None, inputs: Inputs | None = None) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise) where it is not diagonal; arguments as for ``field_values``."""
    from dynsamp.kernels.integrate import diffusions

    if kernel.kind != "sde":
        raise ValueError(f"only an sde kernel has a diffusion, this one is {kernel.kind!r}; use field_values()")
    problem, t, y = _at_points(kernel, t, y, theta, inputs)
    return diffusions(problem, t, y)


def scalar_values(function: Callable[..., Any], t: Any, y: Any, theta: Any) -> np.ndarray:
    """Values (n,) of a function (t, y, theta) -> float at times t (n,), states y (n, state)."""
    from dynsamp.kernels.integrate import scalar_field

    y = as_states(y)
    t, theta = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy(), as_theta(theta, len(y))
    return scalar_field(function, t, y, theta)


def _choice(kernel: Kernel, method: str | None, tolerances: bool) -> tuple[str, str]:
    """Method and one sentence why."""
    known, facts = _METHODS[kernel.kind], kernel.facts
    if method is not None:
        if method not in known:
            raise ValueError(f"method {method!r} does not solve a {kernel.kind} kernel; choose from {', '.join(known)}")
        return method, f"{method}: asked for"
    if kernel.kind == "map":
        return "map", "map: the system is iterated"
    if kernel.kind == "sde":
        return "euler_maruyama", "euler_maruyama: the system is a stochastic differential equation"
    if tolerances:
        return "dop853", "dop853: tolerances were given, and it controls its error"
    if kernel.kind == "separable":
        return "yoshida4", "yoshida4: the Hamiltonian is separable, and the error of its energy stays bounded"
    if facts.get("hamiltonian"):
        return "implicit_midpoint", "implicit_midpoint: the system is Hamiltonian, and the map stays symplectic"
    if facts.get("chaotic"):
        return "dop853", "dop853: the system is chaotic, so errors are kept as small as float64 permits"
    return "dop853", "dop853: adaptive steps of order 8 suit a smooth right-hand side"


def _tolerances(kernel: Kernel, rtol: float | None, atol: float | None) -> tuple[float, float]:
    default = _RTOL_CHAOTIC if kernel.facts.get("chaotic") else _RTOL
    rtol = default if rtol is None else float(rtol)
    atol = min(default, rtol) if atol is None else float(atol)
    if not 1e-15 <= rtol < 1 or not 0 < atol < float("inf"):
        raise ValueError(f"tolerances must be 1e-15 <= rtol < 1 and atol > 0, got rtol={rtol:g}, atol={atol:g}")
    return rtol, atol


def _substeps(kernel: Kernel, times: np.ndarray, step: float | None) -> tuple[np.ndarray, float]:
    """Steps in each interval, and the longest allowed."""
    spans = np.diff(times)
    width = kernel.dt if kernel.kind == "map" else step
    if kernel.kind == "map" and (width is None or (step is not None and step != width)):
        raise ValueError(f"a map advances by its own dt = {kernel.dt}, but step = {step}; give a Kernel with dt=")
    if width is None:
        width = float(spans.min()) if len(spans) else 1.0
    if not 0 < width < float("inf"):
        raise ValueError(f"step must be positive, got {width}")
    ratio = spans / width
    if kernel.kind == "map" and np.any(np.abs(ratio - np.rint(ratio)) > 1e-6 * np.maximum(ratio, 1.0)):
        n = int(np.argmax(np.abs(ratio - np.rint(ratio))))
        raise ValueError(
            f"a map with dt = {width:g} cannot reach times[{n + 1}] = {times[n + 1]:g} from {times[n]:g};"
            " save at multiples of dt"
        )
    counts = np.rint(ratio) if kernel.kind == "map" else np.ceil(ratio - 1e-9 * np.maximum(ratio, 1.0))
    return np.maximum(counts, 1).astype(np.int64), float(width)


def _problem(kernel: Kernel, dim: int, count: int, inputs: Inputs | None, span: tuple[float, float] | None) -> Problem:
    from dynsamp.kernels.integrate import Problem

    slots = {
        "field": ("rhs",),
        "separable": ("velocity", "force"),
        "sde": ("rhs", "diffusion"),
        "map": ("noisy_iterate" if kernel.noise else "iterate",),
    }[kernel.kind]
    if len(kernel.functions) != len(slots):
        raise TypeError(f"a {kernel.kind} kernel needs {len(slots)} functions, got {len(kernel.functions)}")
    if kernel.kind == "separable" and dim % 2:
        raise ValueError(f"a separable kernel has states (q, p) in pairs, but y has {dim} components")
    diagonal = kernel.noise == "diagonal"
    return Problem(
        functions=dict(zip(slots, kernel.functions, strict=True)),
        theta=as_theta(kernel.theta, count),
        dim=dim,
        noise=dim if kernel.noise == "diagonal" else int(kernel.noise or 0),
        diagonal=diagonal,
        held=tuple(kernel.inputs),
        signals=_signals(kernel, inputs, count, span),
    )


def _signals(kernel: Kernel, inputs: Inputs | None, count: int, span: tuple[float, float] | None) -> Inputs | None:
    if not kernel.inputs:
        if inputs is not None:
            raise ValueError("inputs were given, but the kernel has none; leave inputs= out")
        return None
    if inputs is None:
        raise ValueError(f"the kernel has {len(kernel.inputs)} inputs; pass inputs=(times, values)")
    times, values = as_times(inputs[0]), np.array(inputs[1], dtype=float, order="C")
    if values.ndim != 3 or len(values) not in (1, count) or values.shape[1:] != (len(times), len(kernel.inputs)):
        raise ValueError(
            f"values of inputs must be (1 or {count}, {len(times)}, {len(kernel.inputs)}), got {values.shape}"
        )
    if span is not None and (span[0] < times[0] or span[1] > times[-1]):
        raise ValueError(
            f"inputs are known from {times[0]:g} to {times[-1]:g}, but times run from {span[0]:g} to {span[1]:g}"
        )
    return times, values


def _at_points(
    kernel: Kernel, t: Any, y: Any, theta: Any, inputs: Inputs | None
) -> tuple[Problem, np.ndarray, np.ndarray]:
    y = as_states(y)
    t = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy()
    if kernel.kind == "map":
        raise ValueError("a map has no right-hand side; iterate it with solve()")
    span = (float(t.min()), float(t.max())) if len(t) else None
    given = kernel if theta is None else replace(kernel, theta=np.asarray(theta, dtype=float))
    return _problem(given, y.shape[1], len(y), inputs, span), t, y
