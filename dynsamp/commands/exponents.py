"""`dynsamp lyapunov`: how fast neighbouring trajectories of a system or of a fitted model part."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.commands import options
from dynsamp.commands.printing import UsageError, columns, print_json, put, wrote
from dynsamp.runfile import COUNT

if TYPE_CHECKING:
    import xarray as xr


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parser."""
    parser = options.add_command(
        commands, common, "lyapunov", lyapunov, "Lyapunov spectrum of a system or of a fitted model",
        "examples:\n  dynsamp lyapunov lorenz63 --duration 500"
        "\n  dynsamp lyapunov lorenz63.model truth.nc      of the model, from the states where the data start",
    )  # fmt: skip
    parser.add_argument(
        "source", metavar="SYSTEM|MODEL", help="a system's name, a file such as ./spring.py, or a model"
    )
    parser.add_argument("data", metavar="DATA", nargs="?", help="where a model starts: its first states")
    options.add_out(parser, "FILE", "file to write, with the averages as they settle (default: none)")
    parser.add_argument("--exponents", type=COUNT.typed, metavar="N", help="how many, the largest first (default: all)")
    options.add_setting(parser, "trajectories", "N", "number of trajectories (default 16)")
    options.add_setting(parser, "duration", "T", "length (default: 2000 intervals of dt)")
    options.add_setting(parser, "dt", "DT", "time between orthonormalisations")
    options.add_setting(parser, "method", "NAME", "solver (default dop853)")
    options.add_setting(parser, "step", "H", "internal step of a fixed-step method")
    options.add_setting(parser, "seed", "N", "seed of starts (default 0)", default=0)
    options.add_json(parser)


def lyapunov(args: Namespace) -> None:
    """Compute, print, and save where asked."""
    source, initial = _source(args)
    from dynsamp import dataset, workflow

    chosen = options.given(args, ("exponents", "trajectories", "duration", "dt", "method", "step"))
    with options.as_usage():
        found = workflow.lyapunov(source, initial, **chosen, seed=args.seed)
    if args.out:
        out = options.out_file(args, "lyapunov.nc")
        dataset.save_dataset(found, out)
        wrote(args, out)
    if args.json:
        print_json(_document(found))
    else:
        _print(found)


def _source(args: Namespace) -> tuple[Any, Any]:
    """System, or model and the data that it starts from."""
    if Path(args.source).suffix != ".model":
        if args.data is not None:
            raise UsageError(f"DATA belong to a model; {args.source} has starts of its own")
        return options.chosen_system(args.source), None
    if args.data is None:
        raise UsageError(f"{args.source} needs DATA to start from")
    from dynsamp import plugins

    return plugins.load_model(args.source), options.read_data(args.data)


def _document(found: xr.Dataset) -> dict[str, Any]:
    mean, error = _summary(found)
    return {
        "exponents": mean,
        "standard_errors": error,
        "mean_divergence": float(found["mean_divergence"].mean()),
        "kaplan_yorke_dimension": float(found["kaplan_yorke_dimension"].mean()),
        "failed": int((found["status"] != 0).sum()),
        "units": found["lyapunov_exponent"].attrs["units"],
        "method": found.attrs["method"],
    }


def _print(found: xr.Dataset) -> None:
    document = _document(found)
    pairs = enumerate(zip(document["exponents"], document["standard_errors"], strict=True), 1)
    rows = [(str(number), f"{value:.5g}", f"{error:.2g}") for number, (value, error) in pairs]
    put(columns(rows, ("exponent", "value", "standard error")))
    if found.sizes["exponent"] > 1:
        put(f"sum {sum(document['exponents']):.5g}, mean divergence {document['mean_divergence']:.5g}")
    if document["kaplan_yorke_dimension"] == document["kaplan_yorke_dimension"]:
        put(f"Kaplan-Yorke dimension {document['kaplan_yorke_dimension']:.5g}")
    if document["failed"]:
        put(f"{document['failed']} of {found.sizes['trajectory']} trajectories failed; they do not count")


def _summary(found: xr.Dataset) -> tuple[list[float], list[float]]:
    """Means over trajectories, and their standard errors from the spread, or the run's own where there is one alone."""
    import numpy as np

    values = found["lyapunov_exponent"].values
    errors = found["standard_error"].values
    good = np.isfinite(values).all(axis=1)
    values, errors = values[good], errors[good]
    if not len(values):
        return [float("nan")] * found.sizes["exponent"], [float("nan")] * found.sizes["exponent"]
    error = errors[0] if len(values) == 1 else values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return values.mean(axis=0).tolist(), error.tolist()
