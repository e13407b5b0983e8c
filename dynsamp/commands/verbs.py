"""`dynsamp generate`, `fit`, `forecast` and `evaluate`: one verb on files."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.commands import options
from dynsamp.commands.printing import UsageError, print_json, print_scores, put, say, scores_document, wrote
from dynsamp.runfile import COUNT, NUMBER, Arguments

if TYPE_CHECKING:
    import xarray as xr

    from dynsamp.models import Model
    from dynsamp.system import System
_KEPT_STARTS = 64  # trajectories whose last states a model keeps
SHARE = 0.2  # of the length of the data: the default length of a forecast from their end


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    _add_generate(commands, common)
    _add_fit(commands, common)
    _add_forecast(commands, common)
    _add_evaluate(commands, common)


def _add_generate(commands: options.Commands, common: ArgumentParser) -> None:
    parser = options.add_command(
        commands, common, "generate", generate, "simulate a system and write its trajectories",
        "example:\n  dynsamp generate pendulum --trajectories 64 --param length=2 --out train.nc",
    )  # fmt: skip
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    options.add_out(
        parser, "FILE", "netCDF (.nc) file to write, or zarr (.zarr), resumed if interrupted (default SYSTEM.nc)"
    )
    options.add_experiment(parser)


def generate(args: Namespace) -> None:
    """Simulate and save."""
    law = options.chosen_system(args.system)
    out = options.out_file(args, f"{law.name}.nc")
    chosen = options.experiment(args)
    check_experiment(law, chosen)
    from dynsamp import dataset, workflow

    store = _store(out) if not chosen.get("noise") else None  # its scale is known when all trajectories are
    data = workflow.generate(law, **chosen, seed=args.seed, store=store, progress=options.progress(args))
    if store is None:
        dataset.save_dataset(data, out)
    wrote(args, out)


def _store(out: Path) -> Path | None:
    """A place that is written chunk by chunk, and goes on where it was interrupted."""
    return out if out.suffix.lower() == ".zarr" else None


def check_experiment(law: System, chosen: Arguments) -> None:
    """Complain about times and parameters before any work, as wrong usage."""
    from dynsamp.workflow.starts import saved_times

    with options.as_usage():
        law.theta(chosen.get("parameters"))
        times = (chosen.get("duration"), chosen.get("dt"), chosen.get("times"))
        saved_times(*times, default_duration=law.duration, default_dt=law.dt)


def _add_fit(commands: options.Commands, common: ArgumentParser) -> None:
    parser = options.add_command(
        commands, common, "fit", fit, "learn a model from data and write it",
        "examples:\n  dynsamp fit data.csv --time t --states x,y\n  dynsamp fit train.nc --estimator flow-map",
    )  # fmt: skip
    parser.add_argument("data", metavar="DATA", help="data: .csv, .nc or .zarr")
    options.add_out(parser, "FILE", "model file to write (default: beside the data, DATA.model)")
    parser.add_argument("--system", metavar="NAME", help="what the data come from (default: what they say)")
    options.add_setting(parser, "seed", "N", "seed of the sampled weights (default 0)", default=0)
    options.add_estimator(parser)
    options.add_table(parser)
    options.add_json(parser)


def fit(args: Namespace) -> None:
    """Fit, save, and say what to type next."""
    source = options.existing(args.data)
    out = options.out_file(args, source.with_suffix(".model"))
    from dynsamp import dataset, plugins, workflow

    law = options.chosen_system(args.system) if args.system is not None else None
    estimator = options.chosen_estimator(args, None if law is None else law.estimator)
    table = options.table_options(args)
    data = options.read_data(args.data, table)
    if dataset.is_table(source) and data.attrs.get("comment"):
        say(args, f"{source.name}: {data.attrs['comment']}")
    model = workflow.fit(data, estimator, system=law, seed=args.seed, progress=options.progress(args))
    model = _with_end(model, data, table)
    plugins.save_model(model, out)
    if args.json:
        print_json({"model": out, "estimator": model.name, "report": model.report})
    else:
        put(model.summary())
    wrote(args, out)
    say(args, f"next: dynsamp forecast {options.typed(out)} {options.typed(source)}")


def _with_end(model: Model, data: xr.Dataset, table: Arguments) -> Model:
    """The model with the end of its data among its facts, so that a forecast needs nothing else."""
    from dataclasses import replace

    from dynsamp import dataset
    from dynsamp.workflow.completing import completed

    samples = completed(model, dataset.pack(data))
    facts = replace(model.facts, table={key: value for key, value in table.items() if key != "states"})
    ends = samples.length - 1
    rows = range(len(ends))
    if len(ends) <= _KEPT_STARTS and min(ends) >= 0:
        last = {
            "time": [float(samples.t[k, ends[k]]) for k in rows],
            "states": [samples.y[k, ends[k]].tolist() for k in rows],
            "length": max(float(samples.t[k, ends[k]] - samples.t[k, 0]) for k in rows),
        }
        facts = replace(facts, last=last)
    return replace(model, facts=facts)


def _add_evaluate(commands: options.Commands, common: ArgumentParser) -> None:
    parser = options.add_command(
        commands, common, "evaluate", evaluate, "score a forecast against the truth",
        "example:\n  dynsamp evaluate forecast.nc truth.nc --model pendulum.model --out scores.nc",
    )  # fmt: skip
    parser.add_argument("forecast", metavar="FORECAST", help="file that `dynsamp forecast` wrote")
    parser.add_argument("truth", metavar="TRUTH", help="data over the same times")
    parser.add_argument("--model", metavar="FILE", help="for scores that look inside the model")
    parser.add_argument("--system", metavar="NAME", help="the true system (default: what the truth says)")
    parser.add_argument("--metrics", metavar="A,B", help="which scores (default: those of the system)")
    options.add_out(parser, "FILE", "file to write the scores to (default: only print them)")
    options.add_table(parser)
    options.add_json(parser)


def evaluate(args: Namespace) -> None:
    """Score, print, and save where asked."""
    options.existing(args.truth)
    predicted = options.read_data(args.forecast)
    from dynsamp import dataset, plugins, workflow

    law = options.chosen_system(args.system) if args.system is not None else None
    model = plugins.load_model(options.existing(args.model)) if args.model is not None else None
    metrics = None
    if args.metrics is not None:
        metrics = [name.strip() for name in args.metrics.split(",") if name.strip()]
        _check_metrics(metrics)
    truth = options.read_data(args.truth, options.table_options(args))
    scores = workflow.evaluate(predicted, truth, model=model, system=law, metrics=metrics)
    if args.json:
        print_json(scores_document(scores))
    else:
        print_scores(scores, verbose=args.verbose)
    if args.out is not None:
        dataset.save_dataset(scores, args.out)
        wrote(args, args.out)


def _check_metrics(names: list[str]) -> None:
    from dynsamp import plugins
    from dynsamp.words import suggestion

    known = plugins.metrics()
    for name in names:
        if name not in known:
            raise UsageError(f"unknown metric {name!r}; {suggestion(name, known)}")


def start(text: str) -> str | float:
    """Option type: first, last or a time."""
    if text in ("first", "last"):
        return text
    try:
        NUMBER.typed(text)
        return float(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"expected first, last or a time, got {text!r}") from None


def _add_forecast(commands: options.Commands, common: ArgumentParser) -> None:
    parser = options.add_command(
        commands, common, "forecast", forecast, "run a fitted model forward",
        "examples:\n  dynsamp forecast data.model data.csv"
        "\n  dynsamp forecast pendulum.model truth.nc --start first     to be compared with the truth",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="model file that `dynsamp fit` wrote")
    parser.add_argument("data", metavar="DATA", nargs="?", help="where to start (default: where the model's data end)")
    options.add_out(
        parser, "FILE", "file to write, .nc or .zarr, which is resumed if interrupted (default forecast.nc)"
    )
    parser.add_argument(
        "--start", type=start, default="last", metavar="WHERE",
        help="state of DATA to start from: first, last (default) or a time",
    )  # fmt: skip
    options.add_setting(
        parser, "duration", "T", "length (default: a fifth of the data's; that of DATA with --start first)"
    )
    options.add_setting(parser, "dt", "DT", "spacing of the saved times (default: the model's)")
    parser.add_argument("--steps", type=COUNT.typed, metavar="N", help="number of steps of dt, instead of --duration")
    options.add_setting(parser, "members", "N", "sample paths of a stochastic model (default 100)")
    options.add_setting(parser, "method", "NAME", "solver (default: what suits the model)")
    options.add_setting(parser, "step", "H", "internal step of the solver")
    options.add_setting(parser, "seed", "N", "seed of sample paths (default 0)", default=0)
    parser.add_argument(
        "--reduce", choices=("trajectory", "member", "time"),
        help="write mean, standard deviation, minimum and maximum over this dimension instead of states",
    )  # fmt: skip
    parser.add_argument("--dtype", choices=("float64", "float32"), help="of the saved states (default float64)")
    options.add_table(parser)


def forecast(args: Namespace) -> None:
    """Forecast and save."""
    if args.steps is not None and args.duration is not None:
        raise UsageError(f"--steps {args.steps} and --duration {args.duration:g} contradict; give one of them")
    path = options.existing(args.model)
    out = options.out_file(args, "forecast.nc")
    from dynsamp import dataset, plugins, workflow

    model = plugins.load_model(path)
    initial, where = _starts(args, model)
    chosen = options.given(args, ("dt", "members", "method", "step", "reduce", "dtype"))
    with options.as_usage():
        duration = _duration(args, model, initial)
    if duration is not None:
        chosen["duration"] = duration
    store = _store(out) if args.reduce is None else None
    predicted = workflow.forecast(
        model, initial, start=where, **chosen, seed=args.seed, store=store, progress=options.progress(args)
    )
    if store is None:
        dataset.save_dataset(predicted, out)
    wrote(args, out)
    _print_end(predicted)
    if args.reduce is None:
        say(args, f"next: dynsamp plot {options.typed(out)}")


def _starts(args: Namespace, model: Model) -> tuple[Any, str | float]:
    """Starts and which of them; those that the model keeps become a Dataset like any."""
    if args.data is not None:
        from dynsamp.workflow.completing import recorded

        names = {"states": [s.name for s in recorded(model)]} if not any(s.dims for s in model.states) else {}
        csv = {**names, **(model.facts.table or {}), **options.table_options(args)}
        return options.read_data(args.data, csv), args.start
    last = model.facts.last
    if last is None:
        raise UsageError(f"{args.model} does not know where its data end; give DATA to start from")
    if args.start != "last":
        raise UsageError(f"--start {args.start} needs DATA: the model knows only where its data end")
    import numpy as np

    from dynsamp import dataset

    t, y = np.array(last["time"])[:, None], np.array(last["states"])[:, None, :]
    return dataset.build(t=t, y=y, states=model.states, time_unit=model.facts.time_unit), "last"


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
    put(f"{count} forecast{'s' if count > 1 else ''}{f' of {steps} steps' if steps > 0 else ''}")
    for code in [*FAILURES, Status.LEFT_DOMAIN]:
        number = int((codes == code).sum())
        if number:
            put(f"  {number} of them: {code.name.lower().replace('_', ' ')}")
