"""One file a model: the safetensors layout, written atomically and read by a strict reader.

Arrays are raw buffers; the header's ``__metadata__`` has one entry, "dynsamp": a JSON text with everything that is not
an array. No code, no links, no compression, and the type of a model is looked up by its estimator's name, never
imported.
"""

import errno
import json
import logging
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from dynsamp._version import __version__
from dynsamp.files import check_regular, explained, named, tidy, write_bytes
from dynsamp.models.base import Model
from dynsamp.models.safetensors import (
    DEEPEST,
    DIGEST,
    NotIntactError,
    Span,
    depth,
    encode,
    little_endian,
    read_arrays,
    read_header,
    read_spans,
    refuse,
    strict_json,
)
from dynsamp.models.schema import (
    COMMON,
    Outline,
    check_arrays,
    check_model,
    check_sizes,
    checks_itself,
    declared_names,
    made,
    ours,
)
from dynsamp.typed import as_floats
from dynsamp.words import Facts, State, listed, quoted, shown

_log = logging.getLogger("dynsamp")

FORMAT = "dynsamp-model"
KINDS = {"estimator": str, "states": list, "fields": dict, "facts": dict, "report": dict}
FORMAT_VERSION = 1  # raised when an old reader would misunderstand a new file


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
    check_model(model)  # what could not be read again is not written
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
    if depth(about) > DEEPEST:
        raise ValueError(f"the model has more than {DEEPEST} lists and objects within one another; flatten its fields")
    parts = encode({"dynsamp": json.dumps(about, allow_nan=False)}, arrays)
    target = named(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        tidy(target)
        write_bytes(target, *parts)
    except OSError as error:
        raise OSError(error.errno, f"cannot write the model ({error.strerror})", shown(target)) from error


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
        If the file is not a model of ours, is damaged, was written by a newer dynsamp, its estimator is unknown, or a
        field is not what its class declares; nothing is allocated before that is known.
    OSError
        If the file cannot be read.
    """
    source = path if type(path) is str and path and "\0" not in path else named(path)
    try:
        check_regular(source, "model file")
    except OSError:
        with explained("read", Path(source)):
            raise
    with open(source, "rb", buffering=0) as file:
        header = read_header(file, source)
        about = _about(header.entries["__metadata__"], source)
        spans = read_spans(header, source)
        kind = _kind(about, resolve, source)
        values, outline = _outline(about, spans, kind, source)
        try:
            sizes = check_sizes(kind, outline)
            arrays = read_arrays(file, header, spans, source)
            own = ours(kind)
            if own or not checks_itself(kind):
                check_arrays(kind, sizes, arrays)
            values |= arrays
            return made(kind, values) if own else kind(**values)
        except NotIntactError:
            raise
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            refuse(source, str(error) or f"its fields do not make a {kind.__name__}")


def _about(metadata: Mapping[str, Any], path: Path | str) -> dict[str, Any]:
    about = strict_json(metadata["dynsamp"], "entry 'dynsamp'", path)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        refuse(path, f"its format is not {FORMAT!r}")
    version = about.get("format_version")
    if type(version) is not int or version < 1:
        refuse(path, f"its format version is {quoted(version)}")
    if version > FORMAT_VERSION:
        wrote = about.get("versions")
        by = wrote.get("dynsamp", "?") if isinstance(wrote, dict) else "?"
        raise ValueError(
            f"{shown(path)} was written by a newer dynsamp ({shown(by, 40)}, format version {shown(version, 40)}; this"
            f" one reads up to {FORMAT_VERSION}); upgrade dynsamp"
        )
    if not metadata.keys() <= {"dynsamp", DIGEST}:
        refuse(path, f"its header has the unknown entry {quoted(min(metadata.keys() - {'dynsamp', DIGEST}))}")
    for key, kind in KINDS.items():
        if not isinstance(about.get(key), kind):
            refuse(path, f"its {key!r} is {quoted(about.get(key))}, not a JSON {kind.__name__}")
    return about


def _kind(about: Mapping[str, Any], resolve: Callable[[str], type[Model]], path: Path | str) -> type[Model]:
    """The class of the model."""
    name = about["estimator"]
    try:
        return resolve(name)
    except LookupError as error:
        origin = about["facts"].get("distribution")
        source = f"; the file says that it came with {shown(origin, 80)}" if isinstance(origin, str) else ""
        raise ValueError(
            f"{shown(path)} holds a model of the estimator {quoted(name)}, which is not installed here{source}"
        ) from error


def _outline(
    about: Mapping[str, Any], spans: Mapping[str, Span], kind: type[Model], path: Path | str
) -> tuple[dict[str, Any], Outline]:
    """Fields that are no arrays, and all that is known without reading one."""
    try:
        states = tuple(map(_state, about["states"]))
    except (TypeError, ValueError) as error:
        refuse(path, f"its states are malformed ({error})")
    try:
        facts = Facts.from_json(about["facts"])
    except (TypeError, ValueError) as error:
        refuse(path, f"its facts are malformed ({error})")
    known, needed = declared_names(kind)
    plain = about["fields"]
    given = plain.keys() | spans.keys()
    if len(given) < len(plain) + len(spans) or not needed <= given <= known.keys():
        strange = sorted(given - known.keys() | plain.keys() & spans.keys())
        missing = sorted(needed - given)
        refuse(path, f"a {kind.__name__} has other fields (unknown: {strange or 'none'}, missing: {missing or 'none'})")
    if len(given) < len(known):
        names = listed(name for name in known if name not in given)
        _log.warning("%s does not say %s; the defaults may make another %s of it", shown(path), names, kind.__name__)
    values = {"states": states, "facts": facts, "report": about["report"], **plain}
    return values, Outline(states, values, spans)


def _state(said: Any) -> State:
    """A state of a file."""
    if not isinstance(said, dict) or "name" not in said or not said.keys() <= State.__dataclass_fields__.keys():
        raise ValueError(f"a state should be an object of {listed(State.__dataclass_fields__)}, got {quoted(said)}")
    state = State(**said)
    return State(**said | numbers) if (numbers := as_floats(State, said)) else state


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
