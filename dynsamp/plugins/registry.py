"""The registry: which plugins are installed, their systems, estimators and metrics by name, what became of each plugin.

Which are installed is read from package metadata alone: nothing of a plugin is imported for that. The types of models
in files are looked up among registered estimators and nowhere else.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from os import PathLike
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from dynsamp._version import __version__
from dynsamp.plugins.printed import aside
from dynsamp.progress import Notice
from dynsamp.words import LISTED, closest, listed, quoted

if TYPE_CHECKING:
    import pluggy
    import xarray as xr

    from dynsamp.metrics.base import Metric
    from dynsamp.models.base import Estimator, Model
    from dynsamp.plugins.loading import Contribution, Failure
    from dynsamp.system import System


T = TypeVar("T")
KINDS = ("systems", "estimators", "metrics")  # what plugins bring
Status = Literal["ok", "broken", "disabled", "unsupported"]
GROUP = "dynsamp.plugins"
IN_TREE = "dynsamp"  # the distribution whose plugins come first


@dataclass(frozen=True)
class Candidate:
    """An installed plugin that has not been imported."""

    name: str  # of the entry point
    distribution: str
    version: str
    entry_point: EntryPoint


def candidates() -> list[Candidate]:
    """Installed plugins: those of dynsamp itself first, then by distribution and name."""
    found = [
        Candidate(
            name=point.name,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "",
            entry_point=point,
        )
        for point in entry_points(group=GROUP)
    ]
    return sorted(found, key=lambda plugin: (plugin.distribution != IN_TREE, plugin.distribution, plugin.name))


def plugin_names() -> list[str]:
    """Names of the installed plugins, from metadata only."""
    return [plugin.name for plugin in candidates()]


@dataclass(frozen=True)
class Selection:
    """Which plugins the environment asks for.

    ``DYNSAMP_PLUGINS`` loads only these (set but empty: none), ``DYNSAMP_DISABLE_PLUGINS`` all but these. Both are
    comma-separated names of plugins, of distributions, or ``distribution:plugin``.
    """

    only: tuple[str, ...] | None = None
    disabled: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Selection:
        """Read both variables."""
        only = environment.get("DYNSAMP_PLUGINS")
        return cls(
            only=None if only is None else _names(only), disabled=_names(environment.get("DYNSAMP_DISABLE_PLUGINS", ""))
        )

    def excludes(self, plugin: Candidate) -> str:
        """Why a plugin is not loaded; empty where it is."""
        if _matches(plugin, self.disabled):
            return "disabled by DYNSAMP_DISABLE_PLUGINS"
        if self.only is not None and not _matches(plugin, self.only):
            return "not among DYNSAMP_PLUGINS"
        return ""

    def unknown(self, plugins: list[Candidate]) -> list[tuple[str, str]]:
        """Names that no installed plugin answers to, as (variable, name): most likely misspelt."""
        asked = [("DYNSAMP_PLUGINS", name) for name in self.only or ()]
        asked += [("DYNSAMP_DISABLE_PLUGINS", name) for name in self.disabled]
        return [(variable, name) for variable, name in asked if not any(_matches(p, (name,)) for p in plugins)]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _matches(plugin: Candidate, names: tuple[str, ...]) -> bool:
    return bool({plugin.name, plugin.distribution, f"{plugin.distribution}:{plugin.name}"} & set(names))


class PluginError(RuntimeError):
    """A plugin is broken, in strict mode."""


class PluginWarning(UserWarning):
    """A plugin is broken and was left out; everything else works."""


@dataclass(frozen=True)
class PluginRecord:
    """One installed plugin and what became of it.

    ``systems``, ``estimators`` and ``metrics`` are names under which the objects can be asked for; an object whose
    plain name was already taken is there as ``distribution:name``, and ``clashes`` says so.
    """

    name: str
    distribution: str
    version: str
    status: Status
    error: str = ""
    systems: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    traceback: str = ""


@dataclass(frozen=True)
class Entry(Generic[T]):
    """An object and the plugin that it comes from."""

    value: T
    distribution: str
    version: str
    plugin: str


@dataclass
class Registry:
    """Filled once, plugin by plugin; a plugin that fails leaves nothing behind."""

    systems: dict[str, Entry[System]] = field(default_factory=dict)
    estimators: dict[str, Entry[type[Estimator]]] = field(default_factory=dict)
    metrics: dict[str, Entry[Metric]] = field(default_factory=dict)
    records: list[PluginRecord] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)  # not yet reported

    def add(self, plugin: Candidate, found: Contribution) -> PluginRecord:
        """Enter the objects of one plugin; the first to come keeps a plain name."""
        clashes: list[str] = []
        own: dict[str, Any] = {
            kind: _entered(getattr(self, kind), plugin, getattr(found, kind), clashes) for kind in KINDS
        }
        return replace(_record(plugin, "ok"), **own, clashes=tuple(clashes))

    def taken_in_distribution(self, plugin: Candidate, found: Contribution) -> str:
        """Why a plugin cannot be told apart from another of its own distribution; empty where it can."""
        return next(filter(None, (_taken(getattr(self, kind), plugin, getattr(found, kind)) for kind in KINDS)), "")


def _entered(
    table: dict[str, Entry[T]], plugin: Candidate, found: Mapping[str, T], clashes: list[str]
) -> tuple[str, ...]:
    """Names under which the objects of a plugin can be asked for."""
    own = []
    for name, value in found.items():
        entry = Entry(value, plugin.distribution, plugin.version, plugin.name)
        table[f"{plugin.distribution}:{name}"] = entry
        first = table.setdefault(name, entry)
        own.append(name if first is entry else f"{plugin.distribution}:{name}")
        if first is not entry:
            clashes.append(f"{name!r} belongs to plugin {first.plugin!r} of {first.distribution}; use {own[-1]!r}")
    return tuple(own)


def _taken(table: Mapping[str, Entry[T]], plugin: Candidate, found: Iterable[str]) -> str:
    for name in found:
        entry = table.get(f"{plugin.distribution}:{name}")
        if entry is not None:
            return f"{name!r} is already in plugin {entry.plugin!r} of the same distribution; rename one"
    return ""


def _values(table: Mapping[str, Entry[T]]) -> dict[str, T]:
    """Objects by plain name, and by ``distribution:name`` where another one has the plain name."""
    return {
        name: entry.value
        for name, entry in table.items()
        if ":" not in name or table[name.partition(":")[2]] is not entry
    }


_lock = RLock()
_registry: Registry | None = None
_filling = False


def _anew() -> None:
    """In a child: a thread that it lacks may have held the lock, in the middle of loading."""
    global _lock, _registry, _filling
    _lock = RLock()
    if _filling:
        _registry, _filling = None, False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_anew)


def loaded() -> Registry:
    """The registry, filled at the first call; warns once about each plugin that is broken."""
    with _lock:
        filled = _registry if _registry is not None and not _filling else reload()
        complaints, filled.complaints = filled.complaints, []
    for complaint in complaints:
        warnings.warn(complaint, PluginWarning, stacklevel=3)
    return filled


def systems() -> dict[str, System]:
    """All systems by name; one whose plain name is taken is there as ``distribution:name``."""
    return _values(loaded().systems)


def estimators() -> dict[str, type[Estimator]]:
    """All estimator classes by name."""
    return _values(loaded().estimators)


def metrics() -> dict[str, Metric]:
    """All metrics by name."""
    return _values(loaded().metrics)


def plugins() -> list[PluginRecord]:
    """What became of each installed plugin, dynsamp's own first; works while some are broken."""
    return list(loaded().records)


