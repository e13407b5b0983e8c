"""Sampled networks for plain regression: y = f(x), of any width and depth, by one linear solve.

Bolager, Burak, Datar, Sun and Dietrich (2023), Sampling weights of deep neural networks, arXiv:2306.16830. Beyond the
paper: standardised inputs, slopes, widths, samplers and depth chosen from the data, a linear part beside the neurons,
orthogonalisation instead of a truncated SVD, ridge regression where the data are noisy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, NoReturn

import numpy as np
from threadpoolctl import threadpool_limits

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.schema import Array, Items, Outline
from dynsamp.models.skill import ROWS, verdict_of_values
from dynsamp.networks.network import Hidden, HiddenLayer, Network
from dynsamp.networks.neurons import Activation, FitOptions, Neurons, Sampler, Width, one_of
from dynsamp.networks.rows import Rows
from dynsamp.networks.search.regression import RegressionFit, fit_regression
from dynsamp.words import State, quoted


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledNetworkModel(Model):
    """f(x) = offset + linear (x - centre) + coefficients h, h the last of ``len(widths)`` hidden layers.

    The first layer sees (x - shift) / half_width, each of the others the layer before. ``states`` are the inputs.
    """

    name: ClassVar[str] = "sampled-network"

    targets: Annotated[Sequence[str], Items("output")]  # a name for each output
    widths: Annotated[Sequence[int], Items("layer", total="neuron", low=1)]  # neurons of each hidden layer
    activation: Activation
    # of all layers one after the other, each (feature, input of the layer) in C order
    weights: Annotated[np.ndarray, Array("weight")]
    biases: Annotated[np.ndarray, Array("neuron")]  # of all layers one after the other
    centre: Annotated[np.ndarray, Array("component")]
    shift: Annotated[np.ndarray, Array("component")]
    half_width: Annotated[np.ndarray, Array("component", above=0.0)]
    offset: Annotated[np.ndarray, Array("output")]
    linear: Annotated[np.ndarray, Array("output", "component")]
    coefficients: Annotated[np.ndarray, Array("output", "feature")]

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:
        """See Model.declared_sizes."""
        widths = outline.plain["widths"]
        below = [outline.size, *widths]
        weights = sum(m * n for m, n in zip(below, widths, strict=False))
        return {"weight": weights, "feature": widths[-1] if widths else 0}

    def network(self) -> Network:
        """The layers and their derivatives, on arrays (row, input)."""
        layers, weight, bias = [], 0, 0
        centre, half_width = self.shift, self.half_width
        for width in self.widths:
            size = len(centre)
            weights = self.weights[weight : weight + width * size].reshape(width, size)
            biases = self.biases[bias : bias + width]
            layers.append(HiddenLayer(weights, biases, self.activation, centre, half_width))
            weight, bias = weight + width * size, bias + width
            centre, half_width = np.zeros(width), np.ones(width)
        return Network(Hidden(tuple(layers)), self.offset, self.linear, self.coefficients, self.centre)

    def values(self, x: np.ndarray) -> np.ndarray:
        """f of points (..., input): an array (..., output)."""
        points = self._points(x, "x")
        return self.network().values(points).reshape(*np.shape(x)[:-1], len(self.offset))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """df/dx of points (..., input): an array (..., output, input)."""
        points = self._points(x, "x")
        return self.network().jacobian(points).reshape(*np.shape(x)[:-1], *self.linear.shape)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """d2f/dx2 of points (..., input): an array (..., output, input, input)."""
        points = self._points(x, "x")
        return self.network().hessian(points).reshape(*np.shape(x)[:-1], *self.linear.shape, len(self.centre))

    def predict(self, y0: np.ndarray, times: np.ndarray, ids: np.ndarray, seed: int) -> NoReturn:  # noqa: ARG002
        """Refuse: a regression of y on x has no time in it."""
        names = ", ".join(state.name for state in self.states)
        raise ValueError(
            f"a sampled network of {names} is a regression and has no time to forecast in; use model.values(x), or fit"
            " a flow map or a Hamiltonian network"
        )


@dataclass(frozen=True)
class SampledNetwork(Estimator):
    """Learn y = f(x) from rows of x and y.

    What is left at None is chosen from the data, at a fraction of the cost of the fit.

    Parameters
    ----------
    width : int or sequence of int, optional
        Number of neurons, or of those of each hidden layer. 0 is a linear model.
    activation : {"tanh", "sin", "gauss", "relu", "softplus"}, optional
    scale : float, optional
        Slope of the neurons on standardised inputs; 1 is the published construction.
    sampler : {"elm", "uniform", "swim", "near"}, optional
        Normal weights; pairs of data points, uniform or where the target changes most; neighbouring points where it
        changes most.
    regularisation : float, optional
        Ridge parameter for columns of unit norm; 0 is plain least squares. By default cross validation where the
        data look noisy.
    dtype : {"float64", "float32"}
        Precision in which the features of the fit are computed; the solve and the fitted arrays are in float64. With
        "float32" the error of clean data stops falling between 1e-5 and 1e-4 of the spread of y.
    published : bool
        The published method to the letter: tanh or relu, inputs as they are, no linear part, slope 1, pairs drawn by
        the density of the target, singular values below 1e-8 of the largest cut off, 1000 neurons unless told.
    tolerance : float, optional
        Relative error that is good enough: more neurons are not tried.
    inputs, targets : sequence of str, optional
        Names of the columns; of the variables to learn from and to learn where the data are a Dataset.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> model = SampledNetwork().fit(x, np.sin(3.0 * x))
    >>> bool(abs(model.values([0.5])[0] - np.sin(1.5)) < 1e-9)
    True
    """

    name: ClassVar[str] = "sampled-network"
    Model: ClassVar[type[Model]] = SampledNetworkModel

    width: Width | None = None
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    regularisation: float | None = None
    dtype: Literal["float64", "float32"] = "float64"
    published: bool = False
    tolerance: float | None = None
    inputs: Sequence[str] | None = None
    targets: Sequence[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.options()  # complains, as neurons do
        one_of("sampler", self.neurons.sampler, ("elm", "uniform", "swim", "near"))
        one_of("dtype", self.dtype, ("float64", "float32"))
        if self.published:
            one_of("activation of the published method", self.activation, ("tanh", "relu"))
            one_of("sampler of the published method", self.sampler, ("elm", "uniform", "swim"))
        for label, names in (("inputs", self.inputs), ("targets", self.targets)):
            several = isinstance(names, Sequence) and not isinstance(names, str | bytes)
            if names is not None and not (several and all(isinstance(name, str) for name in names) and names):
                raise ValueError(f"{label} must be a list of distinct names, got {quoted(names)}")
            if names is not None and len(set(names)) < len(names):
                raise ValueError(f"{label} must be a list of distinct names, got {quoted(names)}")

    @property
    def neurons(self) -> Neurons:
        """The knobs of neurons."""
        return Neurons(self.width, self.activation, self.scale, self.sampler)

    def options(self, seed: int = 0, memory: int | None = None) -> FitOptions:
        """The knobs of a fit."""
        return FitOptions(self.regularisation, self.tolerance or None, seed=seed, memory=memory)

    def fit(self, x: Any, y: Any = None, *, seed: int = 0, memory: int | None = None) -> SampledNetworkModel:
        """Fit to rows.

        Parameters
        ----------
        x : array-like (row, input) or Samples
            An array, or anything with a shape and row slices ``[a:b]`` (a memory map, a zarr or h5py array, a
            DataArray), which is read in blocks. Of Samples the derivatives are learned from the states.
        y : array-like (row,) or (row, output)
            Likewise; not for Samples.
        seed : int
            Seed of the sampled weights.
        memory : int, optional
            Bound on the peak in bytes, beyond what ``x`` and ``y`` take themselves.

        Raises
        ------
        ValueError
            If shapes do not fit, values are not finite, or ``memory`` is too small.
        TypeError
            If values are not real numbers.
        """
        if isinstance(x, Samples):
            targets = [f"tendency_of_{state.name}" for state in x.owners]
            return replace(self._fit(*_derivatives(x), seed, memory, targets), states=x.states, facts=x.facts)
        if y is None:
            raise ValueError("fit needs x and y, or Samples with derivatives; got x alone")
        return self._fit(x, y, None, seed, memory, None)

    def _fit(
        self, x: Any, y: Any, trajectory: np.ndarray | None, seed: int, memory: int | None, names: Sequence[str] | None
    ) -> SampledNetworkModel:
        # one BLAS thread: the same bits on every machine, and the many small fits of a selection do not spin
        with Meter() as meter, threadpool_limits(1, "blas"):
            source = Rows(x, y)
            found = fit_regression(
                source, self.neurons, self.options(seed, memory), dtype=self.dtype, published=self.published
            )
            judged = found.judgement(trajectory)
        states = tuple(State(name) for name in _names(self.inputs, source.inputs, "x"))
        targets = _names(self.targets if names is None else names, source.outputs, "y")
        levels = judged.noise * found.problem.scale.spread
        report = judged.said(zip(targets, levels, strict=True), lambda k: f"trajectory {k}")
        report |= {**found.report(), "dtype": self.dtype, **meter.cost.as_dict()}
        model = replace(_model(found, states, targets), report=report)
        drawn, what = found.problem.summary, "" if trajectory is None else " of the derivative"
        said = verdict_of_values(model, model.values, drawn.x[:ROWS], drawn.y[:ROWS], what)
        return replace(model, report={"verdict": said, **report})


def _derivatives(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States, their derivatives (row, component) and trajectories (row,) of all valid times."""
    if samples.dy is None:
        raise ValueError(
            "plain regression of a vector field needs derivatives, which the data do not have; give tendencies, or"
            " name inputs=[...] and targets=[...]"
        )
    return samples.y[samples.inside], samples.dy[samples.inside], np.repeat(samples.ids, samples.length)


def _names(given: Sequence[str] | None, count: int, letter: str) -> list[str]:
    """As given where there is one name a column; otherwise numbered."""
    if given is not None and len(given) == count:
        return list(given)
    return [letter] if count == 1 else [f"{letter}{k}" for k in range(count)]


def _model(found: RegressionFit, states: tuple[State, ...], targets: Sequence[str]) -> SampledNetworkModel:
    network = found.network
    layers = network.hidden.layers
    size = len(network.centre)
    return SampledNetworkModel(
        states=states,
        low=found.problem.summary.low,
        high=found.problem.summary.high,
        targets=list(targets),
        widths=[layer.width for layer in layers],
        activation=found.fitted.neurons.activation or "tanh",
        weights=np.concatenate([layer.weights.ravel() for layer in layers]) if layers else np.empty(0),
        biases=np.concatenate([layer.biases for layer in layers]) if layers else np.empty(0),
        centre=network.centre,
        half_width=layers[0].half_width if layers else np.ones(size),
        shift=layers[0].centre if layers else np.zeros(size),
        offset=network.offset,
        linear=network.linear,
        coefficients=network.coefficients,
    )
