"""`dynsamp forecast`: from the end of the data, or from where one says."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from dynsamp.commands.options import (
    add_command,
    add_out,
    add_setting,
    add_table,
    as_usage,
    existing,
    given,
    out_file,
    progress,
    read_data,
    table_options,
    typed,
)
from dynsamp.commands.output import UsageError, say, wrote
from dynsamp.runfile import COUNT, NUMBER

if TYPE_CHECKING:
    import xarray as xr

    from dynsamp.models import Model

__all__ = ["KEPT_STARTS", "add"]

KEPT_STARTS = 64  # trajectories whose last states a model keeps
SHARE = 0.2  # of the length of the data: the default length of a forecast from their end


def start(text: str) -> str | float:
    """Option type: first, last or a time."""
    if text in ("first", "last"):
        return text
    try:
        NUMBER.typed(text)
        return float(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"expected first, last or a time, got {text!r}") from None


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the parser."""
    parser = add_command(
        commands, common, "forecast", forecast, "run a fitted model forward",
        "examples:\n  dynsamp forecast data.model data.csv"
        "\n  dynsamp forecast pendulum.model truth.nc --start first     to be compared with the truth",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="model file that `dynsamp fit` wrote")
    parser.add_argument("data", metavar="DATA", nargs="?", help="where to start (default: where the model's data end)")
    add_out(parser, "FILE", "file to write (default forecast.nc)")
    parser.add_argument(
        "--start", type=start, default="last", metavar="WHERE",
        help="state of DATA to start from: first, last (default) or a time",
    )  # fmt: skip
    add_setting(parser, "duration", "T", "length (default: a fifth of the data's; that of DATA with --start first)")
    add_setting(parser, "dt", "DT", "spacing of the saved times (default: the model's)")
    parser.add_argument("--steps", type=COUNT.typed, metavar="N", help="number of steps of dt, instead of --duration")
    add_setting(parser, "members", "N", "sample paths of a stochastic model")
    add_setting(parser, "method", "NAME", "solver (default: what suits the model)")
    add_setting(parser, "step", "H", "internal step of the solver")
    add_setting(parser, "seed", "N", "seed of sample paths (default 0)", default=0)
    parser.add_argument(
        "--reduce", choices=("trajectory", "member", "time"),
        help="write mean, standard deviation, minimum and maximum over this dimension instead of states",
    )  # fmt: skip
    parser.add_argument("--dtype", choices=("float64", "float32"), help="of the saved states (default float64)")
    add_table(parser)


def forecast(args: Namespace) -> None:
    """Forecast and save."""
    if args.steps is not None and args.duration is not None:
        raise UsageError(f"--steps {args.steps} and --duration {args.duration:g} contradict; give one of them")
    path = existing(args.model)
    out = out_file(args, "forecast.nc")
    from dynsamp import dataset, plugins, workflow

    model = plugins.load_model(path)
    initial, where = _starts(args, model)
    options = given(args, ("dt", "members", "method", "step", "reduce", "dtype"))
    with as_usage():
        duration = _duration(args, model, initial)
    if duration is not None:
        options["duration"] = duration
    predicted = workflow.forecast(model, initial, start=where, **options, seed=args.seed, progress=progress(args))
    dataset.save_dataset(predicted, out)
    wrote(args, out)
    _print_end(predicted)
    if args.reduce is None:
        say(args, f"next: dynsamp plot {typed(out)}")


def _starts(args: Namespace, model: Model) -> tuple[Any, str | float]:
    """Starts and which of them; those that the model keeps become a Dataset like any."""
    if args.data is not None:
        from dynsamp.workflow.completing import recorded

        names = {"states": [s.name for s in recorded(model)]} if not any(s.dims for s in model.states) else {}
        return read_data(args.data, {**names, **(model.facts.table or {}), **table_options(args)}), args.start
    last = model.facts.last
    if last is None:
        raise UsageError(f"{args.model} does not know where its data end; give DATA to start from")
    if args.start != "last":
        raise UsageError(f"--start {args.start} needs DATA: the model knows only where its data end")
    import numpy as np

    from dynsamp import dataset

    data = dataset.build(
        t=np.array(last["time"])[:, None],
        y=np.array(last["states"])[:, None, :],
        states=model.states,
        time_unit=model.facts.time_unit,
    )
    return data, "last"


def _duration(args: Namespace, model: Model, initial: xr.Dataset) -> float | None:
    """Length of the forecast: as asked, else a share of the length of the data; None leaves it to `forecast`."""
    dt = args.dt or model.facts.dt or 1.0
    if args.steps is not None:
        return float(args.steps * dt)
    if args.duration is not None or args.start == "first":
        return None if args.duration is None else float(args.duration)
    import numpy as np

    from dynsamp import dataset

    times = dataset.pack(initial).t
    length = float(np.nanmax(times) - np.nanmin(times))
    if args.data is None:
        length = float((model.facts.last or {})["length"])
    return float(max(1, round(SHARE * length / dt)) * dt)


def _print_end(predicted: xr.Dataset) -> None:
    """How far it went, and what failed."""
    from dynsamp.words import FAILURES, Status

    codes = predicted["status"].values.ravel()
    count, steps = codes.size, predicted.sizes.get("time", 0) - 1
    print(f"{count} forecast{'s' if count > 1 else ''}{f' of {steps} steps' if steps > 0 else ''}")
    for code in [*FAILURES, Status.LEFT_DOMAIN]:
        number = int((codes == code).sum())
        if number:
            print(f"  {number} of them: {code.name.lower().replace('_', ' ')}")
