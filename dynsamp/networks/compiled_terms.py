"""Known terms as compiled functions, for forecasts: a tree becomes nested functions, one a node."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit

from dynsamp.networks.terms import FUNCTIONS, ZERO, Tree, derivative

__all__ = ["compiled_gradients"]

Function = Callable[..., Any]


def _jit(function: Function) -> Function:
    compiled: Function = njit(function)
    return compiled


@cache
def _compiled(tree: Tree) -> Function:
    """``f(y)`` for compilation."""
    kind = tree[0]
    if kind == "number":
        number = tree[1]

        def constant(y):  # type: ignore[no-untyped-def]
            return number + 0.0 * y[0]

        return _jit(constant)
    if kind == "name":
        at = tree[1]

        def component(y):  # type: ignore[no-untyped-def]
            return y[at]

        return _jit(component)
    first = _compiled(tree[1])
    if kind == "power":
        return _compiled_power(first, tree[2])
    if kind in ("add", "multiply"):
        second = _compiled(tree[2])

        def total(y):  # type: ignore[no-untyped-def]
            return first(y) + second(y)

        def product(y):  # type: ignore[no-untyped-def]
            return first(y) * second(y)

        return _jit(total if kind == "add" else product)
    function = FUNCTIONS[kind]

    def applied(y):  # type: ignore[no-untyped-def]
        return function(first(y))

    return _jit(applied)


def _compiled_power(base: Function, exponent: float) -> Function:
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

        return _jit(whole if exponent > 0 else reciprocal)

    def power(y):  # type: ignore[no-untyped-def]
        return base(y) ** exponent

    return _jit(power)


@cache
def compiled_gradients(terms: tuple[Tree, ...], place: tuple[int, ...]) -> Function:
    """Return ``add(y, theta, first, out)``: add the gradient of the terms, its component k to out[place[k]].

    The coefficients of the terms start at theta[first].
    """

    def nothing(y, theta, first, out):  # type: ignore[no-untyped-def]
        pass

    add = _jit(nothing)
    for number, tree in enumerate(terms):
        for k, at in enumerate(place):
            slope = derivative(tree, k)
            if slope != ZERO:
                add = _with(add, _compiled(slope), number, at)
    return add


def _with(before: Function, slope: Function, number: int, at: int) -> Function:
    def add(y, theta, first, out):  # type: ignore[no-untyped-def]
        before(y, theta, first, out)
        out[at] = out[at] + theta[first + number] * slope(y)

    return _jit(add)
