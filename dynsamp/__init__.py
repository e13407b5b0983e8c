"""dynsamp: learn dynamical systems from data in seconds on a CPU.

``generate -> fit -> forecast -> evaluate``; each takes and returns xarray (or a fitted model). Public names are
loaded when first used, so that importing dynsamp stays cheap.
"""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dynsamp._version import __version__

# the stub says to type checkers, and here, which module has which public name
_STUB = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
_MODULE_OF = {name: module for module, name in re.findall(r"^from (dynsamp\.\S+) import (\w+) as \2$", _STUB, re.M)}

_ROOMS = ("plot", "plugins", "testing")  # public modules; `plugins` can also be called

__all__ = ["__version__", *_ROOMS, *sorted(_MODULE_OF)]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"dynsamp.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'dynsamp' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value  # next time without this function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Where a function and a module share a name (``system``, ``solve``, ``compare``), the package has the function."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _MODULE_OF and isinstance(value, ModuleType)):  # importing a submodule would bind it here
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[object, ...]:
        return import_module, (self.__name__,)  # cloudpickle knows plain modules only


sys.modules[__name__].__class__ = _Package
