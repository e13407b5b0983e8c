"""What the fields of a model must be: declared once, with the class, and checked before anything is built.

A field has an annotation, and where that says too little, more beside it:

    weights: Annotated[np.ndarray, Array("feature", "component")]
    widths: Annotated[Sequence[int], Items("part", total="feature")]
    dt: Annotated[float, Above(0.0)]

A size is a number or a name, and a name has one value in a model. "component" is that of the states; the others follow
from lists, from the class method ``declared_sizes``, or from the first array that has them. Shapes are compared before
an array is in memory: an `Outline` knows them from the header of a file.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import numpy as np

from dynsamp.typed import anything, hints, kinds, spoken, tests
from dynsamp.words import State, components, listed, quoted, shown

if TYPE_CHECKING:
    from dynsamp.models.base import Model

Size = int | str
CHUNK = 1 << 16  # numbers looked at together: no copy of an array is made
FEW = 64  # numbers that are sooner compared as such than as an array
COMMON = ("states", "facts", "report")  # fields of every model, stored under their own keys
CHECKED = "_checked"  # on a model for a moment: that its fields need no look when it is made
FLOAT = np.dtype(np.float64)


@dataclass(frozen=True, init=False)
class Array:
    """An array: its sizes, and what its numbers may be.

    Parameters
    ----------
    *shape : str or int
        A size an axis; none: any shape.
    dtype : {"float64", "int"}
        Floats are finite; "int" is of any length.
    optional : bool
        An array without a first row says nothing.
    low, above : float, optional
        Bounds: at least, more than.
    below : str, optional
        Whole numbers are less than this size, and at least 0 unless ``low`` says less.
    permutation : bool
        Every whole number below ``below`` is there once.
    """

    shape: tuple[Size, ...]
    dtype: Literal["float64", "int"] = "float64"
    optional: bool = False
    low: float | None = None
    above: float | None = None
    below: str | None = None
    permutation: bool = False
    all_named: bool = field(init=False, repr=False, compare=False)  # of the usual kind: floats of sizes with names
    bounded: bool = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        *shape: Size,
        dtype: Literal["float64", "int"] = "float64",
        optional: bool = False,
        low: float | None = None,
        above: float | None = None,
        below: str | None = None,
        permutation: bool = False,
    ) -> None:
        low = 0 if low is None and below is not None else low
        said = {"dtype": dtype, "optional": optional, "low": low, "above": above, "below": below}
        for name, value in {"shape": shape, **said, "permutation": permutation}.items():
            object.__setattr__(self, name, value)
        named = bool(shape) and all(isinstance(size, str) for size in shape)
        object.__setattr__(self, "all_named", named and dtype == "float64" and not optional)
        object.__setattr__(self, "bounded", (low, above, below) != (None, None, None))


class Items(NamedTuple):
    """A list of so many items; whole numbers, of at least ``low``, add up to the size ``total``."""

    length: Size
    total: str | None = None
    low: int = 0
    least: int = 0
    most: int | None = None


class Above(NamedTuple):
    """A number that is larger than another."""

    number: float


class Outline(NamedTuple):
    """All of a model but the contents of its arrays."""

    states: tuple[State, ...]
    plain: Mapping[str, Any]  # fields that are no arrays
    arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]  # data type and shape of those that are

    @property
    def size(self) -> int:
        """Components of the state."""
        return components(self.states)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Outline:
        """Of the fields of a model."""
        arrays = {name: (a.dtype, a.shape) for name, a in values.items() if isinstance(a, np.ndarray)}
        plain = {name: a.item() if isinstance(a, np.generic) else a for name, a in values.items() if name not in arrays}
        return cls(values["states"], plain, arrays)


class _Field(NamedTuple):
    """A field as it is declared."""

    name: str
    hint: Any
    test: Callable[[Any], bool]
    rule: Array | Items | Above | None
    array: bool  # whether it may be one
    plain: bool  # whether it may be something else
    default: Any
    factory: Any


@cache
def _declared(kind: type[Model]) -> tuple[_Field, ...]:
    """The fields of a class, looked at once: a file is read in a fraction of a millisecond."""
    found, known, known_tests = [], hints(kind), tests(kind)
    for item in fields(kind):
        hint = known.get(item.name, Any)
        rules = [rule for rule in _said(hint) if isinstance(rule, Array | Items | Above)]
        said = set(kinds(hint))
        array, open_ = np.ndarray in said, bool(said & {Any, object})
        found.append(
            _Field(
                item.name, hint, known_tests.get(item.name, anything), rules[0] if rules else None, array or open_,
                said != {np.ndarray}, item.default, item.default_factory,
            )
        )  # fmt: skip
    return tuple(found)


@cache
def _ruled_arrays(kind: type[Model]) -> tuple[tuple[str, Array], ...]:
    """Those of which more is said than that they are arrays."""
    return tuple((each.name, each.rule) for each in _declared(kind) if isinstance(each.rule, Array))


@cache
def declared_names(kind: type[Model]) -> tuple[dict[str, Any], frozenset[str]]:
    """Fields that a model may be made of besides those of every model, and those of them that have no default."""
    known = {item.name: item for item in fields(kind) if item.init and item.name not in COMMON}
    needed = (name for name, item in known.items() if item.default is MISSING and item.default_factory is MISSING)
    return known, frozenset(needed)


def _said(hint: Any) -> list[Any]:
    """What ``Annotated`` adds, also within alternatives."""
    if get_origin(hint) is Annotated:
        return [*get_args(hint)[1:], *_said(get_args(hint)[0])]
    if get_origin(hint) in (Union, types.UnionType):
        return [rule for one in get_args(hint) for rule in _said(one)]
    if get_origin(hint) is np.ndarray:  # NDArray[np.float64]
        return [rule for rule in (_of_dtype(inner) for inner in get_args(hint)) if rule]
    return []


def _of_dtype(hint: Any) -> Array | None:
    scalar = (get_args(hint) or (None,))[0]
    if get_origin(hint) is not np.dtype or not isinstance(scalar, type):
        return None
    return Array() if scalar is np.float64 else Array(dtype="int") if issubclass(scalar, np.integer) else None


def check_model(model: Model) -> None:
    """Compare every field of a model with the declarations of its class.

    Raises
    ------
    ValueError
        The first that does not fit, in one sentence.
    """
    values = {item.name: getattr(model, item.name) for item in fields(model)}
    check_arrays(type(model), check_sizes(type(model), Outline.of(values)), values)


@cache
def checks_itself(kind: type[Model]) -> bool:
    """Whether a model is checked when it is made: a stranger's class may leave that out."""
    mine = (vars(base)["__post_init__"].__module__ for base in kind.__mro__ if "__post_init__" in vars(base))
    return all(module.startswith("dynsamp.") for module in mine)


