"""The verb `forecast`: a fitted model run forward, with a status per trajectory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.models.base import Model
from dynsamp.solve import solve
from dynsamp.words import Box, Status
from dynsamp.workflow.chunks import Piece, computed, digest
from dynsamp.workflow.provenance import checked_seed, history, said, stream
from dynsamp.workflow.starts import sampled_starts, start_array
from dynsamp.workflow.times import saved_times

__all__ = ["forecast"]

DOMAIN_MARGIN = 0.5  # of the training box, on each side
SUBSTEPS = 10  # of a symplectic method between saved times


def forecast(
    model: Model,
    initial: Any,
    *,
    start: str | float = "first",
    duration: float | None = None,
    dt: float | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    members: int | None = None,
    trajectories: int = 16,
    method: str | None = None,
    step: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    memory: int | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Run a fitted model forward.

    Parameters
    ----------
    model : Model
        From `fit` or `load_model`.
    initial : Dataset, Box, array (state,) or (trajectory, state), or dict by state name
        Starts.
    start : {"first", "last"} or float
        Which state of a Dataset: its first, its last valid one, or that at a time.
    duration, dt : float, optional
        Length and spacing of the saved times; default: those of a Dataset (with ``start="first"``), else the
        model's own spacing and a hundred of them. A flow map's ``dt`` is a whole multiple of its own.
    times : array_like, optional
        Saved times relative to the start, instead of ``duration`` and ``dt``; the first is 0.
    members : int, optional
        Number of sample paths of a stochastic model.
    trajectories : int
        How many starts to draw from a Box.
    method, step : optional
        Solver; default: the one that suits the model, a symplectic one with ten steps a saved interval for a
        Hamiltonian.
    seed : int
        Of sample paths and of starts drawn from a Box.
    store : path, optional
        Write a zarr store in chunks, resumable after an interruption, and return it opened: for results larger than
        memory.
    memory : int, optional
        Bytes that the chunks of a store may take at a time.
    workers : int, optional
        Threads; default: all cores. Results do not depend on it.
    progress : bool, optional
        Show progress; default: on a terminal.

    Returns
    -------
    Dataset
        States over (trajectory, [member,] time), NaN after a failure; ``status`` says ok, diverged, step_limit,
        invalid_input, or left_domain (a warning: the values stay, ``left_domain_time`` says when the states left the
        training box widened by half its width on each side).
    """
    if not isinstance(model, Model):
        raise TypeError(f"model must be a fitted Model, got {type(model).__name__}; load a file with load_model(path)")
    starts, origin, ids, own = _starts(model, initial, start, trajectories, checked_seed(seed))
    spacing = model.facts.get("dt") or 1.0
    if own is not None and duration is None and dt is None and times is None:
        times = own
    elif own is not None and len(own) > 1 and dt is None and times is None:
        spacing = float(np.median(np.diff(own)))
    length = own[-1] if own is not None and own[-1] > 0 else 100 * spacing
    job = Forecast(
        model=model,
        times=_relative(saved_times(duration, dt, times, default_duration=length, default_dt=spacing)),
        starts=starts,
        origin=origin,
        ids=ids,
        members=_members(model, members),
        solver={"method": method, "step": step, "threads": workers},
        seed=seed,
    )
    return computed(job, f"forecasting with {model.name}", store=store, memory=memory, progress=progress)


