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

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import numpy as np

from dynsamp.typed import hints, kinds, misfit, spoken
from dynsamp.words import State, components, listed, quoted, shown

if TYPE_CHECKING:
    from dynsamp.models.base import Model

__all__ = ["Above", "Array", "Items", "Outline", "check_arrays", "check_model", "check_sizes", "checks_itself"]

Size = int | str
CHUNK = 1 << 16  # numbers looked at together: no copy of an array is made


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
    rule: Array | Items | Above | None
    array: bool  # whether it may be one
    plain: bool  # whether it may be something else


@cache
def _declared(kind: type[Model]) -> tuple[_Field, ...]:
    found, known = [], hints(kind)
    for item in fields(kind):
        hint = known.get(item.name, Any)
        rules = [rule for rule in _said(hint) if isinstance(rule, Array | Items | Above)]
        said = set(kinds(hint))
        array, open_ = np.ndarray in said, bool(said & {Any, object})
        found.append(_Field(item.name, hint, rules[0] if rules else None, array or open_, said != {np.ndarray}))
    return tuple(found)


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
    for item in _declared(kind):
        array = values.get(item.name)
        if isinstance(array, np.ndarray) and isinstance(item.rule, Array):
            wrong = _content(array, item.rule, sizes)
            if wrong:
                raise ValueError(f"the fields of a {kind.__name__} do not fit together: {item.name} {wrong}")


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
    for item in fields(kind):  # what a file leaves out has its default
        if item.name not in plain and item.name not in arrays and item.name not in ("states", "facts", "report"):
            value = item.default if item.default_factory is MISSING else item.default_factory()
            if isinstance(value, np.ndarray):
                arrays[item.name] = value.dtype, value.shape
            elif value is not MISSING:
                plain[item.name] = value
    declared = _declared(kind)
    wrong = misfit(kind, plain) or next((each.name for each in declared if each.name in plain and not each.plain), None)
    if wrong is not None:
        raise ValueError(f"{wrong} should be {spoken(hints(kind)[wrong])}, got {quoted(plain[wrong])}")
    for each in declared:
        if each.name in arrays and not each.array:
            raise ValueError(f"{each.name} should be {spoken(each.hint)}, got an array")
        if isinstance(each.rule, Items | Above) and plain.get(each.name) is not None:
            _ruled(each.name, each.rule, plain[each.name], sizes)
    sizes |= kind.declared_sizes(Outline(outline.states, plain, arrays))
    for each in declared:
        if each.name in arrays and isinstance(each.rule, Array):
            _shaped(each.name, each.rule, arrays[each.name], sizes)
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
    right = dtype.kind == "i" if rule.dtype == "int" else dtype == np.float64
    agrees = not rule.shape or len(shape) == len(rule.shape)
    if agrees and not (rule.optional and shape[0] == 0):
        for size, extent in zip(rule.shape, shape, strict=bool(rule.shape)):
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
    flat = array.reshape(-1)
    if rule.permutation and rule.below is not None and flat.size != sizes[rule.below]:
        return f"should name each of {sizes[rule.below]} once, got {flat.size} numbers"
    if not flat.size or array.dtype.kind not in "fi":
        return ""
    with np.errstate(all="ignore"):
        if array.dtype.kind == "f" and not np.isfinite(flat.sum()):  # the sum of large ones may overflow
            for start in range(0, flat.size, CHUNK):
                good = np.isfinite(flat[start : start + CHUNK])
                if not good.all():
                    return f"should be finite, got {flat[start + int(good.argmin())]}"
    low, high = flat.min(), flat.max()
    if rule.low is not None and low < rule.low:
        return f"should be at least {rule.low:g}, got {low}"
    if rule.above is not None and low <= rule.above:
        return f"should be larger than {rule.above:g}, got {low}"
    if rule.below is not None and high >= sizes[rule.below]:
        return f"should be less than {sizes[rule.below]}, got {high}"
    if rule.permutation and rule.below is not None:
        seen = np.zeros(flat.size, bool)
        seen[flat] = True
        if not seen.all():
            return f"should name each of {flat.size} once, got no {int(seen.argmin())}"
    return ""
