"""The one place for Numba options, and ``specialise``: a driver, a method and a system become one compiled function.

Ordinary modules are loaded again, as copies whose slots (``slots``) are set, so that the right-hand side is inlined
into the loops over steps. The machine code is kept on disk (``cache``) under a hash of all it depends on
(``fingerprint``), and the next process finds it.
"""

import builtins
import dis
import enum
import hashlib
import logging
import os
import pickle
import re
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config, errors
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from dynsamp.interruption import background, waited
from dynsamp.kernels import cache
from dynsamp.progress import Notice

Function = Callable[..., Any]
Part = types.ModuleType | Mapping[str, Function | str]

# user arithmetic is never contracted or reassociated (no fastmath): the same bits in every route and batch
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_njit: Any = numba.njit  # its annotations leave options out
_PREFIX = "dynsamp_kernel_"  # of module names
_LOCK = threading.RLock()  # of those who compile
_MEMO_LOCK = threading.Lock()
_MEMO: dict[str, Future[Function]] = {}
_log = logging.getLogger("dynsamp")

if hasattr(os, "register_at_fork"):  # a child gets the locks as they are: none may be held by a thread that it lacks
    for _lock in (global_compiler_lock, _LOCK, _MEMO_LOCK):  # taken in reverse, the order of a compilation
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
    os.register_at_fork(after_in_child=lambda: [_MEMO.pop(key) for key in list(_MEMO) if not _MEMO[key].done()])

# values of these are identified by their name: their content changes with the version of the package only
STABLE = ("builtins", "math", "cmath", "operator", "numpy", "numba")


class CompileError(TypeError):
    """A function of a system does not compile; the message says which and why."""

    @property
    def reason(self) -> str:
        """What Numba says, without advice."""
        return str(self).partition(" does not compile: ")[2].partition("; use scalars")[0]


def compiled(function: Function) -> Any:
    """Decorate a helper of the kernels (or of a plugin): compiled when first used, inlined where it is called."""
    return _njit(**_OPTIONS)(function)


def inner(function: Function) -> Any:
    """Decorate a helper that only compiled functions call: without an entry from Python it compiles twice as fast."""
    return _njit(**_INNER)(function)


def carried(value: object) -> bytes:
    """Pickle in which functions that cannot be imported, such as those made inside others, go along by their code."""
    return bytes(dumps(value))


def disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT asks for plain Python."""
    return bool(setting("DISABLE_JIT"))


def setting(name: str) -> Any:
    """Value of a Numba setting, such as CPU_NAME."""
    return getattr(config, name)


def specialise(
    driver: Function,
    parts: Iterable[Part],
    functions: Mapping[str, Function],
    arguments: tuple[Any, ...],
    **constants: Any,
) -> Function:
    """Driver as one compiled function.

    Parameters
    ----------
    driver : function
        A loop; the other functions of its module are its helpers.
    parts : modules or mappings
        What fills the slots of what follows and of the driver: route, adaptors, the method. Of a module, the functions
        under their own names, and before all functions the constants that ``__all__`` names. A mapping gives functions
        of modules, or the names of earlier ones, by slot.
    functions : mapping of slot name to callable
        Functions of the system, plain Python or njit.
    arguments : tuple
        Of the call to come; they say for which types to compile.
    **constants
        Values of slots that are frozen into the code, in place of those of parts: numbers, and functions of the
        kernels.

    Raises
    ------
    CompileError
        If a function of the system does not compile.
    """
    loop = _Loop(driver, tuple(parts), functions, constants)
    for function in functions.values():
        if not isinstance(getattr(function, "py_func", function), types.FunctionType):
            raise CompileError(
                f"a function of a system must be a plain Python function or njit, got {function!r:.80}; define one with"
                " def that does the same, with the values it needs in variables around it"
            )
    if disabled():
        return loop.plain()
    signature = tuple(numba.typeof(argument) for argument in arguments)
    try:
        content = [(slot, fingerprint(function)) for slot, function in sorted(functions.items())]
    except UnknownContentError as reason:
        _log.info("compiling %s each time: its functions use %s, whose content cannot be told", loop.label, reason)
        return loop.awaited(background(loop.build, None, signature))
    frozen = [(slot, getattr(value, "__name__", value)) for slot, value in sorted(constants.items())]
    facts = [_surroundings(), _full_name(driver), [_described(part) for part in loop.parts], content, frozen]
    key = hashlib.sha256(repr([facts, signature]).encode()).hexdigest()[:32]
    with _MEMO_LOCK:
        found = _MEMO.get(key)
        if found is None:
            found = _MEMO[key] = background(loop.build, f"{loop.label}-{key}", signature)
    try:
        return loop.awaited(found, " (once per machine)")
    finally:
        if found.done() and found.exception():
            _MEMO.pop(key, None)


class _Loop:
    """A driver and what fills its slots."""

    def __init__(
        self, driver: Function, parts: tuple[Part, ...], functions: Mapping[str, Function], constants: Mapping[str, Any]
    ) -> None:
        self.entry, self.module = driver.__name__, sys.modules[driver.__module__]
        self.parts, self.functions, self.constants = parts, functions, constants
        modules = [part for part in parts if isinstance(part, types.ModuleType)]
        self.label = "-".join(_short_name(module) for module in [*modules[-1:], self.module])

    def awaited(self, result: Future[Function], once: str = "") -> Function:
        """Compiled driver, once it is there; an interrupt ends the wait, not the compilation."""
        if not result.done():
            with Notice(f"compiling {self.label}{once}"):
                waited([result])
        return result.result()

    def build(self, name: str | None, signature: tuple[Any, ...]) -> Function:
        """Compiled driver, kept on disk under a name, or not."""
        with _LOCK:
            return self._built(name, signature)

    def _built(self, name: str | None, signature: tuple[Any, ...]) -> Function:
        known = cache.read(f"{name}.txt") if name else None
        if known:
            raise CompileError(known.decode(errors="replace"))
        try:
            home = f"{_PREFIX}{name.replace('-', '_')}" if name else None
            fresh: dict[int, Any] = {}
            functions = {slot: _fresh(function, fresh, home) for slot, function in self.functions.items()}
            own = self._joined(functions, inner, home or "uncached")
            entry = _njit(no_cfunc_wrapper=True, **_OPTIONS)(own[self.entry])
            entry._cache = _Kept(name, self.label, signature)
            entry.compile(signature)
            # called with other types it compiles again: not where an interrupt comes either
            entry._compile_for_args = lambda *given, **named: self.awaited(
                background(type(entry)._compile_for_args, entry, *given, **named)
            )
            return entry
        except (errors.NumbaError, errors.UnsupportedBytecodeError) as error:
            _log.debug("%s", error)
            failed = _explain(error, self.functions)
            if name:
                cache.write(f"{name}.txt", str(failed).encode())
            raise failed from None

    def plain(self) -> Function:
        """Driver in plain Python."""
        driver: Function = self._joined(self.functions, _as_is, "plain")[self.entry]
        return driver

    def _joined(self, functions: Mapping[str, Any], finish: Callable[[Function], Any], name: str) -> dict[str, Any]:
        """Functions of a copy of the driver's module, after copies of all parts."""
        names: dict[str, Any] = {}
        for part in self.parts:
            if isinstance(part, types.ModuleType):
                names.update(_constants(part))
        names.update(self.constants)
        names.update(functions)
        for part in self.parts:
            if isinstance(part, types.ModuleType):
                names.update(_copy(part, names, finish, f"{name}_{_short_name(part)}"))
            else:
                names.update(
                    {
                        slot: names[function] if isinstance(function, str) else finish(_with(function, names))
                        for slot, function in part.items()
                    }
                )
        return _copy(self.module, names, lambda f: f if f.__name__ == self.entry else finish(f), name)


class _Kept(NullCache):
    """Machine code of one loop on disk, in place of Numba's cache: that unpickles whatever it finds.

    Nor is it moved by ``NUMBA_CACHE_DIR``.
    """

    def __init__(self, name: str | None, label: str, signature: tuple[Any, ...]) -> None:
        self.name, self.label, self.signature = name, label, signature

    def _place(self, signature: Any) -> str | None:
        """Name of the code for these types: a loop may be called with arrays of another order than its example."""
        if self.name is None or tuple(signature) == self.signature:
            return self.name
        return f"{self.name}-{hashlib.sha256(repr(signature).encode()).hexdigest()[:16]}"

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Result of an earlier compilation; None where there is none."""
        place = self._place(signature)
        content = cache.read(place) if place else None
        if content is not None:
            try:
                target.refresh()
                return CompileResult._rebuild(target, *pickle.loads(content))  # checked: our own words
            except Exception as error:  # of another installation that has the same key
                _log.info("the compiled function %s is not used: %s", place, error)
                cache.remove(str(place))
        _log.info("compiling %s%s", self.label, " (once per machine)" if self.name else "")
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the result of a compilation."""
        place = self._place(signature)
        if place is None:
            return
        if result.library.has_dynamic_globals:  # addresses in this process
            _log.info("%s is compiled in each process: its functions use large arrays or pointers", self.label)
        else:
            cache.write(place, dumps(result._reduce()))


