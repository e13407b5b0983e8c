"""Known terms of a function, written as formulas in the names of the states.

    "cos(q)", "q1**2 * p2", "exp(-(q2 - q1))", "1 / sqrt(x**2 + y**2)"

A formula is parsed into a small tree, never executed: numbers, names, + - * /, powers with a constant exponent, and
sin, cos, exp, log, sqrt, tanh. The tree is differentiated symbolically and evaluated on arrays. A term has one unknown
coefficient.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

__all__ = ["FUNCTIONS", "Term", "Tree", "derivative", "mentions", "parse"]

Tree: TypeAlias = tuple[Any, ...]  # ("number", 2.0), ("name", 0), ("add", a, b), ("power", a, 3.0), ("sin", a), ...

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": np.sin, "cos": np.cos, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh,
}  # fmt: skip
LARGEST = 700.0  # logarithm of a number that can be written out
LONGEST = 1000  # characters of a formula: it may come from a file

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
ZERO, ONE = ("number", 0.0), ("number", 1.0)


@dataclass(frozen=True)
class Term:
    """A formula, its derivatives, and their values."""

    text: str
    tree: Tree
    size: int  # components of the state

    @cached_property
    def slopes(self) -> list[Tree]:
        """Derivatives with respect to all components."""
        return [derivative(self.tree, k) for k in range(self.size)]

    def value(self, x: np.ndarray) -> np.ndarray:
        """Values (point,) at points (point, component)."""
        return _evaluate(self.tree, x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient (point, component)."""
        return np.stack([_evaluate(slope, x) for slope in self.slopes], axis=1)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian (point, component, component)."""
        rows = [[_evaluate(derivative(slope, k), x) for k in range(self.size)] for slope in self.slopes]
        return np.moveaxis(np.array(rows), 2, 0)


def parse(text: str, names: Sequence[str]) -> Term:
    """Parse a formula in ``names``, one a component.

    Raises
    ------
    ValueError
        If the formula is not one, or contains an unknown name or function; the message says which.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(f"a term must be a formula of at most {LONGEST} characters, got {text!r}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
        tree = _tree(body, {name: k for k, name in enumerate(names)})
    except (SyntaxError, RecursionError, MemoryError, OverflowError):
        raise ValueError(f"term {text!r} is not a formula; write for example 'cos({names[0]})'") from None
    except _UnknownError as reason:
        raise ValueError(
            f"term {text!r} contains {reason}; a term may use {', '.join(names)}, numbers, + - * / **,"
            f" {', '.join(FUNCTIONS)} and pi"
        ) from None
    return Term(text, tree, len(names))


class _UnknownError(Exception):
    """Something that a formula may not contain."""


def _tree(node: ast.expr, names: dict[str, int]) -> Tree:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return ("number", float(node.value))
    if isinstance(node, ast.Name):
        if node.id in names:
            return ("name", names[node.id])
        if node.id == "pi":
            return ("number", math.pi)
        raise _UnknownError(f"the unknown name {node.id!r}")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _tree(node.operand, names)
        return _multiply(("number", -1.0), inner) if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        left, right = _tree(node.left, names), _tree(node.right, names)
        if isinstance(node.op, ast.Pow):
            if right[0] != "number":
                raise _UnknownError("an exponent that is not a number")
            return _power(left, right[1])
        if type(node.op) in _BINARY:
            kind = _BINARY[type(node.op)]
            if kind == "subtract":
                return _add(left, _multiply(("number", -1.0), right))
            if kind == "divide":
                return _multiply(left, _power(right, -1.0))
            return _add(left, right) if kind == "add" else _multiply(left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        if node.func.id not in FUNCTIONS:
            raise _UnknownError(f"the unknown function {node.func.id!r}")
        return (node.func.id, _tree(node.args[0], names))
    raise _UnknownError(f"{ast.unparse(node)!r}")


def _add(left: Tree, right: Tree) -> Tree:
    if left[0] == right[0] == "number":
        return ("number", left[1] + right[1])
    if left == ZERO:
        return right
    return left if right == ZERO else ("add", left, right)


def _multiply(left: Tree, right: Tree) -> Tree:
    if left[0] == right[0] == "number":
        return ("number", left[1] * right[1])
    if ZERO in (left, right):
        return ZERO
    if left == ONE:
        return right
    return left if right == ONE else ("multiply", left, right)


def _power(base: Tree, exponent: float) -> Tree:
    if exponent == 0.0:
        return ONE
    if exponent == 1.0:
        return base
    if base[0] == "number" and base[1] > 0.0 and abs(exponent * math.log(base[1])) < LARGEST:
        return ("number", base[1] ** exponent)
    return ("power", base, exponent)


def mentions(term: Term, components: Iterable[int]) -> bool:
    """Whether a term depends on one of these components."""
    return any(term.slopes[int(k)] != ZERO for k in components)


def derivative(tree: Tree, k: int) -> Tree:
    """Derivative with respect to component ``k``, zeros and ones simplified."""
    kind = tree[0]
    if kind == "number":
        return ZERO
    if kind == "name":
        return ONE if tree[1] == k else ZERO
    inner = derivative(tree[1], k)
    if kind == "add":
        return _add(inner, derivative(tree[2], k))
    if kind == "multiply":
        return _add(_multiply(inner, tree[2]), _multiply(tree[1], derivative(tree[2], k)))
    if kind == "power":
        return _multiply(_multiply(("number", tree[2]), _power(tree[1], tree[2] - 1.0)), inner)
    outer: Tree = {
        "sin": ("cos", tree[1]),
        "cos": _multiply(("number", -1.0), ("sin", tree[1])),
        "exp": tree,
        "log": _power(tree[1], -1.0),
        "sqrt": _multiply(("number", 0.5), _power(tree, -1.0)),
        "tanh": _add(ONE, _multiply(("number", -1.0), _power(tree, 2.0))),
    }[kind]
    return _multiply(outer, inner)


def _evaluate(tree: Tree, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):  # what is not finite is reported where the rows are made
        return np.array(np.broadcast_to(_value(tree, x.T), len(x)), dtype=float)


def _value(tree: Tree, y: np.ndarray) -> Any:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "name":
        return y[tree[1]]
    if kind == "add":
        return _value(tree[1], y) + _value(tree[2], y)
    if kind == "multiply":
        return _value(tree[1], y) * _value(tree[2], y)
    if kind == "power":
        return _value(tree[1], y) ** (int(tree[2]) if tree[2].is_integer() and tree[2] > 0 else tree[2])
    return FUNCTIONS[kind](_value(tree[1], y))
