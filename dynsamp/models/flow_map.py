"""Flow maps: y(t + dt) = y + F(y), the increment F a sampled network with a linear skip.

    F(y) = constant + linear d + coefficients sigma(weights d + biases),   d = y - centre

Learning the increment, with the skip free of any penalty, keeps the digits that a map of the state itself loses.
Random-feature maps: Gottwald and Reich (2021), Physica D 423, 132911; solving them by orthogonalisation instead of
normal equations is worth ten Lyapunov times on clean data.

With a stencil F is a function of the patch around a site, the same at every site (see `stencil`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.measured.hidden import hidden_states
from dynsamp.models.measured.increments import increments, judged
from dynsamp.models.schema import Above, Array, Outline
from dynsamp.networks.compiled import map_step, network_theta, trusted
from dynsamp.networks.grid import Patch
from dynsamp.networks.network import Hidden, HiddenLayer, Network, blocks
from dynsamp.networks.neurons import Activation, FitOptions, Neurons, Sampler
from dynsamp.networks.polynomials import written
from dynsamp.networks.search.flow import fit_flow
from dynsamp.networks.stencil import Stencil, checked_offsets
from dynsamp.solve import Kernel

_log = logging.getLogger("dynsamp")

LARGEST = 16  # exponent in a file


@dataclass(frozen=True, kw_only=True)
class FlowMapModel(Model):
    """y(t + dt) = y + F(y); iterate it for a forecast. Arrays of states are (..., component).

    With a stencil, inputs are the patch of a site (for each offset the value of each state) and outputs the states
    there; without, both are the components. The arrays with a stencil say nothing of the number of sites, so
    ``dataclasses.replace(model, states=...)`` puts them on another ring.
    """

    name: ClassVar[str] = "flow-map"

    dt: Annotated[float, Above(0.0)]
    activation: Activation | Literal["polynomial"]  # of which weights are the exponents
    centre: Annotated[np.ndarray, Array("input")]
    constant: Annotated[np.ndarray, Array("output")]
    linear: Annotated[np.ndarray, Array("output", "input")]
    weights: Annotated[np.ndarray, Array("feature", "input")]
    biases: Annotated[np.ndarray, Array("feature")]
    coefficients: Annotated[np.ndarray, Array("output", "feature")]
    stencil: Sequence[int] | None = None  # offsets of the neighbours

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stencil is not None:
            object.__setattr__(self, "stencil", checked_offsets(self.stencil))
        whole = self.weights == np.floor(self.weights)
        if self.activation == "polynomial" and not np.all(whole & (self.weights >= 0) & (self.weights <= LARGEST)):
            raise ValueError(f"the weights of a polynomial should be exponents, whole numbers from 0 to {LARGEST}")

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:
        """See Model.declared_sizes."""
        if outline.plain["stencil"] is None:
            size = outline.size
            return {"input": size, "output": size}
        ring = Stencil.on(outline.states, outline.plain["stencil"])
        return {"input": ring.size, "output": ring.states}

    @property
    def ring(self) -> Stencil | None:
        """The stencil on the sites of the states."""
        return None if self.stencil is None else Stencil.on(self.states, self.stencil)

    @cached_property
    def network(self) -> Network:
        """F, a function of states or patches (row, input)."""
        layer = HiddenLayer(self.weights, self.biases, self.activation, self.centre, np.ones(len(self.centre)))
        return Network(Hidden((layer,)), self.constant, self.linear, self.coefficients, self.centre)

    @property
    def formula(self) -> str:
        """The map as people, and ``terms=``, write it, one line a state; or why there is no formula."""
        if self.activation != "polynomial" and len(self.weights):
            return f"no formula: {len(self.weights)} {self.activation} neurons"
        names = [f"{s.name}[{k}]" if s.size > 1 else s.name for s in self.states for k in range(s.size)]
        seen = names
        if self.stencil is not None:
            names = [f"{state.name}[i]" for state in self.states]
            seen = [f"{s.name}[i{k:+d}]" if k else f"{s.name}[i]" for k in self.stencil for s in self.states]
        shifted = [f"({n} - {c:.6g})" if c > 0 else f"({n} + {-c:.6g})" for n, c in zip(seen, self.centre, strict=True)]
        error = self.known_error or 0.0
        digits = int(np.clip(2 - np.log10(max(error, 1e-12)), 2, 12))
        size = len(self.centre)
        exponents = np.concatenate([np.zeros((1, size)), np.eye(size), self.weights])
        lines = []
        for k, name in enumerate(names):
            linear, constant, inputs = self.linear[k].copy(), float(self.constant[k]), shifted
            if not self.centre.any():
                inputs = seen
            elif not len(self.weights):
                inputs, constant = seen, constant - float(linear @ self.centre)
            add = np.concatenate([[constant], linear, self.coefficients[k]])
            if name in seen and inputs is seen:  # y + F(y)
                add[1 + seen.index(name)] += 1.0
                add[np.abs(add) < 10.0**-digits * np.abs(add).max() / 100.0] = 0.0
                lines.append(f"{name}(t + dt) = {written(add, exponents, inputs, digits)}")
            else:
                lines.append(f"{name}(t + dt) = {name} + {written(add, exponents, inputs, digits)}")
        return "\n".join(lines)

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        ring, inputs, outputs = self.ring, len(self.centre), len(self.constant)
        sees, fields = (Patch.own(inputs), 0) if ring is None else (ring.patch, outputs)
        step, theta = map_step(self.activation, sees, outputs, fields), network_theta(self.network)
        known: dict[str, Any] = {"size": self.size, "parameters": len(theta), "trusted": trusted(self.network)}
        return Kernel("map", (step,), theta, dt=self.dt, **known)

    def step(self, y: np.ndarray) -> np.ndarray:
        """State after ``dt``."""
        points, ring = self._points(y), self.ring
        if ring is None:
            return np.asarray((points + self.network.values(points)).reshape(np.shape(y)))
        result = np.empty_like(points)
        for rows in blocks(len(points), ring.sites * ring.size):
            result[rows] = points[rows] + ring.joined(self.network.values(ring.patches(points[rows])))
        return result.reshape(np.shape(y))

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Derivative of the step with respect to the state (..., component, component)."""
        points, ring = self._points(y), self.ring
        n = points.shape[1]
        if ring is None:
            result = self.network.jacobian(points)
        else:
            result = ring.jacobian(self.network.jacobian(ring.patches(points)))
        result[:, np.arange(n), np.arange(n)] += 1.0
        return result.reshape(*np.shape(y), n)


