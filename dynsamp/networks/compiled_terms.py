"""Known terms as compiled functions, for forecasts: a tree becomes nested functions, one a node."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit

from dynsamp.networks.terms import FUNCTIONS, ZERO, Tree, derivative

__all__ = ["compiled_gradients"]


@cache
def _compiled(tree: Tree) -> Callable[..., Any]:
    """``f(y)`` for compilation."""
    kind = tree[0]
    if kind == "number":
        number = tree[1]

        def constant(y):  # type: ignore[no-untyped-def]
            return number + 0.0 * y[0]

        return njit(constant)
    if kind == "name":
        at = tree[1]

        def component(y):  # type: ignore[no-untyped-def]
            return y[at]

        return njit(component)
    first = _compiled(tree[1])
    if kind == "power":
        return _compiled_power(first, tree[2])
    if kind in ("add", "multiply"):
        second = _compiled(tree[2])

        def total(y):  # type: ignore[no-untyped-def]
            return first(y) + second(y)

        def product(y):  # type: ignore[no-untyped-def]
            return first(y) * second(y)

        return njit(total if kind == "add" else product)
    function = FUNCTIONS[kind]

    def applied(y):  # type: ignore[no-untyped-def]
        return function(first(y))

    return njit(applied)


def _compiled_power(base: Callable[..., Any], exponent: float) -> Callable[..., Any]:
    count = int(abs(exponent))
    if exponent.is_integer() and count <= 16:

        def whole(y):  # type: ignore[no-untyped-def]
            value = base(y)
            result = value
            for _ in range(count - 1):
                result = result * value
            return result

        def reciprocal(y):  # type: ignore[no-untyped-def]
            value = base(y)
            result = value
            for _ in range(count - 1):
                result = result * value
            return 1.0 / result

        return njit(whole if exponent > 0 else reciprocal)

    def power(y):  # type: ignore[no-untyped-def]
        return base(y) ** exponent

    return njit(power)


@cache
def compiled_gradients(terms: tuple[Tree, ...], place: tuple[int, ...]) -> Callable[..., Any]:
    """Return ``add(y, theta, first, out)``: add the gradient of the terms, its component k to out[place[k]].

    The coefficients of the terms start at theta[first].
    """

    def nothing(y, theta, first, out):  # type: ignore[no-untyped-def]
        pass

    add = njit(nothing)
    for number, tree in enumerate(terms):
        for k, at in enumerate(place):
            slope = derivative(tree, k)
            if slope != ZERO:
                add = _with(add, _compiled(slope), number, at)
    return add


def _with(before: Callable[..., Any], slope: Callable[..., Any], number: int, at: int) -> Callable[..., Any]:
    def add(y, theta, first, out):  # type: ignore[no-untyped-def]
        before(y, theta, first, out)
        out[at] = out[at] + theta[first + number] * slope(y)

    return njit(add)
