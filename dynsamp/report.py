"""One HTML page that says what a run did: pictures, numbers, choices, provenance.

The page is a single file without scripts that loads nothing, so it can be mailed, archived and opened anywhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.backends.backend_svg import FigureCanvasSVG

from dynsamp import dataset, plot
from dynsamp.files import explained, named, tidy, write_bytes
from dynsamp.words import FAILURES, Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dynsamp.dataset.results import Run

__all__ = ["lines", "page", "write"]

CAPTIONS = {
    "phase": "Phase portrait. Forecasts from starts that the model has not seen, and the truth.",
    "fan": "Fan chart. Median of the sample paths, the bands that hold half and nine tenths of them, and the truth.",
    "time_series": "One trajectory over time. The truth is the wide grey line.",
    "energy_error": "Relative error of the true energy along forecasts, and along the truth, which has the error of"
    " its solver. Lines are medians over trajectories, bands hold the middle 80 %.",
    "valid_prediction_time": "Share of forecasts that stay valid for longer than a time (Kaplan and Meier's curve)."
    " Crosses are forecasts that were still valid when they, or the truth, ended.",
    "nrmse": "Error over lead time. The line is the median over trajectories, the band holds the middle 80 %.",
    "crps": "Continuous ranked probability score over lead time. The line is the median over trajectories, the band"
    " holds the middle 80 %.",
}
SHORT = {
    "hamiltonian_error": "error of H",
    "gradient_error": "error of grad H",
    "invariant_drift": "drift of the invariants",
    "power_balance": "residual of the power balance",
    "symplecticity_defect": "symplecticity defect",
    "period_error": "error of the period",
    "section_distance": "distance of the Poincaré sections",
    "nrmse": "NRMSE",
    "energy_error": "energy error",
    "energy_drift": "energy drift",
    "valid_prediction_time": "valid prediction time",
    "crps": "CRPS",
    "spread_skill": "spread over error",
    "drift_error": "error of the drift",
    "diffusion_error": "error of the diffusion",
}
SAID = ("seed", "method", "method_reason", "rtol", "atol", "step", "observation_noise")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #5f5f5f; --rule: #dcdcdc }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #16181b; --soft: #a6a6a6; --rule: #3a3d41 } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2.5rem auto; padding: 0 1.2rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .4rem } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem }
.summary { font-size: 1.1rem; max-width: 46rem }
.album { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.6rem }
figure { margin: 0 } figcaption { color: var(--soft); font-size: .88rem; margin-top: .4rem }
figure svg { display: block; width: 100%; height: auto; background: #fff; border-radius: 4px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--rule) }
th { font-weight: 500; color: var(--soft); width: 34% } td { overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .88rem; margin: 0 }
footer { color: var(--soft); font-size: .85rem; margin-top: 2.5rem }
"""
Row = tuple[str, str]


def write(run: Run, folder: str | Path, *, title: str | None = None) -> list[Path]:
    """Write the page as ``index.html`` and its pictures as PNG files into a folder; returns the paths."""
    folder = Path(folder)
    figures = plot.figures(run)
    paths = [folder / "index.html"]
    folder.mkdir(parents=True, exist_ok=True)
    _save(_document(run, figures, title), paths[0])
    return paths + plot.save_figures(figures, folder)


