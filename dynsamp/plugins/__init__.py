"""Who is here: systems, estimators and metrics of dynsamp and of every installed plugin.

A plugin is a package with an entry point in the group ``dynsamp.plugins`` that implements the hooks of
``dynsamp.hookspecs``. Importing this module imports none of them; the first question for a system does.
"""

from __future__ import annotations

import difflib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from dynsamp.plugins.discovery import plugin_names
from dynsamp.plugins.files import load_system_file
from dynsamp.plugins.registry import PluginError, PluginRecord, PluginWarning, loaded, reload
from dynsamp.plugins.storage import load_model, save_model

if TYPE_CHECKING:
    from dynsamp.metrics.base import Metric
    from dynsamp.models.base import Estimator
    from dynsamp.system import System

__all__ = [
    "PluginError",
    "PluginRecord",
    "PluginWarning",
    "estimators",
    "load_model",
    "load_system_file",
    "metrics",
    "plugin_names",
    "plugins",
    "reload",
    "save_model",
    "system",
    "systems",
]


def systems() -> dict[str, System]:
    """All systems by name; one whose plain name is taken is there as ``distribution:name``."""
    return loaded().values("systems")


def estimators() -> dict[str, type[Estimator]]:
    """All estimator classes by name."""
    return loaded().values("estimators")


def metrics() -> dict[str, Metric]:
    """All metrics by name."""
    return loaded().values("metrics")


def plugins() -> list[PluginRecord]:
    """What became of each installed plugin, dynsamp's own first; works while some are broken."""
    return list(loaded().records)


def system(name: str | System) -> System:
    """A system by name or ``distribution:name``; a System is returned as it is.

    Raises
    ------
    ValueError
        No plugin has that name; the message suggests the nearest.
    TypeError
        Neither a name nor a System.
    """
    from dynsamp.system import System

    if isinstance(name, System):
        return name
    if not isinstance(name, str):
        raise TypeError(f"system must be a name or a System, got {type(name).__name__}")
    known = loaded().systems
    if name in known:
        found: System = known[name].value
        return found
    raise ValueError(f"unknown system {name!r}; {_advice(name)}")


def _advice(name: str) -> str:
    """What to try instead of an unknown system."""
    if name.endswith(".py"):
        return "load a file with dynsamp.plugins.load_system_file(path)"
    listed = loaded().values("systems")
    plain = name.lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(plain, listed, 1) or difflib.get_close_matches(plain.replace("_", ""), listed, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    absent = [record.name for record in loaded().records if record.status != "ok"]
    note = f"; plugins that are not loaded: {', '.join(absent)}" if absent else ""
    return f"there are: {', '.join(sorted(listed)) or 'none'}{note}"


class _Plugins(ModuleType):
    """Type of this module: calling it is short for ``plugins.plugins()``."""

    def __call__(self) -> list[PluginRecord]:
        return plugins()


sys.modules[__name__].__class__ = _Plugins
