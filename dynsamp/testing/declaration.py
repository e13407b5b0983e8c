"""Check: names, units, references and defaults are all there."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from dynsamp.models.base import Estimator
from dynsamp.plugins import metrics
from dynsamp.system import System
from dynsamp.testing.calls import CheckFailure, require, starts
from dynsamp.words import Facts, Parameter

__all__ = ["check_declaration"]


def check_declaration(system: System, *, seed: int = 0) -> None:
    """The declaration is complete and can be written into files."""
    missing = [*_undocumented(system), *_without_units(system)]
    require(not missing, f"the declaration lacks {'; '.join(missing)}")
    for name, parameter in system.parameters.items():
        require(name.isidentifier(), f"parameter {name!r} is no identifier; use letters, digits and _")
        value = parameter.value if isinstance(parameter, Parameter) else parameter
        require(np.isfinite(value), f"the default of parameter {name!r} is {value}; give a finite number")
    require(system.dt <= system.duration, f"dt = {system.dt:g} exceeds duration = {system.duration:g}; shorten it")
    require(system.spin_up >= 0, f"spin_up is {system.spin_up:g}; it cannot be negative")
    _json(system)
    _experiment(system, seed)
    require(
        system.estimator is None or isinstance(system.estimator, Estimator),
        f"estimator= is {system.estimator!r}; give an Estimator with its knobs, such as dynsamp.FlowMap()",
    )
    unknown = [name for name in system.metrics or () if name not in metrics()]
    require(not unknown, f"metrics= names {unknown}, which no plugin registers; there are: {', '.join(metrics())}")


def _undocumented(system: System) -> list[str]:
    lacks = []
    if not system.title.strip() or "\n" in system.title:
        lacks.append("a title of one line (title=)")
    if not system.references or not all(isinstance(text, str) and text.strip() for text in system.references):
        lacks.append("a reference for equations and values (references=)")
    lacks += [f"a long_name of state {state.name!r}" for state in system.states if not state.long_name.strip()]
    return lacks


def _without_units(system: System) -> list[str]:
    named: Sequence[tuple[str, object]] = [
        *((f"state {state.name!r}", state.units) for state in system.states),
        *((f"parameter {name!r}", p.units) for name, p in system.parameters.items() if isinstance(p, Parameter)),
        *((f"input {signal.name!r}", signal.units) for signal in system.inputs),
        ("time (time_unit=)", system.time_unit),
    ]
    lacks = [what for what, units in named if not (isinstance(units, str) and units.strip())]
    return [f"units of {what} ('1' where there are none)" for what in lacks]


def _json(system: System) -> None:
    facts = system.facts()
    require(isinstance(facts, Facts), "facts() must return Facts; write replace(super().facts(), other={...})")
    try:
        json.dumps(facts.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailure(f"facts() is not JSON ({error}); use numbers, strings, lists and dicts") from error


def _experiment(system: System, seed: int) -> None:
    try:
        y0 = starts(system, 5, seed)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailure(f"initial= gives no starts: {error}") from error
    require(np.isfinite(y0).all(), "initial= gives starts that are not finite; check the bounds or the function")
    same = np.array_equal(y0[:3], starts(system, 3, seed))
    require(same, "initial= gives other starts when asked again; draw from the generator that it receives alone")
