"""How to integrate: what a caller may ask for, the method that this leads to with its reason, and its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dynsamp.arguments import check_flags, real_number, whole_number
from dynsamp.limits import MOST_STEPS, check_steps
from dynsamp.solve.delays import delayed_schedule
from dynsamp.solve.events import Event
from dynsamp.solve.kernel import History, InitialValueProblem, Kernel, diffusion_values
from dynsamp.words import nearest, quoted

if TYPE_CHECKING:
    from dynsamp.kernels.methods import Method
    from dynsamp.kernels.problem import Schedule

TOLERANCE = 1e-9
"""Of a solution about which nothing else is known."""
CHAOTIC_TOLERANCE = 3e-14
"""Of a chaotic system, which amplifies every error: the tightest that float64 supports."""
TRUTH_TOLERANCE = 1e-12
"""Of a truth that models are held against, and of the times at which it crosses surfaces."""
SPECTRUM_TOLERANCE = 1e-9
"""Of Lyapunov spectra, chaotic or not: an average over an attractor needs no single path to be followed for long."""

_ROUGH = 1e-12  # rtol from which saved times are interpolated
_MOST = 1 << 23  # nodes times noises of a cell that the counters of random numbers can tell apart
_NEAR = 1e-6  # of a step
_EVEN = 1e-6  # relative difference of spacings that are taken as equal
_STARTS, _SHIFT, _CHANGE = 4, 1e-4, 1e-6  # starts at which noise is looked at, how far beside, and what counts


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to integrate. None leaves a choice to the kernel and its facts.

    Parameters
    ----------
    method : str, optional
        One of ``dynsamp/solve/README.md``, such as "dop853", "radau5", "rk4", "blanes_moan6", "gauss_legendre8" or
        "euler_maruyama"; by default the kind of kernel and its facts decide, and ``reason`` says so.
    reason : str
        Why this method, where somebody else than the user has chosen it.
    step : float, optional
        Longest internal step of a fixed-step method, which takes a whole number of equal steps between saved times;
        by default the spacing of the times, the median of uneven ones, or what a learned law allows. Saved times that
        lie closer than a step have one of their own between them. More than 10^12 steps, of all trajectories together,
        are refused.
    path_step : float, optional
        Build the Brownian path on cells of this length, counted from the first time, and refine it below: solutions
        with ``step`` = path_step, path_step / 2, path_step / 4, ... see the same path. Saved times must be
        multiples of the step. By default each step has its own normals, at less cost.
    rtol, atol : float, optional
        Tolerances of the adaptive methods: 1e-9, or 3e-14 for chaotic systems.
    max_steps : int
        Steps of an adaptive method after which a trajectory is given up.
    dense : bool, optional
        Whether dop853, tsit5 and radau5 interpolate at saved times inside a step (the steps are then short enough for
        the interpolant to meet the tolerances) or shorten the step to land on each. By default they interpolate if
        there are saved times before the last, and rtol is at least 1e-12: below, landing is more accurate.
    compensated : bool, optional
        Whether a fixed-step method carries what rounding cuts off into the next step: rounding errors of a long run
        then grow like those of a random walk, at a third to a half of the speed where steps are cheap. By default
        implicit methods do, for they hardly notice, and explicit ones do not.
    history : optional
        The past of a kernel with delays, in place of the kernel's own.
    events : sequence of Event
        Functions of the trajectory whose changes of sign are found.
    max_events : int, optional
        Crossings of an event that are recorded for a trajectory: by default 1000, fewer for very many trajectories.
    dtype : {"float64", "float32"}, optional
        Of the saved states, where no array is given to write to; the arithmetic is float64.
    threads : int, optional
        By default ``DYNSAMP_THREADS``, or all processors. No result depends on it.

    Raises
    ------
    TypeError, ValueError
        For a value that no method could use.
    """

    method: str | None = None
    reason: str = ""
    step: float | None = None
    path_step: float | None = None
    rtol: float | None = None
    atol: float | None = None
    max_steps: int = 1_000_000
    dense: bool | None = None
    compensated: bool | None = None
    history: History = None
    events: Sequence[Event] = ()
    max_events: int | None = None
    dtype: Literal["float64", "float32"] | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.events, Sequence):
            raise TypeError(f"events must be a sequence of Event(function, ...), got {quoted(self.events)}")
        object.__setattr__(self, "events", tuple(self.events))
        check_flags(dense=self.dense, compensated=self.compensated)
        if self.method is not None and not isinstance(self.method, str):
            raise TypeError(f"method must be a name, got {quoted(self.method)}")
        for event in self.events:
            if not isinstance(event, Event):
                raise TypeError(f"events must be Event(function, ...), got {quoted(event)}")
        for name in ("step", "path_step", "rtol", "atol"):
            value = getattr(self, name)
            if value is not None and type(value) is not float:
                object.__setattr__(self, name, real_number(name, value))
        for name, width in (("step", self.step), ("path_step", self.path_step)):
            if width is not None and not 0 < width < float("inf"):
                raise ValueError(f"{name} must be positive, got {width}")
        for name, value, good in (
            ("rtol", self.rtol, self.rtol is None or 1e-15 <= self.rtol < 1),
            ("atol", self.atol, self.atol is None or 0 < self.atol < float("inf")),
        ):
            if not good:
                raise ValueError(f"tolerances must be 1e-15 <= rtol < 1 and atol > 0, got {name}={value:g}")
        for name in ("max_steps", "max_events", "threads"):
            value = getattr(self, name)
            if value is not None and not (type(value) is int and 1 <= value <= MOST_STEPS):
                object.__setattr__(self, name, whole_number(name, value))
        if self.max_steps > MOST_STEPS:
            raise ValueError(f"max_steps may be at most {MOST_STEPS:.0e}, got {self.max_steps}")

    def tolerances(self, kernel: Kernel) -> tuple[float, float]:
        """Relative and absolute, of an adaptive method."""
        default = CHAOTIC_TOLERANCE if kernel.chaotic else TOLERANCE
        rtol = default if self.rtol is None else float(self.rtol)
        return rtol, min(default, rtol) if self.atol is None else float(self.atol)


