"""`dynsamp generate`, `fit` and `evaluate`: one verb on files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from dynsamp.commands.forecasting import KEPT_STARTS
from dynsamp.commands.options import (
    TABLES,
    add_command,
    add_estimator,
    add_experiment,
    add_json,
    add_out,
    add_setting,
    add_table,
    as_usage,
    chosen_estimator,
    chosen_system,
    existing,
    experiment,
    out_file,
    progress,
    read_data,
    table_options,
    typed,
)
from dynsamp.commands.output import UsageError, print_json, say, wrote
from dynsamp.commands.scoring import print_scores, scores_document

if TYPE_CHECKING:
    import xarray as xr

    from dynsamp.models import Model

__all__ = ["add", "check_experiment"]


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the parsers."""
    _add_generate(commands, common)
    _add_fit(commands, common)
    _add_evaluate(commands, common)


def _add_generate(commands: Any, common: ArgumentParser) -> None:
    parser = add_command(
        commands, common, "generate", generate, "simulate a system and write its trajectories",
        "example:\n  dynsamp generate pendulum --trajectories 64 --param length=2 --out train.nc",
    )  # fmt: skip
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    add_out(parser, "FILE", "netCDF (.nc) or zarr (.zarr) file to write (default SYSTEM.nc)")
    add_experiment(parser)


def generate(args: Namespace) -> None:
    """Simulate and save."""
    law = chosen_system(args.system)
    out = out_file(args, f"{law.name}.nc")
    options = experiment(args)
    check_experiment(law, options)
    from dynsamp import dataset, workflow

    data = workflow.generate(law, **options, seed=args.seed, progress=progress(args))
    dataset.save_dataset(data, out)
    wrote(args, out)


def check_experiment(law: Any, options: dict[str, Any]) -> None:
    """Complain about times and parameters before any work, as wrong usage."""
    from dynsamp.workflow.times import saved_times

    with as_usage():
        law.theta(options.get("parameters"))
        times = (options.get("duration"), options.get("dt"), options.get("times"))
        saved_times(*times, default_duration=law.duration, default_dt=law.dt)


def _add_fit(commands: Any, common: ArgumentParser) -> None:
    parser = add_command(
        commands, common, "fit", fit, "learn a model from data and write it",
        "examples:\n  dynsamp fit data.csv --time t --states x,y\n  dynsamp fit train.nc --estimator flow-map",
    )  # fmt: skip
    parser.add_argument("data", metavar="DATA", help="data: .csv, .nc or .zarr")
    add_out(parser, "FILE", "model file to write (default: beside the data, DATA.model)")
    parser.add_argument("--system", metavar="NAME", help="what the data come from (default: what they say)")
    add_setting(parser, "seed", "N", "seed of the sampled weights (default 0)", default=0)
    add_estimator(parser)
    add_table(parser)
    add_json(parser)


def fit(args: Namespace) -> None:
    """Fit, save, and say what to type next."""
    source = existing(args.data)
    out = out_file(args, source.with_suffix(".model"))
    from dynsamp import plugins, workflow

    law = chosen_system(args.system) if args.system is not None else None
    estimator = chosen_estimator(args, None if law is None else law.estimator)
    table = table_options(args)
    data = read_data(args.data, table)
    if source.suffix.lower() in TABLES and data.attrs.get("comment"):
        say(args, f"{source.name}: {data.attrs['comment']}")
    model = workflow.fit(data, estimator, system=law, seed=args.seed, progress=progress(args))
    model = _with_end(model, data, table)
    plugins.save_model(model, out)
    if args.json:
        print_json({"model": out, "estimator": model.name, "report": model.report})
    else:
        print(model.summary())
    wrote(args, out)
    say(args, f"next: dynsamp forecast {typed(out)} {typed(source)}")


def _with_end(model: Model, data: xr.Dataset, table: dict[str, Any]) -> Model:
    """The model with the end of its data among its facts, so that a forecast needs nothing else."""
    from dataclasses import replace

    from dynsamp import dataset
    from dynsamp.workflow.completing import completed

    samples = completed(model, dataset.pack(data))
    facts = replace(model.facts, table={key: value for key, value in table.items() if key != "states"})
    ends = samples.length - 1
    rows = range(len(ends))
    if len(ends) <= KEPT_STARTS and min(ends) >= 0:
        last = {
            "time": [float(samples.t[k, ends[k]]) for k in rows],
            "states": [samples.y[k, ends[k]].tolist() for k in rows],
            "length": max(float(samples.t[k, ends[k]] - samples.t[k, 0]) for k in rows),
        }
        facts = replace(facts, last=last)
    return replace(model, facts=facts)


def _add_evaluate(commands: Any, common: ArgumentParser) -> None:
    parser = add_command(
        commands, common, "evaluate", evaluate, "score a forecast against the truth",
        "example:\n  dynsamp evaluate forecast.nc truth.nc --model pendulum.model --out scores.nc",
    )  # fmt: skip
    parser.add_argument("forecast", metavar="FORECAST", help="file that `dynsamp forecast` wrote")
    parser.add_argument("truth", metavar="TRUTH", help="data over the same times")
    parser.add_argument("--model", metavar="FILE", help="for scores that look inside the model")
    parser.add_argument("--system", metavar="NAME", help="the true system (default: what the truth says)")
    parser.add_argument("--metrics", metavar="A,B", help="which scores (default: those of the system)")
    add_out(parser, "FILE", "file to write the scores to (default: only print them)")
    add_table(parser)
    add_json(parser)


def evaluate(args: Namespace) -> None:
    """Score, print, and save where asked."""
    existing(args.truth)
    predicted = read_data(args.forecast)
    from dynsamp import dataset, plugins, workflow

    law = chosen_system(args.system) if args.system is not None else None
    model = plugins.load_model(existing(args.model)) if args.model is not None else None
    metrics = None
    if args.metrics is not None:
        metrics = [name.strip() for name in args.metrics.split(",") if name.strip()]
        _check_metrics(metrics)
    truth = read_data(args.truth, table_options(args))
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
    from dynsamp.runfile import suggestion

    known = plugins.metrics()
    for name in names:
        if name not in known:
            raise UsageError(f"unknown metric {name!r}; {suggestion(name, known)}")