@cache
def ours(kind: type[Model]) -> bool:
    """Whether nothing of a stranger has a say when a model is made."""
    return all(base.__module__.partition(".")[0] in ("dynsamp", "builtins", "abc") for base in kind.__mro__)


def made(kind: type[Model], values: Mapping[str, Any]) -> Model:
    """A model of a class of `ours` whose fields have been checked: the door for what is read from a file."""
    model = object.__new__(kind)
    said = vars(model)
    declared = _declared(kind)
    for each in declared if len(values) < len(declared) else ():
        said[each.name] = each.default if each.factory is MISSING else each.factory()
    said.update(values)
    said[CHECKED] = True
    model.__post_init__()
    return model


def check_sizes(kind: type[Model], outline: Outline) -> dict[str, int]:
    """Compare all fields but the contents of arrays; returns the sizes by name.

    Raises
    ------
    ValueError
        As ``check_model``.
    """
    try:
        return _sizes(kind, outline)
    except ValueError as reason:
        raise ValueError(f"the fields of a {kind.__name__} do not fit together: {reason}") from None


def check_arrays(kind: type[Model], sizes: Mapping[str, int], values: Mapping[str, Any]) -> None:
    """Compare the contents of the arrays among ``values``.

    Raises
    ------
    ValueError
        As ``check_model``.
    """
    with np.errstate(all="ignore"):
        for name, rule in _ruled_arrays(kind):
            array = values.get(name)
            if isinstance(array, np.ndarray):
                wrong = _content(array, rule, sizes)
                if wrong:
                    raise ValueError(f"the fields of a {kind.__name__} do not fit together: {name} {wrong}")


def _sizes(kind: type[Model], outline: Outline) -> dict[str, int]:
    names = [state.name for state in outline.states]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"states should be one or more of different names, got {listed(names) or 'none'}")
    momenta = set(names)
    for state in outline.states:
        if state.conjugate is not None:
            if state.conjugate == state.name or state.conjugate not in momenta:
                said = f"{quoted(state.name)} should be another state, its own, got {quoted(state.conjugate)}"
                raise ValueError(f"the conjugate of state {said}")
            momenta.remove(state.conjugate)
    sizes = {"component": outline.size}
    plain, arrays = dict(outline.plain), dict(outline.arrays)
    for name, hint, test, rule, array, may_be_plain, default, factory in _declared(kind):
        if name in arrays:
            pass
        elif name in plain:
            value = plain[name]
        else:
            value = default if factory is MISSING else factory()  # what a file leaves out has its default
            if isinstance(value, np.ndarray):
                arrays[name] = value.dtype, value.shape
            elif value is MISSING:
                continue
            else:
                plain[name] = value
        if name in arrays:
            if not array:
                raise ValueError(f"{name} should be {spoken(hint)}, got an array")
            continue
        if not may_be_plain or not test(value):
            raise ValueError(f"{name} should be {spoken(hint)}, got {quoted(value)}")
        if rule is not None and value is not None and not isinstance(rule, Array):
            _ruled(name, rule, value, sizes)
    sizes |= kind.declared_sizes(Outline(outline.states, plain, arrays))
    for name, rule in _ruled_arrays(kind):
        if name in arrays:
            dtype, shape = arrays[name]
            if dtype is FLOAT and rule.all_named and len(shape) == len(rule.shape):
                for size, extent in zip(rule.shape, shape, strict=True):
                    if sizes.setdefault(size, extent) != extent:  # type: ignore[arg-type]
                        break
                else:
                    continue
            _shaped(name, rule, (dtype, shape), sizes)
    return sizes


