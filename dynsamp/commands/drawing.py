"""`dynsamp plot`: one picture of a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.commands.options import add_command, add_out, existing, out_file, read_data, seed
from dynsamp.commands.output import UsageError, wrote

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add"]

OF_STATES = ("phase", "time_series", "fan")
OF_SCORES = ("scores", "energy_error", "nrmse", "valid_prediction_time")


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the parser."""
    parser = add_command(
        commands, common, "plot", plot, "draw trajectories, a forecast or scores",
        "examples:\n  dynsamp plot forecast.nc --truth truth.nc --out phase.png"
        "\n  dynsamp plot scores.nc --kind energy_error --out error.pdf",
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help="trajectories, a forecast or scores (.nc, .zarr, .csv)")
    parser.add_argument(
        "--kind", choices=OF_STATES + OF_SCORES, metavar="KIND",
        help=f"one of {', '.join(OF_STATES + OF_SCORES)} (default: what suits the file)",
    )  # fmt: skip
    parser.add_argument("--truth", metavar="FILE", help="draw it below the forecast")
    parser.add_argument("--trajectory", type=seed, metavar="N", help="which one, counted from 0 (default: the first)")
    add_out(parser, "FILE", "picture to write: .png, .svg or .pdf (default: FILE.png)")


def plot(args: Namespace) -> None:
    """Draw and save."""
    source = existing(args.file)
    out = out_file(args, source.with_suffix(".png"))
    import matplotlib

    matplotlib.use("Agg")  # pictures go into files: no display is needed
    from dynsamp.plot.canvas import figure_of
    from dynsamp.plot.files import written_whole

    formats = matplotlib.figure.Figure().canvas.get_supported_filetypes()
    if out.suffix.lower().lstrip(".") not in formats:
        raise UsageError(f"cannot write {out.name!r}: use a name that ends in .png, .svg or .pdf")
    data = read_data(args.file)
    drawn = _drawn(args, data)
    figure = drawn if isinstance(drawn, matplotlib.figure.Figure) else figure_of(drawn)
    with written_whole(out) as part:
        figure.savefig(part, dpi=150)
    wrote(args, out)


def _drawn(args: Namespace, data: xr.Dataset) -> Any:
    from dynsamp import plot
    from dynsamp.plot.reading import components

    scores = "time" not in data.dims
    kind = args.kind
    if kind is None:
        kind = "scores" if scores else "fan" if "member" in data.dims else ""
        kind = kind or ("phase" if len(components(data)) > 1 else "time_series")
    if (kind in OF_SCORES) != scores:
        there = OF_SCORES if scores else OF_STATES
        what = "scores" if scores else "trajectories"
        raise UsageError(f"--kind {kind}: {Path(args.file).name} holds {what}; choose from {', '.join(there)}")
    if scores:
        return getattr(plot, kind)(data)
    truth = None if args.truth is None else read_data(args.truth)
    if kind == "phase":
        return plot.phase(data, truth, trajectories=[args.trajectory] if args.trajectory is not None else 6)
    return getattr(plot, kind)(data, truth, trajectory=args.trajectory or 0)
