"""A kernel: what goes into a solver, refused where it makes no sense, its values at points, and what comes out."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from dynsamp.arguments import real_array, whole_number
from dynsamp.limits import check_bytes
from dynsamp.solve.events import Events
from dynsamp.words import quoted

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function, Problem

Kind = Literal["field", "separable", "sde", "map"]
Inputs = tuple[np.ndarray, np.ndarray]
History = str | np.ndarray | Sequence[float] | Callable[[float], ArrayLike] | tuple[ArrayLike, ArrayLike] | None


class Shipped:
    """What goes to other processes with its functions: by name where they can be imported, else by their code."""

    def __getstate__(self) -> dict[str, object]:
        return {name: _shipped(value) for name, value in self.__dict__.items()}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(_received(state))


class _ByCode:
    """A function made inside another, or derived; pickled, it comes out as the function."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        from dynsamp.kernels.jit import carried

        return pickle.loads, (carried(self.function),)


def _shipped(value: Any) -> Any:
    """A value, and containers of them, as pickle can take it."""
    if isinstance(value, FunctionType):
        home = sys.modules.get(value.__module__)
        return value if getattr(home, value.__qualname__, None) is value else _ByCode(value)
    if isinstance(value, dict):
        return {key: _shipped(item) for key, item in value.items()}
    return tuple(map(_shipped, value)) if type(value) is tuple else value


def _received(value: Any) -> Any:
    """The values again; a copy in the same process was never pickled."""
    if isinstance(value, _ByCode):
        return value.function
    if isinstance(value, dict):
        return {key: _received(item) for key, item in value.items()}
    return tuple(map(_received, value)) if type(value) is tuple else value


