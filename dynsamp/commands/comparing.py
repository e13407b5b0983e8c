"""`dynsamp compare`: the same network, sampled and iteratively trained."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from dynsamp.commands import options
from dynsamp.commands.printing import columns, heading, print_json, put, say
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


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parser."""
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
    result = compare_systems(
        law,
        budget=args.budget,
        seed=args.seed,
        generate=generate,
        truth=truth,
        estimator=estimator,
        progress=options.progress(args),
    )
    paths = save_comparison(result, out)
    if args.json:
        print_json(result.as_dict())
    else:
        put(heading(law.title or law.name))
        put(columns(rows(result), ("", "sampled", "iteratively trained")))
        put(sentence(result))
    say(args, f"wrote {', '.join(str(path) for path in paths)}")
