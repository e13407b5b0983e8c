"""Attributes that every file format can hold: strings and numbers; anything nested is one JSON string."""

from __future__ import annotations

import functools
import json
import math
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import numpy as np

from dynsamp._version import __version__

__all__ = ["decode", "encode", "plain", "versions"]


def plain(value: Any) -> Any:
    """JSON values from NumPy ones and from any mapping or iterable; the ``default`` of json.dumps."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"attributes hold JSON values, got {type(value).__name__}; convert it to numbers or text")


def encode(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes for a Dataset: text and finite numbers as they are, None left out, the rest as JSON text."""
    encoded: dict[str, Any] = {}
    for key, value in attrs.items():
        if isinstance(value, np.generic):
            value = value.item()
        if value is None:
            continue
        kept = isinstance(value, str | int) and not isinstance(value, bool)
        kept = kept or (isinstance(value, float) and math.isfinite(value))
        encoded[str(key)] = value if kept else json.dumps(value, default=plain)
    return encoded


def decode(attrs: Mapping[Any, Any], key: str, default: Any = None) -> Any:
    """The value of an attribute that ``encode`` may have turned into JSON text."""
    value = attrs.get(key, default)
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(
            f"attribute {key!r} should hold JSON, got {value[:60]!r}; write it with json.dumps or delete it"
        ) from error


@functools.cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a source tree on the path, not installed
        return "unknown"


def versions() -> dict[str, str]:
    """Versions that a result depends on, as attributes."""
    found = {f"{package}_version": _version(package) for package in ("numpy", "numba", "xarray")}
    return {"dynsamp_version": __version__, **found, "python_version": platform.python_version()}
