"""Sampling the weights of a hidden layer from data.

A neuron is sigma(w . x + b). Its direction, its centre (where w . x + b = 0), its length (the reciprocal of its slope)
and a factor ``scale`` on the slope are chosen separately:

sampler     direction of w                                             centre     length
elm         normal vector (extreme learning machine)                   point      unit
uniform     x2 - x1 of a pair of data points                           midpoint   pair
swim        the same, pairs drawn where |f(x2) - f(x1)| / |x2 - x1|    midpoint   pair
            is large
adaptive    the same, f the values of a first fit                      midpoint   pair
near        x2 - x1 of neighbouring points, drawn as for swim          midpoint   far
gradient    g2 - g1, g the gradient of the target at neighbouring      midpoint   far
            points, drawn where |g2 - g1| / |x2 - x1| is large

``place`` says where the centre is: "midpoint" of the pair, a data "point" of its own, or "box", biases uniform between
the least and the largest coordinate of the data. ``length`` is |x2 - x1| of the own "pair", of an independent ("far")
pair, or the "unit" of standardised inputs. A neuron of the pair (x1, x2) is

    s1 (x2 - x1) / |x2 - x1|^2 . (x - x1) - s2,   s1 = 2 s2 = ln 3,

so that tanh takes -1/2, 0, +1/2 at x1, the mid-point and x2; a relu is 0 at x1 and 1 at x2. That, on inputs as they
are and with scale 1, is the published construction: Bolager, Burak, Datar, Sun and Dietrich (2023), Sampling weights
of deep neural networks, arXiv:2306.16830. sin carries a random phase besides, as random Fourier features do.

"gradient" finds the few directions along which a target oscillates; "near" is its counterpart where no gradients are
known. No two neurons of a layer are the same.

Every pair comes once: a reversed pair is the same neuron for odd and for even activations. Where pairs are drawn by a
density, they are drawn without replacement: the largest of log p + Gumbel noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from dynsamp.networks import tuning
from dynsamp.networks.network import Hidden, HiddenLayer
from dynsamp.networks.neurons import Neurons, Place

S2 = 0.5 * np.log(3.0)  # atanh(1/2)


def standardisation(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mid-range and half-range (component,) of points (point, component); 1 where a component is constant."""
    low, high = x.min(axis=0), x.max(axis=0)
    half = 0.5 * (high - low)
    # a range of rounding errors is a constant
    return 0.5 * (low + high), np.where(half > tuning.CONSTANT * np.maximum(abs(low), abs(high)), half, 1.0)


def sample_layer(
    x: np.ndarray,
    neurons: Neurons,
    *,
    rng: np.random.Generator,
    target: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    half_width: np.ndarray | None = None,
    near: NearPairs | None = None,
) -> HiddenLayer:
    """Sample a hidden layer.

    Parameters
    ----------
    x : ndarray (point, component)
        Data points, not standardised.
    neurons : Neurons
        Their width, and what else is not to be tanh of slope 1, from "elm" for sin and "uniform" pairs otherwise, with
        the sampler's own place and length. The slope is that about the centre of a neuron; for "elm" the standard
        deviation of the weights.
    rng : numpy.random.Generator
    target : ndarray (point, output), optional
        What the density is taken from; for "gradient" the gradient with respect to standardised inputs.
    centre, half_width : ndarray (component,), optional
        Standardisation; by default mid-range and half-range of ``x``.
    near : NearPairs, optional
        Neighbours among the standardised points, for "near" and "gradient", if they are known already.

    Notes
    -----
    Where there are not as many pairs as neurons, the rest are "elm" neurons. Where all standardised points have the
    same norm (angles embedded as cosine and sine), the mid-points of pairs would leave no neuron a bias, and only odd
    or even functions could be learned: the default centre is a data point there.
    """
    width, activation, sampler = neurons.last, neurons.activation or "tanh", neurons.drawn_by
    scale = 1.0 if neurons.scale is None else neurons.scale
    place, length = neurons.place, neurons.length
    if sampler in ("swim", "adaptive", "near", "gradient") and target is None:
        raise ValueError(f"sampler {sampler!r} needs values of the target for its density; use 'uniform' without them")
    if centre is None or half_width is None:
        centre, half_width = standardisation(x)
    z = (x - centre) / half_width
    direction, middle, own = np.empty((0, z.shape[1])), np.empty((0, z.shape[1])), np.empty(0)
    if sampler != "elm" and width and len(z) > 1:
        if sampler in ("near", "gradient") and near is None:
            assert target is not None
            near = NearPairs.of(z, target, euclidean=sampler == "gradient")
        direction, middle, own = _directions(z, width, neurons, rng, target, near)
    if len(direction):
        over = length or ("far" if sampler in ("near", "gradient") else "pair")
        slope = own if over == "pair" else _far_distances(z, len(own), rng) if over == "far" else np.ones(len(own))
        if activation == "sin" and sampler == "gradient" and length is None:
            direction *= rng.normal(scale=scale, size=(len(direction), 1))  # waves of all lengths
        elif activation == "relu":
            direction *= (scale / slope)[:, None]
        else:
            direction *= (2.0 * S2 * scale / slope)[:, None]
    where: Place = place or ("point" if _on_a_sphere(z) else "midpoint")
    phases = activation == "sin" and sampler == "gradient"
    biases = _biases(z, direction, middle, where, phases, rng)
    if activation == "relu" and where == "midpoint":
        biases += 0.5 * scale * (1.0 if length in (None, "pair") else 0.0)  # the kink is at x1
    if len(direction):
        kept = _distinct(direction, biases, odd=activation != "relu")
        direction, biases = direction[kept], biases[kept]
    missing = width - len(biases)  # all of them for "elm", the rest where pairs ran out
    if missing:
        extra = rng.normal(size=(missing, z.shape[1]))
        if length in ("pair", "far"):
            extra /= np.linalg.norm(extra, axis=1)[:, None]
            extra *= (2.0 * S2 / _far_distances(z, missing, rng))[:, None]
        extra *= scale
        direction = np.concatenate([direction, extra])
        through: Place = "box" if place == "box" else "point"
        biases = np.concatenate([biases, _biases(z, extra, extra, through, activation == "sin", rng)])
    return HiddenLayer(np.ascontiguousarray(direction), biases, activation, centre, half_width)


