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
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np

from dynsamp.arguments import real_array, whole_number
from dynsamp.meter import Meter
from dynsamp.models import tuning
from dynsamp.models.base import Model, Samples
from dynsamp.models.declared import formula_names
from dynsamp.models.hamiltonian import HamiltonianModel
from dynsamp.models.learned_energy import EnergyEstimator, EnergyModel, assembled, full_report, pieces, pinned
from dynsamp.models.measured.canonical import CanonicalSamples, checked, snapshot_data
from dynsamp.models.schema import Array, Items
from dynsamp.networks.compiled import Wiring, factored_matrix, network_theta, port_field
from dynsamp.networks.gradients import canonical_matrix
from dynsamp.networks.search.energy import EnergyFit
from dynsamp.networks.segments.learned_field import Disturbance
from dynsamp.networks.segments.learning import learn_from_slopes, learn_from_snapshots
from dynsamp.networks.segments.snapshots import Slopes
from dynsamp.solve import Kernel

Way = Literal["momenta", "diagonal", "full"]
LARGEST = float(np.finfo(float).max)  # a whole number may be beyond
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, kw_only=True, eq=False)
class PortHamiltonianModel(EnergyModel):
    """y' = (J - R) dH/dy + B u + F(t), R symmetric and positive semi-definite, H learned.

    F(t) is the sum over harmonics k of amplitudes[k - 1, :, 0] cos(k w t) + amplitudes[k - 1, :, 1] sin(k w t), w the
    angular frequency ``frequency``.
    """

    name: ClassVar[str] = "port-hamiltonian"

    dissipation: Annotated[np.ndarray, Array("component", "component")]  # R
    input_matrix: Annotated[np.ndarray, Array("component", "input", optional=True)] = field(  # B
        default_factory=lambda: np.empty((0, 0))
    )
    inputs: Annotated[Sequence[str], Items("input")] = ()  # names of the signals u
    frequency: float = 0.0  # w, 1 / time unit; 0 without a force
    amplitudes: Annotated[np.ndarray, Array("harmonic", "component", 2, optional=True)] = field(
        default_factory=lambda: np.empty((0, 0, 2))
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.input_matrix.size:
            object.__setattr__(self, "input_matrix", np.zeros((self.size, len(self.inputs))))
        if not self.amplitudes.size:
            object.__setattr__(self, "amplitudes", np.zeros((0, self.size, 2)))
        if len(set(self.activations)) > 1:
            raise ValueError(f"V and T of a port-Hamiltonian model have one activation, got {self.activations}")
        _check_dissipation(self.dissipation)

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
        return np.asarray(self.gradient(y) @ self.matrix.T + self._drive(y, t, u))

    def _drive(self, y: np.ndarray, t: float | np.ndarray, u: np.ndarray | None) -> np.ndarray:
        """B u + F."""
        force = self.force(np.broadcast_to(t, np.shape(y)[:-1]))
        return force if u is None else force + np.asarray(u, dtype=float) @ self.input_matrix.T

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See EnergyModel.field."""
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
        return np.asarray(np.sum(self.gradient(y) * self._drive(y, t, u), axis=-1))

    def undisturbed(self) -> HamiltonianModel:
        """The Hamiltonian system alone: no dissipation, inputs or force; forecasts are symplectic."""
        values = {item.name: getattr(self, item.name) for item in fields(EnergyModel)}
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
        energy, size = self.whole, len(self.centre)
        place, triangles = factored_matrix(self.matrix)
        harmonics = len(self.amplitudes) if self.clocked else 0
        function = port_field(Wiring.gradient(energy, place, (1.0,) * size), len(self.inputs), harmonics)
        amplitudes = self.amplitudes if harmonics else np.empty(0)
        force = [[self.frequency], amplitudes.ravel()] if harmonics else []
        theta = np.concatenate([network_theta(energy), triangles, self.input_matrix.ravel(), *force])
        if harmonics and np.any(origin):
            theta = np.tile(theta, (len(origin), 1))
            theta[:, -amplitudes.size :] = self._turned(origin).reshape(len(origin), -1)
            theta = theta[0] if len(origin) == 1 else theta
        known = self.known(theta, [energy])
        return Kernel("field", (function,), theta, inputs=(False,) * len(self.inputs), **known)

    def _turned(self, origin: np.ndarray) -> np.ndarray:
        """Amplitudes (trajectory, harmonic, component, 2) of F(t + origin)."""
        phase = self.frequency * origin[:, None, None] * np.arange(1, len(self.amplitudes) + 1)[:, None]
        cosine, sine = np.cos(phase), np.sin(phase)
        a, b = self.amplitudes[..., 0], self.amplitudes[..., 1]
        return np.stack([a * cosine + b * sine, b * cosine - a * sine], axis=-1)


def _check_dissipation(dissipation: np.ndarray) -> None:
    largest = np.abs(dissipation).max() or 1.0  # the eigenvalues of very large numbers overflow
    values = np.linalg.eigvalsh(0.5 * (dissipation / largest + dissipation.T / largest)) * largest
    least = tuning.NEGATIVE_DISSIPATION * max(values.max(), 1e-300)
    if not np.allclose(dissipation, dissipation.T) or not values.min() >= least:
        raise ValueError(
            "dissipation must be symmetric and positive semi-definite (it may take energy, not bring it), got"
            f" eigenvalues {values.tolist()}"
        )


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

    dissipation: Way | Sequence[Sequence[float]] | np.ndarray | float | None = "momenta"
    force: Literal["periodic"] | float | None = None
    harmonics: int = 1
    input_matrix: Sequence[Sequence[float]] | np.ndarray | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.dissipation, str) and self.dissipation not in WAYS:
            raise ValueError(
                f"dissipation must be one of {', '.join(map(repr, WAYS))}, a matrix, a number or None, got"
                f" {self.dissipation!r}"
            )
        known = isinstance(self.force, int | float) and not isinstance(self.force, bool) and 0 < self.force <= LARGEST
        if self.force is not None and not (isinstance(self.force, str) and self.force == "periodic") and not known:
            raise ValueError(
                f"force must be 'periodic', an angular frequency or None, got {self.force!r}; a force of any other"
                " shape is an input with a known input_matrix"
            )
        object.__setattr__(self, "harmonics", whole_number("harmonics", self.harmonics))

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
        fit, disturbance, report, y = learned
        inputs, count = [signal.name for signal in ready.samples.facts.inputs], ready.signals
        inputs = inputs if len(inputs) == count else [f"u{k + 1}" for k in range(count)]
        about = assembled(ready, pieces(fit.energy, ready), y)
        facts = about.pop("facts")
        model = PortHamiltonianModel(
            **about,
            facts=replace(facts, dt=ready.samples.median_step or facts.dt),
            dissipation=0.5 * (disturbance.resistance + disturbance.resistance.T),
            input_matrix=disturbance.input_matrix(count),
            inputs=inputs,
            frequency=disturbance.frequency or 0.0,
            amplitudes=disturbance.force() if disturbance.frequency else np.empty((0, 0, 2)),
        )
        offset, report["constant"] = pinned(model, self.reference)
        return replace(model, offset=offset, report={**report, **self._said(model, y, changed), **meter.cost.as_dict()})

    def _disturbance(self, ready: CanonicalSamples) -> Disturbance:
        """What is known and what is to be learned."""
        canonical = canonical_matrix(ready.pairs)
        size, momenta = len(canonical), [int(k) for k in ready.pairs[1]]
        known, frictions = np.zeros((size, size)), []
        if isinstance(self.dissipation, str):
            which = range(size) if self.dissipation == "full" else momenta
            unit = np.eye(size)
            frictions = [
                np.maximum(np.outer(unit[i], unit[j]), np.outer(unit[j], unit[i]))
                for i in which
                for j in which
                if i == j or (i < j and self.dissipation != "diagonal")
            ]
        elif self.dissipation is not None:
            array = real_array("dissipation", self.dissipation)
            if array.ndim == 0:
                known[momenta, momenta] = float(array)
            elif array.shape == (size, size):
                known = array.copy()
            else:
                raise ValueError(f"dissipation must be a ({size}, {size}) matrix or a number, got shape {array.shape}")
            _check_dissipation(known)
        count = ready.signals
        inputs, gains = None, [(component, signal) for component in momenta for signal in range(count)]
        if self.input_matrix is not None:
            inputs, gains = real_array("input_matrix", self.input_matrix), []
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
        self, ready: CanonicalSamples, disturbance: Disturbance, seed: int, memory: int | None
    ) -> tuple[EnergyFit, Disturbance, dict[str, Any], np.ndarray]:
        samples = ready.samples
        y = samples.y[checked(samples, inputs=True)]
        options = self.options(seed, memory)
        fit, said = self.fitting(ready, y, options)
        if samples.dy is not None:
            learned, disturbance = learn_from_slopes(self._slopes(samples, samples.dy), disturbance, fit, options)
        else:
            data = snapshot_data(samples, inputs=True)
            learned, disturbance = learn_from_snapshots(data, disturbance, fit, options)
        return learned.fit, disturbance, full_report(ready, [learned.fit], said, learned), y

    def _slopes(self, samples: Samples, dy: np.ndarray) -> Slopes:
        """Points with their derivatives."""
        inside = samples.inside
        t, y = samples.t[inside], samples.y[inside]
        if self.force == "periodic" and np.ptp(t) == 0.0:
            raise ValueError("a periodic force needs data at many times, but all points have the same time; give times")
        u = np.empty((len(t), 0)) if samples.u is None else samples.u[inside]
        spacing = samples.median_step or float(np.ptp(t)) / len(t)
        return Slopes(t, y, dy[inside], u, np.full(len(t), spacing), samples.blocks[inside])

    def _said(self, model: PortHamiltonianModel, y: np.ndarray, changed: bool) -> dict[str, Any]:
        """What disturbs the system, for the summary."""
        names, momenta = formula_names(model.states), model.pairs[1]
        said: dict[str, Any] = {}
        if self.dissipation is not None:
            entries = np.argwhere(np.triu(model.dissipation) != 0.0)
            said["dissipation"] = {
                names[i] if i == j else f"{names[i]},{names[j]}": float(model.dissipation[i, j]) for i, j in entries
            } or "none"
            rates = np.diag(model.dissipation) * np.diag(model.hessian(y).mean(axis=0))
            said["decay_rate"] = {names[k]: float(rates[k]) for k in np.flatnonzero(rates)} or 0.0
        if changed:
            said["dissipation_note"] = "the nearest positive semi-definite matrix to the best one"
        if self.force is not None:
            said["force"] = "none was found"
        if self.force is not None and model.clocked:
            said["force"] = {"frequency": model.frequency}
            for m, k in product(range(len(model.amplitudes)), momenta):
                which = f", harmonic {m + 1}" if self.harmonics > 1 else ""
                said["force"][f"amplitude of {names[k]}{which}"] = float(np.hypot(*model.amplitudes[m, k]))
        if len(model.inputs):
            said["input_matrix"] = {
                f"{model.inputs[j]} of {names[i]}": float(model.input_matrix[i, j])
                for j, i in np.argwhere(model.input_matrix.T != 0.0)
            }
        return said
