"""How far the learned map over one step is from a symplectic one."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import known
from dynsamp.metrics.pairs import pairs_of
from dynsamp.models.base import HasJacobian, HasStep, HasStepJacobian, HasVectorField

__all__ = ["symplecticity_defect"]

POINTS = 20  # states of a trajectory
SHIFT = np.finfo(float).eps ** (1 / 5)  # of central differences of order 4, relative to the size of the state


@metric("symplecticity_defect", ("trajectory",), needs=("truth", "model"))
def symplecticity_defect(truth: Record, model: Any) -> Score:
    """Symplecticity defect of the learned step.

    Frobenius norm of M^T J M - J, M the Jacobian of the model's map over one step of the data, J the canonical
    structure: zero where and only where the step is symplectic; the largest over the states of a trajectory (20 of
    them). M is the model's ``step_jacobian`` (of a flow map, its ``jacobian``), else central differences of order 4
    of ``step``, good to about 1e-12. Infinite where the step fails.
    Hairer, Lubich and Wanner (2006), Geometric Numerical Integration, section VI.2.
    """
    if not isinstance(model, HasStep):
        raise TypeError(f"a {type(model).__name__} has no step(), so there is no map to score")
    pairs = pairs_of(truth.states, model)
    structure = np.zeros((pairs.size, pairs.size))
    structure[pairs[0], pairs[1]], structure[pairs[1], pairs[0]] = 1.0, -1.0
    there = known(truth)
    values = np.full(len(there), np.nan)
    how = ""
    for k, row in enumerate(there):
        steps = np.flatnonzero(row)
        if len(steps):
            y = truth.y[k, 0, steps[:: -(-len(steps) // POINTS)]]
            tangent, how = _jacobian(model, y, _spacing(model, truth.t))
            defect = np.swapaxes(tangent, 1, 2) @ structure @ tangent - structure
            size = np.linalg.norm(defect, axis=(1, 2))
            values[k] = np.where(np.isfinite(size), size, np.inf).max()
    if not how:
        raise ValueError("the truth has no valid state at all, so nothing can be scored; generate it anew")
    attrs = {"norm": "Frobenius, in the units of the states", "jacobian": how, "failed": "inf", "no_truth": "NaN"}
    return Score(values, attrs)


def _spacing(model: Any, t: np.ndarray) -> tuple[float, ...]:
    """Step to ask for: none of a model that knows that of its data, else the spacing of the truth."""
    if model.facts.dt:
        return ()
    if len(t) < 2:
        raise ValueError("neither the model nor the truth has a time step")
    return (float(np.median(np.diff(t))),)


def _jacobian(model: Any, y: np.ndarray, dt: tuple[float, ...]) -> tuple[np.ndarray, str]:
    """Jacobians (point, component, component) of the step, and where they come from."""
    if isinstance(model, HasStepJacobian):
        return np.asarray(model.step_jacobian(y, *dt)), "the model's own"
    is_map = not isinstance(model, HasVectorField)
    if is_map and isinstance(model, HasJacobian):  # that of the step
        return np.asarray(model.jacobian(y)), "the model's own"
    size = y.shape[1]
    shift = SHIFT * np.maximum(np.abs(y), 1e-2 * np.abs(y).max(axis=1, keepdims=True) + 1e-12)
    tangent = np.empty((len(y), size, size))
    for k in range(size):
        values = []
        for steps in (-2, -1, 1, 2):
            moved = y.copy()
            moved[:, k] += steps * shift[:, k]
            values.append(np.asarray(model.step(moved, *dt), dtype=float))
        slope = values[0] - 8 * values[1] + 8 * values[2] - values[3]
        tangent[:, :, k] = slope / (12 * shift[:, k, None])
    return tangent, "central differences of order 4"
