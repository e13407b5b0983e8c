"""The estimator of drift and diffusion, and its model."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models import tuning
from dynsamp.models.base import Estimator, Model, Samples, bounds
from dynsamp.models.declared import formula_names
from dynsamp.models.drift_diffusion.judged import judged
from dynsamp.models.drift_diffusion.law import Rows, lower_triangle
from dynsamp.models.drift_diffusion.moments import Fitted, fitted
from dynsamp.models.drift_diffusion.spoken import formula
from dynsamp.models.measured.increments import increments, unused
from dynsamp.models.schema import Above, Array, Outline
from dynsamp.networks.compiled import Wiring, network_field, network_theta, neuron_sum, trusted
from dynsamp.networks.grid import Patch
from dynsamp.networks.network import Hidden, HiddenLayer, Network
from dynsamp.networks.neurons import FitOptions, Neurons, Sampler, one_of
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.stencil import Increments
from dynsamp.networks.tuning import SAMPLED_FROM
from dynsamp.solve import Chart, Kernel, diffusion_values, field_values
from dynsamp.streams import generator
from dynsamp.words import listed

_log = logging.getLogger("dynsamp")

MOST = max(degree for both in tuning.SDE_DEGREES.values() for degree in both)  # factors of a monomial


@cache
def sde_functions(size: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return ``drift(t, y, theta, dy)`` and ``diffusion(t, y, theta, g)`` for compilation.

    Theta is that of two networks, of the drift and of the lower triangle of the covariance row by row; then least
    variances (n); of each monomial the components that it is a product of (-1: no more), and its coefficients in the
    drift (n) and in the covariance (n (n + 1) / 2); lowest (n) and highest distance (n) from the centre beyond which
    the monomials of the drift stay as they are, and the same of the covariance; and how many monomials there are. One
    component has a diagonal diffusion; more have the lower Cholesky factor, (n, n).
    """
    pairs = size * (size + 1) // 2
    of_drift = Wiring("tanh", Patch.own(size), Patch.own(size))
    wirings = of_drift, Wiring("tanh", Patch.own(size), Patch.own(pairs), triangle=size > 1)
    neurons, field = neuron_sum(wirings, 1), network_field(wirings, (0,))
    record, skipped, most = of_drift.record, 2 + of_drift.fixed, MOST
    each, pivot_floor, tail = MOST + size + pairs, tuning.PIVOT_FLOOR, 1 + 4 * size

    def monomial(y, theta, at, edge):  # type: ignore[no-untyped-def]
        k = int(theta[at])
        value = np.minimum(np.maximum(y[k] - theta[2 + k], theta[edge + k]), theta[edge + size + k])
        for place in range(1, most):
            k = int(theta[at + place])
            if k >= 0:
                away = np.minimum(np.maximum(y[k] - theta[2 + k], theta[edge + k]), theta[edge + size + k])
                value = value * away
        return value

    def drift(t, y, theta, dy):  # type: ignore[no-untyped-def]
        field(t, y, theta, dy)
        terms = int(theta[len(theta) - 1])
        for term in range(terms):
            at = len(theta) - tail - (terms - term) * each
            value = monomial(y, theta, at, len(theta) - tail)  # type: ignore[no-untyped-call]
            for i in range(size):
                dy[i] = dy[i] + theta[at + most + i] * value

    def variance(t, y, theta, g):  # type: ignore[no-untyped-def]
        first, terms = skipped + int(theta[0]) * record, int(theta[len(theta) - 1])
        g[0] = theta[first + 1] + theta[first + 2] * (y[0] - theta[first])
        for term in range(terms):
            at = len(theta) - tail - (terms - term) * each
            value = monomial(y, theta, at, len(theta) - tail + 2)  # type: ignore[no-untyped-call]
            g[0] = g[0] + theta[at + most + 1] * value
        neurons(t, y, theta, g)
        g[0] = np.sqrt(np.maximum(g[0], theta[len(theta) - tail - terms * each - 1]))

    def factor(t, y, theta, g):  # type: ignore[no-untyped-def]
        first, terms = skipped + int(theta[0]) * record, int(theta[len(theta) - 1])
        floor = len(theta) - tail - terms * each - size
        for i in range(size):
            for k in range(i + 1):
                entry = i * (i + 1) // 2 + k
                linear = first + size + pairs + entry * size
                value = theta[first + size + entry]
                for j in range(size):
                    value = value + theta[linear + j] * (y[j] - theta[first + j])
                g[i, k] = value
        for term in range(terms):
            at = len(theta) - tail - (terms - term) * each
            value = monomial(y, theta, at, len(theta) - tail + 2 * size)  # type: ignore[no-untyped-call]
            for i in range(size):
                for k in range(i + 1):
                    g[i, k] = g[i, k] + theta[at + most + size + i * (i + 1) // 2 + k] * value
        neurons(t, y, theta, g)
        for i in range(size):
            g[i, i] = np.maximum(g[i, i], theta[floor + i])
            for k in range(i + 1, size):
                g[i, k] = 0.0
        # Cholesky, column by column; g[i, i] is what is left of variance i. No entry may take more than that, so a
        # matrix that is not positive keeps its variances and loses correlation
        for k in range(size):
            pivot = np.sqrt(np.maximum(g[k, k], pivot_floor * theta[floor + k]))
            g[k, k] = pivot
            for i in range(k + 1, size):
                value = g[i, k]
                for m in range(k):
                    value = value - g[i, m] * g[k, m]
                bound = np.sqrt(np.maximum(g[i, i], 0.0))
                value = np.minimum(np.maximum(value / pivot, -bound), bound)
                g[i, k] = value
                g[i, i] = g[i, i] - value * value

    return drift, variance if size == 1 else factor


@dataclass(frozen=True, kw_only=True)
class DriftDiffusionModel(Model):
    """dy = mu(y) dt + g(y) dW (Ito); arrays of states are (..., component).

    With n components and p = n (n + 1) / 2, theta = centre (n), least variances (n); of each component of the drift a
    constant and slopes (n); of each entry of the covariance, lower triangle row by row, a constant, slopes (n) and
    squares (p); of each neuron bias, weights (n), coefficients (n + p). Monomials of the distance from the centre are
    added to both.
    """

    name: ClassVar[str] = "drift-diffusion"

    dt: Annotated[float, Above(0.0)]  # spacing of the training data
    theta: Annotated[np.ndarray, Array("number")]
    exponents: Annotated[np.ndarray, Array("term", "component", dtype="int", low=0, optional=True)] = field(
        default_factory=lambda: np.empty((0, 0), np.int64)
    )
    terms: Annotated[np.ndarray, Array("term", "output", optional=True)] = field(
        default_factory=lambda: np.empty((0, 0))
    )
    limits: Annotated[np.ndarray, Array("limit", optional=True)] = field(
        default_factory=lambda: np.empty(0)
    )  # distances from the centre, of drift and covariance lowest and highest, beyond which monomials stay as they are
    logs: Annotated[np.ndarray, Array("component", optional=True, low=0.0)] = field(default_factory=lambda: np.empty(0))
    longest: Annotated[float | None, Above(0.0)] = None  # step of a solver
    covariances: Annotated[np.ndarray, Array("output", "column", "column", optional=True)] = field(
        default_factory=lambda: np.empty((0, 0, 0))
    )  # of the coefficients: constant, slopes, monomials, neurons
    formula: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        degree = self.exponents.sum(axis=-1)
        if len(degree) != len(self.terms) or (degree < 1).any() or (degree > MOST).any():
            raise ValueError(
                f"the fields of a {type(self).__name__} do not fit together: exponents should be of {len(self.terms)}"
                f" monomials of degree 1 to {MOST}"
            )

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:
        """See Model.declared_sizes."""
        n, shape = outline.size, outline.arrays["theta"][1]
        pairs, count = n * (n + 1) // 2, math.prod(shape)
        rest = count - (2 * n + n * (1 + n) + pairs * (1 + n + pairs))
        if rest < 0 or rest % (1 + 2 * n + pairs):
            raise ValueError(f"theta of shape {shape} is not a drift and diffusion of {n} components")
        return {"number": count, "output": n + pairs, "limit": 4 * n}

    @cached_property
    def _moments(self) -> tuple[Network, Network, np.ndarray, np.ndarray, np.ndarray]:
        """Drift and covariance without products, least variances, and exponents and coefficients of products."""
        n = self.size
        pairs = n * (n + 1) // 2
        sizes = np.cumsum([n, n, n * (1 + n), pairs * (1 + n + pairs)])
        centre, floor, drift, covariance, neurons = np.split(self.theta, sizes)
        neurons = neurons.reshape(-1, 1 + 2 * n + pairs)
        layer = HiddenLayer(neurons[:, 1 : 1 + n], neurons[:, 0], "tanh", centre, np.ones(n))
        drift, covariance = drift.reshape(n, -1), covariance.reshape(pairs, -1)
        of_drift = Network(Hidden((layer,)), drift[:, 0], drift[:, 1:], neurons[:, 1 + n : 1 + 2 * n].T, centre)
        affine, coefficients = covariance[:, : 1 + n], neurons[:, 1 + 2 * n :].T
        of_covariance = Network(Hidden((layer,)), affine[:, 0], affine[:, 1:], coefficients, centre)
        exponents, terms = self.exponents.reshape(-1, n), self.terms.reshape(-1, n + pairs)
        if covariance[:, 1 + n :].any():
            squares = np.array([np.bincount(pair, minlength=n) for pair in lower_triangle(n)])
            exponents = np.concatenate([squares, exponents])
            squares = np.concatenate([np.zeros((pairs, n)), covariance[:, 1 + n :].T], axis=1)
            terms = np.concatenate([squares, terms])
        return of_drift, of_covariance, floor, exponents, terms

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        drift, covariance, floor, exponents, terms = self._moments
        n, count = self.size, len(terms)
        factors = np.full((count, MOST), -1.0)
        for k, powers in enumerate(exponents):
            factors[k, : powers.sum()] = np.repeat(np.arange(n), powers)
        limits = self.limits if len(self.limits) else np.tile(np.repeat([-tuning.NO_LIMIT, tuning.NO_LIMIT], n), 2)
        tail = np.concatenate([np.concatenate([factors, terms], axis=1).ravel(), limits, [count]])
        theta = np.concatenate([network_theta(drift, covariance), floor, tail])
        places, numbers = trusted(drift, covariance)
        own = len(theta) - len(tail) + (np.arange(count)[:, None] * (MOST + terms.shape[1]) + np.arange(MOST)).ravel()
        places = np.concatenate([places, own, [len(theta) - 1]])
        numbers = np.concatenate([numbers, factors.ravel(), [count]])
        low, high = bounds(self.states)
        logs = self.logs > 0 if len(self.logs) else np.zeros(n, dtype=bool)
        chart = Chart(logs, low, high) if logs.any() or np.isfinite([low, high]).any() else None
        known: dict[str, Any] = {"size": n, "parameters": len(theta), "trusted": (places, numbers)}
        known |= {"longest": self.longest, "chart": chart}
        return Kernel("sde", sde_functions(n), theta, noise="diagonal" if n == 1 else n, **known)

    def drift(self, y: np.ndarray) -> np.ndarray:
        """Drift (..., component) per unit of time."""
        return field_values(self.kernel(), 0.0, self._points(y)).reshape(np.shape(y))

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Root of the covariance: (..., 1) for one component, else its lower Cholesky factor (..., n, n)."""
        n = self.size
        found = diffusion_values(self.kernel(), 0.0, self._points(y))
        return found.reshape(*np.shape(y), *([] if n == 1 else [n]))

    def drift_error(self, y: np.ndarray) -> np.ndarray:
        """Standard error of the drift (..., component): how far chance in the data moves it."""
        variance, growth = self._variances(y)
        n = self.size
        halves = np.where(growth == 1.0, 0.0, 0.25) * variance[:, self._squares]  # Ito, of logarithms
        return np.asarray(growth * np.sqrt(variance[:, :n] + halves)).reshape(np.shape(y))

    def diffusion_error(self, y: np.ndarray) -> np.ndarray:
        """Standard error of the diffusion, in its shape."""
        variance, growth = self._variances(y)
        n = self.size
        g = (self.diffusion(y).reshape(-1, n, n) if n > 1 else self.diffusion(y).reshape(-1, 1, 1)) / growth[:, :, None]
        i, k = np.tril_indices(n)
        found = np.zeros_like(g)
        inverse = np.linalg.inv(g)
        for entry in range(len(i)):  # a = g g' turns dg = g lower(g^-1 da g^-1'), halves on the diagonal
            one = inverse[:, :, i[entry]][:, :, None] * inverse[:, :, k[entry]][:, None, :]
            both = one if i[entry] == k[entry] else one + np.swapaxes(one, 1, 2)
            found += (g @ (np.tril(both) * (1.0 - 0.5 * np.eye(n)))) ** 2 * variance[:, n + entry, None, None]
        found = growth[:, :, None] * np.sqrt(found)
        return np.asarray(found.reshape(*np.shape(y), *([] if n == 1 else [n])))

    @property
    def _squares(self) -> np.ndarray:
        """Places of the variances among the outputs."""
        return self.size + np.array([i * (i + 1) // 2 + i for i in range(self.size)])

    def _variances(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared standard errors (point, output) of drift and covariance, and what multiplies them in states."""
        if not len(self.covariances):
            raise ValueError("this model does not keep the errors of its coefficients; fit it again")
        drift, _, _, exponents, _ = self._moments
        chart, x = self.kernel().chart, self._points(y)
        growth = np.ones_like(x)
        if chart is not None and chart.logs.any():
            growth, x = np.where(chart.logs, x, 1.0), chart.inward(x)
        d = x - drift.centre
        exponents = exponents[exponents.sum(axis=1) > 1]
        monomials = np.prod(d[:, None, :] ** exponents, axis=2)
        (layer,) = drift.hidden.layers
        columns = np.column_stack([np.ones(len(d)), d, monomials, layer.values(x)])
        squares = np.einsum("rc,ocd,rd->ro", columns, self.covariances, columns)
        return np.asarray(np.maximum(squares, 0.0)), growth


@dataclass(frozen=True)
class DriftDiffusion(Estimator):
    """Learn drift and diffusion of a stochastic differential equation from trajectories.

    Drift and covariance are polynomials, few terms of them, where these say what the data say (``model.formula``), else
    sums of neurons. What the spacing of the data adds to the moments of increments is taken out. Drift is hard to see:
    its relative error is about g / (|mu| sqrt(total time)), whatever the method; ``model.report["error"]`` tells it,
    and ``model.drift_error(y)`` and ``model.diffusion_error(y)`` are standard errors along the states.

    Parameters
    ----------
    width : int, optional
        Number of neurons; by default 40, less where data are few. 0 leaves polynomials.
    scale : float
        Slope of the neurons on standardised states.
    sampler : {"elm", "uniform", "swim"}, optional
        Where weights come from; by default pairs of data points, "uniform".
    regularisation : float, optional
        Ridge parameter of the neurons, for columns of unit norm; by default the evidence chooses it. Where it is given,
        neurons are taken.
    transform : {"log", "none"}, optional
        "log" learns the logarithms of the states, which then stay positive; by default those of positive states that
        span a factor of ten, if the data are more probable so.
    """

    name: ClassVar[str] = "drift-diffusion"
    Model: ClassVar[type[Model]] = DriftDiffusionModel

    width: int | None = None
    scale: float = tuning.SDE_SCALE
    sampler: Sampler | None = None
    regularisation: float | None = None
    transform: Literal["log", "none"] | None = None

    def __post_init__(self) -> None:
        self.neurons.in_one_layer()
        one_of("transform", self.transform, ("log", "none"))
        one_of("sampler", self.sampler, ("elm", "uniform", "swim"))
        self.options()

    @property
    def neurons(self) -> Neurons:
        """The knobs of neurons."""
        return Neurons(self.width, "tanh", self.scale, self.sampler)

    def options(self, seed: int = 0) -> FitOptions:
        """The knobs of a fit."""
        return FitOptions(self.regularisation, seed=seed)

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> DriftDiffusionModel:  # noqa: ARG002 - blocks are small
        """Fit to trajectories of any lengths and spacings; memory use is bounded by blocks of rows.

        Raises
        ------
        ValueError
            If the data never change, are not finite, too few, or have more than 12 components.
        """
        n = samples.y.shape[-1]
        if n > tuning.SDE_COMPONENTS:
            raise ValueError(
                f"drift-diffusion learns a full covariance of up to {tuning.SDE_COMPONENTS} components, the data have"
                f" {n}; choose some of them, or a few principal components"
            )
        with Meter() as meter:
            rows = increments(samples, "drift-diffusion", even=False)
            needed = 2 * (1 + n + n * (n + 1) // 2)
            if len(rows.y) < needed:
                raise ValueError(f"drift-diffusion of {n} components needs {needed} increments, got {len(rows.y)}")
            neurons = self.neurons
            if neurons.width is None:
                neurons = replace(neurons, width=min(tuning.SDE_WIDTH, len(rows.y) // tuning.SDE_ROWS_A_NEURON))
            tried = [_attempt(rows, logs, neurons, seed, self.regularisation) for logs in self._charts(samples)]
            # the shape of a density makes logarithms probable where noise has a bound: less so if that takes more terms
            terms = [sum(choice.freedom for choice in found.turn.choices) for _, found, _, _ in tried]
            more = [0.0, *(tuning.DOUBTFUL * len(rows.y) * (1.0 if t > terms[0] else 0.2) for t in terms[1:])]
            standard, found, _, logs = tried[int(np.argmin(np.add([each[2] for each in tried], more)))]
            judgement = judged(found, logs)
        names = formula_names(samples.states)
        noise = found.noise * standard.spread * np.where(logs, np.median(rows.y, axis=0), 1.0)
        report = {
            "error": judgement.error,
            "error_interval": judgement.interval,
            **({"noise": {names[k]: float(noise[k]) for k in np.flatnonzero(noise)}} if noise.any() else {}),
            "formula": (said := formula(found, names, logs)),
            **_report(found, len(rows.y)),
            **unused(samples),
            **meter.cost.as_dict(),
        }
        if noise.any():
            _log.warning(
                "neighbouring increments are correlated: the samples of %s have errors, which are taken out of the"
                " diffusion",
                listed(report["noise"]),
            )
        fields = {**_arrays(found, standard, judgement.covariances), "logs": logs.astype(float)}
        fields |= {"longest": found.longest, "formula": said}
        return DriftDiffusionModel(**samples.about(report, dt=rows.dt), dt=rows.dt, **fields)

    def _charts(self, samples: Samples) -> list[np.ndarray]:
        """Which components may be learned as logarithms (component,): the ways that are compared."""
        y = samples.y[samples.inside]
        low, high = y.min(axis=0), y.max(axis=0)
        none = np.zeros(len(low), dtype=bool)
        if self.transform == "none":
            return [none]
        if self.transform == "log":
            if not (low > 0).all():
                name = samples.owners[int(np.argmin(low))].name
                raise ValueError(f"transform='log' needs positive states, but {name!r} is {low.min():g}; leave it out")
            return [~none]
        with np.errstate(divide="ignore", invalid="ignore"):
            wide = (low > 0) & (high > tuning.LOG_SPAN * low)
        return [none, wide] if wide.any() else [none]


def _attempt(
    rows: Increments, logs: np.ndarray, neurons: Neurons, seed: int, ridge: float | None
) -> tuple[Rows, Fitted, float, np.ndarray]:
    """Fit with logarithms of some components; and -2 log evidence of the states themselves."""
    after = rows.y + rows.dy
    if logs.any():
        x = np.where(logs, np.log(np.where(logs, rows.y, 1.0)), rows.y)
        ahead = np.where(logs, np.log(np.where(logs, after, 1.0)), after)
        rows = replace(rows, y=x, dy=np.where(logs, ahead - x, rows.dy))
    standard = Rows.of(rows)
    degrees = tuning.SDE_DEGREES.get(len(logs), (2, 2))
    found = fitted(standard, _layer(standard, neurons, seed), degrees, ridge)
    return standard, found, found.score + 2 * float(np.log(after[:, logs]).sum()), logs


def _layer(rows: Rows, neurons: Neurons, seed: int) -> HiddenLayer:
    """Neurons of standardised states, none of them a step."""
    points = rows.z[generator(seed, "points").permutation(len(rows.z))[:SAMPLED_FROM]]
    rng, target = generator(seed, "weights"), points if neurons.sampler == "swim" else None
    n = points.shape[1]
    layer = sample_layer(points, neurons, rng=rng, target=target, centre=np.zeros(n), half_width=np.ones(n))
    slope = np.linalg.norm(layer.weights, axis=1)
    less = np.minimum(1.0, tuning.STEEPEST / np.maximum(slope, 1e-300))
    return replace(layer, weights=layer.weights * less[:, None], biases=layer.biases * less)


def _report(found: Fitted, rows: int) -> dict[str, Any]:
    law, n = found.law, len(found.law.floor)
    neurons = [choice.neurons for choice in found.turn.choices]
    parts = [
        f"{name}: {'neurons' if any(neurons[part]) else 'polynomials'}"
        for name, part in {"drift": slice(0, n), "covariance": slice(n, None)}.items()
    ]
    spacing = (
        "what the spacing adds to moments is taken out"
        if found.turn.settled
        else "the spacing is too long to tell the law, so drift and diffusion are means over it; sample more often"
    )
    if (np.abs(found.limits) < tuning.NO_LIMIT).any():
        spacing += "; beyond the data monomials stay as they are at their edge"
    return {
        "width": law.basis.layer.width if any(neurons) else 0,
        "activation": "tanh",
        "rows": rows,
        "drift_dimension": [float(choice.freedom) for choice in found.turn.choices[:n]],
        "covariance_dimension": [float(choice.freedom) for choice in found.turn.choices[n:]],
        "chosen": f"{', '.join(parts)}, by the evidence of the data; {spacing}",
    }


def _arrays(found: Fitted, rows: Rows, covariances: np.ndarray) -> dict[str, Any]:
    """Fields of the model, in the units of the states."""
    law, spread, n = found.law, rows.spread, len(rows.spread)
    layer, exponents = law.basis.layer, law.basis.exponents
    if not law.both[len(exponents) :].any():
        layer = layer.taken(np.arange(0))
    pairs = lower_triangle(n)
    units = np.concatenate([spread, [spread[i] * spread[k] for i, k in pairs]]) / rows.tick
    scale = np.prod(spread**exponents, axis=1)
    coefficients = law.both[: len(exponents)] * units / scale[:, None]
    degree = exponents.sum(axis=1)
    constant, slopes = coefficients[0], coefficients[degree == 1]
    used = (degree > 1) & coefficients.any(axis=1)
    # where monomials stay as they are slopes do, too
    limits, terms = found.limits, coefficients[degree > 0] * (used | (degree == 1))[degree > 0, None]
    still = np.repeat((np.abs(limits) < tuning.NO_LIMIT).any(axis=(1, 2)), [n, len(units) - n])
    terms[:n, ~still] = 0.0
    slopes = np.where(still, 0.0, slopes)
    parts = [rows.centre, law.floor * spread**2 / rows.tick, np.column_stack([constant[:n], slopes[:, :n].T]).ravel()]
    squares = np.zeros((len(pairs), len(pairs)))
    parts.append(np.column_stack([constant[n:], slopes[:, n:].T, squares]).ravel())
    of_neurons = law.both[len(exponents) :][: layer.width] * units
    neurons = np.column_stack([layer.biases, layer.weights / spread, of_neurons])
    theta = np.concatenate([*parts, neurons.ravel()])
    columns = np.concatenate([np.flatnonzero((degree < 2) | used), len(exponents) + np.arange(layer.width)])
    sizes = np.concatenate([scale, np.ones(covariances.shape[1] - len(exponents))])[columns]
    kept = covariances[:, columns][:, :, columns] / np.outer(sizes, sizes) * units[:, None, None] ** 2
    known = {"covariances": kept} if kept.size <= tuning.COVARIANCES_KEPT else {}
    if still.any():
        known["limits"] = np.where(np.abs(limits) < tuning.NO_LIMIT, limits * spread, limits).ravel()
    said = terms.any(axis=1)
    return {"theta": theta, "exponents": exponents[degree > 0][said], "terms": terms[said], **known}
