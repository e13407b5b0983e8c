"""The vocabulary of dynsamp: states, parameters, inputs, boxes, facts, status codes; how messages quote and hint.

Imports nothing heavy, so every room may use it.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from dynsamp.typed import as_floats, fits, hints, misfit, spoken, tests

__all__ = ["FAILURES", "Box", "Facts", "Input", "Parameter", "State", "Status", "closest", "components"]
__all__ += ["energy_units", "escaped", "listed", "nearest", "no_list", "quoted", "rate_units", "shown", "spans"]
__all__ += ["suggestion"]


class Status(IntEnum):
    """What became of a trajectory; ``FAILURES`` are failures."""

    OK = 0
    DIVERGED = 1
    STEP_LIMIT = 2
    INVALID_INPUT = 3
    LEFT_DOMAIN = 4  # a warning: the values stay
    NOT_CONVERGED = 5  # the equations of an implicit step were not solved
    ENDED = 6  # by a terminal event: as asked for


FAILURES = (Status.DIVERGED, Status.STEP_LIMIT, Status.INVALID_INPUT, Status.NOT_CONVERGED)


QUOTED = 60  # characters of one value: enough to find it in the file
LISTED = 120  # of a list of names: a message quotes two values and a list, together fewer than 300 characters
LONGEST = 100  # characters of the name of a state, a dimension or an input
NAMES = 1000  # known names that are compared with a misspelled one: 20 ms


def escaped(text: str) -> str:
    """Lines without characters that steer a terminal or hide: their codes in place of them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def shown(thing: object, limit: int = 2 * LISTED) -> str:
    """What a file, a plugin or an error of a library says, for a message: one line, printable, cut at ``limit``."""
    try:
        text = str(thing)
    except Exception:  # whatever the method of a stranger raises, and numbers with too many digits
        text = f"<{type(thing).__name__}>"
    text = escaped(" ".join(text[: 2 * limit].split()))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def quoted(value: object, limit: int = QUOTED) -> str:
    """A value of a file or a caller for a message, as ``repr`` has it: one line, printable, cut at ``limit``."""
    try:
        text = repr(value[:limit] if isinstance(value, str | bytes) else value)
    except Exception:  # nests that are too deep, whole numbers with too many digits, methods of strangers
        text = f"<{type(value).__name__}>"
    if isinstance(value, str | bytes) and len(value) > limit:
        text += "..."
    return shown(text, limit + 5)


def no_list(value: object) -> str:
    """Why a value is no list, for the end of a message; nothing where it is one."""
    if isinstance(value, str):
        return f"got the string {quoted(value)}; try [{quoted(value)}]"
    return "" if isinstance(value, Iterable) and not isinstance(value, bytes) else f"got {quoted(value)}; try a list"