@dataclass(frozen=True)
class Forecast:
    """One call of `forecast`, every argument resolved; each path depends on (seed, id, member) alone."""

    model: Model
    times: np.ndarray  # (time,) since the start
    starts: np.ndarray  # (trajectory, component)
    origin: np.ndarray  # (trajectory,) time of the start
    ids: np.ndarray  # (trajectory,)
    members: int | None
    solver: Mapping[str, Any]
    seed: int

    @property
    def count(self) -> int:
        """Number of trajectories."""
        return len(self.ids)

    def piece(self, low: int, high: int) -> Piece:
        """Everything about trajectories low..high-1."""
        ids, starts, members = self.ids[low:high], self.starts[low:high], self.members or 1
        # a path's stream is a function of (id, member): member 0 is the path without members
        paths = (ids[:, None] + (np.arange(members, dtype=np.int64) << 32)).ravel()
        states, status, method = self._paths(np.repeat(starts, members, axis=0), paths)
        left = self._left_domain(states)
        status = np.where((status == Status.OK) & np.isfinite(left), Status.LEFT_DOMAIN, status).astype(np.int8)
        result = {"y": states, "status": status, "left": left}
        energy = getattr(self.model, "energy", None)
        if energy is not None:
            result["energy"] = np.asarray(energy(states))
        if self.members is not None:
            result = {key: value.reshape(len(ids), members, *value.shape[1:]) for key, value in result.items()}
        return Piece({"ids": ids, "origin": self.origin[low:high], **result}, method)

    def _paths(self, y0: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        seed = stream(self.seed, "forecast")
        if type(self.model).kernel is Model.kernel:
            states, status = self.model.predict(y0, self.times, ids, seed)
            bad = ~np.isfinite(y0).all(axis=1)
            status = np.where(bad, np.int8(Status.INVALID_INPUT), status).astype(np.int8)
            own = {"method": "predict", "method_reason": "the model brings its own prediction"}
            return np.where(bad[:, None, None], np.nan, states), status, own
        kernel = self.model.kernel()
        options = dict(self.solver)
        symplectic = kernel.kind == "separable" or kernel.facts.get("hamiltonian")
        if symplectic and options["step"] is None and len(self.times) > 1:
            # with the spacing of the saved times itself, one would see the solver, not the model
            options["step"] = np.diff(self.times).min() / SUBSTEPS
        solution = solve(kernel, self.times, y0, ids=ids, seed=seed, **options)
        return solution.states, solution.status, said(solution)

    def _left_domain(self, states: np.ndarray) -> np.ndarray:
        """Time at which each path first leaves the widened training box; NaN where it never does."""
        low, high = self.model.low, self.model.high
        if not low.size:
            return np.full(len(states), np.nan)
        margin = DOMAIN_MARGIN * (high - low)
        outside = ((states < low - margin) | (states > high + margin)).any(axis=-1)  # NaN is not outside
        return np.where(outside.any(axis=1), self.times[outside.argmax(axis=1)], np.nan)

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""
        facts, arrays = self.model.facts, piece.arrays
        shared = np.ptp(self.origin) == 0
        diagnostics = {}
        if "energy" in arrays:
            diagnostics["energy"] = (arrays["energy"], str(facts.get("energy_units", "1")), "learned energy")
        return dataset.build(
            t=self.origin[0] + self.times if shared else arrays["origin"][:, None] + self.times,
            y=arrays["y"],
            states=self.model.states,
            time_unit=str(facts.get("time_unit", "1")),
            ids=arrays["ids"],
            status=arrays["status"],
            diagnostics=diagnostics,
            left_domain_time=arrays["left"],
            lead=True,
            attrs=self._attrs(piece.said),
        )

    def plan(self) -> dict[str, Any]:
        """See Job."""
        knowledge = [getattr(self.model, field.name) for field in fields(self.model)]
        return {
            "verb": "forecast",
            "estimator": self.model.name,
            "trajectories": self.count,
            "members": self.members,
            "seed": self.seed,
            "options": {key: value for key, value in self.solver.items() if key != "threads"},
            "content": digest(self.times, self.starts, self.origin, self.ids, *knowledge),
        }

    def _attrs(self, method: Mapping[str, Any]) -> dict[str, Any]:
        model = self.model
        return {
            "title": f"Forecast with {type(model).__name__}",
            "system": model.facts.get("system", ""),
            "facts": {key: value for key, value in model.facts.items() if not key.endswith("_version")},
            "parameters": model.facts.get("parameters", {}),
            "estimator": model.name,
            **method,
            "seed": self.seed,
            "history": history(f"forecast with {model.name}"),
        }


def _starts(
    model: Model, initial: Any, start: str | float, trajectories: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Starts, their times, their ids, and the relative times of the data if they are to be followed."""
    if isinstance(initial, xr.Dataset):
        return _from_data(model, initial, start)
    if start != "first":
        raise ValueError(f"start={start!r} chooses a state of a Dataset, but initial is a {type(initial).__name__}")
    if isinstance(initial, Box) or callable(initial):
        ids = np.arange(trajectories, dtype=np.int64)
        rows = sampled_starts(initial, model.states, ids, stream(seed, "starts"))
    else:
        rows = np.atleast_2d(start_array(initial, model.states))
        ids = np.arange(len(rows), dtype=np.int64)
    return rows, np.zeros(len(rows)), ids, None


def _from_data(
    model: Model, data: xr.Dataset, start: str | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    samples = dataset.pack(data)
    given, expected = [s.name for s in samples.states], [s.name for s in model.states]
    if given != expected:
        raise ValueError(f"the model forecasts {', '.join(expected)}, but initial holds {', '.join(given)}")
    dataset.check_time_units(model.facts.get("time_unit"), samples.facts.get("time_unit"))
    rows = np.arange(len(samples.y))
    if start == "first":
        index = np.zeros(len(rows), np.int64)
    elif start == "last":
        index = np.maximum(samples.length - 1, 0)
    elif isinstance(start, str):
        raise ValueError(f"start must be 'first', 'last' or a time, got {start!r}")
    else:
        distance = np.abs(samples.t - float(start))
        index = np.nanargmin(distance, axis=1)
        tolerance = 1e-9 * max(abs(float(start)), 1.0)
        if np.any(distance[rows, index] > tolerance):
            raise ValueError(
                f"start={start:g} is not a time of the data, which run from {np.nanmin(samples.t):g} to"
                f" {np.nanmax(samples.t):g}; choose one of them"
            )
    origin = samples.t[rows, index]
    follow = samples.t - origin[:, None]
    same = samples.t.shape[1] > 1 and np.allclose(follow, follow[:1], rtol=0, atol=1e-9 * max(1.0, np.nanmax(follow)))
    own = follow[0] if start == "first" and same else None
    return samples.y[rows, index], origin, samples.ids, own


def _members(model: Model, members: int | None) -> int | None:
    if members is None:
        return None
    if isinstance(members, bool) or int(members) != members or members < 1:
        raise ValueError(f"members must be a positive integer, got {members!r}")
    if not model.stochastic:
        raise ValueError(
            f"{type(model).__name__} is deterministic, so it has no members; fit an Ensemble of it to get some"
        )
    return int(members)


def _relative(times: np.ndarray) -> np.ndarray:
    if times[0] != 0:
        raise ValueError(f"times of a forecast are relative to its start, so the first must be 0, got {times[0]:g}")
    return times
