"""Sampled Hamiltonian networks: H from derivatives or snapshots, by one linear solve.

Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation, arXiv:2411.17511.
The gradient of a sampled network is linear in its last layer, and grad H = (-p', q'), so least squares gives H up to
a constant. Beyond the paper: standardised inputs, slopes and widths chosen by cross validation, a quadratic part,
orthogonalisation instead of a truncated SVD, and two networks V(q) + T(p) where H is separable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.canonical import canonical_pairs, gradient_data
from dynsamp.models.hamiltonian_model import HamiltonianModel
from dynsamp.networks import ACTIVATIONS
from dynsamp.networks.energy import EnergyFit, fit_energy
from dynsamp.networks.sampling import SAMPLERS

__all__ = ["HamiltonianModel", "HamiltonianNetwork"]


@dataclass(frozen=True)
class HamiltonianNetwork(Estimator):
    """Learn H from states and their derivatives, or from snapshots alone.

    What is left at None is chosen from the data. Without derivatives the rows are Milne-Simpson collocations of three
    evenly spaced snapshots (error dt^4), or mid-points of two where spacings differ (error dt^2).

    Parameters
    ----------
    width : int, optional
        Number of neurons; of each of V and T where H is separable. 0 is a quadratic H.
    activation : {"tanh", "sin", "gauss"}, optional
    scale : float, optional
        Slope of the neurons on standardised inputs; 1 is the published construction for "tanh".
    sampler : {"elm", "uniform", "swim", "gradient"}, optional
        Normal weights; pairs of data points, uniform or where the derivatives change most; directions in which the
        derivatives change most.
    separable : bool, optional
        H = V(q) + T(p); by default what the data declare.
    regularisation : float, optional
        Ridge parameter for columns of unit norm; 0 is plain least squares. By default cross validation where the
        data look noisy.
    reference : (state, value), optional
        A state (component,) and the value of H there. Without it H is zero at the centre of the data.
    rows : int, optional
        Number of points used.

    Examples
    --------
    >>> model = HamiltonianNetwork().fit(samples)                               # doctest: +SKIP
    >>> model.energy([0.1, 0.0])                                                # doctest: +SKIP
    """

    name: ClassVar[str] = "hamiltonian"
    Model: ClassVar[type[Model]] = HamiltonianModel

    width: int | None = None
    activation: str | None = None
    scale: float | None = None
    sampler: str | None = None
    separable: bool | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None

    def __post_init__(self) -> None:
        if self.activation is not None and self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, got {self.activation!r}")
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {', '.join(map(repr, SAMPLERS))}, got {self.sampler!r}")
        for label, value, least in (("width", self.width, 0), ("rows", self.rows, 2)):
            if value is not None and (isinstance(value, bool) or int(value) != value or value < least):
                raise ValueError(f"{label} must be a whole number of at least {least}, got {value!r}")
        if self.scale is not None and not 0 < self.scale < np.inf:
            raise ValueError(f"scale must be a positive number, got {self.scale!r}; 1 is the published slope")
        if self.regularisation is not None and not 0 <= self.regularisation < np.inf:
            raise ValueError(f"regularisation must be a number of at least 0, got {self.regularisation!r}")

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> HamiltonianModel:
        """Fit; ``memory`` bounds the peak in bytes.

        Raises
        ------
        ValueError
            If the data have an odd number of components, inputs, values that are not finite, fewer than two points,
            no change, or neither derivatives nor trajectories.
        """
        with Meter() as meter:
            pairs, declared = canonical_pairs(samples.states)
            data, source = gradient_data(samples, pairs)
            separable = bool(samples.facts.get("separable", False)) if self.separable is None else self.separable
            parts = [pairs[0], pairs[1]] if separable else [np.arange(pairs.size)]
            fits = [
                fit_energy(
                    replace(data, nodes=np.ascontiguousarray(data.nodes[..., part]), target=data.target[:, part]),
                    width=self.width, activation=self.activation, scale=self.scale, sampler=self.sampler,
                    regularisation=self.regularisation, rows=self.rows, seed=seed, key=key, memory=memory,
                )
                for key, part in enumerate(parts)
            ]  # fmt: skip
            y = data.nodes.reshape(-1, pairs.size)
            model = _assemble(samples, pairs, parts, fits, y.min(axis=0), y.max(axis=0))
            model, constant = self._pinned(model)
        assert meter.cost is not None
        named = "as declared" if declared else "the first half of the states is q, the second p"
        report = {**_report(fits, separable), "learned_from": source, "pairs": named}
        return replace(model, report={**report, "constant": constant, **meter.cost.as_dict()})

    def _pinned(self, model: HamiltonianModel) -> tuple[HamiltonianModel, str]:
        """Fix the additive constant."""
        if self.reference is None:
            offset = -float(model.energy(model.centre))
            return replace(model, offset=offset), "H is zero at the centre of the data"
        state, value = np.asarray(self.reference[0], dtype=float), float(self.reference[1])
        if state.shape != model.centre.shape or not (np.all(np.isfinite(state)) and np.isfinite(value)):
            raise ValueError(
                f"reference must be (a state of {len(model.centre)} finite components, the finite value of H there),"
                f" got {self.reference!r}"
            )
        offset = value - float(model.energy(state))
        return replace(model, offset=offset), f"H is {value:g} at {state.tolist()}"


def _assemble(
    samples: Samples,
    pairs: np.ndarray,
    parts: list[np.ndarray],
    fits: list[EnergyFit],
    low: np.ndarray,
    high: np.ndarray,
) -> HamiltonianModel:
    size = pairs.size
    widths = [fit.energy.layer.width for fit in fits]
    starts = np.cumsum([0, *widths])
    weights, quadratic = np.zeros((int(starts[-1]), size)), np.zeros((size, size))
    linear, centre, half_width = np.empty(size), np.empty(size), np.empty(size)
    for part, fit, start, stop in zip(parts, fits, starts[:-1], starts[1:], strict=True):
        energy = fit.energy
        weights[start:stop, part] = energy.layer.weights
        quadratic[np.ix_(part, part)] = energy.quadratic
        linear[part], centre[part], half_width[part] = energy.linear, energy.layer.centre, energy.layer.half_width
    return HamiltonianModel(
        states=samples.states,
        facts={**samples.facts, "separable": len(parts) == 2},
        low=low,
        high=high,
        weights=weights,
        biases=np.concatenate([fit.energy.layer.biases for fit in fits]),
        coefficients=np.concatenate([fit.energy.coefficients for fit in fits]),
        linear=linear,
        quadratic=quadratic,
        centre=centre,
        half_width=half_width,
        pairs=pairs,
        widths=widths,
        activations=[fit.activation for fit in fits],
        offset=0.0,
    )


def _report(fits: list[EnergyFit], separable: bool) -> dict[str, Any]:
    """Keys of the contract; of V and T where there are two."""

    def each(values: list[Any]) -> Any:
        return dict(zip(("V", "T"), values, strict=True)) if separable else values[0]

    solutions = [fit.solution for fit in fits]
    return {
        "width": each([fit.energy.layer.width for fit in fits]),
        "activation": each([fit.activation for fit in fits]),
        "scale": each([fit.scale for fit in fits]),
        "sampler": each([fit.sampler for fit in fits]),
        "rows": each([solution.rows for solution in solutions]),
        "rank": each([solution.rank for solution in solutions]),
        "condition": each([solution.condition for solution in solutions]),
        "residual": each([float(solution.residual[0]) for solution in solutions]),
        "gcv_error": each([float(solution.gcv[0]) for solution in solutions]),
        "regularisation": each([float(solution.regularisation[0]) for solution in solutions]),
        "separable": separable,
        "chosen": "; ".join(f"{label}{fit.chosen}" for label, fit in zip(
            ("V: ", "T: ") if separable else ("",), fits, strict=True
        )),
    }  # fmt: skip
