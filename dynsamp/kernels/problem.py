"""What is to be solved, as values; and the same in slots and arrays, for a compiled loop. Arguments are checked."""

import dis
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dynsamp.kernels.jit import STABLE, Part, code_names, disabled
from dynsamp.kernels.parts import differences, driven, jumps, past, saving, separable, tangent
from dynsamp.kernels.simd import stack
from dynsamp.kernels.tracing import UntraceableError, traced_jacobian
from dynsamp.kernels.tracing.taylor import taylor_coefficients

Function = Callable[..., Any]
TRACED = 12  # components up to which a dense Jacobian is cheaper than differences along vectors
_EMPTY = types.CellType()
EACH: Part = {"save": saving.save_each}
_DIFFERENTIATED = ("rhs", "velocity", "force", "iterate")


@dataclass(frozen=True)
class Problem:
    """Functions of a system and their parameters."""

    functions: Mapping[str, Function]  # by slot
    theta: np.ndarray  # (1 or trajectory, parameter)
    dim: int
    noise: int = 0
    diagonal: bool = False
    marks: int = 0  # random numbers that a jump is made of
    uniform: bool = False  # they are uniforms, not normals
    delays: int = 0
    held: tuple[bool, ...] = ()  # one entry an external signal
    signals: tuple[np.ndarray, np.ndarray] | None = None  # times (n,), values (1 or trajectory, n, signal)
    jacobian: Function | None = None
    columns: int = 0  # vectors carried along: tangent dynamics
    stages: int = 0  # systems of equations that an implicit step solves

    @property
    def size(self) -> int:
        """Components of what is integrated."""
        return self.dim * (1 + self.columns)

    @property
    def largest(self) -> int:
        """Numbers in the largest array of a kernel."""
        factors = self.stages * self.size**2 // 4  # two arrays alone are as long: they may be longer
        return max(self.size, self.dim * max(self.noise, self.delays), self.dim**2 if self.columns else 0, factors)


@dataclass(frozen=True)
class Starts:
    """Where trajectories begin, and what names their noise."""

    states: np.ndarray  # (trajectory, state)
    ids: np.ndarray  # (trajectory,)
    seed: int = 0


@dataclass(frozen=True)
class Watch:
    """Events of a solve; their functions are the slot ``events`` of the problem."""

    directions: tuple[int, ...]  # 1 rising, -1 falling, 0 both
    terminal: tuple[int, ...]  # 1 where the event ends the trajectory
    found: tuple[np.ndarray, np.ndarray, np.ndarray]  # times (trajectory, event, crossing), states, counts


@dataclass(frozen=True)
class Schedule:
    """What a driver needs beside problem and starts."""

    times: np.ndarray  # (time,)
    substeps: np.ndarray  # (time - 1,) int64, of fixed-step methods
    tolerance: np.ndarray  # (2,) rtol, atol
    limit: int  # of steps
    dense: bool = False  # interpolate at saved times inside a step
    compensated: bool = False  # a fixed-step method adds up its steps without loss of digits
    watch: Watch | None = None  # events
    recorder: types.ModuleType | None = None  # a part that writes something else than states
    more: Mapping[str, Any] = field(default_factory=dict)  # further arguments of a driver, by name
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)  # and arrays with one row, or one a trajectory
    alone: bool = False  # every trajectory has steps of its own


@dataclass(frozen=True)
class Prepared:
    """What ``specialise`` and the kernels receive of a problem."""

    theta: np.ndarray  # rows of parameters, signals packed behind them
    functions: dict[str, Function]  # by slot
    constants: dict[str, Any]
    adaptors: list[Part]
    reached: list[types.FunctionType]  # the functions and all that they call
    endless: bool = False  # whether one of them may go round a loop of its own for ever


def prepared(problem: Problem, *, jacobian: bool = False, series: bool = False) -> Prepared:
    """Slots of a problem.

    ``jacobian`` asks for that slot, too; ``series`` asks for Taylor coefficients in place of the right-hand side.
    """
    if series:
        return _expanded(problem)
    theta, functions = problem.theta, dict(problem.functions)
    if jacobian or problem.columns:
        if problem.jacobian is None:
            problem = replace(problem, jacobian=_traced(problem))
        if problem.jacobian is not None:
            functions["jacobian"] = problem.jacobian
        if "iterate" in functions:
            functions["rhs"] = functions.pop("iterate")  # what is differentiated of a map
    adaptors: list[Part] = []
    constants: dict[str, Any] = {
        "DIM": problem.size,
        "BASE": problem.dim,
        "COLUMNS": problem.columns,
        "RESTARTS": int(problem.columns > 0),
        "ROWS": max(problem.stages * problem.size, 1),
        "HALF": problem.dim // 2,
        "NOISE": problem.noise,
        "DIAGONAL": int(problem.diagonal),
        "JUMPS": int("jump" in functions),
        "MARKS": problem.marks,
        "UNIFORM": int(problem.uniform),
        "DELAYS": problem.delays,
    }
    if problem.signals is not None:
        theta = _packed(theta, problem.signals)
        for slot in functions:
            door = driven.unseen if slot in ("velocity", "events") else driven.seen
            adaptors += [{"driven": f"driven_{slot}"}, {slot: door}]
        functions = {f"driven_{slot}": function for slot, function in functions.items()}
        constants.update(
            PARAMETERS=problem.theta.shape[1], SIGNALS=len(problem.held), HELD=tuple(int(h) for h in problem.held)
        )
    constants["SWEPT"] = int(len(theta) > 1)
    if problem.delays:
        adaptors.append(past)
    if "jump" in problem.functions:
        adaptors.append(jumps)
    if "velocity" in problem.functions:
        adaptors.append(separable)
    if jacobian and problem.jacobian is None:
        adaptors.append(differences)
    if problem.columns:
        adaptors += _carried(problem)
    found = _reached(functions.values())
    endless = any(_has_while(function.__code__) for function in found)
    return Prepared(theta, functions, constants, adaptors, found, endless)


