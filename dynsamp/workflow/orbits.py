"""Trajectories of a true system or of a fitted model, which are the same thing to a solver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset, plugins
from dynsamp.models.base import Model
from dynsamp.solve.kernel import Kernel
from dynsamp.system import System
from dynsamp.words import State, listed
from dynsamp.workflow.generation import generate
from dynsamp.workflow.starts import Starts, forecast_starts


@dataclass(frozen=True)
class Orbits:
    """Where trajectories start and what moves them."""

    kernel: Kernel
    states: Sequence[State]
    y0: np.ndarray  # (trajectory, component)
    ids: np.ndarray  # (trajectory,)
    time_unit: str
    dt: float  # default spacing of saved times
    about: Mapping[str, object]  # attributes: system or estimator, parameters, facts

    @property
    def name(self) -> str:
        """Of the system, or else of the estimator."""
        return str(self.about.get("system") or self.about.get("estimator"))


def orbits(
    source: str | System | Model,
    initial: Starts | None = None,
    *,
    parameters: Mapping[str, ArrayLike] | None = None,
    trajectories: int = 16,
    seed: int = 0,
) -> Orbits:
    """Starts and kernel.

    Parameters
    ----------
    source : str, System or Model
        Name of a system, or the object, or a fitted model.
    initial : Dataset, Box, array, dict or callable, optional
        Starts, of a Dataset its first states; by default the system's own, after its spin-up. A model needs some.
    parameters : mapping, optional
        Of a system; arrays sweep over trajectories.
    trajectories : int
        How many starts to draw, where ``initial`` does not decide.
    seed : int
        Of starts that are drawn.

    Raises
    ------
    TypeError, ValueError
        For a source that is neither, parameters of a model, or starts that do not belong to the states.
    """
    if isinstance(source, Model):
        if parameters:
            raise ValueError(f"parameters= belong to a system; {type(source).__name__} has learned its own")
        return _of_model(source, initial, trajectories, seed)
    if not isinstance(source, str | System):
        raise TypeError(f"expected the name of a system, a System or a fitted Model, got {type(source).__name__}")
    law = plugins.system(source)
    if isinstance(initial, xr.Dataset):
        samples = dataset.pack(initial)
        given, expected = [state.name for state in samples.states], [state.name for state in law.states]
        if given != expected:
            raise ValueError(f"the states are {listed(expected)}, but initial holds {listed(given)}")
        initial = samples.y[:, 0]
    about: dict[str, Any] = {"initial": initial, "parameters": parameters, "trajectories": trajectories, "seed": seed}
    first = generate(law, times=[0.0], derivatives=False, progress=False, **about)
    samples = dataset.pack(first)
    theta = law.theta(parameters)
    return Orbits(
        kernel=law.kernel(theta),
        states=law.states,
        y0=np.ascontiguousarray(samples.y[:, 0]),
        ids=samples.ids,
        time_unit=law.time_unit,
        dt=law.dt,
        about={key: first.attrs[key] for key in ("system", "parameters", "facts", "references") if key in first.attrs},
    )


def _of_model(model: Model, initial: Starts | None, trajectories: int, seed: int) -> Orbits:
    if not model.has_kernel:
        raise ValueError(f"{type(model).__name__} has no right-hand side or step of its own to follow")
    if initial is None:
        raise ValueError("a fitted model needs initial=: a Dataset, a Box or an array (trajectory, state)")
    y0, _, _, _ = forecast_starts(model, initial, "first", trajectories, seed)
    return Orbits(
        kernel=model.kernel(),
        states=model.states,
        y0=np.ascontiguousarray(y0),
        ids=np.arange(len(y0), dtype=np.int64),
        time_unit=model.facts.time_unit,
        dt=float(model.facts.dt or 1.0),
        about={"estimator": model.name, "system": model.facts.system},
    )
