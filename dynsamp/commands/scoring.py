"""Scores as a table for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynsamp.commands.output import columns

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["print_scores", "scores_document"]


def scores_document(scores: xr.Dataset) -> dict[str, Any]:
    """Median and extremes of every score, what was skipped, how many forecasts left the training domain."""
    summary = {
        str(name): {**_summary(array), "units": array.attrs.get("units", "1")}
        for name, array in _scores(scores).items()
    }
    left = {"left_domain": int(scores["left_domain"].sum())} if "left_domain" in scores else {}
    return {"scores": summary, "skipped": _skipped(scores), **left, "system": scores.attrs.get("system", "")}


def print_scores(scores: xr.Dataset, *, verbose: bool = False) -> None:
    """A table: median over everything, and the range."""
    rows = []
    for name, array in _scores(scores).items():
        found = _summary(array)
        middle = "nan" if found["median"] is None else f"{found['median']:.3g}"
        extent = "" if array.size < 2 else f"{_short(found['minimum'])} to {_short(found['maximum'])}"
        units = array.attrs.get("units", "1")
        rows.append((str(name), middle, extent, "" if units == "1" else str(units)))
    print(columns(rows, ("score", "median", "range", "units")) if rows else "no scores")
    left = int(scores["left_domain"].sum()) if "left_domain" in scores else 0
    if left:
        print(f"\n{left} of {scores['left_domain'].size} forecasts left the domain of the training data")
    skipped = _skipped(scores)
    if skipped and (verbose or not rows):
        print("\n" + columns([(name, reason) for name, reason in skipped.items()], ("skipped", "why")))


def _scores(scores: xr.Dataset) -> dict[str, xr.DataArray]:
    """By name, without the flags beside them."""
    return {str(name): array for name, array in scores.items() if array.attrs.get("role") != "flag"}


def _short(value: float | None) -> str:
    return "nan" if value is None else f"{value:.3g}"


def _summary(array: xr.DataArray) -> dict[str, Any]:
    """Of the values that are there; infinite ones, of failed forecasts, count."""
    import numpy as np

    values = np.asarray(array.values, dtype=float).ravel()
    there = values[~np.isnan(values)]
    if not there.size:
        return {"median": None, "minimum": None, "maximum": None, "count": 0, "infinite": 0}
    return {
        # like np.median, but without its warning about infinite values
        "median": float(np.sort(there)[(there.size - 1) // 2 : there.size // 2 + 1].mean()),
        "minimum": float(there.min()),
        "maximum": float(there.max()),
        "count": int(there.size),
        "infinite": int(np.isinf(there).sum()),
    }


def _skipped(scores: xr.Dataset) -> dict[str, str]:
    from dynsamp import dataset

    return dict(dataset.decode(scores.attrs, "skipped", {}))
