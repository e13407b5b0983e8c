"""The Numba types behind lanes, and what registering an operation on them takes.

``Lanes(W)`` is an LLVM vector ``<W x double>``: one double of each of W trajectories. It is a value like a
float, so functions written for floats compile for it unchanged. ``Mask(W)`` is what its comparisons
give, ``IntLanes(W)`` holds trajectory ids, and ``LaneArray(W, shape)`` points to rows of W doubles.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, Signature, infer_global
from numba.extending import lower_builtin, lower_cast, models, overload, register_model

WIDTHS = (1, 2, 4, 8, 16, 32)

Resolve = Callable[..., Signature | None]
Lower = Callable[[Any, Any, Signature, Any], Any]


def _checked(width: int) -> int:
    if width not in WIDTHS:
        raise ValueError(f"lanes come in widths {WIDTHS}, got {width}")
    return width


class _Register(types.Type):
    """W values in a vector register; ``absorbs`` are the types of one value that becomes W equal ones."""

    absorbs: tuple[type, ...] = ()

    def __init__(self, width: int) -> None:
        self.width = _checked(width)
        super().__init__(name=f"{type(self).__name__}({width})")

    def unify(self, context, other):
        """Let ``s = 0.0; s += y[i]`` and ``seen = False; seen |= y[i] > 0`` type."""
        return self if isinstance(other, self.absorbs) else None


class Lanes(_Register):
    """W doubles in a vector register."""

    absorbs = (types.Number, types.Boolean)


class IntLanes(_Register):
    """W unsigned 64-bit integers: trajectory ids, bit patterns of doubles, words of random generators."""

    absorbs = (types.Integer,)


class Mask(_Register):
    """W truth values. There is no ``bool`` of it, so ``if`` on lanes is a typing error."""

    absorbs = (types.Boolean,)


class LaneArray(types.Type):
    """Rows of W doubles, contiguous in C order of ``shape``.

    Lengths in ``shape`` are compile-time constants, so loops over them unroll; ``(None,)`` is a
    length known at run time only.
    """

    def __init__(self, width: int, shape: tuple[int | None, ...]) -> None:
        self.width = _checked(width)
        self.shape = shape
        super().__init__(name=f"LaneArray({width}, {shape})")


def _vectors_of(element: ir.Type) -> type:
    class Model(models.PrimitiveModel):
        def __init__(self, manager, register):
            super().__init__(manager, register, ir.VectorType(element, register.width))

    return Model


register_model(Lanes)(_vectors_of(ir.DoubleType()))
register_model(IntLanes)(_vectors_of(ir.IntType(64)))
register_model(Mask)(_vectors_of(ir.IntType(1)))


@register_model(LaneArray)
class _LaneArrayModel(models.StructModel):
    def __init__(self, manager, array):
        super().__init__(manager, array, [("data", types.CPointer(types.float64)), ("size", types.intp)])


def doubles(width):
    """LLVM type ``<width x double>``."""
    return ir.VectorType(ir.DoubleType(), width)


def integers(width):
    """LLVM type ``<width x i64>``."""
    return ir.VectorType(ir.IntType(64), width)


def splat(builder, value, width):
    """Repeat the LLVM scalar ``value`` in every lane."""
    vector = ir.VectorType(value.type, width)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def constant(like, value):
    """LLVM constant of the type ``like``, the same in every lane."""
    return ir.Constant(like, [value] * like.count if isinstance(like, ir.VectorType) else value)


def call_intrinsic(builder, name, arguments):
    """Call ``llvm.<name>`` of the type of the first argument."""
    kind = arguments[0].type
    suffix = f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"
    signature = ir.FunctionType(kind, [kind] * len(arguments))
    name = f"llvm.{name}.{suffix}"
    function = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    return builder.call(function, arguments)


@lower_cast(types.Number, Lanes)
@lower_cast(types.Boolean, Lanes)
def _cast_number(context, builder, source, target, value):
    return splat(builder, context.cast(builder, value, source, types.float64), target.width)


@lower_cast(Mask, Lanes)
def _cast_mask(context, builder, source, target, value):
    return builder.uitofp(value, doubles(target.width))


@lower_cast(types.Boolean, Mask)
def _cast_bool(context, builder, source, target, value):
    return splat(builder, context.cast(builder, value, source, types.boolean), target.width)


@lower_cast(types.Integer, IntLanes)
def _cast_integer(context, builder, source, target, value):
    return splat(builder, context.cast(builder, value, source, types.uint64), target.width)


def common_lanes(*arguments):
    """The ``Lanes`` type of an arithmetic operation, or None if Numba's own rules apply."""
    widths = {a.width for a in arguments if isinstance(a, Lanes | Mask)}
    if len(widths) != 1 or not all(isinstance(a, Lanes | Mask | types.Number | types.Boolean) for a in arguments):
        return None
    if any(isinstance(a, types.Complex) for a in arguments):
        return None
    return Lanes(widths.pop())


def primitive(
    function: Any, resolve: Resolve, pattern: tuple[Any, ...] | None = None, *, literal: bool = False
) -> Callable[[Lower], Lower]:
    """Give ``function`` a meaning on lanes: a typing rule and the LLVM code that it stands for.

    This is Numba's low-level registration. It compiles several times faster than ``overload``, and
    operators are what most of the compile time of a right-hand side is spent on.

    Parameters
    ----------
    function : callable
        Operator or function as user code spells it.
    resolve : callable
        Argument types to a signature, or None where the rule does not apply.
    pattern : tuple of types, optional
        Argument types of the signature that ``lower`` handles; by default any.
    literal : bool
        Whether ``resolve`` wants integer constants as literal types.
    """

    class Template(AbstractTemplate):
        key = function
        prefer_literal = literal

        def generic(self, args, kws):
            return None if kws else resolve(*args)

    infer_global(function, types.Function(Template))  # as a decorator it asks for __module__, which old ufuncs lack

    def decorate(lower: Lower) -> Lower:
        lower_builtin(function, *(pattern or (types.VarArg(types.Any),)))(lower)
        return lower

    return decorate


def substitute(implementation: Any, *functions: Any, exponent: Any = None) -> None:
    """Let ``functions`` of one or two lanes mean the compiled function ``implementation``.

    With ``exponent`` the first argument must be lanes and the second of this scalar type.
    """
    body = getattr(implementation, "py_func", implementation)
    options: Any = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

    def unary(x):
        return body if isinstance(x, Lanes) else None

    def binary(x, y):
        return body if common_lanes(x, y) else None

    def power(x, n):
        return body if isinstance(x, Lanes) and isinstance(n, exponent) else None

    rule = power if exponent else unary if body.__code__.co_argcount == 1 else binary
    for function in functions:
        overload(function, jit_options=options, strict=False)(rule)