def _as_is(function: Function) -> Function:
    return function


def _short_name(module: types.ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _full_name(function: Function | str) -> str:
    return function if isinstance(function, str) else f"{function.__module__}.{function.__name__}"


def _described(part: Part) -> Any:
    if isinstance(part, types.ModuleType):
        return part.__name__
    return sorted((slot, _full_name(function)) for slot, function in part.items())


def _constants(module: types.ModuleType) -> dict[str, Any]:
    """What a module provides that is no function of its own."""
    found = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    return {name: value for name, value in found.items() if not _belongs(value, module.__name__)}


def _belongs(value: Any, home: str) -> bool:
    return isinstance(value, types.FunctionType) and value.__module__ == home


def _copy(
    module: types.ModuleType, names: Mapping[str, Any], finish: Callable[[Function], Any], name: str
) -> dict[str, Any]:
    """Execute the module's source again, set its slots, and return its functions."""
    clone = types.ModuleType(name)
    clone.__file__ = str(module.__file__)
    if name.startswith(_PREFIX):
        sys.modules[name] = clone  # Numba rebuilds kept code in the namespaces of its modules
    exec(_placed(_code(module), f"<{name}>"), clone.__dict__)  # our own source
    here = [key for key, value in vars(clone).items() if _belongs(value, name)]
    vars(clone).update((slot, value) for slot, value in names.items() if slot in vars(clone) and slot not in here)
    own = {key: finish(vars(clone)[key]) for key in here}
    vars(clone).update(own)
    return own


def _with(function: Function, names: Mapping[str, Any]) -> Function:
    """Copy of a function of the kernels, which calls no other of its module, with its slots set."""
    namespace = {**function.__globals__, **names}
    return types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)


@lru_cache
def _code(module: types.ModuleType) -> types.CodeType:
    loader: Any = module.__loader__  # it keeps the code beside the source
    code: types.CodeType = loader.get_code(module.__name__)
    return code


def _placed(code: types.CodeType, name: str) -> types.CodeType:
    """Code that says nothing of the folder in which dynsamp is installed: what is kept does not depend on it."""
    constants = (_placed(value, name) if isinstance(value, types.CodeType) else value for value in code.co_consts)
    return code.replace(co_filename=name, co_consts=tuple(constants))


def _fresh(function: Any, seen: dict[int, Any], home: str | None) -> Any:
    """Copy of a function of a system, with its globals as they are now, that lives in the module ``home``.

    A dispatcher that has been compiled before a global changed would bring the old value along; kept code that
    lives in a module that cannot be imported, such as a notebook, would not load.
    """
    options = _INNER
    if isinstance(function, Dispatcher):
        options = {**function.targetoptions, **(_INNER if not seen else {})}
        options.pop("nopython", None)
        function = function.py_func
    if id(function) in seen:
        return seen[id(function)]
    namespace = dict(function.__globals__)
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    copy = types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, cells or None)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__, copy.__module__ = function.__qualname__, home or function.__module__
    seen[id(function)] = result = _njit(**options)(copy)
    for name in code_names(function.__code__):
        if _ours(namespace.get(name)):
            namespace[name] = _fresh(namespace[name], seen, home)
    for cell, old in zip(copy.__closure__ or (), function.__closure__ or (), strict=True):
        value = old.cell_contents
        cell.cell_contents = _fresh(value, seen, home) if _ours(value) else value
    return result


def _ours(value: Any) -> bool:
    # helpers of the system; those of the kernels stay what they are
    if isinstance(value, Dispatcher):
        value = value.py_func
    home = str(getattr(value, "__module__", ""))
    foreign = home.startswith("dynsamp.kernels.") or home.partition(".")[0] in ("numba", "numpy")
    return isinstance(value, types.FunctionType) and not foreign