@dataclass(frozen=True)
class Chart:
    """The coordinates in which a kernel steps: logarithms of some components. Results are states within bounds."""

    logs: np.ndarray  # (component,) whether it steps in the logarithm
    low: np.ndarray  # (component,) of results
    high: np.ndarray

    def inward(self, y: np.ndarray) -> np.ndarray:
        """Coordinates of states (..., component); NaN where a logarithm has none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(self.logs, np.log(y), y)
        return np.ascontiguousarray(np.where(np.isneginf(found), np.nan, found))

    def outward(self, x: np.ndarray) -> np.ndarray:
        """States of coordinates (..., component), in place."""
        with np.errstate(over="ignore"):
            x[..., self.logs] = np.exp(x[..., self.logs])
        return np.clip(x, self.low, self.high, out=x)


@dataclass(frozen=True)
class Kernel(Shipped):
    """What a solver needs to know of a system or of a fitted model.

    Parameters
    ----------
    kind : {"field", "separable", "sde", "map"}
        Which functions follow.
    functions : tuple of callables
        field ``(rhs,)``, separable ``(velocity, force)``, sde ``(drift, diffusion)``, or with jumps
        ``(drift, diffusion, intensity, jump)``, map ``(step,)``; plain Python or njit, signatures as in
        ``dynsamp.system``.
    theta : ndarray
        Parameters, shape (parameter,) or, swept over trajectories, (trajectory, parameter).
    noise : "diagonal", int or None
        sde: "diagonal" (``g`` is (state,)) or the number m of Wiener processes (``g`` is (state, m));
        map: the number m of standard normals that ``step`` receives as ``xi`` before ``out``.
    dt : float, optional
        Time between two iterates of a map.
    inputs : tuple of bool
        One entry an external signal: held between samples (True) or linear (False); ``u`` follows ``theta``.
    hamiltonian, stiff, chaotic : bool
        What the choice of a method may use.
    jacobian : callable, optional
        ``(t, y, theta, jac)`` with ``jac`` (state, state): of the right-hand side, of the drift, or of the step of a
        map. Where a method or a Lyapunov spectrum needs it and it is not given, it is traced from the functions or,
        where that fails, taken by differences.
    marks, mark_law : int, {"normal", "uniform"}
        How many independent standard normals, or uniforms on (0, 1), ``z`` of a jump has.
    delays : sequence of float or ndarray (trajectory,)
        Of a field: ``rhs(t, y, theta, z, dy)`` (after ``u``, with inputs) receives ``z`` (delay, state),
        z[k] = y(t - delays[k]).
    history : optional
        The state before the first time: "start" (the first state, held), a state (state,), a function of t that
        returns one, or samples (times (n,), values (n, state) or (trajectory, n, state)), between which a cubic
        spline runs.
    size, parameters : int, optional
        Components of the state, and numbers in a row of ``theta``, where it is known what the functions take: compiled
        code reads and writes so many without a look.
    trusted : (ndarray of int, ndarray), optional
        Places in ``theta`` and the numbers there, which the functions take for sizes and indices: no other ``theta``
        may have other ones.
    longest : float, optional
        Step of fixed-step methods that the scales of the functions allow, where none is asked for.
    chart : Chart, optional
        Coordinates in which the functions of an sde are given; starts and results are states.
    """

    kind: Kind
    functions: tuple[Function, ...]
    theta: np.ndarray
    noise: int | Literal["diagonal"] | None = None
    dt: float | None = None
    inputs: tuple[bool, ...] = ()
    hamiltonian: bool = False
    stiff: bool = False
    chaotic: bool = False
    jacobian: Function | None = None
    marks: int = 1
    mark_law: Literal["normal", "uniform"] = "normal"
    delays: Sequence[float | np.ndarray] = ()
    history: History = None
    size: int | None = None
    parameters: int | None = None
    trusted: tuple[np.ndarray, np.ndarray] | None = None
    longest: float | None = None
    chart: Chart | None = None


@dataclass(frozen=True)
class InitialValueProblem:
    """A kernel, times and starts that belong together."""

    kernel: Kernel
    problem: Problem  # the kernel and its external signals, in slots and arrays
    times: np.ndarray  # (time,), increasing
    y0: np.ndarray  # (trajectory, state)
    ids: np.ndarray  # (trajectory,), of the streams of noise
    seed: int


@dataclass(frozen=True)
class Solution:
    """Trajectories and what became of them."""

    states: np.ndarray  # (trajectory, time, state), NaN after a failure
    status: np.ndarray  # (trajectory,) int8, codes of words.Status
    method: str  # "rk4", "dop853", ... ; the scalar route is recorded as "rk4-scalar", ...
    reason: str  # one sentence: why this method
    options: Mapping[str, float]  # step, or rtol and atol, as used
    events: Events | None = None  # where they were asked for
    advice: str = ""  # what to try where trajectories reached the limit of steps

    def about(self) -> dict[str, object]:
        """Method, the reason for it, and its options, as attributes of a Dataset."""
        return {"method": self.method, "method_reason": self.reason, **self.options}


def posed(
    kernel: Kernel,
    times: ArrayLike,
    y0: ArrayLike,
    *,
    ids: ArrayLike | None = None,
    seed: int = 0,
    inputs: Inputs | None = None,
) -> InitialValueProblem:
    """Convert and check; arguments as for ``solve``.

    Raises
    ------
    ValueError, TypeError
        For times that do not increase, shapes that contradict each other, and functions that the kernel lacks.
    """
    times, y0 = as_times(times), as_states(y0)
    count, dim = y0.shape
    problem = as_problem(kernel, dim, count, inputs, (times[0], times[-1]))
    y0 = y0 if kernel.chart is None else kernel.chart.inward(y0)
    seed = seed if type(seed) is int else whole_number("seed", seed, -(2**63))
    return InitialValueProblem(kernel, problem, times, y0, _as_ids(ids, count), seed)


def as_problem(
    kernel: Kernel, dim: int, count: int, inputs: Inputs | None, span: tuple[float, float] | None
) -> Problem:
    """Check that functions, parameters, states and signals belong together."""
    from dynsamp.kernels.problem import Problem

    slots = {
        "field": ("rhs",),
        "separable": ("velocity", "force"),
        "sde": ("rhs", "diffusion"),
        "map": ("noisy_iterate" if kernel.noise else "iterate",),
    }[kernel.kind]
    if len(kernel.delays):
        if kernel.kind != "field":
            raise ValueError(f"only a field may have delays, this kernel is {kernel.kind!r}")
        slots = ("delayed_rhs",)
    if kernel.kind == "sde" and len(kernel.functions) == 4:
        slots = (*slots, "intensity", "jump")
    if len(kernel.functions) != len(slots):
        jumping = ", or 4 with jumps" if kernel.kind == "sde" else ""
        raise TypeError(f"a {kernel.kind} kernel needs {len(slots)} functions{jumping}, got {len(kernel.functions)}")
    if kernel.marks < 1 or kernel.mark_law not in ("normal", "uniform"):
        raise ValueError(
            f"a jump needs marks >= 1 of mark_law 'normal' or 'uniform', got {kernel.marks} of {kernel.mark_law!r}"
        )
    if kernel.kind == "separable" and dim % 2:
        raise ValueError(f"a separable kernel has states (q, p) in pairs, but y has {dim} components")
    theta = as_theta(kernel.theta, count)
    check_sizes(dim, theta.shape[1], kernel.size, kernel.parameters)
    if kernel.trusted is not None and not np.all(theta[:, kernel.trusted[0]] == kernel.trusted[1]):
        raise ValueError(
            "theta has other sizes in it than the learned functions take; use that of the model's kernel()"
        )
    return Problem(
        functions=dict(zip(slots, kernel.functions, strict=True)),
        theta=theta,
        dim=dim,
        noise=_noise(kernel, dim),
        diagonal=kernel.noise == "diagonal",
        delays=len(kernel.delays),
        marks=kernel.marks,
        uniform=kernel.mark_law == "uniform",
        jacobian=kernel.jacobian,
        held=tuple(kernel.inputs),
        signals=_signals(kernel, inputs, count, span),
    )


def check_sizes(dim: int, parameters: int, wanted: int | None, wanted_parameters: int | None) -> None:
    """Complain of states and parameters that compiled functions do not have room for; None: not known.

    Raises
    ------
    ValueError
        The states, or ``theta``, have another size.
    """
    if wanted is not None and dim != wanted:
        raise ValueError(f"states have {dim} components, but the functions are of {wanted}; give states of that size")
    if wanted_parameters is not None and parameters != wanted_parameters:
        raise ValueError(
            f"theta has {parameters} parameters, but the functions are of {wanted_parameters}; give all of them"
        )


def _noise(kernel: Kernel, dim: int) -> int:
    """Random numbers a step."""
    if kernel.noise == "diagonal":
        return dim
    noise = 0 if kernel.noise is None else kernel.noise
    least = 1 if kernel.kind == "sde" else 0
    if isinstance(noise, bool) or not isinstance(noise, int | np.integer) or noise < least:
        raise ValueError(
            f"noise of a {kernel.kind} kernel must be {'diagonal or ' if least else ''}a whole number of at least"
            f" {least}, got {kernel.noise!r}"
        )
    return int(noise)


def _signals(kernel: Kernel, inputs: Inputs | None, count: int, span: tuple[float, float] | None) -> Inputs | None:
    if not kernel.inputs:
        if inputs is not None:
            raise ValueError("inputs were given, but the kernel has none; leave inputs= out")
        return None
    if inputs is None:
        raise ValueError(f"the kernel has {len(kernel.inputs)} inputs; pass inputs=(times, values)")
    if not isinstance(inputs, tuple | list) or len(inputs) != 2:
        raise TypeError(f"inputs must be a pair (times, values), got {quoted(inputs)}")
    times, values = as_times(inputs[0]), np.array(real_array("values of inputs", inputs[1]), order="C")
    if values.ndim != 3 or len(values) not in (1, count) or values.shape[1:] != (len(times), len(kernel.inputs)):
        raise ValueError(
            f"values of inputs must be (1 or {count}, {len(times)}, {len(kernel.inputs)}), got {values.shape}"
        )
    if span is not None and (span[0] < times[0] or span[1] > times[-1]):
        raise ValueError(
            f"inputs are known from {times[0]:g} to {times[-1]:g}, but times run from {span[0]:g} to {span[1]:g}"
        )
    return times, values


def _own(name: str, values: ArrayLike) -> np.ndarray:
    """C-contiguous, writable float64: kernels are compiled for one kind of array only."""
    plain = isinstance(values, np.ndarray) and values.dtype == np.float64
    array = np.ascontiguousarray(values if plain else real_array(name, values), dtype=float)
    return array if array.flags.writeable and array.flags.owndata else array.copy()


def as_times(times: ArrayLike) -> np.ndarray:
    """Increasing finite times (time,)."""
    t = _own("times", times)
    if t.ndim != 1 or not len(t):
        raise ValueError(f"times must be a 1-d array with at least one entry, got shape {t.shape}")
    if not np.all(np.isfinite(t)):
        raise ValueError(f"times must be finite, but times[{int(np.argmin(np.isfinite(t)))}] is not")
    if np.any(np.diff(t) <= 0):
        n = int(np.argmax(np.diff(t) <= 0)) + 1
        raise ValueError(f"times must increase, but times[{n}] = {t[n]:g} follows {t[n - 1]:g}; sort them")
    return t


def as_states(y0: ArrayLike) -> np.ndarray:
    """States (trajectory, state)."""
    y = _own("states", y0)
    if y.ndim != 2 or not y.shape[1]:
        raise ValueError(f"states must have shape (trajectory, state), got {y.shape}; y[np.newaxis] makes one row")
    return y


def _as_ids(ids: ArrayLike | None, count: int) -> np.ndarray:
    """One id a trajectory; by default 0, 1, ..."""
    if ids is None:
        return np.arange(count, dtype=np.int64)
    if not isinstance(ids, np.ndarray) or ids.dtype != np.int64:
        given = real_array("ids", ids)
        if not np.all(np.abs(given) < 2.0**63) or np.any(given != np.rint(given)):
            raise ValueError("ids must be whole numbers of 64 bits")
    numbers = np.array(ids, dtype=np.int64)
    if numbers.shape != (count,):
        raise ValueError(f"ids must have one entry a trajectory ({count}), got shape {numbers.shape}")
    return numbers


def as_theta(theta: ArrayLike, count: int) -> np.ndarray:
    """Rows of parameters (1 or trajectory, parameter)."""
    rows = np.atleast_2d(_own("theta", theta))
    if np.ndim(theta) > 2 or len(rows) not in (1, count):
        shape = np.shape(theta)
        raise ValueError(f"theta must be (parameter,) or have a row for each of {count} trajectories, got {shape}")
    return rows


def as_room(out: np.ndarray | None, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> np.ndarray:
    """New array, or ``out`` if it fits."""
    try:
        kind = np.dtype(np.float64 if dtype is None else dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in (np.float64, np.float32):
        raise ValueError(f"states are saved as float64 or float32, got dtype {quoted(dtype)}")
    if out is not None and not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an array, got {quoted(out)}")
    if out is None:
        many = " x ".join(map(str, shape))
        check_bytes(
            np.prod(shape, dtype=float) * kind.itemsize,
            f"states (trajectory, time, component) of {many}",
            "take fewer trajectories or times, a store, or statistics",
        )
        return np.empty(shape, kind)
    if dtype is not None and out.dtype != kind:
        raise ValueError(f"out has dtype {out.dtype}, but dtype={kind}; give one of them")
    if out.shape != shape or out.dtype not in (np.float64, np.float32) or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be C-contiguous float64 or float32 of shape {shape}, got {out.dtype} of shape {out.shape}"
        )
    return out


def field_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Right-hand side (n, state) (drift, for an sde) at times t (n,) and states y (n, state).

    Delayed states count as equal to y: equilibria are where it vanishes, with delays, too.
    theta (parameter,) or (n, parameter) replaces that of the kernel.
    """
    if kernel.kind == "map":
        raise ValueError("a map has no right-hand side; iterate it with solve()")
    return _pointwise("fields", kernel, t, y, theta, inputs)


