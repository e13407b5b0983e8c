"""dynsamp: learn dynamical systems from data in seconds on a CPU.

``generate -> fit -> forecast -> evaluate``; each takes and returns xarray (or a fitted model). Public names are
loaded when first used, so that importing dynsamp stays cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from dynsamp._version import __version__

if TYPE_CHECKING:  # what type checkers and editors see; at run time __getattr__ below
    from dynsamp import plot as plot
    from dynsamp import plugins as plugins
    from dynsamp import testing as testing
    from dynsamp.compare import compare as compare
    from dynsamp.dataset import from_arrays as from_arrays
    from dynsamp.dataset import from_csv as from_csv
    from dynsamp.dataset import from_dataframe as from_dataframe
    from dynsamp.dataset import from_points as from_points
    from dynsamp.dataset import open_dataset as open_dataset
    from dynsamp.dataset import save_dataset as save_dataset
    from dynsamp.dataset import validate as validate
    from dynsamp.dataset.results import Run as Run
    from dynsamp.hookspecs import hookimpl as hookimpl
    from dynsamp.metrics.base import metric as metric
    from dynsamp.models import Climatology as Climatology
    from dynsamp.models import DriftDiffusion as DriftDiffusion
    from dynsamp.models import Estimator as Estimator
    from dynsamp.models import FlowMap as FlowMap
    from dynsamp.models import HamiltonianNetwork as HamiltonianNetwork
    from dynsamp.models import LatticeHamiltonian as LatticeHamiltonian
    from dynsamp.models import Linear as Linear
    from dynsamp.models import Model as Model
    from dynsamp.models import Persistence as Persistence
    from dynsamp.models import PortHamiltonianNetwork as PortHamiltonianNetwork
    from dynsamp.models import RandomWalk as RandomWalk
    from dynsamp.models import SampledNetwork as SampledNetwork
    from dynsamp.plugins import estimators as estimators
    from dynsamp.plugins import load_model as load_model
    from dynsamp.plugins import save_model as save_model
    from dynsamp.plugins import system as system
    from dynsamp.plugins import systems as systems
    from dynsamp.solve import Event as Event
    from dynsamp.solve import solve as solve
    from dynsamp.system import HamiltonianSystem as HamiltonianSystem
    from dynsamp.system import MapSystem as MapSystem
    from dynsamp.system import ODESystem as ODESystem
    from dynsamp.system import SDESystem as SDESystem
    from dynsamp.system import System as System
    from dynsamp.words import Box as Box
    from dynsamp.words import Input as Input
    from dynsamp.words import Parameter as Parameter
    from dynsamp.words import State as State
    from dynsamp.words import Status as Status
    from dynsamp.workflow import crossings as crossings
    from dynsamp.workflow import energies as energies
    from dynsamp.workflow import energy_map as energy_map
    from dynsamp.workflow import evaluate as evaluate
    from dynsamp.workflow import fit as fit
    from dynsamp.workflow import forecast as forecast
    from dynsamp.workflow import generate as generate
    from dynsamp.workflow import lyapunov as lyapunov
    from dynsamp.workflow import run as run


_HOME = {
    "dynsamp.compare": ("compare",),
    "dynsamp.dataset": (
        "from_arrays",
        "from_csv",
        "from_dataframe",
        "from_points",
        "open_dataset",
        "save_dataset",
        "validate",
    ),
    "dynsamp.dataset.results": ("Run",),
    "dynsamp.hookspecs": ("hookimpl",),
    "dynsamp.metrics.base": ("metric",),
    "dynsamp.models": (
        "Climatology",
        "DriftDiffusion",
        "Estimator",
        "FlowMap",
        "HamiltonianNetwork",
        "LatticeHamiltonian",
        "Linear",
        "Model",
        "Persistence",
        "PortHamiltonianNetwork",
        "RandomWalk",
        "SampledNetwork",
    ),
    "dynsamp.plugins": ("estimators", "load_model", "save_model", "system", "systems"),
    "dynsamp.solve": ("Event", "solve"),
    "dynsamp.system": ("HamiltonianSystem", "MapSystem", "ODESystem", "SDESystem", "System"),
    "dynsamp.words": ("Box", "Input", "Parameter", "State", "Status"),
    "dynsamp.workflow": (
        "crossings",
        "energies",
        "energy_map",
        "evaluate",
        "fit",
        "forecast",
        "generate",
        "lyapunov",
        "run",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

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
