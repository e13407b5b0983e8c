"""`dynsamp run`: the four verbs, the pictures and a page. `dynsamp compare`: a network sampled, and trained."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dynsamp.commands import options
from dynsamp.commands.printing import columns, heading, print_json, put, say, scores_document
from dynsamp.commands.verbs import check_experiment
from dynsamp.runfile import POSITIVE, Arguments, RunFile, read_run_file

if TYPE_CHECKING:
    from dynsamp.dataset.results import Run

EXAMPLES = """\
examples:
  dynsamp run pendulum                     writes the folder pendulum/
  dynsamp run lorenz63 --forecast-duration 40 --seed 3
  dynsamp run pendulum --estimator hamiltonian --knob width=400
  dynsamp run ./spring.py                  a system in one file
  dynsamp run experiment.toml              a run file; options win over it
"""

ABOUT = """\
Both networks have the same shape and see the same data. One has its hidden
weights sampled and its last layer solved for; of the other all weights are
trained by L-BFGS until the budget is spent. Serves Hamiltonian systems and
deterministic ones that a flow map learns.

example:
  dynsamp compare pendulum --budget 10
"""


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    _add_run(commands, common)
    _add_compare(commands, common)


def _add_run(commands: options.Commands, common: ArgumentParser) -> None:
    about = "generate, fit, forecast and evaluate, with pictures"
    parser = options.add_command(commands, common, "run", run, about, EXAMPLES)
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, a file ./spring.py, or a run file run.toml")
    options.add_out(parser, "DIR", "folder to write (default: named after the system)")
    options.add_experiment(parser)
    parser.set_defaults(seed=None)  # a run file may say it
    options.add_forecast_duration(parser)
    options.add_setting(parser, "members", "N", "sample paths of a stochastic model (default 100)")
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
    chosen = {key: value for key, value in vars(plan).items() if key not in ("system", "out")}
    result = workflow.run(law, **chosen, out=out, progress=options.progress(args))
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


def _add_compare(commands: options.Commands, common: ArgumentParser) -> None:
    parser = options.add_command(
        commands, common, "compare", compare, "sampling against iterative training: time, energy used, error", ABOUT
    )
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    parser.add_argument(
        "--budget", type=POSITIVE.typed, default=10.0, metavar="S", help="seconds of iterative training (default 10)"
    )
    options.add_out(parser, "DIR", "folder for the picture, the models and a JSON report (default SYSTEM-compare)")
    options.add_experiment(parser)
    options.add_forecast_duration(parser)
    options.add_estimator(parser)
    options.add_json(parser)


def compare(args: Namespace) -> None:
    """Compare, print a table, write the picture."""
    law = options.chosen_system(args.system)
    generate = options.experiment(args)
    truth = {} if args.forecast_duration is None else {"duration": args.forecast_duration}
    check_experiment(law, generate)
    check_experiment(law, {**generate, **truth})
    estimator = options.chosen_estimator(args, law.estimator)
    args.out = args.out or f"{law.name}-compare"
    out = Path(args.out)
    from dynsamp import compare as compare_systems
    from dynsamp.compare import check_comparable, rows, save_comparison, sentence

    with options.as_usage():
        check_comparable(law)
    about: Arguments = {"budget": args.budget, "seed": args.seed, "progress": options.progress(args)}
    result = compare_systems(law, generate=generate, truth=truth, estimator=estimator, **about)
    paths = save_comparison(result, out)
    if args.json:
        print_json(result.as_dict())
    else:
        put(heading(law.title or law.name))
        put(columns(rows(result), ("", "sampled", "iteratively trained")))
        put(sentence(result))
    say(args, f"wrote {', '.join(str(path) for path in paths)}")
