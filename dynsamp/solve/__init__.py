"""The door to the solvers: converts, checks, picks a method, explains.

A true system and a fitted model are the same thing here: compiled functions and a flat vector ``theta``.
"""

from dynsamp.solve.door import solve
from dynsamp.solve.events import Event, Events
from dynsamp.solve.kernel import Chart, Kernel, Solution, diffusion_values, field_values, jacobian_values, scalar_values
from dynsamp.solve.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from dynsamp.solve.options import Options
from dynsamp.solve.statistics import Statistics, statistics

__all__ = [
    "Chart",
    "Event",
    "Events",
    "Kernel",
    "LyapunovSpectrum",
    "Options",
    "Solution",
    "Statistics",
    "diffusion_values",
]
__all__ += ["field_values", "jacobian_values", "lyapunov_spectrum", "scalar_values", "solve", "statistics"]
