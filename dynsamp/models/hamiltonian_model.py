"""The fitted Hamiltonian network: energy, vector field, Jacobian, and the kernel for the solvers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from dynsamp.models.base import Model
from dynsamp.models.declared import formula_names
from dynsamp.networks import HiddenLayer
from dynsamp.networks.energy import Energy
from dynsamp.networks.fields import general_field, general_theta, separable_fields, separable_theta
from dynsamp.networks.terms import mentions, parse
from dynsamp.solve import Kernel

__all__ = ["HamiltonianModel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianModel(Model):
    """H(y) = offset + a quadratic part + coefficients . sigma(weights z + biases), z = (y - centre) / half_width.

    A neuron may be multiplied by two components of y, its ``factors``. A separable H = V(q) + T(p) is the same sum: the
    first ``widths[0]`` neurons have no weights on p, the other ``widths[1]`` none on q.
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
            raise ValueError(f"the arrays of a HamiltonianModel do not fit together: {', '.join(wrong) or 'pairs'}")

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

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """(q', p') = (dH/dp, -dH/dq) of states (..., component), same shape."""
        points = self._points(y)
        gradient = np.empty_like(points)
        for part, energy in self._parts:
            gradient[:, part] = energy.gradient(points[:, part])
        return _rotate(gradient, self.pairs, -1).reshape(np.shape(y))

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        points = self._points(y)
        hessian = np.zeros((*points.shape, points.shape[-1]))
        for part, energy in self._parts:
            hessian[:, part[:, None], part] = energy.hessian(points[:, part])
        return _rotate(hessian, self.pairs, -2).reshape(*np.shape(y), points.shape[-1])

    def kernel(self) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field."""
        size = len(self.centre)
        parts = [energy for _, energy in self._parts]
        facts = {"hamiltonian": True, "stiff": False, "chaotic": (self.facts.get("lyapunov_exponent") or 0.0) > 0.0}
        if self.separable and np.array_equal(self.pairs.ravel(), np.arange(size)):
            formulas = [tuple(term.tree for term in energy.terms) for energy in parts]
            functions = separable_fields(self.activations[0], self.activations[1], size // 2, *formulas)
            return Kernel("separable", functions, separable_theta(*parts), facts=facts)
        if self.separable:
            raise ValueError("a separable Hamiltonian needs its states ordered as all q, then all p; reorder them")
        partner, sign = np.empty(size, int), np.ones(size)
        partner[self.pairs[0]], partner[self.pairs[1]] = self.pairs[1], self.pairs[0]
        sign[self.pairs[0]] = -1.0
        trees = tuple(term.tree for term in parts[0].terms)
        rhs = general_field(
            self.activations[0],
            tuple(partner.tolist()),
            tuple(sign.tolist()),
            trees,
            factored=len(self.factors) > 0,
        )
        return Kernel("field", (rhs,), general_theta(parts[0]), facts=facts)


def _rotate(gradient: np.ndarray, pairs: np.ndarray, axis: int) -> np.ndarray:
    """J times a gradient along an axis."""
    result = np.moveaxis(np.empty_like(gradient), axis, 0)
    source = np.moveaxis(gradient, axis, 0)
    result[pairs[0]], result[pairs[1]] = source[pairs[1]], -source[pairs[0]]
    return np.moveaxis(result, 0, axis)
