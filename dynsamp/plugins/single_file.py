"""A system in one file, without packaging: `dynsamp run ./spring.py`."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from dynsamp.words import listed, quoted, shown, suggestion

if TYPE_CHECKING:
    from dynsamp.system import System


def load_system_file(path: str | Path, name: str | None = None) -> System:
    """Run a Python file and return the system that it defines.

    Parameters
    ----------
    path : path
        A ``.py`` file that returns systems from the hook ``dynsamp_systems``, or holds System objects at module level.
        The file is executed: load only files that you trust.
    name : str, optional
        Which system, where the file holds several.

    Returns
    -------
    System

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file raises, holds no system, several and no name is given, or none of that name.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "is no file" if os.path.lexists(path) else "does not exist"
        raise FileNotFoundError(
            f"{shown(path)} {problem}; give the path of a Python file that defines a dynsamp system"
        )
    if path.suffix != ".py":
        raise ValueError(f"{path} is no Python file; a system in one file ends in .py")
    found = _systems(_executed(path), path)
    if name is not None:
        if name in found:
            return found[name]
        raise ValueError(f"{path} has no system {quoted(name)}; {suggestion(name, found)}")
    if not found:
        raise ValueError(f"{path} defines no system; assign a dynsamp.HamiltonianSystem(...) or the like to a variable")
    if len(found) > 1:
        raise ValueError(f"{path} defines {len(found)} systems ({listed(found)}); say which one by its name")
    return next(iter(found.values()))


def _executed(path: Path) -> ModuleType:
    """The file as a module under a name of its own, known to sys.modules so that its source can be found."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    module_name = f"dynsamp_file_{path.stem if path.stem.isidentifier() else 'system'}_{digest}"
    spec = spec_from_file_location(module_name, path)
    assert spec is not None  # a .py file always has a loader
    assert spec.loader is not None
    module = module_from_spec(spec)
    before = sys.modules.get(module_name)
    sys.modules[module_name] = module
    from dynsamp.plugins.loading import staying

    try:
        with staying():
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: `sys.exit()` at the end of a script
        if before is None:
            del sys.modules[module_name]
        else:
            sys.modules[module_name] = before
        raise ValueError(f"{path} cannot be loaded: {_where(error, path)}") from error
    return module


def _systems(module: ModuleType, path: Path) -> dict[str, System]:
    """Systems of the file by name: those of its hook, else all at module level that it defines or imports."""
    from dynsamp.plugins.loading import contribution, manager, unexpected
    from dynsamp.system import System

    if hasattr(module, "dynsamp_systems"):
        plugin_manager = manager()
        try:
            plugin_manager.register(module)
            marked = contribution(module, plugin_manager).systems
        except Exception as error:
            raise ValueError(f"{path} cannot be loaded: {unexpected(error)}") from error
        if marked:
            return marked
    found: dict[str, System] = {}
    for value in vars(module).values():
        if isinstance(value, System) and found.setdefault(value.name, value) is not value:
            raise ValueError(f"{path} defines two systems named {value.name!r}; rename one")
    return found


def _where(error: BaseException, path: Path) -> str:
    """One line about an exception, with the last line of the file that took part."""
    from dynsamp.plugins.loading import unexpected

    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == path.resolve():
            line = trace.tb_lineno
        trace = trace.tb_next
    return unexpected(error) + (f" (line {line})" if line else "")
