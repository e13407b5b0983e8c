"""Sampled port-Hamiltonian networks: an energy, what dissipates it, and what drives the system.

y' = (J - R) grad H(y) + B u(t) + F(t). H is a sampled network, R a constant matrix that only takes energy, u are
signals that were recorded, F is a periodic force that was not. From derivatives all of it is one linear fit, from
snapshots a few rounds of Gauss and Newton's method through the flow. What disturbs the system can be changed or taken
away after the fit.

Desai, Mattheakis, Sondak, Protopapas and Roberts (2021), Physical Review E 104, 034312; Eidnes, Stasik, Sterud, Bøhn
and Riemer-Sørensen (2023), Physica D 446, 133673, both by iterative training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Model, Samples
from dynsamp.models.canonical import checked, snapshot_data
from dynsamp.models.energy_estimator import (
    EnergyEstimator,
    Prepared,
    assembled,
    energy_report,
    noise_of,
    pieces,
    pinned,
    summed,
)
from dynsamp.models.port_hamiltonian_model import PortHamiltonianModel
from dynsamp.networks.derivatives import learn_from_derivatives
from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_fit import EnergyFit
from dynsamp.networks.gradients import Gradients, canonical_matrix
from dynsamp.networks.periodic_force import find_frequency
from dynsamp.networks.shooting import Intervals
from dynsamp.networks.snapshots import learn_from_snapshots

__all__ = ["PortHamiltonianModel", "PortHamiltonianNetwork"]

WAYS = ("momenta", "diagonal", "full")


@dataclass(frozen=True)
class PortHamiltonianNetwork(EnergyEstimator):
    """Learn H, dissipation, and how inputs and a periodic force act, from derivatives or from snapshots alone.

    Parameters
    ----------
    dissipation : {"momenta", "diagonal", "full"}, array (component, component), float or None
        R: "momenta" learns friction between all momenta, p' = -dH/dq - R dH/dp; "diagonal" one number for each
        momentum; "full" all entries, also of coordinates, which are not unique where H = V(q) + T(p), as V and T can
        then be scaled against R. A matrix is known and used as it is, a number is a known
        friction of every momentum, None is none. R is symmetric and positive semi-definite in any case.
    force : {"periodic"}, float or None
        A periodic force on all momenta: of an angular frequency that is known (a number, 1 / time unit), or to be
        found ("periodic"). Its phase counts from time zero of the data.
    harmonics : int
        Number of multiples of its frequency.
    input_matrix : array (component, input), optional
        B, where it is known; else all signals may act on all momenta.
    width, activation, scale, sampler, place, length, separable, regularisation, reference, rows, tolerance : optional
        Of the energy: see HamiltonianNetwork.
    symmetries, periodic, quadratic_in_p, polynomial, terms, positions : optional
        The same.

    Examples
    --------
    >>> model = PortHamiltonianNetwork(force="periodic").fit(samples)           # doctest: +SKIP
    >>> model.dissipation, model.frequency                                      # doctest: +SKIP
    >>> model.undisturbed()             # the Hamiltonian system alone          # doctest: +SKIP
    """

    name: ClassVar[str] = "port-hamiltonian"
    Model: ClassVar[type[Model]] = PortHamiltonianModel

    dissipation: Any = "momenta"
    force: str | float | None = None
    harmonics: int = 1
    input_matrix: Sequence[Sequence[float]] | np.ndarray | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.dissipation, str) and self.dissipation not in WAYS:
            raise ValueError(
                f"dissipation must be one of {', '.join(map(repr, WAYS))}, a matrix, a number or None, got"
                f" {self.dissipation!r}"
            )
        known = isinstance(self.force, int | float) and not isinstance(self.force, bool) and 0 < self.force < np.inf
        if self.force is not None and self.force != "periodic" and not known:
            raise ValueError(
                f"force must be 'periodic', an angular frequency or None, got {self.force!r}; a force of any other"
                " shape is an input with a known input_matrix"
            )
        if isinstance(self.harmonics, bool) or int(self.harmonics) != self.harmonics or self.harmonics < 1:
            raise ValueError(f"harmonics must be a whole number of at least 1, got {self.harmonics!r}")

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> PortHamiltonianModel:
        """Fit; ``memory`` bounds the peak in bytes.

        Raises
        ------
        ValueError
            If the data have an odd number of components, values that are not finite, fewer than two points, no change,
            neither derivatives nor trajectories, or a force to be found but no times.
        """
        with Meter() as meter:
            ready = self.prepared(samples)
            disturbance = self._disturbance(ready)
            learned = self._learned(ready, disturbance, seed, memory)
            clipped, changed = learned[1].clipped()
            if changed:  # an energy that fits the nearest R that only takes energy
                learned = self._learned(ready, clipped, seed, memory)
        assert meter.cost is not None
        fit, disturbance, report, y = learned
        energies = pieces(fit.energy, ready)
        inputs = [signal.name for signal in ready.samples.facts.inputs]
        count = 0 if ready.samples.u is None else ready.samples.u.shape[2]
        inputs = inputs if len(inputs) == count else [f"u{k + 1}" for k in range(count)]
        fields = assembled(ready, energies, y)
        inside = ready.samples.inside
        steps = np.diff(ready.samples.t, axis=1)[inside[:, 1:]]
        if steps.size:
            fields["facts"] = replace(fields["facts"], dt=float(np.median(steps)))
        model = PortHamiltonianModel(
            **fields,
            dissipation=_symmetric(disturbance.resistance),
            input_matrix=disturbance.input_matrix(count),
            inputs=inputs,
            frequency=disturbance.frequency or 0.0,
            amplitudes=disturbance.force() if disturbance.frequency else np.empty((0, 0, 2)),
        )
        offset, report["constant"] = pinned(model, self.reference)
        return replace(model, offset=offset, report={**report, **self._said(model, y, changed), **meter.cost.as_dict()})

    def _disturbance(self, ready: Prepared) -> Disturbance:
        """What is known and what is to be learned."""
        canonical = canonical_matrix(ready.pairs)
        size, momenta = len(canonical), [int(k) for k in ready.pairs[1]]
        known, frictions = np.zeros((size, size)), []
        if isinstance(self.dissipation, str):
            which = range(size) if self.dissipation == "full" else momenta
            frictions = [
                _unit(size, i, j) for i in which for j in which if i == j or (i < j and self.dissipation != "diagonal")
            ]
        elif self.dissipation is not None:
            array = np.asarray(self.dissipation, dtype=float)
            if array.ndim == 0:
                known[momenta, momenta] = float(array)
            elif array.shape == (size, size):
                known = array.copy()
            else:
                raise ValueError(f"dissipation must be a ({size}, {size}) matrix or a number, got shape {array.shape}")
            if not np.allclose(known, known.T) or np.linalg.eigvalsh(known).min() < -1e-12 * np.abs(known).max():
                raise ValueError(
                    "dissipation must be symmetric and positive semi-definite: it may take energy, not bring it"
                )
        count = 0 if ready.samples.u is None else ready.samples.u.shape[2]
        inputs, gains = None, [(component, signal) for component in momenta for signal in range(count)]
        if self.input_matrix is not None:
            inputs, gains = np.asarray(self.input_matrix, dtype=float), []
            if inputs.shape != (size, count):
                raise ValueError(
                    f"input_matrix must be ({size}, {count}), a row a component and a column an input, got shape"
                    f" {inputs.shape}"
                )
        return Disturbance(
            canonical, known, frictions, inputs, gains, momenta if self.force is not None else (),
            float(self.force) if isinstance(self.force, int | float) else None, self.harmonics,
            self.force == "periodic",
        )  # fmt: skip

    def _learned(
        self, ready: Prepared, disturbance: Disturbance, seed: int, memory: int | None
    ) -> tuple[EnergyFit, Disturbance, dict[str, Any], np.ndarray]:
        samples = ready.samples
        inside = checked(samples, inputs=True)
        y = samples.y[inside]
        structure, said = self.structure(ready, y, periodic=self.periodic)
        structure = summed(structure, ready)

        def fit(rows: Gradients, tolerance: float) -> EnergyFit:
            return self.fit_energy(rows, structure, seed=seed, memory=memory, tolerance=tolerance or None)

        report: dict[str, Any] = {}
        if samples.dy is not None:
            u = np.empty((len(y), 0)) if samples.u is None else samples.u[inside]
            t = samples.t[inside]
            if disturbance.free_frequency and disturbance.frequency is None:
                disturbance = replace(disturbance, frequency=self._frequency(samples, inside, disturbance, fit))
            found, disturbance = learn_from_derivatives(
                t, y, samples.dy[inside], u, disturbance, fit, regularisation=self.regularisation, memory=memory
            )
            source = "derivatives"
        else:
            data = snapshot_data(samples, inputs=True)
            learned = learn_from_snapshots(
                data, disturbance, fit, seed=seed, tolerance=self.tolerance, regularisation=self.regularisation,
                memory=memory,
            )  # fmt: skip
            found, disturbance, source = learned.fit, learned.disturbance, f"snapshots: {learned.route}"
            report["gap"] = learned.gap
            if learned.noise is not None:
                report["noise"] = noise_of(ready, learned.noise)
        report = {**energy_report([found], ready.separable), "learned_from": source, **report, **ready.notes}
        if said:
            report["declared"] = ", ".join(said)
        return found, disturbance, report, y

    def _frequency(self, samples: Samples, inside: np.ndarray, disturbance: Disturbance, fit: Any) -> float | None:
        """Of a force, from derivatives: points are intervals of no length."""
        t, y, dy = samples.t[inside], samples.y[inside], samples.dy[inside] if samples.dy is not None else None
        assert dy is not None
        if np.ptp(t) == 0.0:
            raise ValueError("a periodic force needs data at many times, but all points have the same time; give times")
        h = np.full(len(t), 1e-9 * float(np.ptp(t)))
        steps = np.diff(samples.t, axis=1)[inside[:, 1:]]
        typical = float(np.median(steps)) if steps.size else float(np.ptp(t)) / len(t)
        h = np.full(len(t), typical)
        u = np.zeros((len(t), 2, 0)) if samples.u is None else np.repeat(samples.u[inside][:, None], 2, axis=1)
        intervals = Intervals(t - 0.5 * h, h, y - 0.5 * h[:, None] * dy, y + 0.5 * h[:, None] * dy, u, np.zeros(len(t)))
        return find_frequency(intervals, disturbance, fit)

    def _said(self, model: PortHamiltonianModel, y: np.ndarray, changed: bool) -> dict[str, Any]:
        """What disturbs the system, for the summary."""
        names = [
            state.name if not state.dims else f"{state.name}_{k}" for state in model.states for k in range(state.size)
        ]
        said: dict[str, Any] = {}
        entries = np.argwhere(np.triu(model.dissipation) != 0.0)
        if self.dissipation is not None:
            said["dissipation"] = {
                names[i] if i == j else f"{names[i]},{names[j]}": float(model.dissipation[i, j]) for i, j in entries
            } or "none"
            rates = np.diag(model.dissipation) * np.diag(model.hessian(y).mean(axis=0))
            said["decay_rate"] = {names[k]: float(rates[k]) for k in np.flatnonzero(rates)} or 0.0
        if changed:
            said["dissipation_note"] = "the nearest positive semi-definite matrix to the best one"
        if self.force is not None:
            said["force"] = (
                "none was found" if not model.clocked else {
                    "frequency": model.frequency,
                    **{
                        f"amplitude of {names[k]}" + (f", harmonic {m + 1}" if self.harmonics > 1 else ""): float(
                            np.hypot(*model.amplitudes[m, k])
                        )
                        for m in range(len(model.amplitudes))
                        for k in model.pairs[1]
                    },
                }
            )  # fmt: skip
        if len(model.inputs):
            said["input_matrix"] = {
                f"{name} of {names[i]}": float(model.input_matrix[i, j])
                for j, name in enumerate(model.inputs)
                for i in range(len(names))
                if model.input_matrix[i, j] != 0.0
            }
        return said


def _unit(size: int, i: int, j: int) -> np.ndarray:
    entry = np.zeros((size, size))
    entry[i, j] = entry[j, i] = 1.0
    return entry


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (matrix + matrix.T))
