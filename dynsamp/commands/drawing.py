"""`dynsamp plot`: one picture of a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsamp.commands import options
from dynsamp.commands.printing import UsageError, wrote
from dynsamp.runfile import POSITIVE, SEED

if TYPE_CHECKING:
    import xarray as xr

OF_STATES = ("phase", "time_series", "fan", "energy", "section", "animation")
FILMS = (".gif", ".mp4")
OF_SCORES = ("scores", "energy_error", "nrmse", "valid_prediction_time")


def add(commands: options.Commands, common: ArgumentParser) -> None:
    """Add the parser."""
    parser = options.add_command(
        commands, common, "plot", plot, "draw trajectories, a forecast or scores",
        "examples:\n  dynsamp plot forecast.nc --truth truth.nc --out phase.png"
        "\n  dynsamp plot forecast.nc --truth truth.nc --out swing.gif"
        "\n  dynsamp plot forecast.nc --truth truth.nc --kind section --surface 'x = 0 rising'"
        "\n  dynsamp plot scores.nc --kind energy_error --out error.pdf",
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help="trajectories, a forecast or scores (.nc, .zarr, .csv)")
    parser.add_argument(
        "--kind", choices=OF_STATES + OF_SCORES, metavar="KIND",
        help=f"one of {', '.join(OF_STATES + OF_SCORES)} (default: what suits the file)",
    )  # fmt: skip
    parser.add_argument("--truth", metavar="FILE", help="draw it below the forecast")
    parser.add_argument(
        "--trajectory", type=SEED.typed, metavar="N", help="which one, counted from 0 (default: the first)"
    )
    parser.add_argument("--model", metavar="MODEL", help="of the forecast, for its learned energy (--kind energy)")
    parser.add_argument(
        "--surface", metavar="EVENT", help="of --kind section, such as 'x = 0 rising' (default: the first coordinate)"
    )
    parser.add_argument("--fps", type=POSITIVE.typed, default=25.0, metavar="N", help="frames a second (default 25)")
    parser.add_argument(
        "--speed", type=POSITIVE.typed, default=1.0, metavar="X", help="units of time a second of film (default 1)"
    )
    options.add_out(
        parser, "FILE", "picture to write: .png, .svg or .pdf, a film: .gif or .mp4 (default: FILE.png, FILE.gif)"
    )


def plot(args: Namespace) -> None:
    """Draw and save."""
    source = options.existing(args.file)
    out = options.out_file(args, source.with_suffix(".gif" if args.kind == "animation" else ".png"))
    if args.kind == "animation" or (args.kind is None and out.suffix.lower() in FILMS):
        _film(args, out)
        return
    import matplotlib

    matplotlib.use("Agg")  # pictures go into files: no display is needed
    from dynsamp.files import explained, replaced
    from dynsamp.plot.canvas import figure_of

    formats = matplotlib.figure.Figure().canvas.get_supported_filetypes()
    if out.suffix.lower().lstrip(".") not in formats:
        raise UsageError(f"cannot write {out.name!r}: use a name that ends in .png, .svg or .pdf")
    data = options.read_data(args.file)
    drawn = _drawn(args, data)
    figure = drawn if isinstance(drawn, matplotlib.figure.Figure) else figure_of(drawn)
    with explained("write", out), replaced(out) as part:
        figure.savefig(part, dpi=150)
    wrote(args, out)


def _film(args: Namespace, out: Path) -> None:
    from dynsamp import plot

    data, truth = options.read_data(args.file), None if args.truth is None else options.read_data(args.truth)
    if "time" not in data.dims:
        raise UsageError(f"{out.name}: a film needs trajectories, but {Path(args.file).name} holds scores")
    with options.as_usage():
        plot.animate(data, truth, path=out, trajectory=args.trajectory or 0, fps=args.fps, speed=args.speed)
    wrote(args, out)


def _section(args: Namespace, data: xr.Dataset, truth: xr.Dataset | None) -> Any:
    from dynsamp import plot
    from dynsamp.dataset import component_names, state_list
    from dynsamp.workflow import crossings

    surface = args.surface or f"{component_names(state_list(data))[0]} = 0 rising"
    with options.as_usage():
        found = [crossings(each, events=surface) for each in (truth, data) if each is not None]
    return plot.section(found[0] if truth is None else found, names=("truth", "forecast"))


def _energy(args: Namespace, data: xr.Dataset, truth: xr.Dataset | None) -> Any:
    from dynsamp import plot, plugins
    from dynsamp.workflow import energies

    model = None if args.model is None else plugins.load_model(options.existing(args.model))

    def known(one: xr.Dataset) -> xr.Dataset:
        law = plugins.system_of(one, None)
        return one if model is None and (law is None or law.energy is None) else energies(one, model=model)

    with options.as_usage():
        return plot.energy(known(data), None if truth is None else known(truth), trajectory=args.trajectory or 0)


def _drawn(args: Namespace, data: xr.Dataset) -> Any:
    from dynsamp import plot
    from dynsamp.plot.extracts import components

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
    truth = None if args.truth is None else options.read_data(args.truth)
    if kind in ("energy", "section"):
        return (_energy if kind == "energy" else _section)(args, data, truth)
    if kind == "phase":
        return plot.phase(data, truth, trajectories=[args.trajectory] if args.trajectory is not None else 6)
    return getattr(plot, kind)(data, truth, trajectory=args.trajectory or 0)
