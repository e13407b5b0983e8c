"""Pictures: Datasets in, Axes or a Figure out.

Nothing is computed here beyond selections and quantiles, and nothing is shown: in a notebook a picture appears as
usual, in a script ``phase(...).figure.savefig("phase.png")`` writes it. The truth is grey or black, forecasts are
coloured, and axes carry long names and units.
"""

from dynsamp.plot.album import figures, save_figures
from dynsamp.plot.movies import animate
from dynsamp.plot.sections import section
from dynsamp.plot.skill import energy_error, nrmse, scores, valid_prediction_time
from dynsamp.plot.trajectories import energy, fan, phase, time_series

__all__ = ["animate", "energy", "energy_error", "fan", "figures", "nrmse", "phase", "save_figures", "scores"]
__all__ += ["section", "time_series", "valid_prediction_time"]
