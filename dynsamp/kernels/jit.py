"""The one place for Numba options, and ``specialise``: a driver, a method and a system become one compiled function.

Ordinary modules are loaded again, as copies whose slots (``slots``) are set, so that the right-hand side is inlined
into the loops over steps. The copy of the driver is a file in the cache directory, named by a hash of all it depends
on; Numba keeps the machine code beside it, and the next process finds it.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config, errors
from numba.core.dispatcher import Dispatcher

from dynsamp.kernels import cache
from dynsamp.kernels.fingerprint import UnknownContentError, fingerprint

__all__ = ["CompileError", "compiled", "disabled", "inner", "setting", "specialise"]

Function = Callable[..., Any]

# user arithmetic is never contracted or reassociated (no fastmath): the same bits in every route and batch
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_njit: Any = numba.njit  # its annotations leave options out
_LOCK = threading.RLock()
_MEMO: dict[str, Function] = {}
_log = logging.getLogger("dynsamp")


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


def disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT asks for plain Python."""
    return bool(setting("DISABLE_JIT"))


def setting(name: str) -> Any:
    """Value of a Numba setting, such as CPU_NAME."""
    return getattr(config, name)


def specialise(
    driver: types.ModuleType,
    parts: Iterable[types.ModuleType],
    functions: Mapping[str, Function],
    arguments: tuple[Any, ...],
    **constants: Any,
) -> Function:
    """Compiled ``run`` of a driver.

    Parameters
    ----------
    driver : module
        Its ``run`` is the entry.
    parts : modules
        Their functions fill the slots of what follows and of the driver: route, adaptors, the method.
    functions : mapping of slot name to callable
        Functions of the system, plain Python or njit.
    arguments : tuple
        Of the call to come; they say for which types to compile.
    **constants
        Values of slots that are frozen into the code: numbers, and functions of the kernels.

    Raises
    ------
    CompileError
        If a function of the system does not compile.
    """
    parts = tuple(parts)
    for function in functions.values():
        if not isinstance(getattr(function, "py_func", function), types.FunctionType):
            raise CompileError(f"a function of a system must be a plain Python function or njit, got {function!r}")
    if disabled():
        return _plain(driver, parts, functions, constants)
    signature = tuple(numba.typeof(argument) for argument in arguments)
    label = driver.__name__.rpartition(".")[2]
    if parts:
        label = f"{parts[-1].__name__.rpartition('.')[2]}-{label}"
    try:
        content = [(slot, fingerprint(function)) for slot, function in sorted(functions.items())]
    except UnknownContentError as reason:
        _log.info("compiling %s each time: its functions use %s, whose content cannot be told", label, reason)
        return _build(None, label, driver, parts, functions, constants, signature)
    frozen = [(slot, getattr(value, "__name__", value)) for slot, value in sorted(constants.items())]
    facts = [_surroundings(), driver.__name__, [part.__name__ for part in parts], content, frozen]
    key = hashlib.sha256(repr([facts, signature]).encode()).hexdigest()[:32]
    with _LOCK:
        if key not in _MEMO:
            _MEMO[key] = _build(f"{label}-{key}", label, driver, parts, functions, constants, signature)
        return _MEMO[key]


def _build(
    name: str | None,
    label: str,
    driver: types.ModuleType,
    parts: tuple[types.ModuleType, ...],
    functions: Mapping[str, Function],
    constants: Mapping[str, Any],
    signature: tuple[Any, ...],
) -> Function:
    path = cache.store(name, _source(driver)) if name else None
    known = cache.failure(path) if path else None
    if known:
        raise CompileError(known)
    if path is None or not any(path.parent.rglob("*.nbc")):
        _log.info("compiling %s%s", label, " (once per machine)" if path else "")
    try:
        try:
            return _load(path, driver, parts, functions, constants, signature)
        except errors.NumbaError:
            raise
        except Exception as error:  # whatever a damaged entry does: forget it and compile again
            if path is None:
                raise
            _log.debug("compiled kernel %s is damaged (%s)", path, error)
            cache.remove(path)
            path = cache.store(str(name), _source(driver))
            return _load(path, driver, parts, functions, constants, signature)
    except errors.NumbaError as error:
        _log.debug("%s", error)
        failed = _explain(error, functions)
        if path is not None:
            cache.note_failure(path, str(failed))
        raise failed from None


