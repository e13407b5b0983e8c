"""Options that several commands share: declared once, turned into arguments of the verbs once."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dynsamp.commands.printing import UsageError
from dynsamp.runfile import GENERATE, SETTINGS, Arguments, configured
from dynsamp.words import closest, quoted

if TYPE_CHECKING:
    from argparse import _ArgumentGroup, _SubParsersAction

    import xarray as xr

    from dynsamp.models import Estimator
    from dynsamp.system import System


Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"  # where commands are added
EXPERIMENT = tuple(name for name in GENERATE if name != "seed")


def add_command(
    commands: Commands,
    common: ArgumentParser,
    name: str,
    command: Callable[[Namespace], int | None],
    summary: str,
    more: str = "",
) -> ArgumentParser:
    """A parser for one command; ``summary`` is its line in the list, ``more`` the examples below its help."""
    parser: ArgumentParser = commands.add_parser(
        name, parents=[common], help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=more or None
    )
    parser.set_defaults(command=command)
    return parser


def add_json(parser: ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")


def add_experiment(parser: ArgumentParser) -> None:
    """What `generate` takes."""
    group = parser.add_argument_group("experiment (default: the system's own)")
    add_setting(group, "trajectories", "N", "number of trajectories")
    add_setting(group, "duration", "T", "length, in the system's time unit")
    add_setting(group, "dt", "DT", "spacing of the saved times")
    group.add_argument(
        "--param", type=pair, action="append", default=[], metavar="NAME=VALUE",
        help="value of a parameter; several values with commas sweep over trajectories; repeatable",
    )  # fmt: skip
    add_setting(group, "noise", "X", "observation noise, in standard deviations")
    add_setting(group, "seed", "N", "seed of everything random (default 0)", default=0)
    solver = parser.add_argument_group("solver")
    add_setting(solver, "method", "NAME", "dop853, taylor, radau5, rk4, blanes_moan6, ...")
    add_setting(solver, "step", "H", "internal step of a fixed-step method")
    add_setting(solver, "rtol", "TOL", "relative tolerance of an adaptive method")
    add_setting(solver, "atol", "TOL", "absolute tolerance of an adaptive method")


def add_setting(
    parser: ArgumentParser | _ArgumentGroup, name: str, metavar: str, text: str, *, default: object = None
) -> None:
    """An argument of a verb as an option: the same kind of value as in a run file."""
    parser.add_argument(f"--{name}", type=SETTINGS[name].typed, metavar=metavar, help=text, default=default)


def add_forecast_duration(parser: ArgumentParser) -> None:
    """``--forecast-duration``."""
    what = "length of the forecast (default: that of the training)"
    parser.add_argument("--forecast-duration", type=SETTINGS["duration"].typed, metavar="T", help=what)


def experiment(args: Namespace) -> Arguments:
    """Arguments of `generate` that were given."""
    options = given(args, EXPERIMENT)
    if args.param:
        options["parameters"] = dict(args.param)
    return options


def add_estimator(parser: ArgumentParser) -> None:
    """Which estimator, and its knobs."""
    group = parser.add_argument_group("model")
    group.add_argument("--estimator", metavar="NAME", help="see `dynsamp estimators`; default: the system's own")
    group.add_argument(
        "--knob", type=pair, action="append", default=[], metavar="NAME=VALUE",
        help="setting of the estimator, such as width=400; repeatable",
    )  # fmt: skip


def chosen_estimator(args: Namespace, default: Estimator | None = None) -> Estimator | None:
    """The estimator that was asked for, with its knobs; ``default`` where none was."""
    if args.estimator is None and not args.knob:
        return None
    with as_usage():
        start = default if args.estimator is None else args.estimator
        if start is None:
            raise ValueError("--knob needs --estimator NAME, which says whose knob it is")
        return configured(start, dict(args.knob))


def add_table(parser: ArgumentParser) -> None:
    """How to read a CSV file."""
    group = parser.add_argument_group("CSV files")
    group.add_argument(
        "--time", metavar="COLUMN", help="column of times (default: time, t, date, frame, ..., else the first)"
    )
    group.add_argument("--states", metavar="A,B", help="columns of states (default: all other numbers that change)")
    group.add_argument(
        "--trajectory", metavar="COLUMN",
        help="column that tells trajectories apart (default: trial, run, id, ..., else where the time restarts)",
    )  # fmt: skip
    group.add_argument("--time-unit", metavar="UNIT", help="unit of the times, such as s or d (default: the header's)")


def table_options(args: Namespace) -> Arguments:
    """Arguments of `from_csv` that were given."""
    options = given(args, ("time", "trajectory", "time_unit"))
    if args.states is not None:
        options["states"] = [name.strip() for name in args.states.split(",") if name.strip()]
    return options


def read_data(path: str, csv: Arguments | None = None) -> xr.Dataset:
    """Data from .nc, .zarr or .csv; ``csv`` holds arguments of `from_csv`."""
    place = existing(path)
    from dynsamp import dataset

    if dataset.is_table(place):
        return dataset.from_csv(place, **(csv or {}))
    return dataset.open_dataset(place, verify=True)  # all of it is read anyway


def existing(path: str) -> Path:
    """A path that must be there."""
    place = Path(path)
    if not os.path.lexists(place):  # a link that leads nowhere is for the reader to name
        raise UsageError(f"there is no file {path}{_nearest_file(place)}")
    return place


def _nearest_file(place: Path) -> str:
    folder = place.parent
    names = [each.name for each in folder.iterdir() if not each.name.startswith(".")] if folder.is_dir() else []
    near = closest(place.name, names)
    return f"; did you mean {folder / near}?" if near else ""


def chosen_system(name: str) -> System:
    """A registered system by name, or the one in a Python file."""
    from dynsamp import plugins

    if not is_file(name, ".py"):
        with as_usage():
            return plugins.system(name)
    return plugins.load_system_file(existing(name))


def is_file(name: str, suffix: str) -> bool:
    """Whether an argument that may be a system's name is a path."""
    return name.lower().endswith(suffix) and not name.isidentifier()


@contextmanager
def as_usage() -> Iterator[None]:
    """Complaints about names and values that the user typed are wrong usage, exit code 2."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from error


def given(args: Namespace, names: Sequence[str]) -> Arguments:
    """The options that are not None."""
    return {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}


def progress(args: Namespace) -> bool | None:
    """Argument ``progress`` of the verbs."""
    return False if args.quiet else None


def pair(text: str) -> tuple[str, object]:
    """Option type: NAME=VALUE; a value is JSON, numbers with commas between them, or text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ArgumentTypeError(f"expected NAME=VALUE, got {quoted(text)}")
    parts = [_scalar(part) for part in value.split(",")]
    if len(parts) > 1 and all(isinstance(part, int | float) for part in parts):
        return name.strip(), parts
    return name.strip(), _scalar(value)


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(text.strip(), text.strip())


def out_file(args: Namespace, default: str | os.PathLike[str]) -> Path:
    """Where to write; remembered in ``args.out`` for the message after an interrupt."""
    args.out = os.fspath(default) if args.out is None else args.out
    return Path(args.out)


def add_out(parser: ArgumentParser, metavar: str, text: str) -> None:
    """``--out``."""
    parser.add_argument("-o", "--out", metavar=metavar, help=text)


def typed(path: Path) -> str:
    """A path as one types it in a shell."""
    text = str(path)
    return f'"{text}"' if " " in text else text
