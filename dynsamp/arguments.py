"""Numbers that a caller gives, as what they must be; what they are not is one sentence with the argument's name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dynsamp.words import quoted

_OTHER = "cmMV"  # kinds of arrays that NumPy turns into floats, and what they mean is lost


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Value of an argument that counts something.

    Raises
    ------
    TypeError, ValueError
        Where it is no whole number, less than ``least``, or beyond 64 bits.
    """
    try:
        number = int(value)
        if isinstance(value, bool | str | bytes | np.timedelta64 | np.datetime64) or not bool(number == value):
            raise TypeError
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be a whole number, got {quoted(value)}") from None
    if number >= 2**63:
        raise ValueError(f"{name} must be below 2**63, got {quoted(number)}")
    if number < least:
        positive = ", a positive integer" * (least == 1)
        raise ValueError(f"{name} must be at least {least}{positive}, got {quoted(number)}")
    return number


def real_number(name: str, value: Any) -> float:
    """Value of an argument that is one number, maybe infinite or NaN.

    Raises
    ------
    TypeError, ValueError
        Where it is something else, or no float can hold it.
    """
    try:
        if isinstance(value, bool | str | bytes | np.timedelta64 | np.datetime64 | np.complexfloating) or np.ndim(
            value
        ):
            raise TypeError
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is beyond what a float holds, 1.8e308, got {quoted(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {quoted(value)}") from None


def real_array(name: str, values: Any) -> np.ndarray:
    """Values of an argument as an array of floats, of any shape.

    Raises
    ------
    TypeError, ValueError
        Where they are no numbers, rows of different lengths, or complex.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in _OTHER:
            raise TypeError
        return np.asarray(array, dtype=float)
    except OverflowError:
        raise ValueError(f"{name} must be floats, below 1.8e308, got {quoted(values)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers, in rows of one length, got {quoted(values)}") from None


def check_counts(**counts: Any) -> None:
    """Complain of the first value that is neither a positive whole number nor None, which leaves a choice open.

    Raises
    ------
    TypeError, ValueError
    """
    for name, value in counts.items():
        if value is not None:
            whole_number(name, value)


def check_flags(**flags: Any) -> None:
    """Complain of the first value that is neither True nor False nor None, which leaves a choice open.

    Raises
    ------
    TypeError
    """
    for name, value in flags.items():
        if value is not None and not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {quoted(value)}")


def as_mapping(name: str, values: Any) -> dict[str, Any]:
    """Values of an argument that maps names to something; none for None.

    Raises
    ------
    TypeError
        Where it is no mapping.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dict by name, got {quoted(values)}")
    return dict(values)
