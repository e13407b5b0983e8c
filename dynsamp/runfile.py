"""Run files: one experiment in TOML, every value checked; all problems are reported at once.

::

    system = "pendulum"          # or file = "spring.py", beside the run file
    seed = 1
    out = "results/pendulum"

    [generate]                   # as in dynsamp.generate
    trajectories = 64
    parameters = { length = 2.0 }

    [truth]                      # what differs from [generate]
    duration = 200.0

    [estimator]                  # name and knobs; or estimator = "flow-map" above
    name = "hamiltonian"
    width = 400

    [forecast]
    members = 50

    [evaluate]
    metrics = ["energy_error"]
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.files import check_regular, named, understood
from dynsamp.typed import fits
from dynsamp.words import QUOTED, Box, quoted, shown, suggestion

if TYPE_CHECKING:
    from dynsamp.models import Estimator
    from dynsamp.system import System

Arguments = dict[str, Any]  # of a verb, by name
LARGEST = 2**20  # bytes of a run file, which people write by hand
PROBLEMS = 20  # that one message lists
KNOBS = 5  # that one problem lists
CHAIN = 50  # parts of a dotted key; three are of use
DEPTH = 3  # lists in lists: values of a state with own dims for each trajectory


@dataclass(frozen=True)
class Kind:
    """What a value must be; ``convert`` makes one of what was typed at a command line."""

    wanted: str
    accepts: Callable[[object], bool]
    convert: Callable[[str], object] = str

    def typed(self, text: str) -> object:
        """The value of an option, for argparse.

        Raises
        ------
        ArgumentTypeError
            If it is of another kind.
        """
        from argparse import ArgumentTypeError

        try:
            value = self.convert(text)
        except ValueError:
            value = None
        if value is None or not self.accepts(value):
            wanted = "a finite number" if isinstance(value, float) and not math.isfinite(value) else self.wanted
            raise ArgumentTypeError(f"expected {wanted}, got {shown(text, QUOTED)}")
        return value


def _is_positive(value: Any) -> bool:
    return fits(value, float) and bool(value > 0)


def _is_whole(value: Any) -> bool:
    return fits(value, int) and bool(value >= 0)


def _is_numbers(value: object, depth: int = DEPTH) -> bool:
    if not isinstance(value, list) or not value or not depth:
        return False
    return all(fits(item, float) or _is_numbers(item, depth - 1) for item in value)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(fits(item, float) or _is_numbers(item) for item in value.values())


TEXT = Kind("text", lambda value: isinstance(value, str) and bool(value) and value.isprintable())
TEXTS = Kind("a list of names", lambda value: fits(value, list[str]))
FLAG = Kind("true or false", lambda value: fits(value, bool))
COUNT = Kind("a positive whole number", lambda value: _is_whole(value) and _is_positive(value), int)
SEED = Kind("a whole number, not negative", _is_whole, int)
NUMBER = Kind("a finite number", lambda value: fits(value, float), float)
POSITIVE = Kind("a positive number", _is_positive, float)
NUMBERS = Kind("a list of numbers", _is_numbers)
TABLE = Kind("a table of numbers or lists of numbers", _is_table)
NOISE = Kind(
    "a number that is not negative, or a table of numbers",
    lambda value: value == 0 or _is_positive(value) or _is_table(value),
    float,
)
STARTS = Kind(
    "a table of states, a table with low and high, or a list", lambda value: _is_numbers(value) or _is_table(value)
)

# the same name means the same in every table and at the command line
SETTINGS = {
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
PLAIN = {"system": TEXT, "file": TEXT, "seed": SEED, "out": TEXT}
GENERATE = tuple(name for name in SETTINGS if name not in ("members", "metrics"))
FORECAST = ("duration", "dt", "times", "members", "method", "step", "seed", "workers")
TABLES = {"generate": GENERATE, "truth": GENERATE, "forecast": FORECAST, "evaluate": ("metrics",)}


@dataclass(frozen=True)
class RunFile:
    """One experiment, every name resolved; the arguments of the verbs that were given."""

    system: System
    seed: int = 0
    out: Path | None = None  # None: no folder
    estimator: Estimator | None = None
    generate: Arguments = field(default_factory=dict)
    truth: Arguments = field(default_factory=dict)  # what differs from those of generate
    forecast: Arguments = field(default_factory=dict)
    evaluate: Arguments = field(default_factory=dict)


class RunFileError(ValueError):
    """A run file that cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        head = f"{shown(path)}: {self.problems[0]}"
        if len(self.problems) > 1:
            more = [f"and {len(self.problems) - PROBLEMS} others"] if len(self.problems) > PROBLEMS else []
            listing = [f"{shown(path)} has {len(self.problems)} problems:", *self.problems[:PROBLEMS], *more]
            head = "\n  ".join(listing)
        super().__init__(head)


def read_run_file(path: str | Path) -> RunFile:
    """Read a run file.

    Relative paths in it (``file``, ``out``) start at the folder of the run file.

    Raises
    ------
    OSError
        If there is no such file, or it may not be read.
    RunFileError
        With everything that is wrong: syntax, unknown keys, values of the wrong kind, unknown systems, parameters,
        estimators, knobs and metrics.
    """
    path = named(path)
    document = _document(path)
    problems: list[str] = []
    _unknown(document, [*PLAIN, *TABLES, "estimator"], "", problems)
    for key, kind in PLAIN.items():
        if key in document and not kind.accepts(document[key]):
            problems.append(f"{key} must be {kind.wanted}, got {quoted(document.pop(key))}")
    tables = {name: _table(name, document.get(name, {}), problems) for name in TABLES}
    law = _system(document, path, problems)
    if law is not None:
        _check_names(law, tables, problems)
    estimator = _estimator(document.get("estimator"), law, problems)
    _check_metrics(tables["evaluate"].get("metrics", ()), problems)
    if problems or law is None:
        raise RunFileError(path, problems)
    out = path.parent / document["out"] if "out" in document else None
    return RunFile(system=law, seed=document.get("seed", 0), out=out, estimator=estimator, **tables)


