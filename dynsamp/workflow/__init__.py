"""The verbs: generate -> fit -> forecast -> evaluate, and run. The only room that knows both labels and science."""

from dynsamp.workflow.crossing import crossings
from dynsamp.workflow.energy_along import energies, energy_map
from dynsamp.workflow.fitting import fit
from dynsamp.workflow.forecasting import forecast
from dynsamp.workflow.generation import generate
from dynsamp.workflow.lyapunov_spectrum import lyapunov
from dynsamp.workflow.running import run
from dynsamp.workflow.scoring import evaluate

__all__ = ["crossings", "energies", "energy_map", "evaluate", "fit", "forecast", "generate", "lyapunov", "run"]