def asked(options: Options | None, given: Mapping[str, Any]) -> Options:
    """Options with further fields by keyword; what is None keeps its default.

    Raises
    ------
    TypeError
        For a keyword that is no option.
    """
    known = [field.name for field in fields(Options)]
    for name in given:
        if name not in known:
            raise TypeError(f"a solver has no option {name!r} (it has: {', '.join(known)}){nearest(name, known)}")
    changes = {name: value for name, value in given.items() if value is not None}
    if isinstance(changes.get("events"), Event):
        changes["events"] = [changes["events"]]
    return Options(**changes) if options is None else replace(options, **changes)


def _chosen(kernel: Kernel, options: Options) -> tuple[str, str]:
    """Method for a kernel, and one sentence why.

    Raises
    ------
    ValueError
        If the method that was asked for does not solve this kind of kernel.
    """
    from dynsamp.kernels.methods import METHODS

    method = options.method
    if method is not None:
        kind = "delay" if len(kernel.delays) else kernel.kind
        known = [name for name, entry in METHODS.items() if kind in entry.kinds]
        if method not in known:
            raise ValueError(
                f"method {quoted(method)} does not solve a {kind} kernel; choose from {', '.join(known)}"
                f"{nearest(method, known)}"
            )
        return (method, options.reason or f"{method}: asked for")
    if len(kernel.delays):
        return ("rk4_delay", "rk4_delay: the method of steps, for a right-hand side that sees the past")
    if kernel.kind == "map":
        return ("map", "map: the system is iterated")
    if kernel.kind == "sde":
        return ("euler_maruyama", "euler_maruyama: the system is a stochastic differential equation")
    if kernel.stiff:
        return ("radau5", "radau5: the system is stiff, and an implicit method takes steps as its path allows")
    if options.rtol is not None or options.atol is not None:
        return ("dop853", "dop853: tolerances were given, and it controls its error")
    if kernel.kind == "separable":
        return ("blanes_moan6", "blanes_moan6: H = T(p) + V(q), and a symplectic method keeps its energy bounded")
    if kernel.hamiltonian:
        return ("gauss_legendre8", "gauss_legendre8: the system is Hamiltonian, and it is symplectic for any H")
    if kernel.chaotic:
        return ("dop853", "dop853: the system is chaotic, so errors are kept as small as float64 permits")
    return ("dop853", "dop853: adaptive steps of order 8 suit a smooth right-hand side")


@dataclass(frozen=True)
class Plan:
    """What options mean for one initial value problem."""

    method: str
    reason: str  # one sentence, for the attributes of every Dataset
    schedule: Schedule
    used: Mapping[str, float]  # step, or rtol and atol, for the attributes of the result