def examined() -> tuple[list[PluginRecord], dict[PluginRecord, list[str]]]:
    """Records of all plugins, each loaded in a process of its own first, and what it does there to others.

    A plugin that ends the process is broken and is not loaded in this one.
    """
    from dynsamp.plugins.probe import examined as probed

    selection = Selection.from_environment()
    found = probed([plugin for plugin in candidates() if not selection.excludes(plugin)])
    deadly = {key: changes for key, (survived, changes) in found.items() if not survived}
    records, changes = [], {}
    for record in reload(strict=False, without=deadly).records:
        key = f"{record.distribution}:{record.name}"
        if key in deadly:
            record = replace(record, status="broken", error=f"{deadly[key][0]} when it is loaded")
        records.append(record)
        changes[record] = [] if key in deadly else found.get(key, (True, []))[1]
    return records, changes


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
        return known[name].value
    raise ValueError(f"unknown system {quoted(name)}; {_advice(name)}")


def system_of(data: xr.Dataset, named: str | System | None) -> System | None:
    """The system that was named, else the one that the data name, where it is registered."""
    return systems().get(str(data.attrs.get("system", ""))) if named is None else system(named)


def _advice(name: str) -> str:
    """What to try instead of an unknown system."""
    if name.endswith(".py"):
        return "load a file with dynsamp.plugins.load_system_file(path)"
    known = _values(loaded().systems)
    plain = name.lower().replace("-", "_").replace(" ", "_")
    near = closest(plain, known) or closest(plain.replace("_", ""), known)
    if near:
        return f"did you mean {quoted(near)}?"
    absent = [record.name for record in loaded().records if record.status != "ok"]
    note = f"; plugins that are not loaded: {listed(absent)}" if absent else ""
    return f"there are: {listed(sorted(known), 2 * LISTED) or 'none'}{note}"


