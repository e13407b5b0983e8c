"""Run files: one experiment in TOML, read into frozen dataclasses; all problems are reported at once.

::

    system = "pendulum"          # or file = "spring.py", beside the run file
    seed = 1
    out = "results/pendulum"

    [generate]                   # as in dynsamp.generate
    trajectories = 64
    parameters = { length = 2.0 }

    [truth]                      # what differs from [generate]
    duration = 200.0

    [estimator]                  # name and knobs; or estimator = "flow-map" above
    name = "hamiltonian"
    width = 400

    [forecast]
    members = 50

    [evaluate]
    metrics = ["energy_error"]
"""

from dynsamp.runfile.names import configured, suggestion
from dynsamp.runfile.reading import RunFileError, read_run_file
from dynsamp.runfile.tables import EvaluateTable, ForecastTable, GenerateTable, RunFile

__all__ = [
    "EvaluateTable",
    "ForecastTable",
    "GenerateTable",
    "RunFile",
    "RunFileError",
    "configured",
    "read_run_file",
    "suggestion",
]