def jacobian_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Jacobian (n, state, state) of the right-hand side (of the step, for a map); arguments as for ``field_values``.

    The kernel's own where it has one, else traced from its functions, else by central differences (relative error
    about 1e-10).
    """
    return _pointwise("jacobians", kernel, t, y, theta, inputs)


def diffusion_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise) where it is not diagonal; arguments as for ``field_values``."""
    if kernel.kind != "sde":
        raise ValueError(f"only an sde kernel has a diffusion, this one is {kernel.kind!r}; use field_values()")
    return _pointwise("diffusions", kernel, t, y, theta, inputs)


def scalar_values(
    function: Function, t: ArrayLike, y: ArrayLike, theta: ArrayLike, sizes: tuple[int, int] | None = None
) -> np.ndarray:
    """Values (n,) of a function (t, y, theta) -> float at times t (n,), states y (n, state).

    ``sizes`` are the numbers of components and of parameters that the function takes, where they are known.
    """
    from dynsamp.kernels.integrate import at_points
    from dynsamp.kernels.problem import Problem
    from dynsamp.solve.trial import try_out

    y = as_states(y)
    t, theta = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy(), as_theta(theta, len(y))
    check_sizes(y.shape[1], theta.shape[1], *(sizes or (None, None)))
    problem = Problem({"scalar": function}, theta, y.shape[1])
    try_out(problem, t, y)
    return at_points("scalars", problem, t, y)


