"""From a kernel with labels of its kind to a problem of slots and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dynsamp.checks import as_theta, as_times
from dynsamp.solve.kernel import Inputs, Kernel

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Problem

__all__ = ["as_problem"]


def as_problem(
    kernel: Kernel, dim: int, count: int, inputs: Inputs | None, span: tuple[float, float] | None
) -> Problem:
    """Check that functions, parameters, states and signals belong together."""
    from dynsamp.kernels.problem import Problem

    slots = {
        "field": ("rhs",),
        "separable": ("velocity", "force"),
        "sde": ("rhs", "diffusion"),
        "map": ("noisy_iterate" if kernel.noise else "iterate",),
    }[kernel.kind]
    if len(kernel.functions) != len(slots):
        raise TypeError(f"a {kernel.kind} kernel needs {len(slots)} functions, got {len(kernel.functions)}")
    if kernel.kind == "separable" and dim % 2:
        raise ValueError(f"a separable kernel has states (q, p) in pairs, but y has {dim} components")
    diagonal = kernel.noise == "diagonal"
    return Problem(
        functions=dict(zip(slots, kernel.functions, strict=True)),
        theta=as_theta(kernel.theta, count),
        dim=dim,
        noise=dim if kernel.noise == "diagonal" else int(kernel.noise or 0),
        diagonal=diagonal,
        jacobian=kernel.jacobian,
        held=tuple(kernel.inputs),
        signals=_signals(kernel, inputs, count, span),
    )


def _signals(kernel: Kernel, inputs: Inputs | None, count: int, span: tuple[float, float] | None) -> Inputs | None:
    if not kernel.inputs:
        if inputs is not None:
            raise ValueError("inputs were given, but the kernel has none; leave inputs= out")
        return None
    if inputs is None:
        raise ValueError(f"the kernel has {len(kernel.inputs)} inputs; pass inputs=(times, values)")
    times, values = as_times(inputs[0]), np.array(inputs[1], dtype=float, order="C")
    if values.ndim != 3 or len(values) not in (1, count) or values.shape[1:] != (len(times), len(kernel.inputs)):
        raise ValueError(
            f"values of inputs must be (1 or {count}, {len(times)}, {len(kernel.inputs)}), got {values.shape}"
        )
    if span is not None and (span[0] < times[0] or span[1] > times[-1]):
        raise ValueError(
            f"inputs are known from {times[0]:g} to {times[-1]:g}, but times run from {span[0]:g} to {span[1]:g}"
        )
    return times, values
