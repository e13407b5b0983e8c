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
    if len(kernel.delays):
        if kernel.kind != "field":
            raise ValueError(f"only a field may have delays, this kernel is {kernel.kind!r}")
        slots = ("delayed_rhs",)
    if kernel.kind == "sde" and len(kernel.functions) == 4:
        slots = (*slots, "intensity", "jump")
    if len(kernel.functions) != len(slots):
        jumping = ", or 4 with jumps" if kernel.kind == "sde" else ""
        raise TypeError(f"a {kernel.kind} kernel needs {len(slots)} functions{jumping}, got {len(kernel.functions)}")
    if kernel.marks < 1 or kernel.mark_law not in ("normal", "uniform"):
        raise ValueError(
            f"a jump needs marks >= 1 of mark_law 'normal' or 'uniform', got {kernel.marks} of {kernel.mark_law!r}"
        )
    if kernel.kind == "separable" and dim % 2:
        raise ValueError(f"a separable kernel has states (q, p) in pairs, but y has {dim} components")
    diagonal = kernel.noise == "diagonal"
    return Problem(
        functions=dict(zip(slots, kernel.functions, strict=True)),
        theta=as_theta(kernel.theta, count),
        dim=dim,
        noise=dim if kernel.noise == "diagonal" else int(kernel.noise or 0),
        diagonal=diagonal,
        delays=len(kernel.delays),
        marks=kernel.marks,
        uniform=kernel.mark_law == "uniform",
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