def page(run: Run, path: str | Path, *, title: str | None = None) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    run : Run
        From `run`.
    path : path
        The HTML file; its folder is there already.
    title : str, optional
        Default: the system's title.

    Returns
    -------
    Path
        ``path``. The file holds everything, is written whole or not at all, and the same run gives the same bytes.
    """
    target = named(path)
    _save(_document(run, plot.figures(run), title), target)
    return target


def lines(run: Run) -> list[str]:
    """The few lines that say how a run went: neurons, what the fit cost, and how good the forecasts are."""
    rows = [*_fit_rows(run.model.report), *_score_rows(run.scores), *_outcome_rows(run.forecast)]
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{label.ljust(width)}  {value}" for label, value in rows]


def _save(document: str, path: Path) -> None:
    with explained("write", path):
        tidy(path)
        write_bytes(path, document.encode("utf-8"))


def _document(run: Run, figures: Mapping[str, Figure], title: str | None) -> str:
    attrs = run.truth.attrs
    title = title or str(attrs.get("title") or attrs.get("system") or "A fitted model")
    drawn = ((_svg(name, figure), escape(CAPTIONS.get(name, name))) for name, figure in figures.items())
    pictures = [f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" for svg, caption in drawn]
    numbers = [*_fit_rows(run.model.report), *_score_rows(run.scores), *_outcome_rows(run.forecast)]
    skipped = [
        (f"{SHORT.get(name, name)}", f"left out: {why}")
        for name, why in dataset.decode(run.scores.attrs, "skipped", {}).items()
    ]
    sections = [
        f"<h1>{escape(title)}</h1><p class=summary>{escape(_summary(run))}</p>",
        f"<div class=album>{''.join(pictures)}</div>",
        "<h2>Numbers</h2>" + _table([*numbers, *skipped]),
        f"<h2>What was chosen, and why</h2><pre>{escape(run.model.summary())}</pre>",
        "<h2>Where it comes from</h2>" + _table(_provenance(run)),
    ]
    version = str(run.forecast.attrs.get("dynsamp_version", ""))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + f"\n<footer>Made by dynsamp {escape(version)}</footer>\n</body></html>\n"
    )


def _svg(name: str, figure: Figure) -> str:
    """The figure as an inline SVG element with names of its own."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "dynsamp", "svg.fonttype": "path"}):
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        # not savefig, which draws twice: once for a layout that has been made already
        FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)  # type: ignore[no-untyped-call] # has no stub
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # ids are unique within a picture only, and a page holds several
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(CAPTIONS.get(name, name))}"', 1)


