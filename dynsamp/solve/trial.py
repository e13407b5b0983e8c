"""A trial call: functions of a system run once in plain Python, on guarded arrays, before they are compiled.

Compiled code checks no index, and what it does not write stays what it was: a slip would end the process or change
numbers in silence. Here the same function, its helpers included, sees arrays of the right sizes that know their names,
complain about an index beyond their end and about being written into, and an output that is filled with a NaN of a
kind that no computation makes. Only what is certainly wrong is refused: where plain Python cannot go, because a start
lies outside the domain of the function or a helper exists compiled alone, nothing is said. What it cannot find are
slips that these starts do not reach, and loops without end.
"""

from __future__ import annotations

import builtins
import math
import random
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from dynsamp.kernels.jit import code_names, disabled
from dynsamp.kernels.tracing.recording import Copies
from dynsamp.kernels.tracing.source import HOME
from dynsamp.kernels.tracing.stand_ins import Attributes

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function, Problem

_PARTS = (0.0, 0.5, 0.999)  # of the time at which a function is tried: at the end itself a method may never ask
BUDGET = 10_000  # uses of the arrays by one function, 5 ms; of a larger system only a part is seen
_UNWRITTEN = 0x7FF8_DEAD_BEEF_0001  # bits of a NaN that arithmetic passes on, and never makes
_OTHER = 3.0517578e-201  # what is in the output when it is asked again: too small to be seen in a sum
_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF  # all bits but the sign

_SIGNATURES = {
    "rhs": "y theta u dy",
    "delayed_rhs": "y theta u z dy",
    "velocity": "p theta dq",
    "force": "q theta u dp",
    "diffusion": "y theta u g",
    "intensity": "y theta u",
    "jump": "y theta u marks dy",
    "iterate": "y theta u out",
    "noisy_iterate": "y theta u xi out",
    "jacobian": "y theta u jac",
    "scalar": "y theta",
}
_OUTPUTS = ("dy", "dq", "dp", "g", "out", "jac")
_ELSEWHERE = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "pow": "power"}
_ELSEWHERE |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}
_NAMES = "sqrt exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh fabs hypot"
# outside its domain a compiled function is NaN or infinite, as NumPy's are, where those of math raise
_MATHEMATICS = {name: getattr(np, _ELSEWHERE.get(name, name)) for name in [*_NAMES.split(), *_ELSEWHERE]}
_LIKE_COMPILED = {getattr(math, name): function for name, function in _MATHEMATICS.items()}
_AS_THEY_ARE = ("numpy", "numba", "scipy", "builtins")


class SlipError(TypeError):
    """A function of a system does not do what its signature promises; the message says which and what."""


class _Slip(BaseException):  # no `except` of the function may catch it
    """What a guarded array saw."""


class _EnoughError(BaseException):
    """The function goes on for longer than it is watched."""