def _directions(
    z: np.ndarray,
    count: int,
    neurons: Neurons,
    rng: np.random.Generator,
    target: np.ndarray | None,
    near: NearPairs | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (neuron, component), mid-points of their pairs, and distances (neuron,)."""
    if near is not None and neurons.sampler in ("near", "gradient"):
        first, second = near.draw(count, rng)
    else:
        density = target if neurons.sampler in ("swim", "adaptive") else None
        first, second = sample_pairs(z, count, rng, density, ordered=neurons.activation == "relu")
    difference = z[second] - z[first]
    distance = np.linalg.norm(difference, axis=1)
    direction = difference
    if neurons.sampler == "gradient":
        assert target is not None
        direction = target[second] - target[first]
    size = np.linalg.norm(direction, axis=1)
    return direction / size[:, None], 0.5 * (z[first] + z[second]), distance


def _distinct(weights: np.ndarray, biases: np.ndarray, *, odd: bool) -> np.ndarray:
    """Indices of neurons that differ: points that come twice give some of them twice.

    ``odd`` counts a neuron and its mirror image (-w, -b) as one.
    """
    neurons = np.column_stack([weights, biases])
    if odd:
        leading = neurons[np.arange(len(neurons)), np.argmax(neurons != 0.0, axis=1)]
        neurons = neurons * np.where(leading < 0.0, -1.0, 1.0)[:, None]
    return np.sort(np.unique(neurons, axis=0, return_index=True)[1])


def _on_a_sphere(z: np.ndarray) -> bool:
    norm = np.linalg.norm(z, axis=1)
    return len(z) > 0 and z.shape[1] > 1 and bool(np.ptp(norm) <= 1e-9 * norm.max())


def _biases(
    z: np.ndarray, weights: np.ndarray, middle: np.ndarray, place: Place, phases: bool, rng: np.random.Generator
) -> np.ndarray:
    """Biases (neuron,) that put the centres of ``weights`` (neuron, component) in their place."""
    count = len(weights)
    phase = rng.uniform(0.0, 2.0 * np.pi, count) if phases else np.zeros(count)
    if place == "box":
        return rng.uniform(z.min(), z.max(), count) + phase
    through = middle if place == "midpoint" else z[rng.integers(0, len(z), count)]
    return np.asarray(phase - np.sum(weights * through, axis=1))


def sample_hidden(
    x: np.ndarray,
    neurons: Neurons,
    *,
    rng: np.random.Generator,
    target: np.ndarray | None,
    centre: np.ndarray,
    half_width: np.ndarray,
) -> Hidden:
    """Sample hidden layers one after the other.

    The pairs of a deeper layer are points of the input space, pushed through the layers already sampled: the numerator
    of their density is the change of the target itself, the denominator the distance in the representation below, at
    least 1e-10 (Bolager, Burak, Datar, Sun and Dietrich 2023, definition 4).

    Parameters
    ----------
    x : ndarray (row, input)
        Not standardised.
    neurons : Neurons
        Of all layers; their widths may differ.
    rng : numpy.random.Generator
    target : ndarray (row, output)
    centre, half_width : ndarray (input,)
        Standardisation of the inputs; representations are taken as they are.
    """
    layers: tuple[HiddenLayer, ...] = ()
    value = x
    for width in neurons.widths:
        if layers:
            value = Hidden(layers[-1:]).values(value)
            centre, half_width = np.zeros(value.shape[1]), np.ones(value.shape[1])
        layer = sample_layer(
            value, replace(neurons, width=width), rng=rng, target=target, centre=centre, half_width=half_width
        )
        layers = (*layers, layer)
    return Hidden(layers)


def sample_pairs(
    x: np.ndarray, count: int, rng: np.random.Generator, target: np.ndarray | None = None, *, ordered: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs of different points: indices ``first`` and ``second``, each (pair,).

    Parameters
    ----------
    x : ndarray (point, component)
    count : int
        Number of pairs wanted; fewer come back where the data do not have them.
    rng : numpy.random.Generator
    target : ndarray (point,) or (point, output), optional
        With it pairs are drawn with probability proportional to max |target2 - target1| / |x2 - x1|, without it
        uniformly.
    ordered : bool
        A reversed pair is another pair.
    """
    points = len(x)
    all_pairs = points * (points - 1) // (1 if ordered else 2)
    candidates = 2 * count if target is None else max(points, 2 * count)
    if all_pairs <= 2 * candidates:
        first, second = np.triu_indices(points, 1)
        if ordered:
            first, second = np.concatenate([first, second]), np.concatenate([second, first])
        order = rng.permutation(all_pairs)
    else:
        first = rng.integers(0, points, 2 * candidates)
        second = (first + rng.integers(1, points, 2 * candidates)) % points
        if not ordered:
            first, second = np.minimum(first, second), np.maximum(first, second)
        order = np.sort(np.unique(first * np.int64(points) + second, return_index=True)[1])  # the first of each
    first, second = first[order], second[order]
    distance = np.linalg.norm(x[second] - x[first], axis=1)
    apart = distance > tuning.SHORTEST_PAIR
    first, second, distance = first[apart], second[apart], distance[apart]
    if target is not None and len(first):
        f = np.reshape(target, (points, -1))
        density = np.max(np.abs(f[second] - f[first]), axis=1) / distance
        if density.sum() > 1e-10:
            best = _drawn(density, rng)
            first, second = first[best], second[best]
    return first[:count], second[:count]


@dataclass(frozen=True)
class NearPairs:
    """Neighbouring points, and how much a target changes between them."""

    first: np.ndarray  # (pair,), indices
    second: np.ndarray
    density: np.ndarray  # (pair,), |target2 - target1| / |x2 - x1|

    @classmethod
    def of(cls, x: np.ndarray, target: np.ndarray, *, euclidean: bool) -> NearPairs:
        """All pairs of neighbours between which the target changes.

        ``euclidean`` takes the length of the vector target2 - target1 (a gradient), otherwise its largest entry counts.
        """
        neighbours = np.asarray(cKDTree(x).query(x, min(tuning.NEIGHBOURS + 1, len(x)))[1]).reshape(len(x), -1)[:, 1:]
        first, second = np.repeat(np.arange(len(x)), neighbours.shape[1]), neighbours.ravel()
        code = np.unique(np.minimum(first, second) * np.int64(len(x)) + np.maximum(first, second))
        first, second = code // len(x), code % len(x)
        distance = np.linalg.norm(x[second] - x[first], axis=1)
        f = np.reshape(target, (len(x), -1))
        change = f[second] - f[first]
        size = np.linalg.norm(change, axis=1) if euclidean else np.abs(change).max(axis=1)
        useful = (distance > tuning.SHORTEST_PAIR) & (size > 0.0)
        return cls(first[useful], second[useful], size[useful] / distance[useful])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Indices ``first`` and ``second`` of ``count`` pairs, or all there are, drawn by density."""
        chosen = _drawn(self.density, rng)[:count]
        return self.first[chosen], self.second[chosen]


def _far_distances(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Distances (count,) of independent pairs of points; 1 where a pair is one point."""
    first, second = rng.integers(0, len(x), count), rng.integers(0, len(x), count)
    distance = np.linalg.norm(x[first] - x[second], axis=1)
    return np.where(distance > tuning.SHORTEST_PAIR, distance, 1.0)


def _drawn(density: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All indices in an order of draws without replacement."""
    with np.errstate(divide="ignore"):
        score = np.log(density) + rng.gumbel(size=len(density))
    return np.argsort(-score, kind="stable")
