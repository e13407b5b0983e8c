"""Normal modes of a chain between two walls, which its linear and its nonlinear springs share."""

import math

import numpy as np

from dynsamp.kernels.jit import compiled


@compiled
def mode_energy(k: int, y: np.ndarray, stiffness: float, mass: float) -> float:
    """Energy of mode k = 1, 2, ... of N masses; its frequency is 2 √(stiffness / mass) sin(k π / (2 (N+1)))."""
    n = len(y) // 2
    displacement, momentum = 0.0, 0.0
    for i in range(n):
        shape = math.sin(math.pi * k * (i + 1) / (n + 1))
        displacement = displacement + shape * y[i]
        momentum = momentum + shape * y[n + i]
    wave = math.sin(math.pi * k / (2 * (n + 1)))
    kinetic, potential = momentum * momentum / mass, 4 * stiffness * wave * wave * displacement * displacement
    return (kinetic + potential) / (n + 1)