def _expanded(problem: Problem) -> Prepared:
    """Slots of a Taylor method."""
    try:
        if problem.signals is not None:
            raise UntraceableError("external signals bend at their samples")
        functions = [function for slot, function in problem.functions.items() if slot in ("rhs", "velocity", "force")]
        if len(functions) < len(problem.functions):
            raise UntraceableError("it is more than a right-hand side")
        found = taylor_coefficients(functions, problem.dim, problem.theta.shape[1])
    except UntraceableError as reason:
        raise ValueError(
            f"the method taylor cannot take {named(problem.functions)}: {reason}; choose method='dop853'"
        ) from None
    constants = {"DIM": problem.dim, "SERIES": found.size, "SWEPT": int(len(problem.theta) > 1)}
    return Prepared(problem.theta, {"coefficients": found.function}, constants, [], _reached([found.function]))


def stack_slots(problem: Problem) -> dict[str, Any]:
    """Where the scalar route keeps its vectors."""
    large = disabled() or max(problem.largest, len(problem.held)) > stack.LARGEST
    if large:
        return {"vector": stack.heap_vector, "matrix": stack.heap_matrix}
    return {"vector": stack.vector, "matrix": stack.matrix}


def lanes_slots(problem: Problem, width: int) -> dict[str, Any]:
    """Where the lanes route keeps its vectors, and how wide they are."""
    swept = len(problem.theta) > 1
    return {
        "WIDTH": width,
        "ROOM": problem.theta.shape[1] if swept else 1,
        "vector": stack.lane_vector(width),
        "matrix": stack.lane_matrix(width),
    }


def quietly(run: Function, *arguments: Any) -> None:
    """Call; in plain Python overflow is a status, not a warning."""
    with np.errstate(all="ignore"):
        run(*arguments)


@contextmanager
def running(functions: Mapping[str, Function]) -> Iterator[None]:
    """Say whose functions raised: what compiled code raises knows no names."""
    try:
        yield
    except (Exception, SystemExit) as error:  # that too: a slip must not look like success
        raise RuntimeError(f"the function {named(functions)} raised {type(error).__name__}: {error}") from error


def named(functions: Mapping[str, Function]) -> str:
    """Names of functions for a message."""
    return " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values())


def _reached(functions: Iterable[Any]) -> list[types.FunctionType]:
    """Plain forms of functions and of all that they call: globals, closures, attributes of modules."""
    left, seen = list(functions), dict[int, types.FunctionType]()
    while left:
        function = left.pop()
        function = getattr(function, "py_func", function)
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            continue
        seen[id(function)] = function
        names, around = code_names(function.__code__), function.__globals__
        found = [around[name] for name in names if name in around]
        found += [cell.cell_contents for cell in function.__closure__ or () if cell != _EMPTY]
        modules = [value for value in found if isinstance(value, types.ModuleType) and value.__name__ not in STABLE]
        left += [*found, *(getattr(module, name, None) for module in modules for name in names)]
    return list(seen.values())


@lru_cache(1024)
def _has_while(code: types.CodeType) -> bool:
    """Whether it jumps back, but not for the next entry of a ``for``: no flag of a driver ends such a loop."""
    at, known = {}, ("", None)
    for step in reversed(list(dis.get_instructions(code))):
        known = known if step.opname == "EXTENDED_ARG" else (step.opname, step.argval)  # of what follows it
        at[step.offset] = known
    back = (target for place, (name, target) in at.items() if "JUMP" in name and target < place)
    return any(at[target][0] != "FOR_ITER" for target in back)


def _traced(problem: Problem) -> Function | None:
    """Exact Jacobian of a small system, where its functions can be traced; differences serve large ones better."""
    if problem.dim > TRACED or problem.delays or "noisy_iterate" in problem.functions:
        return None
    functions = [problem.functions[slot] for slot in _DIFFERENTIATED if slot in problem.functions]
    return traced_jacobian(functions, problem.dim, problem.theta.shape[1], inputs=len(problem.held))


def _carried(problem: Problem) -> list[Part]:
    """Parts that carry vectors along."""
    along: Part = differences if problem.jacobian is None else {"along": tangent.along_exactly}
    return [{"base_rhs": "rhs"}, along, tangent, EACH]


def _packed(theta: np.ndarray, given: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Rows of parameters, number of samples, times, values: see ``parts/driven.py``."""
    times, values = given
    rows = max(len(theta), len(values))
    head = np.concatenate([[float(len(times))], times])
    parts = [
        np.broadcast_to(theta, (rows, theta.shape[1])),
        np.broadcast_to(head, (rows, len(head))),
        np.broadcast_to(values.reshape(len(values), -1), (rows, values[0].size)),
    ]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))
