"""Choosing activation, scale and width by generalised cross validation.

All activations and scales compete at a small width, where a fit costs milliseconds; the winners are carried to
larger widths, where their scales are tuned further (upwards above all: the best scale grows with the width). The
search ends when more neurons stop helping. Nothing is held out, and nothing is known about the system.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.neurons import Activation, Neurons

LINEAR = Neurons(0, "tanh", 1.0)


@dataclass(frozen=True)
class Trial:
    """One fit and its cross-validated error."""

    neurons: Neurons
    error: float  # relative GCV error
    fit: Any  # what the assessment returned

    @property
    def activation(self) -> Activation:
        """Of the neurons."""
        assert self.neurons.activation is not None
        return self.neurons.activation

    @property
    def scale(self) -> float:
        """Of the neurons."""
        assert self.neurons.scale is not None
        return self.neurons.scale

    @property
    def width(self) -> int:
        """Of the neurons."""
        return self.neurons.last


def ladder(width: int | None, rows: int, largest: int = tuning.WIDEST_REGRESSION) -> list[int]:
    """Widths to try: up to ``width`` if given, otherwise doubled from 100, with at least two rows a neuron."""
    if width is not None:  # fits as small as these are cheap, and smaller ones mislead
        least = tuning.DIRECTLY // 2
        return sorted({width} | {w for w in (width // 4, width // 2) if w >= least and width > tuning.DIRECTLY})
    top = max(1, min(largest, rows // 2))
    widths = [w for w in (tuning.FIRST_WIDTH << k for k in range(16)) if w < 0.75 * top]
    return [*widths, top]


Assess = Callable[[Neurons], tuple[float, Any]]  # -> (relative cross-validated error, fit)


@dataclass
class Climb:
    """A search that goes up the widths, rung by rung, and may be left at any of them."""

    assess: Assess
    wanted: Neurons  # what is not None is fixed; the widths come rung by rung
    activations: Sequence[Activation] = tuning.SMOOTH  # those that compete where none is wanted
    goal: float = tuning.EXACT  # relative error that ends the search
    gain: float = tuning.STALL_OF_HARD  # of a hard target: an error that twice the neurons lower less is a stall
    slopes: Mapping[Activation, Sequence[float]] = field(default_factory=lambda: tuning.SLOPES)  # compared at first
    winner: Trial | None = None
    trials: list[Trial] = field(default_factory=list)  # all, without their fits
    leaders: dict[Activation, Trial] = field(default_factory=dict)  # of each activation, at the present width
    stalls: int = 0
    _previous: float = np.inf

    @property
    def lead(self) -> float:
        """Least error at the present width."""
        return min((trial.error for trial in self.leaders.values()), default=np.inf)

    @property
    def finished(self) -> bool:
        """Whether more neurons are not worth their cost: twice as many cost eight times as much."""
        return self.lead <= self.goal or self.stalls > (1 if self.lead > tuning.HARD else 0)

    def up(self, widths: Sequence[int]) -> Trial:
        """Best trial on the way up these widths, or as far as more neurons are worth it."""
        for width in widths:
            self.rung(width, last=width == widths[-1])
            if self.finished:
                break
        assert self.winner is not None
        return self.winner

    def rung(self, width: int, *, last: bool = False, must: bool = False) -> None:
        """Fit with ``width`` neurons: every activation and scale at first, the best ones, tuned further, later.

        ``last`` takes one activation only; ``must`` makes a trial of this width the winner.
        """
        if must:
            self.winner = None
        if not self.leaders:
            for activation in (self.wanted.activation,) if self.wanted.activation else self.activations:
                if self._first(activation, width).error <= self.goal:
                    return
            if last and self.wanted.scale is None:
                first = min(self.leaders.values(), key=lambda trial: trial.error)
                self.leaders[first.activation] = self._tune(first, width, both=True)
        else:
            second = len({trial.width for trial in self.trials}) == 1
            shortlist = sorted(self.leaders.values(), key=lambda trial: trial.error)
            last = last or width > tuning.CARRIED_ALONE
            most = 1 if width > tuning.CARRIED_ALONE else 2 if last or not second else 3
            shortlist = [trial for trial in shortlist if trial.error <= tuning.HOPELESS * self.lead][:most]
            if last and must and self.wanted.scale is None:  # a width that is given is dear, and tuned by half of it
                best = shortlist[0]
                self.leaders = {best.activation: self._attempt(best.activation, self.grown(best), width)}
                return
            self.leaders = {trial.activation: self._tune(trial, width, both=not last) for trial in shortlist}
        stalled = self.lead > (self.gain if self.lead > tuning.HARD else tuning.STALL) * self._previous
        self.stalls = self.stalls + 1 if stalled else 0
        self._previous = min(self.lead, self._previous)

    def _first(self, activation: Activation, width: int) -> Trial:
        """Best scale of the grid: from the typical one upwards, then downwards, while it is not hopeless."""
        grid = sorted(self.slopes[activation]) if self.wanted.scale is None else [self.wanted.scale]
        start = int(np.argmin([abs(np.log(value / tuning.TYPICAL_SLOPES[activation])) for value in grid]))
        for direction in (range(start, len(grid)), range(start - 1, -1, -1)):
            for k in direction:
                trial = self._attempt(activation, grid[k], width)
                leader = min(self.leaders.get(activation, trial), trial, key=lambda trial: trial.error)
                self.leaders[activation] = leader
                if leader.error <= self.goal:
                    return leader
                if trial.error > tuning.HOPELESS * leader.error:
                    break
        return self.leaders[activation]

    def _attempt(self, activation: Activation, scale: float, width: int) -> Trial:
        neurons = replace(self.wanted, width=width, activation=activation, scale=scale)
        error, fit = self.assess(neurons)
        trial = Trial(neurons, float(error) if np.isfinite(error) else np.inf, fit)
        if self.winner is None or trial.error < self.winner.error:
            self.winner = trial
        self.trials.append(replace(trial, fit=None))
        return self.trials[-1]

    def grown(self, start: Trial) -> float:
        """Scale for the next width, if it grows as it did from the width before ``start``."""
        before = [trial for trial in self.trials if trial.activation == start.activation and trial.width < start.width]
        growth = start.scale / min(before, key=lambda trial: trial.error).scale if before else 1.0
        return start.scale * float(np.clip(growth, 1.0, tuning.SLOPE_STEP))

    def _tune(self, start: Trial, width: int, both: bool) -> Trial:
        top = self._attempt(start.activation, start.scale, width)
        if self.wanted.scale is not None:
            return top
        for factor in (tuning.SLOPE_STEP, 1.0 / tuning.SLOPE_STEP) if both else (tuning.SLOPE_STEP,):
            improved = False
            while top.error > self.goal:
                value = top.scale * factor
                if not tuning.SLOPES[top.activation][0] / 2 < value < tuning.SLOPES[top.activation][-1] * 2:
                    break
                other = self._attempt(top.activation, value, width)
                worthwhile = other.error < tuning.TUNING_GAIN * top.error
                if other.error < top.error:
                    top, improved = other, True
                if not worthwhile:
                    break
            if improved:
                break
        return top


def simplest(errors: Sequence[float]) -> int:
    """Number of the first error that is not worse than the least one but by chance; simpler functions come first."""
    return int(np.flatnonzero(np.array(errors) <= tuning.MARGIN * min(errors))[0])