def _pointwise(
    what: Literal["fields", "jacobians", "diffusions"],
    kernel: Kernel,
    t: ArrayLike,
    y: ArrayLike,
    theta: ArrayLike | None,
    inputs: Inputs | None,
) -> np.ndarray:
    from dynsamp.kernels.integrate import at_points
    from dynsamp.solve.trial import try_out

    y = as_states(y)
    y = y if kernel.chart is None else kernel.chart.inward(y)
    t = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy()
    span = (float(t.min()), float(t.max())) if len(t) else None
    given = kernel if theta is None else replace(kernel, theta=np.asarray(theta, dtype=float))
    problem = as_problem(given, y.shape[1], len(y), inputs, span)
    try_out(problem, t, y, jacobian=what == "jacobians")
    found = at_points(what, problem, t, y)
    if kernel.chart is None or not kernel.chart.logs.any():
        return found
    # Ito: d exp(x) = exp(x) (dx + g g' / 2 dt)
    growth = np.where(kernel.chart.logs, np.exp(y), 1.0)
    if what == "diffusions":
        return found * (growth if found.ndim == 2 else growth[..., None])
    if what == "jacobians":
        raise ValueError("a law of logarithms has no Jacobian here; take differences of field_values()")
    g = at_points("diffusions", problem, t, y)
    half = 0.5 * (g**2 if g.ndim == 2 else (g**2).sum(axis=2))
    return np.asarray(growth * (found + np.where(kernel.chart.logs, half, 0.0)))
