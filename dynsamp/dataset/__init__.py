"""The xarray boundary: build, validate, pack to arrays, read and write. No other room touches labels in a loop.

The schema of a Dataset:

- One data variable for each state under its own name, with ``units``, ``long_name`` and, where one exists, the CF
  ``standard_name``; dims ``trajectory``, [``member``,] ``time``, then its own. A single trajectory keeps its dim. The
  attribute ``states`` holds their order; a coordinate q names its momentum in ``conjugate``, an angle its ``period``,
  what has bounds ``valid_min`` and ``valid_max``.
- ``time``: floats in their ``units``, or dates. Shared, or ``time(trajectory, time)`` where trajectories differ;
  shorter ones are padded with NaN at their end.
- ``tendency_of_<name>``: derivatives. ``role: input`` and ``role: diagnostic`` mark variables that are no states;
  an input with ``interpolation: hold`` keeps its value between samples.
- ``status(trajectory[, member])`` with ``flag_values`` and ``flag_meanings``; after a failure all is NaN.
  ``left_domain_time`` is when a forecast left the box of its training data.
- ``parameter_<name>(trajectory)``: swept parameters. ``truth_valid_until(trajectory)``: how long a chaotic truth is
  one.
- Attributes: ``system``, ``parameters`` and ``facts`` (JSON), ``method``, ``seed``, versions, ``history``.
"""

from dynsamp.dataset.building import build, from_arrays, from_points
from dynsamp.dataset.csvfile import from_csv
from dynsamp.dataset.formats import is_table, open_dataset, save_dataset
from dynsamp.dataset.packing import component_names, pack, record
from dynsamp.dataset.results import counted, crossings, headline, scores, spectra, statistics
from dynsamp.dataset.schema import (
    check_time_units,
    decode,
    encode,
    facts,
    history,
    state_list,
    time_unit,
    time_values,
    to_dates,
    uneven,
    validate,
)
from dynsamp.dataset.tables import from_dataframe

__all__ = [
    "build",
    "check_time_units",
    "component_names",
    "counted",
    "crossings",
    "decode",
    "encode",
    "facts",
    "from_arrays",
]
__all__ += [
    "from_csv",
    "from_dataframe",
    "from_points",
    "headline",
    "history",
    "is_table",
    "open_dataset",
    "pack",
    "record",
]
__all__ += ["save_dataset", "scores", "spectra", "state_list", "statistics", "time_unit", "time_values", "to_dates"]
__all__ += ["uneven", "validate"]
