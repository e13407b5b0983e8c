"""The verb `forecast`: a fitted model run forward, with a status per trajectory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.arguments import check_counts, check_flags, real_number, whole_number
from dynsamp.kernels.methods import METHODS
from dynsamp.limits import check_bytes, spoken_bytes
from dynsamp.metrics.returns import turns
from dynsamp.models.base import HasClock, HasEnergy, HasInputs, HasSites, Model
from dynsamp.solve import Kernel, Options, solve, statistics
from dynsamp.solve.options import usual_step
from dynsamp.solve.statistics import strayed
from dynsamp.streams import checked_seed, stream
from dynsamp.words import Status, quoted
from dynsamp.workflow.chunks import Piece, Store, computed
from dynsamp.workflow.identity import Told, span
from dynsamp.workflow.signals import Signal, Signals, signals_of_model
from dynsamp.workflow.starts import Starts, forecast_starts, of_size, saved_times

DOMAIN_MARGIN = 0.5  # of the training box, on each side: beyond, a forecast has left the domain ...
DIVERGED_WIDTHS = 10.0  # ... and so many widths beyond, it is none
TURNS = 1e7  # after which the phase of an angle has lost half of its digits
MEMBERS = 100  # sample paths of a stochastic forecast ...
ROOM = 1e9  # ... whose states take fewer bytes
SUBSTEPS = 10  # of a symplectic method between saved times ...
OVER = ("trajectory", "member", "time")  # what states can be reduced over
FEWER = {None: 3, "blanes_moan6": 3, "kahan_li8": 3, "gauss_legendre8": 2}  # ... and of those whose steps are longer


def forecast(  # noqa: PLR0913 - a verb
    model: Model,
    initial: Starts,
    *,
    start: str | float = "first",
    duration: float | None = None,
    dt: float | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    members: int | None = None,
    inputs: Mapping[str, Signal] | None = None,
    trajectories: int = 16,
    method: str | None = None,
    step: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    memory: int | None = None,
    verify: bool = True,
    workers: int | None = None,
    reduce: Literal["trajectory", "member", "time"] | None = None,
    dtype: Literal["float64", "float32"] | None = None,
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
        Which state of a Dataset: its first, its last valid one, or that at a time. Where the model took velocities
        from positions, so does the start; they are least certain at the ends of the data.
    duration, dt : float, optional
        Length and spacing of the saved times; default: those of a Dataset (with ``start="first"``), else the
        model's own spacing and a hundred of them. A flow map's ``dt`` is a whole multiple of its own.
    times : array_like, optional
        Saved times relative to the start, instead of ``duration`` and ``dt``; the first is 0.
    members : int, optional
        Number of sample paths of a stochastic model; by default 100, which must be asked for where their states take
        more than 1 GB.
    inputs : mapping of str to (times, values), optional
        External signals of a model that has them, values (time,) or (trajectory, time), linear between the times, which
        are on the clock of the data. By default those in a Dataset.
    trajectories : int
        How many starts to draw from a Box.
    method, step : optional
        Solver; default: the one that suits the model, for a Hamiltonian a symplectic one with several steps a saved
        interval (the median one, where they are uneven), none of them longer than the spacing of the data.
    seed : int
        Of sample paths and of starts drawn from a Box.
    store : path, optional
        Write a zarr store in chunks, resumable after an interruption, and return it opened: for results larger than
        memory. A store that is there is resumed, or returned, if it was begun with the same model, arguments and
        versions; else it is refused, with what differs.
    memory : int, optional
        Bytes that the chunks of a store may take at a time.
    verify : bool
        Compare what such a store already holds with its checksums, and compute what is damaged again.
    workers : int, optional
        Threads; default: all cores. Results do not depend on it.
    reduce : {"trajectory", "member", "time"}, optional
        Return mean, standard deviation, smallest and largest value over trajectories, over the members of each, or
        over time, instead of states: a million trajectories then need the memory of one.
    dtype : {"float64", "float32"}, optional
        Of the saved states; the arithmetic is float64.
    progress : bool, optional
        Show progress; default: on a terminal.

    Returns
    -------
    Dataset
        States over (trajectory, [member,] time), NaN after a failure; ``status`` says ok, diverged, step_limit,
        invalid_input, or left_domain (a warning: the values stay, ``left_domain_time`` says when the states left the
        training box widened by half its width on each side). A state ten widths beyond the training box has
        diverged; where the start lies outside, the box is first widened, by one factor, until it holds the start. An
        angle does not diverge by turning round, nor a component that never changed in training. With
        ``reduce``, ``<state>_mean``, ``_std``, ``_min``, ``_max`` and the ``number`` of values behind them.
    """
    if not isinstance(model, Model):
        raise TypeError(f"model must be a fitted Model, got {type(model).__name__}; load a file with load_model(path)")
    if isinstance(model, HasSites):
        model = of_size(model, initial)
    duration = None if duration is None else real_number("duration", duration)
    starts, origin, ids, own = forecast_starts(model, initial, start, trajectories, checked_seed(seed))
    kernel = model.kernel() if model.has_kernel else None
    spacing = model.facts.dt or 1.0
    if own is not None and duration is None and dt is None and times is None:
        times = own
    elif own is not None and len(own) > 1 and dt is None and times is None:
        spacing = float(np.median(np.diff(own)))
    continuous = kernel is not None and kernel.kind != "map"
    if duration is not None and dt is None and times is None and 0 < spacing < duration < np.inf and continuous:
        whole = duration / round(duration / spacing)
        if abs(whole - spacing) > 1e-9 * spacing:
            spacing = whole  # the median of uneven steps, say, divides nothing
    length = own[-1] if own is not None and own[-1] > 0 else 100 * spacing
    saved = saved_times(duration, dt, times, default_duration=length, default_dt=spacing)
    if saved[0] != 0:
        raise ValueError(f"times of a forecast are relative to its start, so the first must be 0, got {saved[0]:g}")
    check_counts(workers=workers, memory=memory)
    check_flags(progress=progress, verify=verify)
    options = Options(method=method, step=step, threads=workers, dtype=dtype)
    if kernel is not None and step is None and len(saved) > 1:
        options = replace(options, step=_own_step(model, kernel, saved, method))
    job = Forecast(
        model=model,
        kernel=kernel,
        times=saved,
        signals=signals_of_model(model, initial, inputs, origin) if isinstance(model, HasInputs) or inputs else None,
        starts=starts,
        origin=origin,
        ids=ids,
        members=_member_count(model, kernel, members, room=8 * len(ids) * len(saved) * model.size),
        options=options,
        seed=seed,
    )
    if reduce is not None:
        if not isinstance(reduce, str) or reduce not in OVER:
            raise ValueError(f"reduce must be one of {', '.join(OVER)}, got {quoted(reduce)}")
        if store is not None:
            raise ValueError(
                "statistics are small; leave store= out with reduce=, and save the Dataset that is returned"
            )
        return job.reduced(reduce)
    place = None if store is None else Store(store, memory, verify)
    return computed(job, f"forecasting with {model.name}", place, progress)


