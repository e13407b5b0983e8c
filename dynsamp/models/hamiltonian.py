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
from dynsamp.networks import ACTIVATIONS, HiddenLayer
from dynsamp.networks.energy import Energy, EnergyFit, fit_energy
from dynsamp.networks.fields import general_field, general_theta, separable_fields, separable_theta
from dynsamp.networks.sampling import SAMPLERS
from dynsamp.solve import Kernel

__all__ = ["HamiltonianModel", "HamiltonianNetwork"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianModel(Model):
    """H(y) = offset + a quadratic part + coefficients . sigma(weights z + biases), z = (y - centre) / half_width.

    A separable H = V(q) + T(p) is the same sum: the first ``widths[0]`` neurons have no weights on p, the other
    ``widths[1]`` none on q.
    """

    name: ClassVar[str] = "hamiltonian"

    weights: np.ndarray  # (feature, component)
    biases: np.ndarray  # (feature,)
    coefficients: np.ndarray  # (feature,)
    linear: np.ndarray  # (component,)
    quadratic: np.ndarray  # (component, component), symmetric
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)
    pairs: np.ndarray  # (2, dof), the components of q and of p
    widths: Sequence[int]  # one, or of V and T
    activations: Sequence[str]  # one, or of V and T
    offset: float

    @property
    def separable(self) -> bool:
        """Whether H = V(q) + T(p) by construction."""
        return len(self.widths) == 2

    def _parts(self) -> list[tuple[np.ndarray, Energy]]:
        """Components and energy of every part: all, or q and p."""
        sizes = np.cumsum([0, *self.widths])
        columns = [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(len(self.centre))]
        found = []
        for k, (part, activation) in enumerate(zip(columns, self.activations, strict=True)):
            rows = slice(sizes[k], sizes[k + 1])
            layer = HiddenLayer(
                np.ascontiguousarray(self.weights[rows, part]), self.biases[rows], activation, self.centre[part],
                self.half_width[part],
            )  # fmt: skip
            quadratic = self.quadratic[np.ix_(part, part)]
            found.append((part, Energy(layer, self.coefficients[rows], self.linear[part], quadratic)))
        return found

    def _points(self, y: np.ndarray) -> np.ndarray:
        y = np.asarray(y, dtype=float)
        if y.ndim == 0 or y.shape[-1] != len(self.centre):
            raise ValueError(f"y must be (..., {len(self.centre)}), one entry a state component, got shape {y.shape}")
        return y.reshape(-1, y.shape[-1])

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (..., component): an array (...)."""
        points = self._points(y)
        total = np.full(len(points), self.offset)
        for part, energy in self._parts():
            total += energy.value(points[:, part])
        return total.reshape(np.shape(y)[:-1])

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """(q', p') = (dH/dp, -dH/dq) of states (..., component), same shape."""
        points = self._points(y)
        gradient = np.empty_like(points)
        for part, energy in self._parts():
            gradient[:, part] = energy.gradient(points[:, part])
        return _rotate(gradient, self.pairs, -1).reshape(np.shape(y))

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        points = self._points(y)
        hessian = np.zeros((*points.shape, points.shape[-1]))
        for part, energy in self._parts():
            hessian[:, part[:, None], part] = energy.hessian(points[:, part])
        return _rotate(hessian, self.pairs, -2).reshape(*np.shape(y), points.shape[-1])

    def kernel(self) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field."""
        size = len(self.centre)
        parts = [energy for _, energy in self._parts()]
        facts = {"hamiltonian": True, "stiff": False, "chaotic": (self.facts.get("lyapunov_exponent") or 0.0) > 0.0}
        if self.separable and np.array_equal(self.pairs.ravel(), np.arange(size)):
            functions = separable_fields(self.activations[0], self.activations[1], size // 2)
            return Kernel("separable", functions, separable_theta(*parts), facts=facts)
        if self.separable:
            raise ValueError("a separable Hamiltonian needs its states ordered as all q, then all p; reorder them")
        partner, sign = np.empty(size, int), np.ones(size)
        partner[self.pairs[0]], partner[self.pairs[1]] = self.pairs[1], self.pairs[0]
        sign[self.pairs[0]] = -1.0
        rhs = general_field(self.activations[0], tuple(partner.tolist()), tuple(sign.tolist()))
        return Kernel("field", (rhs,), general_theta(parts[0]), facts=facts)


def _rotate(gradient: np.ndarray, pairs: np.ndarray, axis: int) -> np.ndarray:
    """J times a gradient along an axis."""
    result = np.moveaxis(np.empty_like(gradient), axis, 0)
    source = np.moveaxis(gradient, axis, 0)
    result[pairs[0]], result[pairs[1]] = source[pairs[1]], -source[pairs[0]]
    return np.moveaxis(result, 0, axis)


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
