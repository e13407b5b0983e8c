"""Which plugins are installed, read from package metadata alone: nothing of a plugin is imported here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

__all__ = ["GROUP", "IN_TREE", "Candidate", "Selection", "candidates", "plugin_names"]

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
