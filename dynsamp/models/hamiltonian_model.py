"""The fitted Hamiltonian network: energy, vector field, Jacobian, and the kernel for the solvers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dynsamp.models.energy_model import EnergyModel
from dynsamp.networks.fields import general_field, general_theta, separable_fields, separable_theta
from dynsamp.networks.gradients import rotated
from dynsamp.solve import Kernel

__all__ = ["HamiltonianModel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianModel(EnergyModel):
    """q' = dH/dp, p' = -dH/dq, with a learned H."""

    name: ClassVar[str] = "hamiltonian"

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """(q', p') = (dH/dp, -dH/dq) of states (..., component), same shape."""
        return rotated(self.gradient(y), self.pairs)

    def _field(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return self.vector_field(y)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        return rotated(self.hessian(y), self.pairs, -2)

    def kernel(self) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field."""
        size = len(self.centre)
        parts = [energy for _, energy in self._parts]
        if self.separable and np.array_equal(self.pairs.ravel(), np.arange(size)):
            formulas = [tuple(term.tree for term in energy.terms) for energy in parts]
            functions = separable_fields(self.activations[0], self.activations[1], size // 2, *formulas)
            return Kernel("separable", functions, separable_theta(*parts), hamiltonian=True, chaotic=self.facts.chaotic)
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
        return Kernel("field", (rhs,), general_theta(parts[0]), hamiltonian=True, chaotic=self.facts.chaotic)