@lru_cache(1024)
def code_names(code: types.CodeType) -> frozenset[str]:
    """Names of globals and attributes in the code of a function and of those inside it."""
    nested = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(code.co_names).union(*(code_names(constant) for constant in nested))


@lru_cache
def _surroundings() -> str:
    """All that compiled code depends on apart from the functions of the system."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    try:
        own = version("dynsamp")
    except PackageNotFoundError:
        own = "source"
    versions = [own, numba.__version__, np.__version__, sys.version, sys.platform]
    settings = [setting("OPT"), setting("BOUNDSCHECK")]
    machine = cpu_target.target_context.codegen().magic_tuple()  # name and features of the processor, or as set
    return repr([digest.hexdigest(), versions, settings, machine])


_KINDS = {"unicode_type": "a text", "Literal[str]": "a text", "none": "None"}
_KINDS |= dict.fromkeys(("complex64", "complex128"), "a complex number")
_INSTEAD = {"clip": "; np.minimum(np.maximum(x, low), high) does the same"}
_OPCODES = {
    "STORE_GLOBAL": "changes a global variable; what it must remember is a component of the state",
    "IMPORT_NAME": "imports a module; import it at the top of the file",
    "LOAD_BUILD_CLASS": "defines a class",
}


def _explain(error: Exception, functions: Mapping[str, Function]) -> CompileError:
    names = " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values())
    return CompileError(
        f"the function {names} does not compile: {_first_line(error)}; use scalars, loops, NumPy and math functions,"
        " and helpers that compile too"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    skip = ("Failed in", "During:", "File ", "<source", "-", "^", "This error", "To see", "If you", "https")
    useful = [line for line in lines if line and not line.startswith(skip)]
    if any("Function(<class 'bool'>)" in line for line in useful):
        return "it branches on a value that differs among trajectories"
    causes = [line for line in useful if "Error" not in line and "rror is caused" not in line]
    cause = (causes or useful or ["Numba gives no reason"])[0].partition(" Raised from ")[0].rstrip(".")
    call = re.search(r">>> (\w+)\((.*)\)", str(error))
    if call and cause.startswith("No implementation of function"):
        kind = call[2].rpartition(", ")[2].partition("(")[0]
        if call[1] == "setitem":
            return f"it writes {_KINDS.get(kind, f'a value of type {kind}')} where a number belongs"
        cause = f"{call[1]} does not take ({call[2]:.100})" + _INSTEAD.get(call[1], "")
    return next((f"it {words}" for name, words in _OPCODES.items() if f"({name})" in cause), cause)


# --- content hash of a function: Numba itself notices neither a changed global nor a changed default argument


class UnknownContentError(Exception):
    """Something whose content cannot be told; compiled code that uses it must not be kept."""


def fingerprint(function: Any) -> str:
    """Hash of a Python function or Numba dispatcher and, transitively, of all it refers to.

    Raises UnknownContentError where that cannot be told.
    """
    digest = hashlib.sha256()
    ContentReader(digest).value(function)
    return digest.hexdigest()


class ContentReader:
    """Puts the content of values into a hash, whatever they refer to with them."""

    def __init__(self, digest: Any) -> None:
        self.digest = digest
        self.seen: dict[int, int] = {}
        self.keep: list[Any] = []  # ids stay unique while the objects live

    def put(self, *parts: str | bytes) -> None:
        """Texts, each with its length."""
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            self.digest.update(f"{len(data)}:".encode() + data)

    def value(self, value: Any) -> None:
        """Any value."""
        kind = type(value)
        if value is None or value is Ellipsis or kind in (bool, int, float, complex, str, bytes):
            self.put(kind.__name__, repr(value))
        elif isinstance(value, enum.Enum):
            self.put("enum", f"{kind.__module__}.{kind.__qualname__}.{value.name}")
            self.value(value.value)
        elif isinstance(value, (tuple, frozenset)):
            items = sorted(value, key=repr) if isinstance(value, frozenset) else list(value)
            self.put(kind.__qualname__, repr(getattr(value, "_fields", "")), str(len(items)))
            for item in items:
                self.value(item)
        elif isinstance(value, np.generic):
            self.put("numpy", str(value.dtype), value.tobytes())
        elif kind is np.ndarray and not value.dtype.hasobject:
            order = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
            self.put("array", repr(value.dtype.descr), repr(value.shape), order, value.tobytes())
        elif isinstance(value, np.dtype):
            self.put("dtype", repr(value.descr))
        elif isinstance(value, types.CodeType):
            self.code(value)
        elif isinstance(value, (types.FunctionType, Dispatcher)) and not _importable(value):
            self.function(value)
        elif hasattr(value, "_defn") and isinstance(value._defn, types.FunctionType):  # an intrinsic
            self.put("intrinsic")
            self.function(value._defn)
        elif (_package(value) in STABLE and _name(value)) or _importable(value):
            self.put("name", f"{getattr(value, '__module__', None)}.{_name(value)}")
        else:
            raise UnknownContentError(f"{kind.__name__} {value!r:.80}")

    def code(self, code: types.CodeType) -> None:
        """What a function does, but not to what."""
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.put("code", code.co_code, repr(counts), repr(names), getattr(code, "co_exceptiontable", b""))
        for constant in code.co_consts:
            self.value(constant)

    def function(self, value: Any) -> None:
        """A function and all that it refers to."""
        options = ""
        if isinstance(value, Dispatcher):
            options = repr(sorted(value.targetoptions.items(), key=repr)) + repr(value.locals)
            value = value.py_func
        if id(value) in self.seen:  # recursion: the position says which
            self.put("again", str(self.seen[id(value)]))
            return
        self.seen[id(value)] = len(self.seen)
        self.keep.append(value)
        self.put("function", options)
        self.code(value.__code__)
        self.value(value.__defaults__)
        for key, default in sorted((value.__kwdefaults__ or {}).items()):
            self.put("default", key)
            self.value(default)
        for chain in _all_chains(value.__code__):
            self.chain(value, chain)

    def chain(self, function: types.FunctionType, chain: tuple[str, ...]) -> None:
        """A global or closure variable and the attributes read from it: ``const.earth.G``."""
        name, *attributes = chain
        found, value = _lookup(function, name)
        self.put("reference", ".".join(chain))
        if not found:
            self.put("missing")
            return
        for attribute in attributes:
            if not isinstance(value, (types.ModuleType, type, types.SimpleNamespace)) or _package(value) in STABLE:
                break  # the attribute of a value is part of the value
            if not hasattr(value, attribute):
                self.put("missing")
                return
            value = getattr(value, attribute)
        if isinstance(value, types.ModuleType):
            if _package(value) not in STABLE:  # the module itself went into a variable: anything may be read
                raise UnknownContentError(f"module {value.__name__} as a value")
            version = getattr(sys.modules.get(_package(value)), "__version__", "")
            self.put("module", value.__name__, str(version))
        else:
            self.value(value)


def _lookup(function: types.FunctionType, name: str) -> tuple[bool, Any]:
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            return True, cell.cell_contents
        except ValueError:  # not yet filled
            return False, None
    if name in function.__globals__:
        return True, function.__globals__[name]
    return (True, getattr(builtins, name)) if hasattr(builtins, name) else (False, None)


@lru_cache(1024)
def _all_chains(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """Chains of a code object, sorted; read once, for a key is computed at every call of a solver."""
    return tuple(sorted(set(_chains(code))))


def _chains(code: types.CodeType, free: frozenset[str] | None = None) -> Iterator[tuple[str, ...]]:
    """Each global or closure name with the attributes that the bytecode reads from it at once."""
    free = frozenset(code.co_freevars) if free is None else free
    current: list[str] = []
    for instruction in dis.get_instructions(code):
        if current and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            current.append(str(instruction.argval))
            continue
        if instruction.opname in ("CACHE", "EXTENDED_ARG", "PUSH_NULL") and current:
            continue
        if current:
            yield tuple(current)
            current = []
        outer = instruction.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and instruction.argval in free
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") or outer:
            current = [str(instruction.argval)]
    if current:
        yield tuple(current)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _chains(constant, free & frozenset(constant.co_freevars))


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or getattr(value, "__name__", ""))


def _importable(value: Any) -> bool:
    """Whether it is a function of a package whose version is part of every key, or of these kernels."""
    module = str(getattr(value, "__module__", ""))
    if module.partition(".")[0] not in STABLE and not module.startswith("dynsamp.kernels."):
        return False
    return getattr(sys.modules.get(module), _name(value), None) is value  # a stranger may claim any module


def _package(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0]
    return str(getattr(value, "__module__", None) or type(value).__module__).partition(".")[0]
