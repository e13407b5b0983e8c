"""The fitted port-Hamiltonian network: energy, dissipation, inputs and force, each of which can be taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from dynsamp.models.energy_model import EnergyModel
from dynsamp.models.hamiltonian_model import HamiltonianModel
from dynsamp.networks.gradients import canonical_matrix
from dynsamp.networks.port_fields import factored_matrix, port_field, port_theta
from dynsamp.solve import Kernel

__all__ = ["PortHamiltonianModel"]

NEGATIVE = -1e-9  # smallest eigenvalue of R, relative to the largest, that counts as zero


@dataclass(frozen=True, kw_only=True, eq=False)
class PortHamiltonianModel(EnergyModel):
    """y' = (J - R) dH/dy + B u + F(t), R symmetric and positive semi-definite, H learned.

    F(t) is the sum over harmonics k of amplitudes[k - 1, :, 0] cos(k w t) + amplitudes[k - 1, :, 1] sin(k w t), w the
    angular frequency ``frequency``.
    """

    name: ClassVar[str] = "port-hamiltonian"

    dissipation: np.ndarray  # R (component, component)
    input_matrix: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))  # B (component, input)
    inputs: Sequence[str] = ()  # names of the signals u
    frequency: float = 0.0  # w, 1 / time unit; 0 without a force
    amplitudes: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 2)))  # (harmonic, component, 2)

    def __post_init__(self) -> None:
        size = len(self.centre)
        if not self.input_matrix.size:
            object.__setattr__(self, "input_matrix", np.zeros((size, len(self.inputs))))
        if not self.amplitudes.size:
            object.__setattr__(self, "amplitudes", np.zeros((0, size, 2)))
        super().__post_init__()
        if self.input_matrix.shape != (size, len(self.inputs)) or self.amplitudes.shape[1:] != (size, 2):
            raise ValueError(
                f"the arrays of a PortHamiltonianModel do not fit together: input_matrix {self.input_matrix.shape} for"
                f" {len(self.inputs)} inputs, amplitudes {self.amplitudes.shape} for {size} components"
            )
        _check_dissipation(self.dissipation, size)

    @property
    def matrix(self) -> np.ndarray:
        """J - R (component, component)."""
        return np.asarray(canonical_matrix(self.pairs) - self.dissipation)

    def force(self, t: float | np.ndarray) -> np.ndarray:
        """F at times t (...): an array (..., component)."""
        t = np.asarray(t, dtype=float)
        total = np.zeros((*t.shape, len(self.centre)))
        for k, amplitude in enumerate(self.amplitudes, 1):
            phase = (k * self.frequency * t)[..., None]
            total += amplitude[:, 0] * np.cos(phase) + amplitude[:, 1] * np.sin(phase)
        return total

    def vector_field(self, y: np.ndarray, t: float | np.ndarray = 0.0, u: np.ndarray | None = None) -> np.ndarray:
        """Right-hand side at states (..., component), times (...) and signals u (..., input), zero unless given."""
        result = self.gradient(y) @ self.matrix.T + self.force(np.broadcast_to(t, np.shape(y)[:-1]))
        if u is not None:
            result = result + np.asarray(u, dtype=float) @ self.input_matrix.T
        return np.asarray(result)

    def _field(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.vector_field(y, t)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        return np.asarray(self.matrix @ self.hessian(y))

    def dissipated_power(self, y: np.ndarray) -> np.ndarray:
        """Energy lost a unit of time at states (..., component): grad H . R grad H, never negative."""
        gradient = self.gradient(y)
        return np.asarray(np.einsum("...a,ab,...b->...", gradient, self.dissipation, gradient))

    def supplied_power(self, y: np.ndarray, t: float | np.ndarray = 0.0, u: np.ndarray | None = None) -> np.ndarray:
        """Energy that force and inputs bring in a unit of time: grad H . (B u + F)."""
        drive = self.force(np.broadcast_to(t, np.shape(y)[:-1]))
        if u is not None:
            drive = drive + np.asarray(u, dtype=float) @ self.input_matrix.T
        return np.asarray(np.sum(self.gradient(y) * drive, axis=-1))

    def undisturbed(self) -> HamiltonianModel:
        """The Hamiltonian system alone: no dissipation, inputs or force; forecasts are symplectic."""
        shared = {item.name for item in fields(EnergyModel)}
        values = {name: getattr(self, name) for name in shared}
        report = {**self.report, "undisturbed": "dissipation, inputs and force were taken away after the fit"}
        return HamiltonianModel(**{**values, "report": report})

    def disturbed(
        self,
        *,
        dissipation: np.ndarray | float | None = None,
        input_matrix: np.ndarray | float | None = None,
        amplitudes: np.ndarray | float | None = None,
        frequency: float | None = None,
    ) -> PortHamiltonianModel:
        """The same energy with another disturbance; what is None stays, a number multiplies what was learned.

        Examples
        --------
        >>> model.disturbed(dissipation=0.0)            # no friction          # doctest: +SKIP
        >>> model.disturbed(dissipation=2.0)            # twice the friction   # doctest: +SKIP
        >>> model.disturbed(amplitudes=0.0)             # no force             # doctest: +SKIP
        """
        changes: dict[str, Any] = {}
        given = {"dissipation": dissipation, "input_matrix": input_matrix, "amplitudes": amplitudes}
        for name, value in given.items():
            if value is not None:
                array = np.asarray(value, dtype=float)
                changes[name] = array * getattr(self, name) if array.ndim == 0 else array
        if frequency is not None:
            changes["frequency"] = float(frequency)
        return replace(self, **changes)

    def kernel(self) -> Kernel:
        """The vector field; its clock is that of the training data."""
        return self.kernel_from(np.zeros(1))

    @property
    def clocked(self) -> bool:
        """Whether the field depends on time."""
        return bool(np.any(self.amplitudes))

    def kernel_from(self, origin: np.ndarray) -> Kernel:
        """The vector field for trajectories that start at times ``origin`` (trajectory,), counted from there.

        One time for all of them keeps the parameters of all the same, which is what vector registers want.
        """
        energy = self.whole
        place, upper, lower = factored_matrix(self.matrix)
        harmonics = len(self.amplitudes) if self.clocked else 0
        function = port_field(
            self.activations[0], place, tuple(term.tree for term in energy.terms), factored=len(self.factors) > 0,
            inputs=len(self.inputs), harmonics=harmonics,
        )  # fmt: skip
        amplitudes = self.amplitudes if harmonics else np.empty(0)
        theta = port_theta(energy, upper, lower, self.input_matrix, self.frequency, amplitudes)
        if harmonics and np.any(origin):
            theta = np.tile(theta, (len(origin), 1))
            theta[:, -amplitudes.size :] = self._turned(origin).reshape(len(origin), -1)
            theta = theta[0] if len(origin) == 1 else theta
        return Kernel("field", (function,), theta, inputs=(False,) * len(self.inputs), chaotic=self.facts.chaotic)

    def _turned(self, origin: np.ndarray) -> np.ndarray:
        """Amplitudes (trajectory, harmonic, component, 2) of F(t + origin)."""
        phase = self.frequency * origin[:, None, None] * np.arange(1, len(self.amplitudes) + 1)[:, None]
        cosine, sine = np.cos(phase), np.sin(phase)
        a, b = self.amplitudes[..., 0], self.amplitudes[..., 1]
        return np.stack([a * cosine + b * sine, b * cosine - a * sine], axis=-1)


def _check_dissipation(dissipation: np.ndarray, size: int) -> None:
    if dissipation.shape != (size, size) or not np.all(np.isfinite(dissipation)):
        raise ValueError(f"dissipation must be a finite ({size}, {size}) matrix, got shape {dissipation.shape}")
    values = np.linalg.eigvalsh(0.5 * (dissipation + dissipation.T))
    if not np.allclose(dissipation, dissipation.T) or values.min() < NEGATIVE * max(values.max(), 1e-300):
        raise ValueError(
            "dissipation must be symmetric and positive semi-definite (it may take energy, not bring it), got"
            f" eigenvalues {values.tolist()}"
        )
