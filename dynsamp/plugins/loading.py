"""Import one plugin, ask it what it has, check every object: all of it, or nothing and the reason.

pluggy's own entry-point loader stops at the first plugin that fails; here a plugin can only harm itself.
"""

import contextlib
import dataclasses
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol, TypeVar

import numpy as np
import pluggy

from dynsamp import hookspecs
from dynsamp.metrics.base import Metric
from dynsamp.models.base import Estimator, Model
from dynsamp.system import System
from dynsamp.words import quoted, shown, suggestion

HOOKS = ("dynsamp_systems", "dynsamp_estimators", "dynsamp_metrics")


@dataclass(frozen=True)
class Contribution:
    """What a plugin brings, by name."""

    systems: dict[str, System] = field(default_factory=dict)
    estimators: dict[str, type[Estimator]] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a plugin is not there."""

    status: Literal["broken", "unsupported"]
    error: str  # one line
    traceback: str = ""


class _Refused(Exception):
    """A plugin that imports but does not keep the contract; the message says what to change."""

    def __init__(self, message: str, status: Literal["broken", "unsupported"] = "broken") -> None:
        super().__init__(message)
        self.status = status


def manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks of dynsamp."""
    plugin_manager = pluggy.PluginManager("dynsamp")
    plugin_manager.add_hookspecs(hookspecs)
    return plugin_manager


@contextlib.contextmanager
def staying() -> Iterator[None]:
    """What is imported does not end the process in silence: ``os._exit`` raises, but in a child process."""
    end, process = os._exit, os.getpid()

    def refused(status: int) -> NoReturn:
        if os.getpid() != process:
            end(status)
        raise SystemExit(f"it calls os._exit({status})")

    os._exit = refused
    try:
        yield
    finally:
        os._exit = end


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """Undo what a plugin does to NumPy's error state, global generators and the recursion limit.

    Nobody's numbers depend on a plugin.
    """
    deep = sys.getrecursionlimit()
    here, everywhere = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is what is kept
    with np.errstate(), staying():
        yield
    sys.setrecursionlimit(deep)
    random.setstate(here)
    np.random.set_state(everywhere)  # noqa: NPY002


def load(importer: Callable[[], object], name: str, plugin_manager: pluggy.PluginManager) -> Contribution | Failure:
    """Import, register and check a plugin; whatever it raises, a KeyboardInterrupt apart, becomes a Failure.

    Parameters
    ----------
    importer : callable
        Imports the plugin and returns what its entry point names.
    name : str
        Under which it is registered.
    plugin_manager : pluggy.PluginManager
        Holds the plugin afterwards; one that fails is unregistered again.
    """
    try:
        plugin = importer()
        _check_version(plugin)
        _register(plugin, name, plugin_manager)
        return contribution(plugin, plugin_manager)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and the like too: a plugin must not end the program
        if plugin_manager.has_plugin(name):
            plugin_manager.unregister(name=name)
        if isinstance(error, _Refused):
            return Failure(error.status, str(error))
        return Failure("broken", unexpected(error), traceback.format_exc())


