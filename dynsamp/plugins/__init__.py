"""Who is here: systems, estimators and metrics of dynsamp and of every installed plugin.

A plugin is a package with an entry point in the group ``dynsamp.plugins`` that implements the hooks of
``dynsamp.hookspecs``. Importing this module imports none of them; the first question for a system does.
"""

import sys
from importlib import import_module
from types import ModuleType

from dynsamp.plugins.registry import (
    PluginError,
    PluginRecord,
    PluginWarning,
    estimators,
    examined,
    load_model,
    metrics,
    plugin_names,
    plugins,
    reload,
    save_model,
    system,
    system_of,
    systems,
)
from dynsamp.plugins.single_file import load_system_file

__all__ = ["PluginError", "PluginRecord", "PluginWarning", "estimators", "examined", "load_model", "load_system_file"]
__all__ += ["metrics", "plugin_names", "plugins", "reload", "save_model", "system", "system_of", "systems"]


class _Plugins(ModuleType):
    """Type of this module: calling it is short for ``plugins.plugins()``."""

    def __call__(self) -> list[PluginRecord]:
        return plugins()

    def __reduce__(self) -> tuple[object, ...]:
        return import_module, (self.__name__,)  # cloudpickle knows plain modules only


sys.modules[__name__].__class__ = _Plugins