def _document(path: Path) -> Arguments:
    """What the file says, values not yet checked."""
    import tomllib

    try:
        with understood(path, "run file"):
            check_regular(path, "run file")
            data = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except ValueError as error:
        raise RunFileError(path, [str(error).removeprefix(f"{shown(path)} ")]) from None
    if path.stat().st_size > LARGEST:
        raise RunFileError(path, [f"it has {path.stat().st_size} bytes, more than the {LARGEST} of any run file"])
    try:
        text = data.decode("utf-8-sig")
        if _longest_key(text) > CHAIN:
            raise RecursionError
        return tomllib.loads(text)
    except RecursionError:
        raise RunFileError(path, ["not a TOML file: its lists or tables are nested too deeply"]) from None
    except ValueError as error:  # of TOML, of its text, of whole numbers with thousands of digits
        raise RunFileError(path, [f"not a TOML file: {shown(error)}"]) from error


def _longest_key(text: str) -> int:
    """Parts of the longest dotted key, at most; reading one takes time that grows with their square."""
    bare = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "_", text)
    joined = ".".join(part.strip(" \t") for part in bare.split("."))
    return max(1 + word.count(".") for word in re.split(r"[\s,=\[\]{}]+", joined))


def _unknown(given: Iterable[str], known: Iterable[str], where: str, problems: list[str]) -> None:
    known = list(known)
    for key in given:
        if key not in known:
            hint = f"; {suggestion(key, known)}" if len(problems) < PROBLEMS else ""
            problems.append(f"{where}{shown(key, QUOTED)} is unknown{hint}")


def _table(name: str, given: object, problems: list[str]) -> Arguments:
    """What one table says; what is wrong with it goes to ``problems``."""
    if not isinstance(given, dict):
        problems.append(f"{name} must be a table, got {quoted(given)}; write [{name}] above its keys")
        return {}
    _unknown(given, TABLES[name], f"{name}.", problems)
    values = {}
    for key, value in given.items():
        if key in TABLES[name] and SETTINGS[key].accepts(value):
            values[key] = value
        elif key in TABLES[name]:
            problems.append(f"{name}.{key} must be {SETTINGS[key].wanted}, got {quoted(value)}")
    if "times" in values and ("duration" in values or "dt" in values):
        problems.append(f"{name} has times as well as duration or dt; give one of them")
    starts = values.get("initial")
    if isinstance(starts, dict) and set(starts) == {"low", "high"}:
        try:
            values["initial"] = Box(starts["low"], starts["high"])
        except (TypeError, ValueError) as error:
            problems.append(f"{name}.initial: {error}")
    return values


def _system(document: Arguments, path: Path, problems: list[str]) -> System | None:
    from dynsamp import plugins

    if ("system" in document) == ("file" in document):
        if not any(problem.startswith(("system must", "file must")) for problem in problems):
            problems.append('give either system = "name" or file = "system.py"')
        return None
    try:
        if "file" in document:
            return plugins.load_system_file(path.parent / document["file"])
        return plugins.system(document["system"])
    except (ValueError, OSError) as error:
        problems.append(str(error))
        return None


def _check_names(law: System, tables: Mapping[str, Arguments], problems: list[str]) -> None:
    """Parameters and states that are named must exist."""
    states = [state.name for state in law.states]
    for name in ("generate", "truth"):
        for key, known in (("parameters", law.parameters), ("initial", states), ("noise", states)):
            values = tables[name].get(key)
            if isinstance(values, dict):
                _unknown(values, known, f"{name}.{key}.", problems)


def _estimator(given: object, law: System | None, problems: list[str]) -> Estimator | None:
    if given is None:
        return None
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict) or not isinstance(given.get("name", ""), str):
        problems.append(f"estimator must be a name or a table with a name, got {quoted(given)}")
        return None
    knobs = {key: value for key, value in given.items() if key != "name"}
    start = given.get("name") or (None if law is None else law.estimator)
    if start is None:
        problems.append("estimator.name is missing: the system brings no estimator whose knobs could be set")
        return None
    try:
        return configured(start, knobs)
    except ValueError as error:
        problems.append(str(error))
        return None


def _check_metrics(names: Iterable[str], problems: list[str]) -> None:
    if names:
        from dynsamp import plugins

        known = plugins.metrics()
        problems += [
            f"evaluate.metrics: {quoted(name)} is unknown; {suggestion(name, known)}"
            for name in names
            if name not in known
        ]


def configured(estimator: Estimator | type[Estimator] | str, knobs: Arguments) -> Estimator:
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
            raise ValueError(f"unknown estimator {quoted(estimator)}; {suggestion(estimator, known)}")
        estimator = known[estimator]
    names = [each.name for each in dataclasses.fields(estimator) if each.init]  # type: ignore[arg-type]  # by contract
    problems: list[str] = []
    label = estimator.name
    for knob in knobs:
        if knob not in names and len(problems) < KNOBS:
            problems.append(f"estimator {label!r} has no knob {quoted(knob)}; {suggestion(knob, names)}")
    if problems:
        raise ValueError("; ".join(problems))
    values = {knob: tuple(value) if isinstance(value, list) else value for knob, value in knobs.items()}
    try:
        if isinstance(estimator, type):
            return estimator(**values)
        return dataclasses.replace(estimator, **values)  # type: ignore[type-var]  # a dataclass by contract
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"estimator {label!r} refuses {quoted(values)}: {shown(error)}") from error
