"""`dynsamp run`: the four verbs, the pictures and a page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dynsamp.commands import options
from dynsamp.commands.printing import heading, print_json, put, say, scores_document
from dynsamp.commands.verbs import check_experiment
from dynsamp.runfile import RunFile, read_run_file

if TYPE_CHECKING:
    from dynsamp.dataset.results import Run

__all__ = ["add"]

EXAMPLES = """\
examples:
  dynsamp run pendulum                     writes the folder pendulum/
  dynsamp run lorenz63 --forecast-duration 40 --seed 3
  dynsamp run pendulum --estimator hamiltonian --knob width=400
  dynsamp run ./spring.py                  a system in one file
  dynsamp run experiment.toml              a run file; options win over it
"""


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parser."""
    about = "generate, fit, forecast and evaluate, with pictures"
    parser = options.add_command(commands, common, "run", run, about, EXAMPLES)
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, a file ./spring.py, or a run file run.toml")
    options.add_out(parser, "DIR", "folder to write (default: named after the system)")
    options.add_experiment(parser)
    parser.set_defaults(seed=None)  # a run file may say it
    options.add_forecast_duration(parser)
    options.add_setting(parser, "members", "N", "sample paths of a stochastic model")
    options.add_estimator(parser)
    options.add_json(parser)


def run(args: Namespace) -> None:
    """Run, write the folder, print what came out."""
    plan = _plan(args)
    law = plan.system
    out = plan.out or Path(law.name)
    args.out = str(out)
    check_experiment(law, plan.generate)
    check_experiment(law, {**plan.generate, **plan.truth})
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; choose another --out")
    from dynsamp import workflow

    if args.verbose:
        estimator = plan.estimator or law.estimator
        say(args, f"system {law.name}, seed {plan.seed}, estimator {estimator or 'of its kind'}, out {out}")
    result = workflow.run(
        law,
        generate=plan.generate,
        truth=plan.truth,
        estimator=plan.estimator,
        forecast=plan.forecast,
        evaluate=plan.evaluate,
        seed=plan.seed,
        out=out,
        progress=options.progress(args),
    )
    _print(args, result, out)


def _plan(args: Namespace) -> RunFile:
    """The run file, or one for the named system, with the options of the command line on top."""
    if options.is_file(args.system, ".toml"):
        with options.as_usage():  # RunFileError is a ValueError
            plan = read_run_file(options.existing(args.system))
    else:
        plan = RunFile(system=options.chosen_system(args.system))
    generate, truth, forecast = dict(plan.generate), dict(plan.truth), dict(plan.forecast)
    given = options.experiment(args)
    if {"duration", "dt"} & set(given):
        generate.pop("times", None)
        truth.pop("times", None)
    generate |= given
    if "parameters" in given:
        generate["parameters"] = {**plan.generate.get("parameters", {}), **given["parameters"]}
    if args.forecast_duration is not None:
        truth.pop("times", None)
        truth["duration"] = args.forecast_duration
    if args.members is not None:
        forecast["members"] = args.members
    return replace(
        plan,
        generate=generate,
        truth=truth,
        forecast=forecast,
        seed=plan.seed if args.seed is None else args.seed,
        out=plan.out if args.out is None else Path(args.out),
        estimator=options.chosen_estimator(args, plan.estimator or plan.system.estimator) or plan.estimator,
    )


def _print(args: Namespace, result: Run, out: Path) -> None:
    from dynsamp import report

    if args.json:
        document = {"out": out, "estimator": result.model.name, "report": result.model.report}
        print_json({**document, **scores_document(result.scores)})
    else:
        put(heading(str(result.train.attrs.get("title") or result.train.attrs.get("system", ""))))
        for line in report.lines(result):
            put(f"  {line}")
        if args.verbose:
            put(result.model.summary())
    say(args, f"wrote {out}/: open {out / 'index.html'} in a browser")
