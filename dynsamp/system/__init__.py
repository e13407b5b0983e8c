"""What a system is: a law of nature, or a model of one, in arrays.

The functions of a system are plain Python on scalars of ``y`` (or njit), in place, with ``y`` in the order of
``states`` and ``theta`` in that of ``parameters``; helpers that they call are njit. The core compiles them.

=======================================  ========================================================
``rhs(t, y, theta, dy)``                 ODESystem, HamiltonianSystem
``velocity(t, p, theta, dq)``,
``force(t, q, theta, dp)``               HamiltonianSystem, separable: rhs is derived from them
``hamiltonian(t, y, theta) -> float``    HamiltonianSystem
``drift(t, y, theta, dy)``,
``diffusion(t, y, theta, g)``            SDESystem, Ito; ``g`` is (state,), or (state, m) with noise=m
``intensity(t, y, theta) -> float``,
``jump(t, y, theta, z, dy)``             SDESystem with jumps: their rate, and what one with marks ``z`` adds
``step(t, y, theta, out)``               MapSystem; with noise=m: ``step(t, y, theta, xi, out)``
=======================================  ========================================================

With ``inputs``, ``u`` (input,) follows ``theta`` in every one of them but ``velocity``. With ``delays``, ``z``
(delay, state) follows in the ``rhs`` of an ODESystem, z[k] = y(t - delay k).
"""

from dynsamp.system.base import System
from dynsamp.system.kinds import HamiltonianSystem, MapSystem, ODESystem, SDESystem

__all__ = ["HamiltonianSystem", "MapSystem", "ODESystem", "SDESystem", "System"]
