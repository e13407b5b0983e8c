"""Sampled Hamiltonian networks: H from derivatives or snapshots, and the fitted model.

Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation, arXiv:2411.17511.
The gradient of a sampled network is linear in its last layer, and grad H = (-p', q'), so least squares gives H up to
a constant. Beyond the paper: standardised inputs, slopes and widths chosen by cross validation, a quadratic part,
orthogonalisation instead of a truncated SVD, two networks V(q) + T(p) where H is separable, and declared symmetries,
periods and powers; from snapshots, Gauss and Newton's method through the flow, which leaves no error of the time step
(``dynsamp.networks.segments``). ``published=True`` is the method of the paper.
"""

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from dynsamp.arguments import check_flags
from dynsamp.meter import Meter
from dynsamp.models.base import Model, Samples
from dynsamp.models.declared import formula_names, structure_of
from dynsamp.models.learned_energy import EnergyEstimator, EnergyModel, assembled, full_report, pieces, pinned
from dynsamp.models.measured.canonical import CANONICAL_NAMES, CanonicalSamples, gradient_data, snapshot_data
from dynsamp.models.measured.diagnosis import doubts, doubts_of_names, friction_column, friction_of_momenta
from dynsamp.networks import tuning
from dynsamp.networks.energy_published import fit_published
from dynsamp.networks.gradients import Gradients, canonical_matrix, rotated
from dynsamp.networks.grid import Patch
from dynsamp.networks.search.energy import fit_energy
from dynsamp.networks.segments.learned_field import Disturbance
from dynsamp.networks.segments.learning import learn_from_snapshots
from dynsamp.solve import Kernel

_log = logging.getLogger("dynsamp")


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianModel(EnergyModel):
    """q' = dH/dp, p' = -dH/dq, with a learned H."""

    name: ClassVar[str] = "hamiltonian"

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """(q', p') = (dH/dp, -dH/dq) of states (..., component), same shape."""
        return rotated(self.gradient(y), self.pairs)

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See EnergyModel.field."""
        return self.vector_field(y)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the vector field (..., component, component)."""
        return rotated(self.hessian(y), self.pairs, -2)

    def kernel(self) -> Kernel:
        """Velocity and force where H is separable and states are all q, then all p; otherwise the vector field."""
        if self.separable and np.any(np.diff(self.pairs.ravel()) != 1):
            raise ValueError("a separable Hamiltonian needs its states ordered as all q, then all p; reorder them")
        energies = [energy for _, energy in self._parts]
        patches = [Patch.own(len(energy.linear)) for energy in energies]
        return self.canonical_kernel(energies, patches, self.pairs, self.separable)


@dataclass(frozen=True)
class HamiltonianNetwork(EnergyEstimator):
    """Learn H from states and their derivatives, or from snapshots alone.

    What is left at None is chosen from the data. Snapshots at any steps are fitted through the flow, by as many rounds
    of Gauss and Newton's method as gain something; where they are noisy, longer segments of trajectories are fitted as
    a whole. The summary says which route was taken.

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
    positions : bool, optional
        Whether all states are positions, whose velocities become the momenta; by default this is so where there is one
        state alone, or two that are named like coordinates.
    published : bool
        The method of the paper, for comparison: tanh on coordinates as they are, ``sampler`` "elm", "uniform" or
        "adaptive" (the default), ``width`` 1000 unless given, no polynomial, singular values below 1e-13 of the
        largest cut off, all points; snapshots by collocation.

    Examples
    --------
    >>> model = HamiltonianNetwork().fit(samples)                               # doctest: +SKIP
    >>> model.energy([0.1, 0.0])                                                # doctest: +SKIP
    >>> model.step([0.1, 0.0])          # one step of the data later            # doctest: +SKIP
    """

    name: ClassVar[str] = "hamiltonian"
    Model: ClassVar[type[Model]] = HamiltonianModel

    published: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flags(published=self.published)
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
            ready = self.prepared(samples)
            if self.published:
                ready = replace(ready, separable=False)
            by_rows = ready.samples.dy is not None or self.published
            model, data = (self._from_rows if by_rows else self._from_snapshots)(ready, seed, memory)
        report = dict(model.report)
        known, guessed = report.get("error", np.inf), ready.notes["pairs"] == CANONICAL_NAMES
        named = doubts_of_names(ready.samples.owners, ready.pairs, guessed=guessed)
        for key, doubt in (named or doubts(data, ready.samples, known)).items():
            report[key] = doubt
            _log.warning("%s", doubt)
        offset, report["constant"] = pinned(model, self.reference)
        return replace(model, offset=offset, report={**report, **meter.cost.as_dict()})

    def _from_rows(self, ready: CanonicalSamples, seed: int, memory: int | None) -> tuple[HamiltonianModel, Gradients]:
        """From derivatives (or, as published, from collocations of snapshots): linear."""
        data, source = gradient_data(ready.samples, ready.pairs)
        y = data.nodes.reshape(-1, ready.pairs.size)
        structure, said = self.structure(ready, y, periodic=False if self.published else self.periodic)
        names = formula_names(ready.samples.states)
        fits = []
        for key, at in enumerate(ready.parts):
            own = replace(data, nodes=np.ascontiguousarray(data.nodes[..., at]), target=data.target[:, at])
            if self.published:
                width = tuning.PUBLISHED_WIDTH if self.width is None else self.width
                sampler = self.sampler or "adaptive"
                fits.append(fit_published(own, width=width, sampler=sampler, seed=seed, key=key, memory=memory))
            else:
                facts = structure_of(structure, at, names) if ready.separable else structure
                options = self.options(seed, memory, key=key)
                fits.append(fit_energy(own, self.neurons, options, structure=facts, judge=True))
        damped = replace(data, others=friction_column(data.target, ready.pairs)[None])
        energies, report = [fit.energy for fit in fits], full_report(ready, fits, said, source)
        return HamiltonianModel(**assembled(ready, energies, y), report=report), damped

    def _from_snapshots(
        self, ready: CanonicalSamples, seed: int, memory: int | None
    ) -> tuple[HamiltonianModel, Gradients]:
        """Through the flow."""
        data = snapshot_data(ready.samples)
        y = data.y[ready.samples.inside]
        options = self.options(seed, memory)
        fit, said = self.fitting(ready, y, options)
        canonical = canonical_matrix(ready.pairs)
        undisturbed = Disturbance(canonical, np.zeros_like(canonical))
        learned, _ = learn_from_snapshots(data, undisturbed, fit, options)
        about = assembled(ready, pieces(learned.fit.energy, ready), y)
        about |= {"facts": replace(about["facts"], dt=ready.samples.median_step)}
        model = HamiltonianModel(**about, report=full_report(ready, [learned.fit], said, learned))
        return model, data.linear(replace(undisturbed, frictions=[friction_of_momenta(ready.pairs)]))