def _ruled(name: str, rule: Items | Above, value: Any, sizes: dict[str, int]) -> None:
    """Compare a number or a list with what is declared of it."""
    if isinstance(rule, Above):
        if not value > rule.number:
            raise ValueError(f"{name} should be larger than {rule.number:g}, got {quoted(value)}")
        return
    count = len(value)
    if count < rule.least or count > (count if rule.most is None else rule.most):
        limit = f"{rule.least} or more" if rule.most is None else f"{rule.least} to {rule.most}"
        raise ValueError(f"{name} should have {limit} items, got {count}")
    _same(name, rule.length, count, sizes, "items")
    if rule.total is not None:
        if any(number < rule.low for number in value):
            raise ValueError(f"{name} should be at least {rule.low} each, got {quoted(value)}")
        _same(name, rule.total, sum(value), sizes, "in all")


def _same(name: str, size: Size, extent: int, sizes: dict[str, int], what: str) -> None:
    wanted = size if isinstance(size, int) else sizes.setdefault(size, extent)
    if extent != wanted:
        raise ValueError(f"{name} should have {wanted} {what}, got {extent}")


def _shaped(name: str, rule: Array, given: tuple[np.dtype[Any], tuple[int, ...]], sizes: dict[str, int]) -> None:
    """Compare a shape with the sizes that are known, and add those that it is the first to have."""
    dtype, shape = given
    right = dtype.kind == "i" if rule.dtype == "int" else dtype is FLOAT or dtype == FLOAT
    agrees = not rule.shape or len(shape) == len(rule.shape)
    if agrees and not (rule.optional and shape[0] == 0):
        for size, extent in zip(rule.shape, shape, strict=False):  # as many, or any shape
            known = size if isinstance(size, int) else sizes.setdefault(size, extent)
            agrees = agrees and known == extent
    if right and agrees:
        return
    words = {size: f"{size} = {sizes[size]}" for size in rule.shape if size in sizes and isinstance(size, str)}
    where = f" with {', '.join(words.values())}" if words else ""
    wanted = f" of shape ({', '.join(map(str, rule.shape))}){where}" if rule.shape else ""
    raise ValueError(f"{name} should be {rule.dtype}{wanted}, got {dtype} of shape {shown(shape, 80)}")


def _content(array: np.ndarray, rule: Array, sizes: Mapping[str, int]) -> str:
    """What is wrong with the numbers of an array, for the end of a sentence."""
    dtype, flat = array.dtype, array.reshape(-1)
    if rule.permutation and rule.below is not None and flat.size != sizes[rule.below]:
        return f"should name each of {sizes[rule.below]} once, got {flat.size} numbers"
    if not flat.size:
        return ""
    if dtype is FLOAT or dtype.kind == "f":
        if not math.isfinite(flat.dot(flat)):  # so where a number is not, and where squares overflow
            for start in range(0, flat.size, CHUNK):
                good = np.isfinite(flat[start : start + CHUNK])
                if not good.all():
                    return f"should be finite, got {flat[start + int(good.argmin())]}"
    elif dtype.kind != "i":
        return ""
    if not rule.bounded:
        return ""
    few = flat.tolist() if flat.size <= FEW else None
    low, high = (min(few), max(few)) if few else (flat.min(), flat.max())
    if rule.low is not None and low < rule.low:
        return f"should be at least {rule.low:g}, got {low}"
    if rule.above is not None and low <= rule.above:
        return f"should be larger than {rule.above:g}, got {low}"
    if rule.below is not None and high >= sizes[rule.below]:
        return f"should be less than {sizes[rule.below]}, got {high}"
    if rule.permutation and rule.below is not None:
        if few and len(set(few)) == len(few):
            return ""
        seen = np.zeros(flat.size, bool)
        seen[flat] = True
        if not seen.all():
            return f"should name each of {flat.size} once, got no {int(seen.argmin())}"
    return ""