def planned(task: InitialValueProblem, options: Options) -> Plan:
    """Choose the method and what its driver is given beside the problem.

    Raises
    ------
    ValueError
        For options that the method cannot use, noise that it was not made for, and times that its steps do not reach.
    """
    from dynsamp.kernels.methods import METHODS

    kernel = task.kernel
    method, reason = _chosen(kernel, options)
    entry = METHODS[method]
    if method in ("sri1", "sra1", "milstein"):
        _check_noise(kernel, method, float(task.times[0]), task.y0)
    if options.compensated and not entry.sums:
        raise ValueError(
            f"compensated sums belong to methods that take equal steps, {method} does not add up its steps so;"
            " leave compensated= out"
        )
    if len(kernel.delays):
        width = usual_step(task.times) if options.step is None else float(options.step)
        schedule, used = delayed_schedule(kernel, task.times, task.y0, width, options.history)
    elif entry.adaptive:
        schedule, used = _adaptive(task, entry, options)
    else:
        if options.dense is not None:
            raise ValueError(f"dense= belongs to adaptive methods, {method} steps to the saved times; leave it out")
        schedule, used = _fixed(task, options)
    compensated = entry.implicit if options.compensated is None else bool(options.compensated)
    return Plan(method, reason, replace(schedule, compensated=compensated), used)


def _adaptive(task: InitialValueProblem, entry: Method, options: Options) -> tuple[Schedule, dict[str, float]]:
    """Tolerances, and whether saved times are interpolated.

    Below an rtol of 1e-12 the steps to saved times are more accurate: there is no tolerance left for the error of an
    interpolant. Tangent vectors change where they are saved, so steps end there.
    """
    from dynsamp.kernels.problem import Schedule

    rtol, atol = options.tolerances(task.kernel)
    several = len(task.times) > 2 and rtol >= _ROUGH
    dense = (
        entry.interpolates and not task.problem.columns and (several if options.dense is None else bool(options.dense))
    )
    substeps = np.ones(len(task.times) - 1, dtype=np.int64)
    schedule = Schedule(task.times, substeps, np.array([rtol, atol]), options.max_steps, dense)
    return schedule, {"rtol": rtol, "atol": atol}


def _fixed(task: InitialValueProblem, options: Options) -> tuple[Schedule, dict[str, float]]:
    """Steps in each interval between saved times."""
    from dynsamp.kernels.problem import Schedule

    kernel, times = task.kernel, task.times
    if options.path_step is None:
        counts, width = _substeps(kernel, times, options.step)
        _check_ends(task, counts, width)
        return Schedule(times, counts.astype(np.int64), np.empty(2), options.max_steps), {"step": width}
    counts, depth, width = _refined(kernel, times, options.step, options.path_step)
    _check_ends(task, counts, width)
    substeps = counts.astype(np.int64)
    schedule = Schedule(times, substeps, np.empty(2), options.max_steps, more={"depth": depth})
    return schedule, {"step": width, "path_step": float(options.path_step)}


def _check_ends(task: InitialValueProblem, counts: np.ndarray, width: float) -> None:
    many, span = len(task.y0), task.times[-1] - task.times[0]
    check_steps(
        float(counts.sum()) * max(many, 1),
        f"{many} trajectories of length {span:g} in steps of {width:g}",
        "lengthen step (a map's dt), shorten the times, or take fewer trajectories",
    )


def usual_step(times: np.ndarray, scale: float | None = None, parts: int = 1) -> float:
    """Step where none is asked for: the spacing of the saved times in so many parts, at most ``scale``.

    Of uneven times, whose smallest gap says how closely somebody looks and nothing of the equations, the median counts;
    ``scale`` is a time over which what moves the states is known to be smooth, such as the spacing of the data.
    """
    spans = np.diff(times)
    if not len(spans):
        return 1.0
    shortest = float(spans.min())
    spacing = shortest if spans.max() <= shortest * (1 + _EVEN) else float(np.median(spans))
    return min(spacing / parts, scale) if scale else spacing / parts


