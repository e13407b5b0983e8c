"""Rounds of Gauss and Newton's method on an energy: what they share, and the best field so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_fit import refit
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.linear_rows import Trajectories
from dynsamp.networks.motion import Motion, Potential

__all__ = ["FIRST_GOAL", "Fit", "Work"]

FIRST_GOAL = 1e-6  # relative error of a fit that the truth does not solve exactly: the first one, or one of noise
LIMITING = 3.0  # times the goal: an error of the linear fits above it is that of the neurons
FEWEST_OF_LATTICE = 100  # intervals
GAIN = 0.5  # a round must lower the gaps so much

Fit = Callable[[Gradients, float], EnergyFit]  # (data, tolerance)


@dataclass
class Work:
    """Everything that the rounds share."""

    data: Trajectories
    disturbance: Disturbance
    fit: Fit
    half_width: np.ndarray
    seed: int
    goal: float
    regularisation: float | None
    memory: int | None
    lattice: Lattice | None = None
    found: EnergyFit | None = None
    gap: float = np.inf
    rounds: int = 0
    fresh: bool = True  # whether the neurons are new: their first flow may be no better
    kept: tuple[float, EnergyFit, Disturbance] | None = field(default=None)

    def motion(self) -> Motion:
        """The field as it is known now."""
        assert self.found is not None
        now = self.disturbance
        every = np.arange(len(now.canonical))
        energy: Potential = self.found.energy if self.lattice is None else self.lattice.whole(self.found.energy)
        return Motion([(every, energy)], now.matrix, now.unknowns, now.present, now.inputs)

    def search(self, data: Gradients, tolerance: float) -> None:
        """A fit with neurons chosen anew; its other unknowns become the disturbance."""
        data = self._of_law(data)
        self._take(data, self.fit(data, tolerance))

    def improve(self, data: Gradients, goal: float, *, search: bool = True) -> None:
        """One round: with the neurons as they are, or with better ones where these are what limits."""
        assert self.found is not None
        rows = self._of_law(data)
        found = refit(self.found, rows, regularisation=self.regularisation, memory=self.memory)
        self.rounds += 1
        if search and found.solution.gcv[0] > LIMITING * goal:
            self.search(data, goal)
            self.fresh = True
        else:
            self._take(rows, found)
            self.fresh = False

    def _of_law(self, data: Gradients) -> Gradients:
        """Equations for what is fitted: E, or the law of which it is the sum over a lattice."""
        return data if self.lattice is None else self.lattice.rows(data, seed=self.seed)

    def intervals(self, count: int) -> int:
        """As many intervals as have the equations of so many in a plane; each of a lattice tells of all its sites."""
        return count if self.lattice is None else max(FEWEST_OF_LATTICE, 2 * count // self.lattice.size)

    def _take(self, data: Gradients, found: EnergyFit) -> None:
        self.found = found
        self.disturbance = self.disturbance.learned(found.solution.coefficients[: len(data.others), 0])

    def keep(self, gap: float) -> bool:
        """Remember the field if it is the best so far; whether it gained enough to go on."""
        assert self.found is not None
        worthwhile = self.fresh or self.kept is None or gap < GAIN * self.kept[0]
        if self.kept is None or gap < self.kept[0]:
            self.kept = (gap, self.found, self.disturbance)
        self.gap = gap
        return worthwhile

    def forget(self) -> None:
        """Start to compare anew."""
        self.kept = None

    def restore(self) -> None:
        """Back to the best field."""
        assert self.kept is not None
        self.gap, self.found, self.disturbance = self.kept