def _load(
    path: Path | None,
    driver: types.ModuleType,
    parts: tuple[types.ModuleType, ...],
    functions: Mapping[str, Function],
    constants: Mapping[str, Any],
    signature: tuple[Any, ...],
) -> Function:
    stem = path.stem if path else None
    fresh: dict[int, Any] = {}
    names = {**constants, **{slot: _fresh(function, fresh, stem) for slot, function in functions.items()}}
    for part in parts:
        names.update(_copy(part, names, inner, f"{stem or 'uncached'}_{part.__name__.rpartition('.')[2]}"))
    own = _copy(driver, names, _compiled_helper, stem or "uncached", path)
    entry = _njit(cache=path is not None, no_cfunc_wrapper=True, **_OPTIONS)(own["run"])
    entry.compile(signature)
    return entry


def _compiled_helper(function: Function) -> Any:
    return function if function.__name__ == "run" else inner(function)


def _as_is(function: Function) -> Function:
    return function


def _plain(
    driver: types.ModuleType,
    parts: tuple[types.ModuleType, ...],
    functions: Mapping[str, Function],
    constants: Mapping[str, Any],
) -> Function:
    names = {**constants, **functions}
    for part in parts:
        names.update(_copy(part, names, _as_is, "plain"))
    run: Function = _copy(driver, names, _as_is, "plain")["run"]
    return run


def _copy(
    module: types.ModuleType,
    names: Mapping[str, Any],
    finish: Callable[[Function], Any],
    name: str,
    path: Path | None = None,
) -> dict[str, Any]:
    """Execute the module's source again, set its slots, and return the functions and constants that it provides."""
    clone = types.ModuleType(name)
    file = str(path or module.__file__)
    clone.__file__ = file
    if name.startswith(cache.PREFIX):
        sys.modules[name] = clone  # Numba rebuilds kept code in the namespaces of its modules
    exec(compile(_source(module), file, "exec"), clone.__dict__)  # our own source
    here = [
        key for key, value in vars(clone).items() if isinstance(value, types.FunctionType) and value.__module__ == name
    ]
    vars(clone).update((slot, value) for slot, value in names.items() if slot in vars(clone) and slot not in here)
    own = {key: finish(vars(clone)[key]) for key in here}
    vars(clone).update(own)
    provided = {key: getattr(clone, key) for key in getattr(clone, "__all__", ()) if key not in own}
    return {**provided, **own}


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
    for name in _names(function.__code__):
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


def _names(code: types.CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*(_names(constant) for constant in inner))


@lru_cache
def _source(module: types.ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


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
    settings = [setting(name) for name in ("OPT", "BOUNDSCHECK", "CPU_NAME", "CPU_FEATURES")]
    return repr([digest.hexdigest(), versions, settings])


def _explain(error: errors.NumbaError, functions: Mapping[str, Function]) -> CompileError:
    names = " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values())
    return CompileError(
        f"the function {names} does not compile: {_first_line(error)}; use scalars, loops, NumPy and math functions,"
        " and helpers that compile too"
    )


def _first_line(error: errors.NumbaError) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    skip = ("Failed in", "During:", "File ", "<source", "-", "^", "This error", "To see", "If you", "https")
    useful = [line for line in lines if line and not line.startswith(skip)]
    if any("Function(<class 'bool'>)" in line for line in useful):
        return "it branches on a value that differs among trajectories"
    causes = [line for line in useful if "Error" not in line and "rror is caused" not in line]
    return (causes or useful or ["Numba gives no reason"])[0].rstrip(".")
