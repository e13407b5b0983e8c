"""Errors of a learned drift and diffusion against the system's own."""

from __future__ import annotations

import numpy as np

from dynsamp.metrics.base import Record, Score, TrueSystem, metric
from dynsamp.metrics.errors import relative, spread, states_of
from dynsamp.models.base import HasDiffusion, HasDrift, Model
from dynsamp.solve import diffusion_values, field_values

__all__ = ["diffusion_error", "drift_error"]


def _states(truth: Record, system: TrueSystem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, states and parameters of the truth."""
    if getattr(system, "diffusion", None) is None:
        raise TypeError(f"system {system.name!r} is not a stochastic differential equation; it has no drift to compare")
    return states_of(truth, system)


def _without(model: Model, name: str) -> TypeError:
    return TypeError(f"a {type(model).__name__} has no {name}(); this score is for learned stochastic equations")


def _relative(learned: np.ndarray, exact: np.ndarray, what: str) -> Score:
    norm = f"relative L2 of the {what} over the truth's states, components in standard deviations of the truth"
    return relative(learned, exact, norm)


@metric("drift_error", (), needs=("truth", "model", "system"))
def drift_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the learned drift."""
    t, y, theta = _states(truth, system)
    exact = field_values(system.kernel(), t, y, theta)
    scale = spread(truth)
    if not isinstance(model, HasDrift):
        raise _without(model, "drift")
    return _relative(np.asarray(model.drift(y), dtype=float) / scale, exact / scale, "drift")


@metric("diffusion_error", (), needs=("truth", "model", "system"))
def diffusion_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the learned diffusion matrix g g^T.

    The matrix, because g itself is only unique up to a rotation of the noise.
    """
    t, y, theta = _states(truth, system)
    scale = spread(truth)
    exact = _matrix(diffusion_values(system.kernel(), t, y, theta), scale)
    if not isinstance(model, HasDiffusion):
        raise _without(model, "diffusion")
    return _relative(_matrix(np.asarray(model.diffusion(y), dtype=float), scale), exact, "diffusion matrix")


def _matrix(g: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Products g g^T in standard deviations (point, component, component); a 2-d g is a diagonal."""
    if g.ndim == 2:
        g = g[:, :, None] * np.eye(g.shape[1])
    g = g / scale[:, None]
    return np.asarray(g @ np.swapaxes(g, 1, 2))
