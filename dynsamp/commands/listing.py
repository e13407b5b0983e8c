"""`dynsamp systems`, `estimators`, `plugins` and `info`: what is there."""

from __future__ import annotations

import dataclasses
import textwrap
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from dynsamp.commands.options import Commands, add_command, add_json, chosen_system
from dynsamp.commands.printing import columns, heading, print_json, print_section, put, say

if TYPE_CHECKING:
    from dynsamp.models import Estimator
    from dynsamp.plugins import PluginRecord
    from dynsamp.system import System
    from dynsamp.words import State

KINDS = {"ode": "ODE", "hamiltonian": "Hamiltonian", "sde": "SDE", "map": "map"}


def add(commands: Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    add_json(add_command(commands, common, "systems", list_systems, "list the systems that can be learned"))
    add_json(add_command(commands, common, "estimators", list_estimators, "list the learning methods and their knobs"))
    info = add_command(commands, common, "info", describe, "show equations, parameters and references of a system")
    info.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    add_json(info)


def list_systems(args: Namespace) -> None:
    """A table of systems."""
    from dynsamp import plugins

    known = plugins.systems()
    if args.json:
        print_json([_summary(name, law) for name, law in known.items()])
        return
    rows = [
        (name, KINDS.get(law.kind, law.kind), ", ".join(s.name + _own_dims(s) for s in law.states), law.title)
        for name, law in known.items()
    ]
    put(columns(rows, ("name", "kind", "states", "title")) if rows else "no systems")
    say(args, "\n`dynsamp info NAME` shows one, `dynsamp run NAME` learns it")


def list_estimators(args: Namespace) -> None:
    """A table of estimators."""
    from dynsamp import plugins

    known = plugins.estimators()
    if args.json:
        print_json([{"name": name, "about": _about(kind), "knobs": _knobs(kind)} for name, kind in known.items()])
        return
    put(columns([(name, _about(kind)) for name, kind in known.items()], ("name", "about")))
    if args.verbose:
        for name, kind in known.items():
            knobs = ", ".join(f"{knob}={value!r}" for knob, value in _knobs(kind).items())
            put(f"\n{heading(name)}\n{textwrap.indent(textwrap.fill(knobs or 'no knobs', 100), '  ')}")
    else:
        say(args, "\n`dynsamp estimators -v` shows their knobs; `dynsamp fit DATA --estimator NAME --knob width=400`")


def list_plugins(args: Namespace) -> None:
    """A table of plugins, broken ones included."""
    from dynsamp import plugins

    records = plugins.plugins()
    if args.json:
        print_json([{**dataclasses.asdict(record)} for record in records])
        return
    rows = [(r.name, f"{r.distribution} {r.version}".strip(), r.status, _contribution(r)) for r in records]
    put(columns(rows, ("name", "distribution", "status", "brings")))


def describe(args: Namespace) -> None:
    """All about one system."""
    law = chosen_system(args.system)
    if args.json:
        print_json(_details(law))
        return
    put(heading(f"{law.name}: {law.title}" if law.title else law.name))
    if law.description:
        put("\n" + textwrap.fill(" ".join(law.description.split()), 100))
    if law.equations:
        put("\n" + textwrap.indent(textwrap.dedent(law.equations).strip("\n"), "    "))
    print_section("states", [(s.name, s.units, s.long_name + _own_dims(s)) for s in law.states], "\n")
    parameters = _details(law)["parameters"]
    rows = [(name, f"{p['value']:g}", p["units"], p["long_name"]) for name, p in parameters.items()]
    print_section("parameters", rows, "\n")
    print_section("inputs", [(u.name, u.units, u.long_name) for u in law.inputs], "\n")
    print_section("by default", _defaults(law), "\n")
    if law.references:
        put(f"\n{heading('references')}")
        for reference in law.references:
            put(textwrap.fill(reference, 100, initial_indent="  ", subsequent_indent="    "))
    name = args.system
    say(args, f"\n`dynsamp run {name}` learns it, `dynsamp generate {name} --out {law.name}.nc` simulates it")


def _own_dims(state: State) -> str:
    return "".join(f" [{dim}={size}]" for dim, size in state.dims.items())


def _summary(name: str, law: System) -> dict[str, Any]:
    return {"name": name, "kind": law.kind, "title": law.title, "states": [state.name for state in law.states]}


def _details(law: System) -> dict[str, Any]:
    return {
        **_summary(law.name, law),
        "states": [dataclasses.asdict(state) for state in law.states],
        "parameters": {name: dataclasses.asdict(value) for name, value in law.parameters.items()},  # type: ignore[arg-type]  # __post_init__ leaves no floats
        "inputs": [dataclasses.asdict(signal) for signal in law.inputs],
        "description": law.description,
        "equations": law.equations,
        "references": list(law.references),
        "time_unit": law.time_unit,
        "duration": law.duration,
        "dt": law.dt,
        "lyapunov_exponent": law.lyapunov_exponent,
        "estimator": law.estimator.name if law.estimator is not None else None,
        "metrics": list(law.metrics) if law.metrics is not None else None,
    }


def _defaults(law: System) -> list[tuple[str, str]]:
    unit = "" if law.time_unit == "1" else f" {law.time_unit}"
    rows = [("kind", KINDS.get(law.kind, law.kind))]
    rows += [("duration", f"{law.duration:g}{unit}"), ("dt", f"{law.dt:g}{unit}")]
    if law.lyapunov_exponent is not None:
        rows.append(("Lyapunov exponent", f"{law.lyapunov_exponent:g}{f' /{unit}' if unit else ''}"))
    if law.estimator is not None:
        rows.append(("estimator", f"{law.estimator.name}: {_set_knobs(law.estimator)}".rstrip(": ")))
    if law.metrics:
        rows.append(("metrics", ", ".join(law.metrics)))
    return rows


def _set_knobs(estimator: Estimator) -> str:
    """Knobs that differ from their defaults."""
    values = ((knob, getattr(estimator, knob), default) for knob, default in _knobs(type(estimator)).items())
    return ", ".join(f"{knob}={value!r}" for knob, value, default in values if value != default)


def _knobs(kind: type[Estimator]) -> dict[str, Any]:
    knobs = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # estimators are dataclasses by contract
        default = None if field.default is dataclasses.MISSING else field.default
        knobs[field.name] = default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return knobs


def _about(kind: type[Estimator]) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]


def _contribution(record: PluginRecord) -> str:
    if record.status != "ok":
        return str(record.error)
    brought = {kind: getattr(record, kind) for kind in ("systems", "estimators", "metrics")}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in brought.items() if names)
