"""Lyapunov spectra as a Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.attributes import encode, versions
from dynsamp.dataset.building import CONVENTIONS, STATUS_ATTRS

__all__ = ["spectra"]


def spectra(
    *,
    exponents: np.ndarray,
    errors: np.ndarray,
    running: np.ndarray,
    times: np.ndarray,
    divergence: np.ndarray,
    dimension: np.ndarray,
    status: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """A Dataset of exponents (trajectory, exponent), their standard errors and how they have settled.

    running (trajectory, time, exponent) averages up to ``times`` (time,), divergence (trajectory,) the mean trace of
    the Jacobian, dimension (trajectory,).
    """
    rate = "1" if time_unit == "1" else f"{time_unit}-1"
    own, run = ("trajectory", "exponent"), ("trajectory", "time", "exponent")
    variables = {
        "lyapunov_exponent": (own, exponents, {"units": rate, "long_name": "Lyapunov exponent"}),
        "standard_error": (own, errors, {"units": rate, "long_name": "standard error of the Lyapunov exponent"}),
        "running_exponent": (run, running, {"units": rate, "long_name": "Lyapunov exponent up to a time"}),
        "mean_divergence": (
            ("trajectory",),
            divergence,
            {"units": rate, "long_name": "mean trace of the Jacobian: the sum of all exponents"},
        ),
        "kaplan_yorke_dimension": (
            ("trajectory",),
            dimension,
            {"units": "1", "long_name": "Kaplan-Yorke dimension; NaN where too few exponents are known"},
        ),
        "status": (("trajectory",), np.asarray(status, np.int8), dict(STATUS_ATTRS)),
    }
    coords = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id"}),
        "exponent": (("exponent",), np.arange(1, exponents.shape[1] + 1), {"long_name": "number, largest first"}),
        "time": (("time",), times, {"units": time_unit, "long_name": "time"}),
    }
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})
