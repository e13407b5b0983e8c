"""Read a run file: its tables, and every name in them checked against what is installed."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.runfile.names import configured, suggestion
from dynsamp.runfile.tables import KINDS, PLAIN, TABLES, RunFile

if TYPE_CHECKING:
    from dynsamp.models import Estimator
    from dynsamp.system import System

__all__ = ["RunFileError", "read_run_file"]


class RunFileError(ValueError):
    """A run file that cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        head = f"{path}: {self.problems[0]}"
        if len(self.problems) > 1:
            head = "\n  ".join([f"{path} has {len(self.problems)} problems:", *self.problems])
        super().__init__(head)


def read_run_file(path: str | Path) -> RunFile:
    """Read a run file.

    Relative paths in it (``file``, ``out``) start at the folder of the run file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    RunFileError
        With everything that is wrong: syntax, unknown keys, values of the wrong kind, unknown systems, parameters,
        estimators, knobs and metrics.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunFileError(path, [f"not a TOML file: {error}"]) from error
    problems: list[str] = []
    _unknown(document, [*PLAIN, *TABLES, "estimator"], "", problems)
    for key, kind in PLAIN.items():
        if key in document and not kind.accepts(document[key]):
            problems.append(f"{key} must be {kind.wanted}, got {document.pop(key)!r}")
    tables = {name: _table(TABLES[name], document.get(name, {}), name, problems) for name in TABLES}
    law = _system(document, path, problems)
    if law is not None:
        _check_names(law, tables, problems)
    estimator = _estimator(document.get("estimator"), law, problems)
    _check_metrics(tables["evaluate"].metrics, problems)
    if problems or law is None:
        raise RunFileError(path, problems)
    out = path.parent / document["out"] if "out" in document else None
    return RunFile(system=law, seed=document.get("seed", 0), out=out, estimator=estimator, **tables)


def _unknown(given: Mapping[str, Any], known: Iterable[str], where: str, problems: list[str]) -> None:
    known = list(known)
    for key in given:
        if key not in known:
            problems.append(f"{where}{key} is unknown; {suggestion(key, known)}")


def _table(kind: type[Any], given: Any, name: str, problems: list[str]) -> Any:
    """One table as its dataclass; what is wrong with it goes to ``problems``."""
    if not isinstance(given, dict):
        problems.append(f"{name} must be a table, got {given!r}; write [{name}] above its keys")
        return kind()
    kinds = {each.name: KINDS[each.name] for each in dataclasses.fields(kind)}
    _unknown(given, kinds, f"{name}.", problems)
    values = {}
    for key, value in given.items():
        if key in kinds and kinds[key].accepts(value):
            values[key] = value
        elif key in kinds:
            problems.append(f"{name}.{key} must be {kinds[key].wanted}, got {value!r}")
    if "times" in values and ("duration" in values or "dt" in values):
        problems.append(f"{name} has times as well as duration or dt; give one of them")
    return kind(**values)


def _system(document: Mapping[str, Any], path: Path, problems: list[str]) -> System | None:
    from dynsamp import plugins

    if ("system" in document) == ("file" in document):
        problems.append('give either system = "name" or file = "system.py"')
        return None
    try:
        if "file" in document:
            return plugins.load_system_file(path.parent / document["file"])
        return plugins.system(document["system"])
    except (ValueError, OSError) as error:
        problems.append(str(error))
        return None


def _check_names(law: System, tables: Mapping[str, Any], problems: list[str]) -> None:
    """Parameters and states that are named must exist."""
    states = [state.name for state in law.states]
    for name in ("generate", "truth"):
        _unknown(tables[name].parameters or {}, law.parameters, f"{name}.parameters.", problems)
        starts = tables[name].initial
        if isinstance(starts, dict) and set(starts) != {"low", "high"}:
            _unknown(starts, states, f"{name}.initial.", problems)
        if isinstance(tables[name].noise, dict):
            _unknown(tables[name].noise, states, f"{name}.noise.", problems)


def _estimator(given: Any, law: System | None, problems: list[str]) -> Estimator | None:
    if given is None:
        return None
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict) or not isinstance(given.get("name", ""), str):
        problems.append(f"estimator must be a name or a table with a name, got {given!r}")
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


def _check_metrics(names: list[str] | None, problems: list[str]) -> None:
    if names:
        from dynsamp import plugins

        known = plugins.metrics()
        for name in names:
            if name not in known:
                problems.append(f"evaluate.metrics: {name!r} is unknown; {suggestion(name, known)}")