def reload(*, strict: bool | None = None, without: Collection[str] = ()) -> Registry:
    """Fill the registry anew, for tests and after an installation in the same process.

    Modules that were imported before are not imported again.

    Parameters
    ----------
    strict : bool, optional
        Raise PluginError at the first plugin that is broken; default: whether DYNSAMP_PLUGINS_STRICT is set to 1.
    without : collection of str
        Plugins that are left out, as ``distribution:plugin``.
    """
    global _registry, _filling
    if strict is None:
        strict = os.environ.get("DYNSAMP_PLUGINS_STRICT", "") not in ("", "0")
    with _lock:
        if _filling:
            raise RuntimeError("plugins are still being loaded; a plugin must not ask for others while it is imported")
        _filling = True
        try:
            _registry = _filled(strict, without)
        finally:
            _filling = False
        return _registry


def _filled(strict: bool, without: Collection[str]) -> Registry:
    from dynsamp.plugins import loading  # imports the numerics: only when plugins do so themselves

    result = Registry()
    plugin_manager = loading.manager()
    builtin = EntryPoint(name="core", value="dynsamp.plugins.builtin", group=GROUP)
    result.records.append(_loaded(Candidate("core", IN_TREE, __version__, builtin), result, plugin_manager))
    if result.records[0].status != "ok":
        raise PluginError(f"dynsamp itself cannot be loaded: {result.records[0].error}")
    installed, selection = candidates(), Selection.from_environment()
    for plugin in installed:
        reason = "left out" if f"{plugin.distribution}:{plugin.name}" in without else selection.excludes(plugin)
        record = _record(plugin, "disabled", reason) if reason else _loaded(plugin, result, plugin_manager)
        if record.status in ("broken", "unsupported"):
            if strict:
                raise PluginError(_complaint(record))
            result.complaints.append(_complaint(record))
        result.records.append(record)
    result.complaints += [
        f"{variable} names {quoted(name)}, but no installed plugin is called that; `dynsamp plugins` lists them"
        for variable, name in selection.unknown(installed)
    ]
    return result


def _loaded(plugin: Candidate, result: Registry, plugin_manager: pluggy.PluginManager) -> PluginRecord:
    from dynsamp.plugins import loading

    name = f"{plugin.distribution}:{plugin.name}"
    with Notice(f"loading the plugin {name}"), aside(), loading.undone():
        found: Contribution | Failure = loading.load(plugin.entry_point.load, name, plugin_manager)
    if isinstance(found, loading.Failure):
        return replace(_record(plugin, found.status, found.error), traceback=found.traceback)
    taken = result.taken_in_distribution(plugin, found)
    if taken:
        plugin_manager.unregister(name=name)
        return _record(plugin, "broken", taken)
    return result.add(plugin, found)


def _record(plugin: Candidate, status: Status, error: str = "") -> PluginRecord:
    return PluginRecord(plugin.name, plugin.distribution, plugin.version, status, error)


def _complaint(record: PluginRecord) -> str:
    origin = f"{record.distribution} {record.version}".strip()
    return (
        f"plugin {record.name!r} ({origin}) is {record.status} and was left out: {record.error}; run `dynsamp plugins"
        f" doctor` for details, or set DYNSAMP_DISABLE_PLUGINS={record.name} to silence this"
    )


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a fitted model to one file, which appears complete or not at all.

    Parameters
    ----------
    model : Model
        Of a registered estimator: another one could not be read again.
    path : path-like
        An existing file is replaced.

    Raises
    ------
    TypeError
        Not a fitted model.
    ValueError
        The model's estimator is not registered, or another plugin has its name.
    OSError
        The file cannot be written; nothing is left behind.
    """
    from dynsamp.models.base import Model
    from dynsamp.models.storage import write_model

    if not isinstance(model, Model):
        raise TypeError(f"save_model needs a fitted model, got {type(model).__name__}; fit(data) makes one")
    entry = loaded().estimators.get(model.name)
    if entry is None:
        raise ValueError(
            f"the estimator {model.name!r} of this {type(model).__name__} is not registered, so the file could not be"
            " read again; return its class from the hook dynsamp_estimators of a plugin"
        )
    if entry.value.Model is not type(model):
        raise ValueError(
            f"the name {model.name!r} of this {type(model).__name__}'s estimator belongs to plugin {entry.plugin!r} of"
            f" {entry.distribution}, so the file would be misread; rename the estimator"
        )
    if entry.distribution != IN_TREE:
        origin = f"{entry.distribution} {entry.version}".strip()
        model = replace(model, facts=replace(model.facts, distribution=origin))
    write_model(model, path)


def load_model(path: str | PathLike[str]) -> Model:
    """Read a fitted model that `save_model` wrote.

    Nothing of the file is executed or imported: its arrays and JSON values become a model of a registered estimator.

    Raises
    ------
    ValueError
        Not a model file, a damaged one, one of a newer dynsamp, or of an estimator that no plugin here offers.
    OSError
        The file cannot be read.
    """
    from dynsamp.models.storage import read_model

    known = loaded().estimators

    def resolve(name: str) -> type[Model]:
        """Class of the fitted models of an estimator."""
        return known[name].value.Model

    return read_model(path, resolve)