def _own_step(model: Model, kernel: Kernel, saved: np.ndarray, method: str | None) -> float | None:
    """Step of a fixed-step method: no longer than the spacing of the data, over which the model was learned."""
    if kernel.kind == "separable" or kernel.hamiltonian:
        # with the spacing of the saved times itself, one would see the solver, not the model
        return usual_step(saved, model.facts.dt, FEWER.get(method, SUBSTEPS))
    fixed = kernel.kind == "sde" or (method in METHODS and not METHODS[method].adaptive)
    return usual_step(saved, kernel.longest or model.facts.dt) if fixed and kernel.kind != "map" else None


def _member_count(model: Model, kernel: Kernel | None, members: int | None, *, room: int) -> int | None:
    """Checked number of sample paths, of which one of each trajectory takes ``room`` bytes."""
    stochastic = model.stochastic if kernel is None else kernel.kind == "sde" or bool(kernel.noise)
    if members is None:
        if stochastic and room * MEMBERS > ROOM:
            raise ValueError(
                f"{MEMBERS} sample paths, the default, would take {spoken_bytes(room * MEMBERS)}; say how many with"
                f" members=, such as members={max(1, int(ROOM // room))}"
            )
        return MEMBERS if stochastic else None
    count = whole_number("members", members)
    if not stochastic:
        raise ValueError(
            f"{type(model).__name__} is deterministic, so it has no members; leave members= out, or fit a stochastic"
            " model such as DriftDiffusion()"
        )
    return count