def listed(names: Iterable[object], limit: int = LISTED) -> str:
    """Names with commas between them for a message; where they are many, the first ones and how many follow."""
    known = list(names)
    text: list[str] = []
    room = limit
    for name in known:
        text.append(shown(name, QUOTED))
        room -= len(text[-1]) + 2
        if room < 0 and len(text) < len(known):
            return f"{', '.join(text)}, and {len(known) - len(text)} more"
    return ", ".join(text)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, if any does."""
    if len(str(name)) > QUOTED:
        return None
    candidates = [each for each in itertools.islice(known, NAMES) if len(each) <= QUOTED]
    near = difflib.get_close_matches(str(name), candidates, 1)
    return near[0] if near else None


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint "; did you mean 'theta'?" for the end of a message, or nothing where no known name is near."""
    near = closest(name, known)
    return f"; did you mean {quoted(near)}?" if near else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to try instead of ``name``: the nearest known name, or all of them."""
    known = list(known)
    near = closest(name, known)
    return f"did you mean {quoted(near)}?" if near else f"there are: {listed(known, 2 * LISTED) or 'none'}"


def _identifier(kind: str, name: str) -> None:
    if isinstance(name, str) and len(name) > LONGEST:
        raise ValueError(f"{kind} name {quoted(name)} has {len(name)} characters, more than {LONGEST}; use long_name")
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{kind} name must be a plain identifier, got {quoted(name)}; use letters, digits and _")


@dataclass(frozen=True)
class State:
    """One state variable.

    Parameters
    ----------
    name : str
        Name of the data variable in every Dataset.
    units : str
        UDUNITS spelling; "1" where there are none.
    long_name : str
        Label of axes.
    standard_name : str, optional
        CF standard name, where one exists.
    conjugate : str, optional
        On a coordinate q: the name of its momentum.
    period : float, optional
        Period of an angle-like coordinate, in ``units``.
    bounds : (float or None, float or None)
        Least and largest value that it can have, such as ``(0, None)`` of a population: learned models that step
        keep to them.
    dims : mapping of str to int
        Own dimensions of a field, for example ``{"site": 40}``.
    """

    name: str
    units: str = "1"
    long_name: str = ""
    standard_name: str | None = None
    conjugate: str | None = None
    period: float | None = None
    dims: Mapping[str, int] = field(default_factory=dict, hash=False)
    bounds: tuple[float | None, float | None] = (None, None)

    def __post_init__(self) -> None:
        _identifier("state", self.name)
        plain = (
            type(self.units) is type(self.long_name) is str
            and (self.standard_name is None or type(self.standard_name) is str)
            and (self.conjugate is None or type(self.conjugate) is str)
            and (self.period is None or type(self.period) is float)
            and self.bounds == (None, None)
        )
        wrong = None if plain and self.dims == {} else misfit(State, vars(self))  # mostly there is no more to look at
        if wrong:
            wanted, value = spoken(hints(State)[wrong]), getattr(self, wrong)
            raise TypeError(f"{wrong} of state {self.name!r} should be {wanted}, got {quoted(value)}")
        for dim, size in self.dims.items():
            _identifier("dimension", dim)
            if size < 1:
                raise ValueError(f"dimension {dim!r} of state {self.name!r} has size {size}; it must be at least 1")
        if self.period is not None and not 0 < self.period < float("inf"):
            raise ValueError(f"the period of state {self.name!r} must be positive and finite, got {self.period}")
        low, high = (None if bound is None else float(bound) for bound in self.bounds)
        if low is not None and high is not None and not low < high:
            raise ValueError(f"the bounds of state {self.name!r} must be (low, high), got ({low:g}, {high:g})")
        object.__setattr__(self, "bounds", (low, high))  # of files, which know lists alone

    @property
    def size(self) -> int:
        """Number of components: the product of the sizes of ``dims``."""
        size = 1
        for extent in self.dims.values():
            size *= extent
        return size


def components(states: Iterable[State]) -> int:
    """Number of components of states together."""
    return sum(state.size for state in states)


def spans(states: Iterable[State]) -> dict[str, slice]:
    """The components of each state variable, by name."""
    found, start = {}, 0
    for state in states:
        found[state.name] = slice(start, start + state.size)
        start += state.size
    return found


def energy_units(q: State, p: State, time_unit: str) -> str:
    """Units of a Hamiltonian: those of p q / t."""
    parts = [p.units, q.units] if time_unit == "1" else [p.units, q.units, f"({time_unit})-1"]
    words = [part for part in parts if part not in ("1", "rad")]
    return "J" if words in (["kg m2 s-1", "(s)-1"], ["kg m s-1", "m", "(s)-1"]) else " ".join(words) or "1"


def rate_units(units: str, time_unit: str) -> str:
    """Units of a derivative with respect to time."""
    if time_unit == "1":
        return units
    inverse = f"{time_unit}-1" if time_unit.isalpha() else f"({time_unit})-1"
    return inverse if units == "1" else f"{units} {inverse}"


@dataclass(frozen=True)
class Parameter:
    """A parameter with its default value."""

    value: float
    units: str = "1"
    long_name: str = ""


@dataclass(frozen=True)
class Input:
    """An external signal u(t), linear between samples unless ``hold``."""

    name: str
    units: str = "1"
    long_name: str = ""
    hold: bool = False

    def __post_init__(self) -> None:
        _identifier("input", self.name)


@dataclass(frozen=True, kw_only=True, repr=False)
class Facts:
    """What is known of the source of data, and travels with them into samples, models and forecasts.

    A field at its default says nothing. Files hold the others as JSON; what a file of others says beside them is kept
    in ``other``.
    """

    system: str = ""  # name of the law
    kind: str = ""  # of the system: "ode", "hamiltonian", "sde" or "map"
    time_unit: str = "1"
    time_origin: str | None = None  # the date of time zero
    dt: float | None = None  # spacing of the data that a model was learned from, or its own step
    parameters: Mapping[str, Any] = field(default_factory=dict)
    swept: tuple[str, ...] = ()  # names of parameters that differ between trajectories
    inputs: tuple[Input, ...] = ()  # in the order of u
    energy_units: str = "1"
    lyapunov_exponent: float | None = None  # the largest, 1 / time_unit
    separable: bool | None = None  # H = V(q) + T(p); None: not known
    stiff: bool = False
    translation_invariant: bool = False
    delays: tuple[float | str, ...] = ()
    noise: int | str | None = None  # "diagonal", or the number of Wiener processes or normals
    jumps: bool = False
    velocities: bool = False  # momenta were taken from positions
    failed: int = 0  # trajectories of the data
    left_domain: int = 0
    method: str = ""
    seed: int | None = None
    distribution: str = ""  # that brought the estimator, where it is not our own
    versions: Mapping[str, str] = field(default_factory=dict)  # that a fit ran with
    table: Mapping[str, Any] | None = None  # options by which the data's table was read
    last: Mapping[str, Any] | None = None  # where the data end: time, states, length
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chaotic(self) -> bool:
        """Whether the largest Lyapunov exponent is known to be positive."""
        return (self.lyapunov_exponent or 0.0) > 0.0

    def __repr__(self) -> str:
        return f"Facts({', '.join(f'{name}={value!r}' for name, value in self._said().items())})"

    def over(self, base: Facts) -> Facts:
        """These facts, and those of ``base`` where these say nothing."""
        return replace(base, **self._said())

    def _said(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value != _UNSAID[name]}

    def to_json(self) -> dict[str, Any]:
        """What is said, as JSON values."""
        said = self._said()
        said.pop("other", None)
        if self.inputs:
            said["inputs"] = {signal.name: {"units": signal.units, "hold": signal.hold} for signal in self.inputs}
        return {**self.other, **said}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Facts:
        """Facts of a file.

        Raises
        ------
        ValueError
            Where a fact has another type than it should.
        """
        known: dict[str, Any] = {}
        other: dict[str, Any] = {}
        versions: dict[str, Any] = {}  # once facts of their own
        known_tests, wrong = tests(Facts), None
        for name, value in said.items():
            if name not in _UNSAID or name == "other":
                (versions if name.endswith("_version") else other)[name] = value
            elif value is not None:
                test = _is_signals if name == "inputs" else known_tests[name]
                known[name] = tuple(value) if isinstance(value, list) and name != "inputs" else value
                if wrong is None and not test(known[name]):
                    wrong = name
        if wrong:
            wanted = spoken(_SIGNALS if wrong == "inputs" else hints(Facts)[wrong])
            raise ValueError(
                f"the fact {wrong!r} should be {wanted}, got {quoted(said[wrong])}; correct it or delete it"
            )
        known["inputs"] = _signals(known.get("inputs", ()))
        if versions:
            known["versions"] = {**versions, **known.get("versions", {})}
        known |= as_floats(cls, known)
        facts = object.__new__(cls)  # what they are has been looked at
        vars(facts).update({**_UNSAID, "parameters": {}, "versions": {}, **known, "other": other})
        return facts


_UNSAID: dict[str, Any] = vars(Facts())
_SIGNALS = Mapping[str, Any] | Sequence[str]  # inputs as files have them


def _is_signals(said: Any) -> bool:
    return fits(said, _SIGNALS)


def _signals(said: Mapping[str, Any] | Sequence[str]) -> tuple[Input, ...]:
    """External signals of a file."""
    about = said if isinstance(said, Mapping) else {key: {} for key in said}
    return tuple(_input(key, more) for key, more in about.items())


def _input(name: str, said: Any) -> Input:
    """An external signal of a file."""
    units, hold = (said.get("units", "1"), said.get("hold", False)) if isinstance(said, Mapping) else (None, None)
    if not isinstance(units, str) or not isinstance(hold, bool):
        raise ValueError(
            f"the fact 'inputs' should name inputs with their units, got {quoted(said)} of {quoted(name)}; correct it"
            " or delete it"
        )
    return Input(name, units, hold=hold)


@dataclass(frozen=True, init=False)
class Box:
    """A product of intervals, one for each state (or state component)."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __init__(self, low: Sequence[float], high: Sequence[float]) -> None:
        lows, highs = tuple(float(x) for x in low), tuple(float(x) for x in high)
        if len(lows) != len(highs) or not lows:
            raise ValueError(f"a Box needs as many lows as highs and at least one, got {len(lows)} and {len(highs)}")
        for k, (a, b) in enumerate(zip(lows, highs, strict=True)):
            if not a <= b or not abs(a) < float("inf") or not abs(b) < float("inf"):
                raise ValueError(f"interval {k} of the Box is [{a}, {b}]; bounds must be finite and low <= high")
            if b - a == float("inf"):
                raise ValueError(f"interval {k} of the Box is [{a}, {b}], whose length no float holds; narrow it")
        object.__setattr__(self, "low", lows)
        object.__setattr__(self, "high", highs)

    def __len__(self) -> int:
        return len(self.low)