@dataclass(frozen=True)
class FlowMap(Estimator):
    """Learn the one-step map of evenly sampled trajectories.

    What is None is chosen from the data: activation and slope by generalised cross validation on a small network,
    then, with the width where the data are noisy, by the one-step error on blocks of time (whole trajectories where
    there are several) that the fit has not seen. Noisy data get ridge regression.

    Parameters
    ----------
    width : int, optional
        Number of neurons; by default 600, less where data are few or noisy; 0 is the linear map.
    activation : {"sin", "tanh", "gauss"}, optional
        sin has normal weights and random phases, the others take their weights from pairs of data points.
    scale : float, optional
        Slope of the neurons on standardised states.
    sampler : {"elm", "uniform", "swim"}, optional
        Where weights come from; by default "elm" for sin, "uniform" (pairs) otherwise.
    regularisation : float, optional
        Ridge parameter for columns of unit norm; 0 for none.
    stencil : sequence of int, optional
        For states on a dimension of their own, such as ``State("X", dims={"site": 40})``: offsets of the neighbours
        that a site depends on, such as (-2, -1, 0, 1), where all sites obey the same law on a ring. One function is
        learned from the rows of all sites. By default every component is a function of all.
    """

    name: ClassVar[str] = "flow-map"
    Model: ClassVar[type[Model]] = FlowMapModel

    width: int | None = None
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    regularisation: float | None = None
    stencil: Sequence[int] | None = None

    def __post_init__(self) -> None:
        self.neurons.in_one_layer()
        self.options()
        if self.stencil is not None:
            object.__setattr__(self, "stencil", checked_offsets(self.stencil))

    @property
    def neurons(self) -> Neurons:
        """The knobs of neurons."""
        return Neurons(self.width, self.activation, self.scale, self.sampler)

    def options(self, seed: int = 0, memory: int | None = None) -> FitOptions:
        """The knobs of a fit."""
        return FitOptions(self.regularisation, seed=seed, memory=memory)

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> FlowMapModel:
        """Fit to trajectories of any lengths with one spacing.

        Raises
        ------
        ValueError
            If the data are unevenly sampled, constant, not finite, or no trajectory has two samples; if the stencil
            does not suit the dimensions of the states.
        """
        with Meter() as meter:
            ring = None if self.stencil is None else Stencil.on(samples.states, self.stencil)
            rows = increments(samples, "a flow map")
            best = fit_flow(rows, self.neurons, self.options(seed, memory), ring)
            told, noise = best.judgement, best.noise
            missing = "" if samples.u is not None or ring is not None else hidden_states(rows, best.missed, seed)
            if missing:  # what looks like noise is what the state does not say
                told, noise = replace(told, error=max(told.error, best.missed**0.5)), 0.0 * noise
        report = judged(told, samples, noise)
        if missing:
            report["hidden"] = missing
            _log.warning("%s", missing)
        report |= {**best.report(), **meter.cost.as_dict()}
        if self.stencil is not None:
            report["stencil"] = list(self.stencil)
        return FlowMapModel(
            **samples.about(report, dt=rows.dt), dt=rows.dt, stencil=self.stencil, **_arrays(best.network)
        )


def _arrays(network: Network) -> dict[str, Any]:
    """Fields of the fitted model, which works on states as they are."""
    size, layers = len(network.centre), network.hidden.layers
    layer = layers[0] if layers else HiddenLayer(np.empty((0, size)), np.empty(0), "tanh", *np.ones((2, size)))
    weights, coefficients, biases = layer.plain_weights, network.coefficients, layer.biases
    if layer.polynomial:
        used = np.any(coefficients != 0.0, axis=0)
        weights, biases = layer.weights[used], biases[used]
        coefficients = coefficients[:, used] / np.prod(layer.half_width**weights, axis=1)
    return {
        "activation": layer.activation,
        "centre": network.centre,
        "constant": network.offset.copy(),
        "linear": np.ascontiguousarray(network.linear),
        "weights": np.ascontiguousarray(weights),
        "biases": biases,
        "coefficients": np.ascontiguousarray(coefficients),
    }