def _substeps(kernel: Kernel, times: np.ndarray, step: float | None) -> tuple[np.ndarray, float]:
    """Steps in each interval, as floats, and the longest allowed."""
    spans = np.diff(times)
    width = kernel.dt if kernel.kind == "map" else step
    if kernel.kind == "map" and (width is None or (step is not None and step != width)):
        raise ValueError(f"a map advances by its own dt = {kernel.dt}, but step = {step}; give a Kernel with dt=")
    if width is None:
        width = usual_step(times, kernel.longest)
    if not 0 < width < float("inf"):
        raise ValueError(f"step must be positive, got {width}")
    with np.errstate(over="ignore"):  # too many steps to count are refused
        ratio = np.minimum(spans / width, 1e300)
    if kernel.kind == "map" and np.any(np.abs(ratio - np.rint(ratio)) > 1e-6 * np.maximum(ratio, 1.0)):
        n = int(np.argmax(np.abs(ratio - np.rint(ratio))))
        raise ValueError(
            f"a map with dt = {width:g} cannot reach times[{n + 1}] = {times[n + 1]:g} from {times[n]:g};"
            " save at multiples of dt"
        )
    counts = np.rint(ratio) if kernel.kind == "map" else np.ceil(ratio - 1e-9 * np.maximum(ratio, 1.0))
    return np.maximum(counts, 1), float(width)


def _refined(kernel: Kernel, times: np.ndarray, step: float | None, path_step: float) -> tuple[np.ndarray, int, float]:
    """Steps in each interval (time - 1,), as floats, halvings of a cell of the Brownian path, and the step."""
    if kernel.kind != "sde":
        raise ValueError(f"path_step refines the noise of an sde kernel, this one is {kernel.kind!r}; leave it out")
    if len(kernel.functions) > 2:
        raise ValueError("path_step refines Brownian paths, but this kernel jumps, too; leave it out")
    step = path_step if step is None else step
    depth = round(float(np.log2(max(min(path_step / step, 2.0**60), 2.0**-60))))
    if depth < 0 or abs(step * 2.0**depth - path_step) > _NEAR * step:
        raise ValueError(f"step must be path_step = {path_step:g} halved any number of times, got {step:g}")
    if (kernel.noise if isinstance(kernel.noise, int) else 1) << depth >= _MOST:
        raise ValueError(f"step = {step:g} is too small a part of path_step = {path_step:g}; shorten path_step")
    counts = (times - times[0]) / step
    wrong = np.abs(counts - np.rint(counts)) > _NEAR * np.maximum(counts, 1.0)
    if np.any(wrong):
        n = int(np.argmax(wrong))
        raise ValueError(
            f"times[{n}] = {times[n]:g} is not a multiple of step = {step:g} after times[0] = {times[0]:g}, as"
            " path_step= needs; save at multiples"
        )
    return np.diff(np.rint(counts)), depth, float(step)


def _check_noise(kernel: Kernel, method: str, t: float, y0: np.ndarray) -> None:
    """Refuse noise that would cost a method its order, as seen at the first starts.

    Raises
    ------
    ValueError
        sri1 with several noises that are not diagonal, sra1 with noise that depends on the state, milstein with
        noises that do not commute.
    """
    several = isinstance(kernel.noise, int) and kernel.noise > 1
    if method == "sri1" and several:
        raise ValueError(
            f"sri1 takes diagonal noise or one Wiener process, this kernel has {kernel.noise}; use sra1 if the noise is"
            " additive, or platen_weak, or euler_maruyama"
        )
    y = y0[np.isfinite(y0).all(axis=1)][:_STARTS]
    if not len(y) or method == "sri1" or (method == "milstein" and not several) or kernel.inputs:
        return
    theta = kernel.theta if kernel.theta.ndim == 1 else kernel.theta[0]
    size = _SHIFT * np.maximum(1.0, np.abs(y).max())
    g = diffusion_values(kernel, t, y, theta)
    scale = max(np.abs(g).max(), 1e-300)
    if method == "sra1":
        shift = np.cos(np.arange(1, y.shape[1] + 1))  # no symmetry hides in it
        change = np.abs(diffusion_values(kernel, t, y + size * shift, theta) - g).max()
        if change > _CHANGE * size * scale:
            raise ValueError("sra1 is for additive noise, but the diffusion depends on the state; use sri1 or milstein")
        return
    # L^j b^k = (b^j . grad) b^k by central differences
    ways = [
        (
            diffusion_values(kernel, t, y + size * g[..., j] / scale, theta)
            - diffusion_values(kernel, t, y - size * g[..., j] / scale, theta)
        )
        / (2 * size)
        for j in range(g.shape[-1])
    ]
    bracket = max(np.abs(ways[j][..., k] - ways[k][..., j]).max() for j in range(len(ways)) for k in range(j))
    if bracket > 1e3 * _CHANGE * max(np.abs(way).max() for way in ways):
        raise ValueError(
            "milstein needs noises that commute (L^j b^k = L^k b^j), and those of this kernel do not; use"
            " euler_maruyama, or platen_weak for means"
        )
