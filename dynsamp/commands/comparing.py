"""`dynsamp compare`: the same network, sampled and iteratively trained."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from dynsamp.commands.options import (
    Commands,
    add_command,
    add_estimator,
    add_experiment,
    add_forecast_duration,
    add_json,
    add_out,
    as_usage,
    chosen_estimator,
    chosen_system,
    experiment,
    progress,
)
from dynsamp.commands.printing import columns, heading, print_json, say
from dynsamp.commands.verbs import check_experiment
from dynsamp.runfile import POSITIVE

__all__ = ["add"]

ABOUT = """\
Both networks have the same shape and see the same data. One has its hidden
weights sampled and its last layer solved for; of the other all weights are
trained by L-BFGS until the budget is spent. Serves Hamiltonian systems and
deterministic ones that a flow map learns.

example:
  dynsamp compare pendulum --budget 10
"""


def add(commands: Commands, common: ArgumentParser) -> None:
    """Add the parser."""
    parser = add_command(
        commands, common, "compare", compare, "sampling against iterative training: time, energy used, error", ABOUT
    )
    parser.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    parser.add_argument(
        "--budget", type=POSITIVE.typed, default=10.0, metavar="S", help="seconds of iterative training (default 10)"
    )
    add_out(parser, "DIR", "folder for the picture, the models and a JSON report (default SYSTEM-compare)")
    add_experiment(parser)
    add_forecast_duration(parser)
    add_estimator(parser)
    add_json(parser)


def compare(args: Namespace) -> None:
    """Compare, print a table, write the picture."""
    law = chosen_system(args.system)
    generate = experiment(args)
    truth = {} if args.forecast_duration is None else {"duration": args.forecast_duration}
    check_experiment(law, generate)
    check_experiment(law, {**generate, **truth})
    estimator = chosen_estimator(args, law.estimator)
    args.out = args.out or f"{law.name}-compare"
    out = Path(args.out)
    from dynsamp import compare as compare_systems
    from dynsamp.compare import check_comparable, rows, save_comparison, sentence

    with as_usage():
        check_comparable(law)
    result = compare_systems(
        law,
        budget=args.budget,
        seed=args.seed,
        generate=generate,
        truth=truth,
        estimator=estimator,
        progress=progress(args),
    )
    paths = save_comparison(result, out)
    if args.json:
        print_json(result.as_dict())
    else:
        print(heading(law.title or law.name))
        print(columns(rows(result), ("", "sampled", "iteratively trained")))
        print(sentence(result))
    say(args, f"wrote {', '.join(str(path) for path in paths)}")
