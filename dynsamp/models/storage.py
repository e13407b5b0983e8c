"""One file a model: the safetensors layout, written atomically and read by a strict reader.

Arrays are raw buffers; the header's ``__metadata__`` has one entry, "dynsamp": a JSON text with everything that is not
an array. No code, no links, no compression, and the type of a model is looked up by its estimator's name, never
imported.
"""

from __future__ import annotations

import errno
import json
import math
import os
import platform
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from dynsamp._version import __version__
from dynsamp.files import write_bytes
from dynsamp.models.base import Model
from dynsamp.models.safetensors import encode, little_endian, read_arrays, read_header, refuse, strict_json
from dynsamp.words import Facts, State

__all__ = ["json_value", "read_model", "write_model"]

FORMAT = "dynsamp-model"
FORMAT_VERSION = 1  # raised when an old reader would misunderstand a new file
COMMON = ("states", "facts", "report")  # fields of every model, stored under their own keys


def write_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a fitted model; the file appears complete or not at all.

    Parameters
    ----------
    model : Model
        Its array fields are stored raw, the others as JSON; numbers of the report that are not finite become null.
    path : path-like
        An existing file is replaced.

    Raises
    ------
    TypeError, ValueError
        If a field is neither an array nor a JSON value.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for item in fields(model):
        value = getattr(model, item.name)
        if isinstance(value, np.ndarray):
            arrays[item.name] = little_endian(item.name, value)
        elif item.name not in COMMON:
            plain[item.name] = json_value(value, item.name)
    about = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "estimator": model.name,
        "states": [json_value(asdict(state), "states") for state in model.states],
        "fields": plain,
        "facts": json_value(model.facts.to_json(), "facts"),
        "report": json_value(model.report, "report", null_for_non_finite=True),
        "versions": {"dynsamp": __version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    parts = encode({"dynsamp": json.dumps(about, allow_nan=False)}, arrays)
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        write_bytes(target, *parts)
    except OSError as error:
        raise OSError(error.errno, f"cannot write the model ({error.strerror})", str(target)) from error


def read_model(path: str | os.PathLike[str], resolve: Callable[[str], type[Model]]) -> Model:
    """Read a fitted model.

    Parameters
    ----------
    path : path-like
        Written by `write_model`.
    resolve : callable
        From an estimator's name to its class of models; raises LookupError or ValueError for an unknown name.

    Raises
    ------
    ValueError
        If the file is not a model of ours, is damaged, was written by a newer dynsamp, or its estimator is unknown.
    OSError
        If the file cannot be read.
    """
    source = Path(path)
    if not stat.S_ISREG(os.stat(source).st_mode):  # opening a pipe would wait forever
        raise ValueError(f"{source} is not a regular file; give the path of a model file")
    with open(source, "rb") as file:
        header, start, size = read_header(file, source)
        about = _about(header, source)
        arrays = read_arrays(file, header, start, size, source)
    return _build(about, arrays, resolve, source)


def _about(header: Mapping[str, Any], path: Path) -> dict[str, Any]:
    metadata = header.get("__metadata__")
    text = metadata.get("dynsamp") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        refuse(path, "its header has no entry 'dynsamp' (another program's file?)")
    about = strict_json(text, "entry 'dynsamp'", path)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        refuse(path, f"its format is not {FORMAT!r}")
    version = about.get("format_version")
    if type(version) is not int or version < 1:
        refuse(path, f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        wrote = about.get("versions")
        by = wrote.get("dynsamp", "?") if isinstance(wrote, dict) else "?"
        raise ValueError(
            f"{path} was written by a newer dynsamp ({by}, format version {version}; this one reads up to"
            f" {FORMAT_VERSION}); upgrade dynsamp"
        )
    kinds = {"estimator": str, "states": list, "fields": dict, "facts": dict, "report": dict}
    for key, kind in kinds.items():
        if not isinstance(about.get(key), kind):
            refuse(path, f"its {key!r} is {about.get(key)!r:.80}, not a JSON {kind.__name__}")
    return about


def _build(
    about: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    resolve: Callable[[str], type[Model]],
    path: Path,
) -> Model:
    name = about["estimator"]
    try:
        kind = resolve(name)
    except LookupError as error:
        origin = about["facts"].get("distribution")
        source = f"; the file says that it came with {origin}" if isinstance(origin, str) else ""
        raise ValueError(
            f"{path} holds a model of the estimator {name!r}, which is not installed here{source}"
        ) from error
    try:
        states = tuple(State(**state) for state in about["states"])
    except (TypeError, ValueError) as error:
        refuse(path, f"its states are malformed ({error})")
    try:
        facts = Facts.from_json(about["facts"])
    except (TypeError, ValueError) as error:
        refuse(path, f"its facts are malformed ({error})")
    known: dict[str, Field[Any]] = {item.name: item for item in fields(kind)}
    given = {**about["fields"], **arrays}
    strange = sorted(set(given) - set(known) | set(about["fields"]) & ({*arrays} | {*COMMON}) | set(arrays) & {*COMMON})
    needed = {key for key, item in known.items() if item.default is MISSING and item.default_factory is MISSING} - set(
        COMMON
    )
    missing = sorted(needed - set(given))
    if strange or missing:
        refuse(path, f"a {kind.__name__} has other fields (unknown: {strange or 'none'}, missing: {missing or 'none'})")
    try:
        model = kind(states=states, facts=facts, report=about["report"], **given)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        refuse(path, f"its fields do not make a {kind.__name__} ({error})")
    size = sum(state.size for state in states)
    if any(not isinstance(box, np.ndarray) or box.shape not in ((0,), (size,)) for box in (model.low, model.high)):
        refuse(path, f"its training box does not have {size} components")
    return model


def json_value(value: Any, where: str, *, null_for_non_finite: bool = False) -> Any:
    """The same value in the types that JSON has."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        if null_for_non_finite:
            return None
        raise ValueError(f"{where} is {value}, which JSON cannot hold; use None")
    if isinstance(value, Mapping):
        return {
            str(key): json_value(item, f"{where}.{key}", null_for_non_finite=null_for_non_finite)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [
            json_value(item, f"{where}[{k}]", null_for_non_finite=null_for_non_finite) for k, item in enumerate(value)
        ]
    raise TypeError(f"{where} is a {type(value).__name__}; a model's fields are arrays or JSON values")