def _table(rows: Iterable[Row]) -> str:
    body = "".join(f"<tr><th scope=row>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in rows)
    return f"<table>{body}</table>"


def _summary(run: Run) -> str:
    """What happened, and whether it is worth anything, in two sentences."""
    report, time = run.model.report, run.forecast["lead_time" if "lead_time" in run.forecast.coords else "time"]
    learner = f"A {run.model.name.replace('-', ' ').replace('hamiltonian', 'Hamiltonian')} model"
    width = report.get("width") or 0
    neurons = sum(width.values()) if isinstance(width, Mapping) else width
    if neurons:
        learner += f" with {neurons} sampled neurons"
    cost = f" in {_number(report['seconds'])} s on the CPU" if "seconds" in report else ""
    span = _with_units(_number(float(time.max() - time.min())), str(time.attrs.get("units", "1")))
    count = run.forecast.sizes["trajectory"]
    starts = "a start" if count == 1 else f"{count} starts"
    return (
        f"{learner} was fitted to {_size(run.train)}{cost}{f': {said}' if (said := report.get('verdict')) else ''}."
        f" It then forecast {starts} that it had not seen over {span or 'one time'}."
    )


def _fit_rows(report: Mapping[str, object]) -> list[Row]:
    rows = [("verdict", str(report["verdict"]))] if "verdict" in report else []
    if report.get("width") is not None:
        width, activation = report["width"], report.get("activation", "")
        if isinstance(width, Mapping) and isinstance(activation, Mapping):  # where there are no neurons none is used
            activation = {part: activation[part] if width[part] else "" for part in width}
        rows.append(("neurons", _parts(width, activation)))
    times = (("seconds", "fit time"), ("cpu_seconds", "CPU time of the fit"))
    rows += [(label, f"{_number(report[key])} s") for key, label in times if key in report]
    if "joules" in report:
        rows.append(("energy used", f"{_number(report['joules'])} J, {report.get('energy_source', 'source unknown')}"))
    if "residual" in report:
        rows.append(("residual of the fit", f"{_parts(report['residual'])} (relative)"))
    return rows


def _score_rows(scores: xr.Dataset) -> list[Row]:
    """Scores as single numbers: medians, of energy errors over their last values."""
    rows = []
    for name in map(str, scores.data_vars):
        if name == "truth_energy_error" or scores[name].attrs.get("role") == "flag":  # said elsewhere
            continue
        score, label = scores[name], SHORT.get(name, str(scores[name].attrs.get("long_name", name)))
        last = slice(-1, None) if name == "energy_error" else slice(None)
        ends = scores.isel(lead_time=last) if "lead_time" in scores.dims else scores
        number, reached = dataset.headline(ends, name)
        value = _with_units(_number(number), str(score.attrs.get("units", "1")))
        if name == "energy_error":
            label = f"final {label}"
            if "truth_energy_error" in scores:
                value += f" (the truth's own: {_number(dataset.headline(ends, 'truth_energy_error')[0])})"
        elif score.ndim:
            label = f"median {label}"
        if name == "valid_prediction_time":
            value += " Lyapunov times" if "lyapunov_exponent" in score.attrs else ""
            still, value = int(dataset.counted(scores, name)[1].sum()), value if reached else f"at least {value}"
            value += f" ({still} of {score.size} valid to the end)" if still else ""
        if score.attrs.get("members_failed"):
            paths = score.sizes["trajectory"] * int(score.attrs["members"])
            value += f" ({score.attrs['members_failed']} of {paths} paths failed)"
        rows.append((label, value))
    return rows


def _outcome_rows(forecast: xr.Dataset) -> list[Row]:
    if "status" not in forecast:
        return []
    codes = np.asarray(forecast["status"].values)
    count = " x ".join(str(size) for size in codes.shape)  # trajectories, and members where there are any
    found = {code.name.lower().replace("_", " "): np.sum(codes == code) for code in (*FAILURES, Status.LEFT_DOMAIN)}
    bad = ", ".join(f"{number} {name}" for name, number in found.items() if number)
    return [("forecasts", f"{count}, {bad or 'none failed'}")]


def _provenance(run: Run) -> list[Row]:
    rows = [("system", str(run.truth.attrs.get("system") or "unknown"))]
    parameters = dataset.decode(run.truth.attrs, "parameters", {})
    if parameters:
        rows.append(("parameters", ", ".join(f"{key} = {_number(value)}" for key, value in parameters.items())))
    if run.truth.attrs.get("references"):
        rows.append(("references", str(run.truth.attrs["references"])))
    for label, data in (("training data", run.train), ("truth", run.truth), ("forecast", run.forecast)):
        said = [f"{key.replace('_', ' ')}: {data.attrs[key]}" for key in SAID if key in data.attrs]
        rows.append((label, "; ".join([_size(data), *said])))
    versions = {key: value for key, value in run.forecast.attrs.items() if str(key).endswith("_version")}
    found = [f"{str(key).removesuffix('_version')} {value}" for key, value in versions.items()]
    return [*rows, ("versions", ", ".join(found) or "unknown")]


def _size(data: xr.Dataset) -> str:
    many = {"trajectory": "trajectories", "member": "members", "time": "times"}
    counts = {dim: data.sizes[dim] for dim in many if dim in data.sizes}
    return " of ".join(f"{count} {dim if count == 1 else many[dim]}" for dim, count in counts.items())


def _parts(*values: object) -> str:
    """Numbers and words side by side; models of several parts, such as V and T, report a value for each."""
    parts = next((value.keys() for value in values if isinstance(value, Mapping)), None)
    if parts is None:
        return " ".join(_number(value) for value in values).strip()
    each = {part: [value[part] if isinstance(value, Mapping) else value for value in values] for part in parts}
    return ", ".join(f"{part}: {_parts(*own)}" for part, own in each.items())


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, int | float | np.number) else str(value)


def _with_units(value: str, units: str) -> str:
    return value if units in ("1", "") else f"{value} {units}"
