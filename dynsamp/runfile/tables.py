"""What a run file may hold: one frozen dataclass a table, each key with the kind of its value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynsamp.models import Estimator
    from dynsamp.system import System

__all__ = ["KINDS", "PLAIN", "TABLES", "EvaluateTable", "ForecastTable", "GenerateTable", "Kind", "RunFile"]


@dataclass(frozen=True)
class Kind:
    """What a value must be."""

    wanted: str
    accepts: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_number(item) or _is_numbers(item) for item in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(item) or _is_numbers(item) for item in value.values())


TEXT = Kind("text", lambda value: isinstance(value, str) and bool(value))
TEXTS = Kind("a list of names", lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a positive whole number", _is_count)
SEED = Kind("a whole number, not negative", lambda value: value == 0 or _is_count(value))
POSITIVE = Kind("a positive number", lambda value: _is_number(value) and value > 0)
NUMBERS = Kind("a list of numbers", _is_numbers)
TABLE = Kind("a table of numbers or lists of numbers", _is_table)
NOISE = Kind("a number or a table of numbers", lambda value: (_is_number(value) and value >= 0) or _is_table(value))
STARTS = Kind(
    "a table of states, a table with low and high, or a list", lambda value: _is_numbers(value) or _is_table(value)
)


# the same key means the same in every table
KINDS = {
    "trajectories": COUNT,
    "duration": POSITIVE,
    "dt": POSITIVE,
    "times": NUMBERS,
    "initial": STARTS,
    "parameters": TABLE,
    "noise": NOISE,
    "derivatives": FLAG,
    "members": COUNT,
    "metrics": TEXTS,
    "method": TEXT,
    "step": POSITIVE,
    "rtol": POSITIVE,
    "atol": POSITIVE,
    "seed": SEED,
    "workers": COUNT,
}


@dataclass(frozen=True)
class GenerateTable:
    """``[generate]`` and ``[truth]``: arguments of `dynsamp.generate`."""

    trajectories: int | None = None
    duration: float | None = None
    dt: float | None = None
    times: list[float] | None = None
    initial: Any = None
    parameters: dict[str, Any] | None = None
    noise: float | dict[str, float] | None = None
    derivatives: bool | None = None
    method: str | None = None
    step: float | None = None
    rtol: float | None = None
    atol: float | None = None
    seed: int | None = None
    workers: int | None = None

    def options(self) -> dict[str, Any]:
        """Keyword arguments that were given."""
        options = _given(self)
        if isinstance(self.initial, dict) and set(self.initial) == {"low", "high"}:
            from dynsamp.words import Box

            options["initial"] = Box(self.initial["low"], self.initial["high"])
        return options


@dataclass(frozen=True)
class ForecastTable:
    """``[forecast]``: arguments of `dynsamp.forecast`."""

    duration: float | None = None
    dt: float | None = None
    times: list[float] | None = None
    members: int | None = None
    method: str | None = None
    step: float | None = None
    seed: int | None = None
    workers: int | None = None

    def options(self) -> dict[str, Any]:
        """Keyword arguments that were given."""
        return _given(self)


@dataclass(frozen=True)
class EvaluateTable:
    """``[evaluate]``: arguments of `dynsamp.evaluate`."""

    metrics: list[str] | None = None

    def options(self) -> dict[str, Any]:
        """Keyword arguments that were given."""
        return _given(self)


@dataclass(frozen=True)
class RunFile:
    """One experiment, every name resolved."""

    system: System
    seed: int = 0
    out: Path | None = None  # None: no folder
    estimator: Estimator | None = None
    generate: GenerateTable = GenerateTable()
    truth: GenerateTable = GenerateTable()
    forecast: ForecastTable = ForecastTable()
    evaluate: EvaluateTable = EvaluateTable()


TABLES: dict[str, type[Any]] = {
    "generate": GenerateTable,
    "truth": GenerateTable,
    "forecast": ForecastTable,
    "evaluate": EvaluateTable,
}
PLAIN = {"system": TEXT, "file": TEXT, "seed": SEED, "out": TEXT}


def _given(table: Any) -> dict[str, Any]:
    values = {each.name: getattr(table, each.name) for each in dataclasses.fields(table)}
    return {name: value for name, value in values.items() if value is not None}
