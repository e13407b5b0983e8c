"""Sampled Hamiltonian networks: H from derivatives or snapshots, by one linear solve.

Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation, arXiv:2411.17511.
The gradient of a sampled network is linear in its last layer, and grad H = (-p', q'), so least squares gives H up to
a constant. Beyond the paper: standardised inputs, slopes and widths chosen by cross validation, a quadratic part,
orthogonalisation instead of a truncated SVD, two networks V(q) + T(p) where H is separable, and declared symmetries,
periods and powers. ``published=True`` is the method of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.canonical import canonical_pairs, gradient_data
from dynsamp.models.declared import declared_structure, formula_names, part
from dynsamp.models.hamiltonian_model import HamiltonianModel
from dynsamp.networks import ACTIVATIONS
from dynsamp.networks.energy import Gradients
from dynsamp.networks.energy_fit import EnergyFit, fit_energy
from dynsamp.networks.energy_published import WIDTH, fit_published
from dynsamp.networks.sampling import LENGTHS, PLACES, SAMPLERS
from dynsamp.networks.structure import Structure

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
    sampler : {"elm", "uniform", "swim", "adaptive", "near", "gradient"}, optional
        Normal weights; pairs of data points: uniform, where the derivatives change most, where a first fit changes
        most, or of neighbours; directions in which the derivatives change most.
    place : {"midpoint", "point", "box"}, optional
        Centre of a neuron: the mid-point of its pair, another data point, anywhere in the box of the data.
    length : {"pair", "far", "unit"}, optional
        Length over which a neuron bends: the distance of its pair, that of an independent pair, one half-range of the
        data. ``scale`` divides it.
    separable : bool, optional
        H = V(q) + T(p); by default what the data declare.
    regularisation : float, optional
        Ridge parameter for columns of unit norm; 0 is plain least squares. By default cross validation where the
        data look noisy.
    reference : (state, value), optional
        A state (component,) and the value of H there. Without it H is zero at the centre of the data.
    rows : int, optional
        Number of points used.
    tolerance : float, optional
        Relative error, cross-validated, at which the search ends: a faster fit where less is enough.
    symmetries : sequence of str or array (component, component)
        Linear maps of the state that leave H as it is: "parity" (q, p) -> (-q, -p), "time-reversal" p -> -p,
        "exchange" of the degrees of freedom (in reverse order), "translation" by one degree of freedom in a ring, or
        matrices. All their products follow.
    periodic : mapping of str to float, or bool, optional
        Periods of coordinates by state name. By default those that the states declare and the data cover; False for
        none, True for all that are declared. The neurons are sines of whole wave numbers then.
    quadratic_in_p : bool
        H = V(q) + p' A(q) p / 2: a mechanical system in any coordinates. With all coordinates periodic, A and V are
        Fourier series whose waves are found by matching pursuit.
    polynomial : {0, 1, 2}
        Degree of the polynomial that is fitted beside the neurons.
    terms : sequence of str
        Formulas that are known to be in H, up to their coefficients: "cos(q)", "q1**2 * p2".
    published : bool
        The method of the paper, for comparison: tanh on coordinates as they are, ``sampler`` "elm", "uniform" or
        "adaptive" (the default), ``width`` 1000 unless given, no polynomial, singular values below 1e-13 of the
        largest cut off, all points.

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
    place: str | None = None
    length: str | None = None
    separable: bool | None = None
    regularisation: float | None = None
    reference: tuple[Sequence[float], float] | None = None
    rows: int | None = None
    tolerance: float | None = None
    symmetries: Sequence[Any] = ()
    periodic: Mapping[str, float] | bool | None = None
    quadratic_in_p: bool = False
    polynomial: int = 2
    terms: Sequence[str] = ()
    published: bool = False

    def __post_init__(self) -> None:
        words = ("activation", ACTIVATIONS), ("sampler", SAMPLERS), ("place", PLACES), ("length", LENGTHS)
        for label, known in words:
            given = getattr(self, label)
            if given is not None and given not in known:
                raise ValueError(f"{label} must be one of {', '.join(map(repr, known))}, got {given!r}")
        for label, value, least in (("width", self.width, 0), ("rows", self.rows, 2)):
            if value is not None and (isinstance(value, bool) or int(value) != value or value < least):
                raise ValueError(f"{label} must be a whole number of at least {least}, got {value!r}")
        if self.scale is not None and not 0 < self.scale < np.inf:
            raise ValueError(f"scale must be a positive number, got {self.scale!r}; 1 is the published slope")
        if self.regularisation is not None and not 0 <= self.regularisation < np.inf:
            raise ValueError(f"regularisation must be a number of at least 0, got {self.regularisation!r}")
        if self.tolerance is not None and not 0 < self.tolerance < np.inf:
            raise ValueError(f"tolerance must be a positive number, got {self.tolerance!r}")
        if self.polynomial not in (0, 1, 2):
            raise ValueError(f"polynomial must be 0, 1 or 2, got {self.polynomial!r}")
        for label, sequence in (("symmetries", self.symmetries), ("terms", self.terms)):
            if isinstance(sequence, str):
                raise ValueError(f"{label} must be a sequence, got {sequence!r}; write [{sequence!r}]")
        if self.published:
            self._check_published()

    def _check_published(self) -> None:
        """Knobs that the published method does not have."""
        allowed = ("name", "Model", "width", "sampler", "reference", "separable", "published")
        defaults = type(self)()
        for knob in self.__dataclass_fields__:
            if knob not in allowed and getattr(self, knob) != getattr(defaults, knob):
                raise ValueError(f"the published method has no {knob}, got {getattr(self, knob)!r}; drop one of them")
        if self.sampler not in (None, "elm", "uniform", "adaptive"):
            raise ValueError(
                f"a published sampler without values of H is 'elm', 'uniform' or 'adaptive', got {self.sampler!r};"
                " 'adaptive' estimates what 'swim' would have to be told"
            )

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
            y = data.nodes.reshape(-1, pairs.size)
            structure, said = declared_structure(
                samples.states, pairs, y, symmetries=self.symmetries, quadratic_in_p=self.quadratic_in_p,
                periodic=False if self.published else self.periodic, polynomial=self.polynomial,
                terms=self.terms,
            )  # fmt: skip
            separable = bool(samples.facts.get("separable", False)) if self.separable is None else self.separable
            separable = separable and not self.published
            names = formula_names(samples.states)
            parts = [pairs[0], pairs[1]] if separable else [np.arange(pairs.size)]
            fits = [
                self._fit(
                    replace(data, nodes=np.ascontiguousarray(data.nodes[..., at]), target=data.target[:, at]),
                    part(structure, at, names) if separable else structure, seed, key, memory,
                )
                for key, at in enumerate(parts)
            ]  # fmt: skip
            model = _assemble(samples, pairs, parts, fits, y.min(axis=0), y.max(axis=0))
            model, constant = self._pinned(model)
        assert meter.cost is not None
        named = "as declared" if declared else "the first half of the states is q, the second p"
        report = {**_report(fits, separable), "learned_from": source, "pairs": named}
        if said:
            report["declared"] = ", ".join(said)
        return replace(model, report={**report, "constant": constant, **meter.cost.as_dict()})

    def _fit(self, data: Gradients, structure: Structure, seed: int, key: int, memory: int | None) -> EnergyFit:
        """H, V or T."""
        if self.published:
            sampler, width = self.sampler or "adaptive", WIDTH if self.width is None else self.width
            return fit_published(data, width=width, sampler=sampler, seed=seed, key=key, memory=memory)
        return fit_energy(
            data, structure=structure, width=self.width, activation=self.activation, scale=self.scale,
            sampler=self.sampler, regularisation=self.regularisation, tolerance=self.tolerance, rows=self.rows,
            place=self.place, length=self.length, seed=seed, key=key, memory=memory,
        )  # fmt: skip

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
    for at, fit, start, stop in zip(parts, fits, starts[:-1], starts[1:], strict=True):
        energy = fit.energy
        weights[start:stop, at] = energy.layer.weights
        quadratic[np.ix_(at, at)] = energy.quadratic
        linear[at], centre[at], half_width[at] = energy.linear, energy.layer.centre, energy.layer.half_width
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
        factors=fits[0].energy.factors,  # none where H is separable
        terms=[term.text for fit in fits for term in fit.energy.terms],
        term_coefficients=np.concatenate([fit.energy.term_coefficients for fit in fits]),
        activations=[fit.activation for fit in fits],
        offset=0.0,
    )


def _report(fits: list[EnergyFit], separable: bool) -> dict[str, Any]:
    """Keys of the contract; of V and T where there are two."""

    def each(values: list[Any]) -> Any:
        return dict(zip(("V", "T"), values, strict=True)) if separable else values[0]

    solutions = [fit.solution for fit in fits]
    return {
        "width": each([fit.width for fit in fits]),
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
