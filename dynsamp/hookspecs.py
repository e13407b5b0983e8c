"""What a plugin may implement: three hooks, each returns an iterable; everything after is a method call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dynsamp.metrics.base import Metric
    from dynsamp.models.base import Estimator
    from dynsamp.system import System

__all__ = ["API_VERSION", "SUPPORTED", "UNDECLARED", "dynsamp_estimators", "dynsamp_metrics", "dynsamp_systems"]
__all__ += ["hookimpl"]

API_VERSION = 1  # of the plugin contract; a plugin declares the one that it was written for as __dynsamp_api__
SUPPORTED = range(1, API_VERSION + 1)  # versions that plugins may be written for
UNDECLARED = 1  # the first, whose plugins did not have to say so

hookspec = pluggy.HookspecMarker("dynsamp")
hookimpl = pluggy.HookimplMarker("dynsamp")


@hookspec
def dynsamp_systems() -> Iterable[System]:
    """Systems: objects of one of the four kinds in ``dynsamp.system``."""
    raise NotImplementedError  # a specification: pluggy reads the signature and never calls it


@hookspec
def dynsamp_estimators() -> Iterable[type[Estimator]]:
    """Estimator classes: frozen dataclasses of knobs with ``name``, ``Model`` and ``fit``."""
    raise NotImplementedError


@hookspec
def dynsamp_metrics() -> Iterable[Metric]:
    """Metrics: functions decorated with ``dynsamp.metric``."""
    raise NotImplementedError
