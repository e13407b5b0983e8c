"""Estimators by name with some of their knobs set, and the nearest of the known names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dynsamp.words import closest

if TYPE_CHECKING:
    from dynsamp.models import Estimator

__all__ = ["configured", "suggestion"]


def configured(estimator: Estimator | type[Estimator] | str, knobs: Mapping[str, Any]) -> Estimator:
    """An estimator with some of its knobs set.

    Parameters
    ----------
    estimator : Estimator, its class or its name
        What to start from.
    knobs : mapping
        Lists stand for tuples.

    Raises
    ------
    ValueError
        An unknown name or knob, or a value that the estimator refuses; lists every unknown knob.
    """
    if isinstance(estimator, str):
        from dynsamp import plugins

        known = plugins.estimators()
        if estimator not in known:
            raise ValueError(f"unknown estimator {estimator!r}; {suggestion(estimator, known)}")
        estimator = known[estimator]
    names = [each.name for each in dataclasses.fields(estimator) if each.init]  # type: ignore[arg-type]  # by contract
    problems: list[str] = []
    label = estimator.name
    for knob in knobs:
        if knob not in names:
            problems.append(f"estimator {label!r} has no knob {knob!r}; {suggestion(knob, names)}")
    if problems:
        raise ValueError("; ".join(problems))
    values = {knob: tuple(value) if isinstance(value, list) else value for knob, value in knobs.items()}
    try:
        if isinstance(estimator, type):
            return estimator(**values)
        return dataclasses.replace(estimator, **values)  # type: ignore[type-var]  # a dataclass by contract
    except TypeError as error:
        raise ValueError(f"estimator {label!r} refuses {values}: {error}") from error


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to try instead of ``name``."""
    known = list(known)
    near = closest(name, known)
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
