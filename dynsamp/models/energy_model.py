"""What fitted models with a learned energy share: the sampled network H, its derivatives, and the map over one step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dynsamp.models.base import Model
from dynsamp.models.declared import formula_names
from dynsamp.networks import HiddenLayer
from dynsamp.networks.collocation import spans
from dynsamp.networks.network import Energy
from dynsamp.networks.terms import mentions, parse

__all__ = ["EnergyModel"]

STAGES = 8  # of the collocation that a step is solved with: order 16
REACH = 0.25  # longest substep, times the norm of the Jacobian
BLOCK = 2048  # states at once


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyModel(Model):
    """H(y) = offset + a quadratic part + coefficients . sigma(weights z + biases), z = (y - centre) / half_width.

    A neuron may be multiplied by two components of y, its ``factors``. A separable H = V(q) + T(p) is the same sum: the
    first ``widths[0]`` neurons have no weights on p, the other ``widths[1]`` none on q.
    """

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
    # (feature, 2), components that multiply a neuron, -1 for none; no rows: none for any neuron
    factors: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    terms: Sequence[str] = ()  # formulas of the components
    term_coefficients: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        # compiled code trusts these shapes, and a file may come from anybody
        size, width = len(self.centre), int(sum(self.widths))
        shapes = {
            "weights": (width, size),
            "biases": (width,),
            "coefficients": (width,),
            "linear": (size,),
            "quadratic": (size, size),
            "centre": (size,),
            "half_width": (size,),
            "pairs": (2, size // 2),
            "term_coefficients": (len(self.terms),),
            "factors": (width if len(self.factors) else 0, 2),
        }
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if len(self.widths) not in (1, 2) or len(self.activations) != len(self.widths) or min(self.widths) < 0:
            wrong.append("widths")
        within = self.factors.size == 0 or (self.factors.min() >= -1 and self.factors.max() < size)
        if not within or np.any((self.factors[:, 0] < 0) != (self.factors[:, 1] < 0)):
            wrong.append("factors")
        for text in self.terms:
            parse(text, formula_names(self.states))
        if wrong or sorted(self.pairs.ravel().tolist()) != list(range(size)):
            raise ValueError(
                f"the arrays of a {type(self).__name__} do not fit together: {', '.join(wrong) or 'pairs'}"
            )

    @property
    def separable(self) -> bool:
        """Whether H = V(q) + T(p) by construction."""
        return len(self.widths) == 2

    @cached_property
    def _parts(self) -> list[tuple[np.ndarray, Energy]]:
        """Components and energy of every part: all, or q and p."""
        sizes = np.cumsum([0, *self.widths])
        columns = [self.pairs[0], self.pairs[1]] if self.separable else [np.arange(len(self.centre))]
        found = []
        names = formula_names(self.states)
        formulas = [parse(text, names) for text in self.terms]
        for k, (part, activation) in enumerate(zip(columns, self.activations, strict=True)):
            rows = slice(sizes[k], sizes[k + 1])
            layer = HiddenLayer(
                np.ascontiguousarray(self.weights[rows, part]), self.biases[rows], activation, self.centre[part],
                self.half_width[part],
            )  # fmt: skip
            quadratic = self.quadratic[np.ix_(part, part)]
            factors = self.factors[rows] if len(self.factors) else self.factors
            mine = [at for at, term in enumerate(formulas) if mentions(term, part)]
            own = tuple(parse(self.terms[at], [names[i] for i in part]) for at in mine)
            found.append(
                (
                    part,
                    Energy(
                        layer, self.coefficients[rows], self.linear[part], quadratic, factors, own,
                        self.term_coefficients[mine],
                    ),
                )
            )  # fmt: skip
        return found

    @property
    def whole(self) -> Energy:
        """H as one network; V and T must have the same activation."""
        names = formula_names(self.states)
        layer = HiddenLayer(self.weights, self.biases, self.activations[0], self.centre, self.half_width)
        terms = tuple(parse(text, names) for text in self.terms)
        return Energy(
            layer, self.coefficients, self.linear, self.quadratic, self.factors, terms, self.term_coefficients
        )

    def _points(self, y: np.ndarray) -> np.ndarray:
        y = np.asarray(y, dtype=float)
        if y.ndim == 0 or y.shape[-1] != len(self.centre):
            raise ValueError(f"y must be (..., {len(self.centre)}), one entry a state component, got shape {y.shape}")
        return y.reshape(-1, y.shape[-1])

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (..., component): an array (...)."""
        points = self._points(y)
        total = np.full(len(points), self.offset)
        for part, energy in self._parts:
            total += energy.value(points[:, part])
        return total.reshape(np.shape(y)[:-1])

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of H at states (..., component), same shape."""
        points = self._points(y)
        gradient = np.empty_like(points)
        for part, energy in self._parts:
            gradient[:, part] = energy.gradient(np.ascontiguousarray(points[:, part]))
        return gradient.reshape(np.shape(y))

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian of H (..., component, component)."""
        points = self._points(y)
        hessian = np.zeros((*points.shape, points.shape[-1]))
        for part, energy in self._parts:
            hessian[:, part[:, None], part] = energy.hessian(np.ascontiguousarray(points[:, part]))
        return hessian.reshape(*np.shape(y), points.shape[-1])

    @abstractmethod
    def _field(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Right-hand side (point, component) at times (point,) and states (point, component)."""

    @abstractmethod
    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""

    def step(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """States (..., component) a step later; ``dt`` is that of the training data unless given.

        Gauss collocation of order 16, to rounding errors: for a Hamiltonian the map is symplectic.
        """
        points = self._points(y)
        ends = [self._stepped(part, self._dt(dt), t)[0] for part in _blocks(points)]
        return np.concatenate(ends).reshape(np.shape(y))

    def step_jacobian(self, y: np.ndarray, dt: float | None = None, *, t: float = 0.0) -> np.ndarray:
        """Jacobian of ``step`` (..., component, component)."""
        points = self._points(y)
        found = [self._stepped(part, self._dt(dt), t)[1] for part in _blocks(points)]
        return np.concatenate(found).reshape(*np.shape(y), points.shape[-1])

    def _dt(self, dt: float | None) -> float:
        known = self.facts.dt if dt is None else dt
        if not known:
            raise ValueError("the model was not learned from snapshots, so it has no step of its own; give dt=")
        return float(known)

    def _stepped(self, y: np.ndarray, dt: float, t: float) -> tuple[np.ndarray, np.ndarray]:
        size = y.shape[1]
        finite = np.isfinite(y).all(axis=1)
        steepest = np.abs(self.jacobian(y[finite])).sum(axis=-1).max(initial=1e-300)
        count = min(1000, max(1, int(np.ceil(abs(dt) * float(steepest) / REACH / STAGES))))
        h = np.full(len(y), dt / count)
        along = np.tile(np.eye(size), (len(y), 1, 1))
        for k in range(count):
            times = np.full(len(y), t + k * dt / count)
            span = spans(lambda at, states, _: self._field(at, states), self.jacobian, times, y, h, STAGES)
            y = np.where(span.good[:, None], span.end, np.nan)
            along = np.where(span.good[:, None, None], span.along @ along, np.nan)
        return y, along


def _blocks(points: np.ndarray) -> list[np.ndarray]:
    return [points[k : k + BLOCK] for k in range(0, len(points), BLOCK)] or [points]
