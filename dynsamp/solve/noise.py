"""Whether the noise of a kernel is of the kind that a method was made for."""

from __future__ import annotations

import numpy as np

from dynsamp.solve.kernel import Kernel
from dynsamp.solve.points import diffusion_values

__all__ = ["check_noise"]

_STARTS, _SHIFT, _TOLERANCE = 4, 1e-4, 1e-6


def check_noise(kernel: Kernel, method: str, t: float, y0: np.ndarray) -> None:
    """Refuse noise that would cost a method its order, as seen at the first starts.

    Raises
    ------
    ValueError
        sri1 with several noises that are not diagonal, sra1 with noise that depends on the state, milstein with
        noises that do not commute.
    """
    if method not in ("sri1", "sra1", "milstein"):
        return
    several = isinstance(kernel.noise, int) and kernel.noise > 1
    if method == "sri1" and several:
        raise ValueError(
            f"sri1 takes diagonal noise or one Wiener process, this kernel has {kernel.noise}; use sra1 if the noise is"
            " additive, or platen_weak, or euler_maruyama"
        )
    y = y0[np.isfinite(y0).all(axis=1)][:_STARTS]
    if not len(y) or method == "sri1" or (method == "milstein" and not several) or kernel.inputs:
        return
    theta = kernel.theta if kernel.theta.ndim == 1 else kernel.theta[0]
    size = _SHIFT * np.maximum(1.0, np.abs(y).max())
    g = diffusion_values(kernel, t, y, theta)
    scale = max(np.abs(g).max(), 1e-300)
    if method == "sra1":
        shift = np.cos(np.arange(1, y.shape[1] + 1))  # no symmetry hides in it
        change = np.abs(diffusion_values(kernel, t, y + size * shift, theta) - g).max()
        if change > _TOLERANCE * size * scale:
            raise ValueError("sra1 is for additive noise, but the diffusion depends on the state; use sri1 or milstein")
        return
    # L^j b^k = (b^j . grad) b^k by central differences
    ways = [
        (
            diffusion_values(kernel, t, y + size * g[..., j] / scale, theta)
            - diffusion_values(kernel, t, y - size * g[..., j] / scale, theta)
        )
        / (2 * size)
        for j in range(g.shape[-1])
    ]
    bracket = max(np.abs(ways[j][..., k] - ways[k][..., j]).max() for j in range(len(ways)) for k in range(j))
    if bracket > 1e3 * _TOLERANCE * max(np.abs(way).max() for way in ways):
        raise ValueError(
            "milstein needs noises that commute (L^j b^k = L^k b^j), and those of this kernel do not; use"
            " euler_maruyama, or platen_weak for means"
        )