def unexpected(error: BaseException) -> str:
    """One line about an exception that a plugin let out."""
    text = shown(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def contribution(plugin: object, plugin_manager: pluggy.PluginManager) -> Contribution:
    """Call the hooks of one registered plugin and check what they return."""
    objects: dict[str, list[object]] = {hook: [] for hook in HOOKS}
    for caller in plugin_manager.get_hookcallers(plugin) or []:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                objects[caller.name] += _listed(caller.name, implementation.function())
    return Contribution(
        systems=_named("dynsamp_systems", [_system(item) for item in objects["dynsamp_systems"]]),
        estimators=_named("dynsamp_estimators", [_estimator(item) for item in objects["dynsamp_estimators"]]),
        metrics=_named("dynsamp_metrics", [_metric(item) for item in objects["dynsamp_metrics"]]),
    )


def _check_version(plugin: object) -> None:
    supported = hookspecs.SUPPORTED
    version = getattr(plugin, "__dynsamp_api__", hookspecs.UNDECLARED)
    if isinstance(version, bool) or not isinstance(version, int):
        raise _Refused(f"__dynsamp_api__ must be an integer, got {version!r}; write {hookspecs.API_VERSION}")
    if version not in supported:
        remedy = "upgrade dynsamp" if version > supported[-1] else "upgrade the plugin"
        known = f"version {supported[0]}" if len(supported) == 1 else f"versions {supported[0]} to {supported[-1]}"
        raise _Refused(
            f"written for version {version} of the plugin contract, but this dynsamp has {known}; {remedy}",
            "unsupported",
        )


def _register(plugin: object, name: str, plugin_manager: pluggy.PluginManager) -> None:
    known = plugin_manager.get_name(plugin)
    if known is not None:
        raise _Refused(f"the same object is already the plugin {known!r}; remove one of the entry points")
    plugin_manager.register(plugin, name)
    marked = [key for key in dir(plugin) if plugin_manager.parse_hookimpl_opts(plugin, key) is not None]
    for key in (key for key in dir(plugin) if key.startswith("dynsamp_") or key in marked):
        if key in HOOKS and key not in marked and callable(getattr(plugin, key)):
            raise _Refused(f"{key} is not marked as a hook; put @dynsamp.hookimpl above it")
        if key in marked and key not in HOOKS:
            raise _Refused(f"there is no hook {key!r}; {suggestion(key, HOOKS)}")
    if not marked:
        raise _Refused(f"it implements no hook; define one of {', '.join(HOOKS)} under @dynsamp.hookimpl")


def _listed(hook: str, returned: object) -> list[object]:
    if isinstance(returned, str | bytes | dict) or not isinstance(returned, Iterable):
        got = "None" if returned is None else type(returned).__name__
        raise _Refused(f"{hook}() must return a list, got {got}; return [...]")
    return list(returned)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Kind = TypeVar("Kind", bound=_Named)


def _named(hook: str, items: list[Kind]) -> dict[str, Kind]:
    named = {item.name: item for item in items}
    if len(named) < len(items):
        names = [item.name for item in items]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"{hook}() returned two objects named {twice!r}; rename one")
    return named


def _system(item: object) -> System:
    if not isinstance(item, System):
        raise _Refused(f"dynsamp_systems() must return System objects, got {_shown(item)}")
    if item.estimator is not None and not isinstance(item.estimator, Estimator):
        raise _Refused(
            f"estimator= of system {item.name!r} must be an Estimator with its knobs, such as dynsamp.FlowMap(), got"
            f" {_shown(item.estimator)}"
        )
    names: object = item.metrics or ()
    if isinstance(names, str) or not (isinstance(names, Iterable) and all(isinstance(name, str) for name in names)):
        raise _Refused(f"metrics= of system {item.name!r} must be a list of names, got {names!r}")
    return item


def _estimator(item: object) -> type[Estimator]:
    if not (isinstance(item, type) and issubclass(item, Estimator)):
        raise _Refused(f"dynsamp_estimators() must return Estimator classes, not instances, got {_shown(item)}")
    name, model = getattr(item, "name", None), getattr(item, "Model", None)
    if not isinstance(name, str) or not name:
        raise _Refused(f"estimator {item.__name__} needs a class attribute name, such as name = 'my-estimator'")
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise _Refused(f"estimator {item.__name__} needs a class attribute Model, the class of its fitted models")
    if not all(dataclasses.is_dataclass(kind) for kind in (item, model)):
        raise _Refused(f"estimator {item.__name__} and its Model must be frozen dataclasses")
    if getattr(model, "name", None) != name:
        raise _Refused(f"model {model.__name__} must have name = {name!r}, that of its estimator {item.__name__}")
    return item


def _metric(item: object) -> Metric:
    if not isinstance(item, Metric):
        raise _Refused(f"dynsamp_metrics() must return functions under @dynsamp.metric(...), got {_shown(item)}")
    return item


def _shown(item: object) -> str:
    return item.__name__ if isinstance(item, type) else f"{type(item).__name__} {quoted(shown(item))}"