@dataclass(frozen=True)
class Forecast:
    """One call of `forecast`, every argument resolved; each path depends on (seed, id, member) alone."""

    model: Model
    kernel: Kernel | None
    times: np.ndarray  # (time,) since the start
    starts: np.ndarray  # (trajectory, component)
    origin: np.ndarray  # (trajectory,) time of the start
    ids: np.ndarray  # (trajectory,)
    members: int | None
    options: Options
    seed: int
    signals: Signals | None = None  # since the start: times (n,), values (1 or trajectory, n, input)

    @property
    def count(self) -> int:
        """Number of trajectories."""
        return len(self.ids)

    @property
    def size(self) -> int:
        """Numbers of a trajectory of the result."""
        return (self.members or 1) * len(self.times) * self.model.size

    def piece(self, low: int, high: int) -> Piece:
        """Everything about trajectories low..high-1."""
        ids = self.ids[low:high]
        states, status, method = self._states(*self._paths(low, high), low, high)
        left = self._left_domain(states)
        suspects = np.flatnonzero(np.isfinite(left))
        if suspects.size:
            bounds = self._bounds(self._paths(low, high)[0][suspects])
            states[suspects], status[suspects] = strayed(states[suspects], status[suspects], bounds)
        status = np.where((status == Status.OK) & np.isfinite(left), Status.LEFT_DOMAIN, status).astype(np.int8)
        result = {"y": states, "status": status, "left": left}
        if isinstance(self.model, HasEnergy):
            with np.errstate(invalid="ignore", over="ignore"):  # of paths that ran away
                result["energy"] = np.asarray(self.model.energy(states.astype(float, copy=False)))
        if self.members is not None:
            result = {key: value.reshape(len(ids), self.members, *value.shape[1:]) for key, value in result.items()}
        return Piece({"ids": ids, "origin": self.origin[low:high], **result}, method)

    def reduced(self, over: str) -> xr.Dataset:
        """Mean, standard deviation, smallest and largest value over one dim, in place of states."""
        if over == "member" and self.members is None:
            raise ValueError("reduce='member' is over the sample paths of a stochastic model, and this one has none")
        if self.kernel is None:
            raise ValueError(f"{type(self.model).__name__} brings its own prediction; reduce the Dataset of its states")
        count, members = self.count, self.members or 1
        needed = 8.0 * count * members * (self.starts.shape[1] + 2)
        check_bytes(needed, f"starts of {count} trajectories with {members} members", "take fewer of them")
        y0, paths = self._paths(0, count)
        found = statistics(
            self._kernel(self.kernel, 0, count),
            self.times,
            y0,
            over="time" if over == "time" else "trajectory",
            group=members if over == "member" else None,
            ids=paths,
            seed=stream(self.seed, "forecast"),
            inputs=self._signals(0, count),
            bounds=self._bounds(y0) if self.model.low.size else None,
            options=self.options,
        )
        values = {"mean": found.mean, "std": found.std, "min": found.low, "max": found.high}
        if found.last is not None:
            values["last"] = found.last
        number = found.number[..., 0]  # a value is finite in all components or in none
        dims: tuple[str, ...] = ("trajectory", "time") if over == "member" else ("trajectory",)
        if over == "trajectory":
            values, number, dims = {key: value[0] for key, value in values.items()}, number[0], ("time",)
        elif over == "time" and members > 1:
            values = {key: value.reshape(count, members, -1) for key, value in values.items()}
            number, dims = number.reshape(count, members), ("trajectory", "member")
        return dataset.statistics(
            values,
            over=over,
            dims=dims,
            number=number,
            status=found.status.reshape(count, members) if members > 1 else found.status,
            states=self.model.states,
            times=self.times,
            ids=self.ids,
            time_unit=self.model.facts.time_unit,
            attrs={**self._attrs({}), "method": found.method, "method_reason": found.reason, **found.options},
        )

    def _paths(self, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts and streams of all members: a stream is a function of (id, member), that of member 0 is the id."""
        members = self.members or 1
        paths = (self.ids[low:high, None] + (np.arange(members, dtype=np.int64) << 32)).ravel()
        return np.repeat(self.starts[low:high], members, axis=0), paths

    def _kernel(self, kernel: Kernel, low: int, high: int) -> Kernel:
        """Of trajectories low..high-1; a field with a clock of its own starts at their times."""
        if not isinstance(self.model, HasClock):
            return kernel
        together = np.ptp(self.origin) == 0
        origin = self.origin[:1] if together else np.repeat(self.origin[low:high], self.members or 1)
        return self.model.kernel_from(origin)

    def _signals(self, low: int, high: int) -> Signals | None:
        if self.signals is None or len(self.signals[1]) == 1:
            return self.signals
        return self.signals[0], np.repeat(self.signals[1][low:high], self.members or 1, axis=0)

    def _states(
        self, y0: np.ndarray, ids: np.ndarray, low: int, high: int
    ) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
        seed = stream(self.seed, "forecast")
        if self.kernel is None:
            states, status = self.model.predict(y0, self.times, ids, seed)
            bad = ~np.isfinite(y0).all(axis=1)
            status = np.where(bad, np.int8(Status.INVALID_INPUT), status).astype(np.int8)
            states, status = strayed(np.where(bad[:, None, None], np.nan, states), status)
            own: dict[str, object] = {"method": "predict", "method_reason": "the model brings its own prediction"}
            return states, status, own
        kernel, signals = self._kernel(self.kernel, low, high), self._signals(low, high)
        solution = solve(kernel, self.times, y0, ids=ids, seed=seed, inputs=signals, options=self.options)
        return solution.states, solution.status, solution.about()

    def _left_domain(self, states: np.ndarray) -> np.ndarray:
        """Time at which each path first leaves the widened training box; NaN where it never does."""
        low, high = self.model.low, self.model.high
        if not low.size:
            return np.full(len(states), np.nan)
        margin = DOMAIN_MARGIN * (high - low)
        outside = ((states < low - margin) | (states > high + margin)).any(axis=-1)  # NaN is not outside
        return np.where(outside.any(axis=1), self.times[outside.argmax(axis=1)], np.nan)

    def _bounds(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest states (path, component) of paths that have not diverged."""
        low, high, turn = self.model.low, self.model.high, turns(self.model.states)
        width = np.where(np.isfinite(turn), TURNS * turn, high - low)
        width[width == 0] = np.inf  # it never changed in training: nothing says how far is far
        if self.kernel is not None and self.kernel.chart is not None:
            width[self.kernel.chart.logs] = np.inf  # growth by factors
        with np.errstate(invalid="ignore"):
            outside = np.maximum(np.maximum(low - starts, starts - high) / width, 0.0).max(axis=1, keepdims=True)
            room = (outside + DIVERGED_WIDTHS * (1 + 2 * outside)) * width  # the box, widened until it holds the start
        return low - room, high + room

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""
        facts, arrays = self.model.facts, piece.arrays
        shared = np.ptp(self.origin) == 0
        diagnostics = {}
        if "energy" in arrays:
            diagnostics["energy"] = (arrays["energy"], facts.energy_units, "learned energy")
        return dataset.build(
            t=self.origin[0] + self.times if shared else arrays["origin"][:, None] + self.times,
            y=arrays["y"],
            states=self.model.states,
            time_unit=facts.time_unit,
            ids=arrays["ids"],
            status=arrays["status"],
            diagnostics=diagnostics,
            left_domain_time=arrays["left"],
            lead=True,
            attrs=self._attrs(piece.said),
        )

    def plan(self) -> Told:
        """See Job."""
        plan = Told(verb="forecast", seed=self.seed, members=self.members)
        plan["times"] = span(self.times)
        plan.add_model(self.model)
        plan.add("starts", (self.starts, self.origin, self.ids))
        plan.add("inputs", self.signals)
        plan.update(method=self.options.method, step=self.options.step, dtype=self.options.dtype or "float64")
        return plan

    def _attrs(self, method: Mapping[str, object]) -> dict[str, object]:
        model = self.model
        return {
            "title": f"Forecast with {type(model).__name__}",
            "system": model.facts.system,
            "facts": replace(model.facts, versions={}).to_json(),
            "parameters": dict(model.facts.parameters),
            "estimator": model.name,
            **method,
            "seed": self.seed,
            "history": dataset.history(f"forecast with {model.name}"),
        }