class _Guarded(np.ndarray):
    """Array that knows its name; what is computed from it has none, and is an ordinary one."""

    label = ""
    given = False  # an argument, which is not to be written
    budget: list[int]

    def __getitem__(self, index: Any) -> Any:
        if not self.label:
            return super().__getitem__(index)
        self._count()
        try:
            found = super().__getitem__(index)
        except IndexError:
            raise _Slip(f"reads {self._beyond(index)}") from None
        if isinstance(found, _Guarded) and np.may_share_memory(found, self):  # a view
            found.label, found.given, found.budget = self._place(index), self.given, self.budget
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.label:
            super().__setitem__(index, value)
            return
        self._count()
        if isinstance(value, str | bytes | complex | np.complexfloating | None):
            raise _Slip(f"writes {value!r:.40} into {self._place(index)}; give a real number")
        if self.given:
            raise _Slip(f"writes into {self._place(index)}, which is not its own; write into its last argument only")
        try:
            self.view(np.ndarray)[index] = value
        except IndexError:
            raise _Slip(f"writes {self._beyond(index)}") from None
        except ValueError as error:
            if "broadcast" in str(error) or "sequence" in str(error):
                raise _Slip(
                    f"writes a value of shape {np.shape(value)} into {self._place(index)}; give one number for each"
                    " component"
                ) from None
            raise

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))  # NumPy would go on to the index where it fails

    def _count(self) -> None:
        self.budget[0] -= 1
        if self.budget[0] < 0:
            raise _EnoughError

    def _place(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return f"{self.label}[{', '.join(_written(part) for part in parts)}]"

    def _beyond(self, index: Any) -> str:
        place, label = self._place(index), self.label
        if self.ndim != 1:
            return f"{place}, but {label} has the shape {self.shape}"
        if not len(self):
            return f"{place}, but {label} is empty" + (": there are no parameters" if label == "theta" else "")
        if not isinstance(index, int | np.integer):
            return f"{place}, but {label} has one index, a whole number below {len(self)}"
        last = f" and {label}[{len(self) - 1}]" if len(self) == 2 else f" to {label}[{len(self) - 1}]"
        many = f"{len(self)} components, {label}[0]{last}" if len(self) > 1 else f"one component, {label}[0]"
        return f"{place}, but {label} has {many}"


def _written(index: Any) -> str:
    if isinstance(index, slice):
        return ":".join("" if end is None else str(end)[:20] for end in (index.start, index.stop))
    return str(index)[:20]


class _Call(NamedTuple):
    """How one function is called by compiled code."""

    function: Function
    arguments: tuple[str, ...]  # without t


def try_out(
    problem: Problem,
    t: np.ndarray,
    y: np.ndarray,
    *,
    jacobian: bool = False,
    starts: bool = False,
    strict: bool = False,
) -> None:
    """Try the functions of a problem at times t (n,) and states y (n, state), once for each that is new.

    Where the states are ``starts``, t (time,) are the times of what begins there. Entries of a matrix that are left
    unwritten are forgiven unless ``strict``: every step makes its matrices anew, of zeros.

    Raises
    ------
    SlipError
        For one that certainly does not do what it promises.
    """
    signals = 0 if problem.signals is None else len(problem.held)
    sizes = (problem.dim, problem.theta.shape[1], signals, problem.noise, problem.diagonal, problem.delays)
    for call in _calls(problem, jacobian):
        function = getattr(call.function, "py_func", call.function)
        if not isinstance(function, types.FunctionType) or _ours(function):
            continue  # what is no function is refused where it would be compiled
        known = _TRIED.setdefault(function, {})
        key = (call.arguments, sizes, problem.marks, strict, _surroundings(function))
        low, high = known.get(key, _NEVER)
        if low <= high and (not starts or (low <= t[0] and t[-1] <= high)):
            continue
        points = _points(t, y, starts)
        slip = _found(call, problem, points, strict)
        if slip:
            raise SlipError(f"the function {getattr(call.function, '__name__', '?')!r} {slip}")
        if points:
            known[key] = (min(low, t[0]), max(high, t[-1] if starts else t[0]))


def plain(function: Function) -> Function:
    """Copy of a function, compiled or not, in plain Python down to its helpers; it computes as compiled code does."""
    function = getattr(function, "py_func", function)
    if not isinstance(function, types.FunctionType):
        return function
    seen = vars(builtins) if disabled() else {**vars(builtins), "print": _printed}
    return Copies(_as_compiled, seen).of(function)


# times between which a function has been tried in its surroundings and sizes
_TRIED: WeakKeyDictionary[types.FunctionType, dict[Any, tuple[float, float]]] = WeakKeyDictionary()
_NEVER = (math.inf, -math.inf)


def _ours(function: types.FunctionType) -> bool:
    """Whether it is written by us, or by a trace: it writes all it should."""
    return str(function.__module__).partition(".")[0] in ("dynsamp", HOME)


def _surroundings(function: types.FunctionType) -> tuple[int, ...]:
    """Changes where a global or closure variable of the function is another one."""
    space, closure = function.__globals__, function.__closure__
    cells = [id(cell.cell_contents) for cell in closure if _is_filled(cell)] if closure else ()
    return (*[id(space[name]) for name in _names(function.__code__) if name in space], *cells)


@lru_cache(1024)
def _names(code: types.CodeType) -> tuple[str, ...]:
    return tuple(sorted(code_names(code)))


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _calls(problem: Problem, jacobian: bool) -> Iterator[_Call]:
    driven = problem.signals is not None
    for slot, function in problem.functions.items():
        if slot == "events":  # a chain of ours
            for event in getattr(function, "functions", ()):
                yield _Call(event, ("y", "theta"))
        elif slot in _SIGNATURES:
            yield _Call(function, _arguments(slot, driven))
    if problem.jacobian is not None and (jacobian or problem.columns):
        yield _Call(problem.jacobian, _arguments("jacobian", driven))


@lru_cache
def _arguments(slot: str, driven: bool) -> tuple[str, ...]:
    return tuple(name for name in _SIGNATURES[slot].split() if name != "u" or driven)


def _points(t: np.ndarray, y: np.ndarray, starts: bool) -> list[tuple[int, float, np.ndarray]]:
    """Rows, times and states at which functions are tried: the first, one in the middle, the last."""
    rows = np.flatnonzero(np.isfinite(y).all(axis=1))
    if not len(rows):
        return []
    chosen = [int(row) for row in rows[[0, len(rows) // 2, -1]]]
    if starts:
        return [(row, float(t[0] + part * (t[-1] - t[0])), y[row]) for row, part in zip(chosen, _PARTS, strict=True)]
    return [(row, float(t[row]), y[row]) for row in dict.fromkeys(chosen)]


def _found(call: _Call, problem: Problem, points: list[tuple[int, float, np.ndarray]], strict: bool) -> str:
    """What a function does wrong at any point."""
    function, budget = plain(call.function), [BUDGET]
    try:
        for row, time, state in points:
            values = {name: _value(name, problem, time, state, row) for name in call.arguments}
            slip = _slip(function, call, np.float64(time), values, budget, strict)
            if slip:
                return slip
    except _EnoughError:
        pass
    return ""


def _value(name: str, problem: Problem, t: float, state: np.ndarray, row: int) -> np.ndarray:
    """What compiled code passes as an argument, or an output of the right shape."""
    dim, half, rows = problem.dim, problem.dim // 2, problem.theta
    match name:
        case "y":
            return np.array(state)
        case "q":
            return np.array(state[:half])
        case "p":
            return np.array(state[half:])
        case "theta":
            return np.array(rows[row if len(rows) > 1 else 0])
        case "u":
            assert problem.signals is not None
            times, values = problem.signals
            signal = values[row if len(values) > 1 else 0]
            return np.array(signal[max(int(np.searchsorted(times, t, "right")) - 1, 0)])
        case "z":
            return np.tile(state, (problem.delays, 1))  # a past that equals the present
        case "xi":
            return np.linspace(-1.0, 1.0, problem.noise + 2)[1:-1]
        case "marks":
            return np.linspace(0.0 if problem.uniform else -1.0, 1.0, problem.marks + 2)[1:-1]
        case "g":
            return np.empty((dim,) if problem.diagonal else (dim, problem.noise))
        case "jac":
            return np.empty((dim, dim))
        case "dq" | "dp":
            return np.empty(half)
    return np.empty(dim)


def _slip(
    function: Function, call: _Call, t: np.float64, values: dict[str, np.ndarray], budget: list[int], strict: bool
) -> str:
    """What a function does wrong at one point, as the end of a sentence; "" where nothing certainly is."""
    out = next((name for name in call.arguments if name in _OUTPUTS), "")
    if out:
        values[out].view(np.uint64)[...] = _UNWRITTEN
    try:
        result = _called(function, call, t, values, budget)
        if not out:
            return _no_number(result)
        suspect = (values[out].view(np.uint64) & np.uint64(_MAGNITUDE)) == _UNWRITTEN
        if not suspect.any():
            return ""
        values[out][...] = _OTHER
        _called(function, call, t, values, budget)
    except _Slip as slip:
        return str(slip)
    except SystemExit:
        return "ends the program (sys.exit); where a state makes no sense, write np.nan into its output"
    except RecursionError:
        return "calls itself without end: more than a thousand calls deep; let something end it"
    except NameError as error:  # UnboundLocalError, too, where compiled code would read garbage
        return f"raises {type(error).__name__} ({error}); give every name a value on every way through the function"
    except IndexError as error:
        if "scalar" in str(error):
            return f"takes a number for an array; its arguments are ({_signature(call)}), in this order"
        state = ", ".join(f"{x:.6g}" for x in values[call.arguments[0]][:8])
        return (
            f"raises IndexError ({error}) at t = {t:.6g}, {call.arguments[0]} = [{state}], where compiled code would"
            " read or write memory that is not its own; check its indices"
        )
    except TypeError as error:
        trace = error.__traceback__
        if trace is None or trace.tb_next is None or trace.tb_next.tb_next is not None:  # not at the call itself
            return ""
        return f"cannot be called with ({_signature(call)}): {error}; give it these arguments"
    except ValueError as error:
        if "read-only" in str(error):
            return "writes into an argument which is not its own; write into its last argument only"
        return ""
    except Exception:  # outside the domain, or what only compiled code can do
        return ""
    left = suspect & (values[out] == _OTHER)
    if values[out].ndim == 2 and not strict and not left.all() and np.array_equal(left, suspect):
        return ""
    return _unwritten(out, left, suspect, result)


def _signature(call: _Call) -> str:
    return ", ".join(("t", *("z" if name == "marks" else name for name in call.arguments)))


def _called(function: Function, call: _Call, t: np.float64, values: dict[str, np.ndarray], budget: list[int]) -> Any:
    arrays = []
    for name in call.arguments:
        array: Any = values[name].view(_Guarded)
        array.label, array.given, array.budget = "z" if name == "marks" else name, name not in _OUTPUTS, budget
        array.flags.writeable = not array.given
        arrays.append(array)
    with np.errstate(all="ignore"):  # compiled code does not warn either
        return function(t, *arrays)


def _no_number(result: Any) -> str:
    if result is None:
        return "returns nothing; return a number"
    if isinstance(result, tuple | list | dict | str) or np.ndim(result) > 0:
        return f"returns a {type(result).__name__.replace('_Guarded', 'ndarray')}; return one number"
    return "returns a complex number; return a real one" if isinstance(result, complex | np.complexfloating) else ""


def _unwritten(out: str, left: np.ndarray, suspect: np.ndarray, result: Any) -> str:
    """What is wrong with an output of which some components depend on what was there before, or are left."""
    one = f"{out}[0, 0]" if left.ndim > 1 else f"{out}[0]"
    if left.all():
        if result is not None:
            return f"returns its result and writes nothing into {out}; assign the components, {one} = ..., in its place"
        return f"writes nothing into {out}; assign its components, {one} = ... ({out} = ... would make a new variable)"
    added = suspect & ~left
    places = np.argwhere(added if added.any() else left).tolist()
    listed = ", ".join(f"{out}[{', '.join(map(str, place))}]" for place in places[:4])
    listed += f" and {len(places) - 4} more" if len(places) > 4 else ""
    if added.any():
        return f"reads {listed} before writing it (+=, or a sum that begins there); assign it first"
    return f"leaves {listed} unwritten; assign every component of {out}, 0.0 where nothing changes"


class _Module(types.SimpleNamespace):
    """A module with changes."""

    def __init__(self, module: types.ModuleType, changes: dict[str, Any]) -> None:
        super().__init__(**{**vars(module), **changes})
        self._module = module

    def __getattr__(self, name: str) -> Any:  # what the module loads when it is asked for
        return getattr(self._module, name)


def _drawn(*_: Any, **__: Any) -> None:
    raise _Slip(
        "draws random numbers, which no seed repeats; noise belongs into diffusion= of an SDESystem or noise= of a map"
    )


def _printed(*_: Any, **__: Any) -> None:
    raise _Slip(
        "prints, at every step and from many threads; look at what is saved, or set NUMBA_DISABLE_JIT=1 to print"
    )


_GENERATORS = (np.random.rand.__self__, random.random.__self__)  # type: ignore[attr-defined]
_RANDOM, _OTHERS = (
    _Module(module, {name: _drawn for name in dir(generator) if not name.startswith("_")})
    for module, generator in zip((np.random, random), _GENERATORS, strict=True)
)
_MODULES = {
    math: _Module(math, _MATHEMATICS),
    np: _Module(np, {"random": _RANDOM}),
    np.random: _RANDOM,
    random: _OTHERS,
}


def _as_compiled(value: Any, replace: Function) -> Any:
    """What the copy of a function gets in place of this value of its surroundings; None where it gets a copy."""
    if isinstance(value, types.ModuleType):
        if value in _MODULES:
            return _MODULES[value]
        return value if value.__name__.partition(".")[0] in _AS_THEY_ARE else Attributes(value, replace)
    if isinstance(value, tuple) and any(callable(entry) for entry in value):
        return tuple(replace(entry) for entry in value)
    if isinstance(value, types.FunctionType) and str(value.__module__).partition(".")[0] in _AS_THEY_ARE:
        return value
    if isinstance(value, types.BuiltinFunctionType | types.MethodType):
        owner = getattr(value, "__self__", None)
        if any(owner is generator for generator in _GENERATORS):
            return _drawn
        return _LIKE_COMPILED.get(value)
    return None
