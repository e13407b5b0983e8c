"""Sampling the weights of a hidden layer from data.

Pairs of data points give direction, place and slope of a neuron: the "sample where it matters" construction of
Bolager, Burak, Datar, Sun and Dietrich (2023), Sampling weights of deep neural networks, arXiv:2306.16830.
A neuron of the pair (x1, x2) is s1 (x2 - x1) / |x2 - x1|^2 . (x - x1) - s2 with s1 = 2 s2 = ln 3, so that
tanh takes -1/2, 0, +1/2 at x1, the mid-point and x2. ``scale`` multiplies the slope about the mid-point; 1 is the
published construction. "elm" neurons have normal weights and pass through a data point instead (a data-scaled
extreme learning machine); for sin they carry a random phase, as random Fourier features do.
"gradient" neurons need gradients of the target: they point along gradient differences of neighbouring points, drawn
where those are large (|dg| / |dx|), and take their length from an independent pair. Where a target oscillates along
few directions only, that is what finds them.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from dynsamp.networks.features import ACTIVATIONS, HiddenLayer

__all__ = ["S2", "SAMPLERS", "generator", "pair_weights", "sample_layer", "sample_pairs", "standardisation"]

SAMPLERS = ("elm", "uniform", "swim", "gradient")
S2 = 0.5 * np.log(3.0)  # atanh(1/2)

NEIGHBOURS = 10  # of a point, among which "gradient" takes the other one

_SHORTEST = 1e-10  # shorter pairs count as one point (the published clip)


def generator(seed: int, *key: int) -> np.random.Generator:
    """Generator of its own for (seed, key): Philox, the same numbers on every platform."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *key])))


def standardisation(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mid-range and half-range (component,) of points (point, component); 1 where a component is constant."""
    low, high = x.min(axis=0), x.max(axis=0)
    half = 0.5 * (high - low)
    # a range of rounding errors is a constant
    return 0.5 * (low + high), np.where(half > 1e-13 * np.maximum(abs(low), abs(high)), half, 1.0)


def sample_pairs(
    x: np.ndarray, count: int, rng: np.random.Generator, target: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct unordered pairs of different points: indices ``first`` and ``second``, each (pair,).

    A reversed pair is the same neuron for odd and for even activations, so it never comes twice.

    Parameters
    ----------
    x : ndarray (point, component)
    count : int
        Number of pairs wanted; fewer come back where the data do not have them.
    rng : numpy.random.Generator
    target : ndarray (point,) or (point, output), optional
        With it pairs are drawn with probability proportional to max |target2 - target1| / |x2 - x1|, without it
        uniformly.
    """
    points = len(x)
    all_pairs = points * (points - 1) // 2
    candidates = max(points, 2 * count)
    if all_pairs <= 2 * candidates:
        first, second = np.triu_indices(points, 1)
        order = rng.permutation(all_pairs)
    else:
        first = rng.integers(0, points, 2 * candidates)
        second = (first + rng.integers(1, points, 2 * candidates)) % points
        first, second = np.minimum(first, second), np.maximum(first, second)
        order = np.sort(np.unique(first * np.int64(points) + second, return_index=True)[1])  # the first of each
    first, second = first[order], second[order]
    distance = np.linalg.norm(x[second] - x[first], axis=1)
    apart = distance > _SHORTEST
    first, second, distance = first[apart], second[apart], distance[apart]
    if target is not None and len(first):
        f = np.reshape(target, (points, -1))
        density = np.max(np.abs(f[second] - f[first]), axis=1) / distance
        if density.sum() > 1e-10:
            # the largest of log p + Gumbel noise are a draw without replacement
            with np.errstate(divide="ignore"):
                score = np.log(density) + rng.gumbel(size=len(density))
            best = np.argsort(-score, kind="stable")
            first, second = first[best], second[best]
    return first[:count], second[:count]


def pair_weights(x1: np.ndarray, x2: np.ndarray, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Weights (pair, component) and biases (pair,) of the pairs (x1, x2), each (pair, component)."""
    difference = x2 - x1
    weights = (2.0 * S2 * scale) * difference / np.sum(difference**2, axis=1)[:, None]
    return weights, -np.sum(weights * (0.5 * (x1 + x2)), axis=1)


def gradient_weights(
    x: np.ndarray, gradient: np.ndarray, count: int, rng: np.random.Generator, scale: float, waves: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (neuron, component) and biases (neuron,) along gradient differences, fewer where there are none.

    ``waves`` are for periodic activations: normal lengths and random phases.
    """
    near = np.asarray(cKDTree(x).query(x, min(NEIGHBOURS + 1, len(x)))[1])
    first = np.repeat(np.arange(len(x)), near.shape[1] - 1)
    second = near[:, 1:].ravel()
    distance = np.linalg.norm(x[second] - x[first], axis=1)
    difference = gradient[second] - gradient[first]
    size = np.linalg.norm(difference, axis=1)
    useful = np.flatnonzero((distance > _SHORTEST) & (size > 0.0))
    if not len(useful):
        return np.empty((0, x.shape[1])), np.empty(0)
    density = size[useful] / distance[useful]
    chosen = rng.choice(useful, count, p=density / density.sum())
    direction = difference[chosen] / size[chosen, None]
    if waves:
        weights = direction * rng.normal(scale=scale, size=(count, 1))
        shift = rng.uniform(0.0, 2.0 * np.pi, count)
    else:
        far = np.linalg.norm(x[rng.integers(0, len(x), count)] - x[rng.integers(0, len(x), count)], axis=1)
        far = np.where(far > _SHORTEST, far, 1.0)
        weights, shift = direction * (2.0 * S2 * scale / far)[:, None], np.zeros(count)
    middle = 0.5 * (x[first[chosen]] + x[second[chosen]])
    return weights, shift - np.sum(weights * middle, axis=1)


def sample_layer(
    x: np.ndarray,
    width: int,
    *,
    rng: np.random.Generator,
    activation: str = "tanh",
    scale: float = 1.0,
    sampler: str | None = None,
    target: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    half_width: np.ndarray | None = None,
) -> HiddenLayer:
    """Sample a hidden layer.

    Parameters
    ----------
    x : ndarray (point, component)
        Data points, not standardised.
    width : int
        Number of neurons.
    rng : numpy.random.Generator
    activation : {"tanh", "sin", "gauss"}
    scale : float
        Slope about the centre of a neuron; for "elm" the standard deviation of the weights.
    sampler : {"elm", "uniform", "swim", "gradient"}, optional
        "elm" for sin and "uniform" otherwise.
    target : ndarray (point, output), optional
        What "swim" takes its density from; for "gradient" the gradient with respect to standardised inputs.
    centre, half_width : ndarray (component,), optional
        Standardisation; by default mid-range and half-range of ``x``.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, got {activation!r}")
    sampler = sampler or ("elm" if activation == "sin" else "uniform")
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(map(repr, SAMPLERS))}, got {sampler!r}")
    if sampler in ("swim", "gradient") and target is None:
        raise ValueError(f"sampler {sampler!r} needs values of the target for its density; use 'uniform' without them")
    if centre is None or half_width is None:
        centre, half_width = standardisation(x)
    z = (x - centre) / half_width
    weights, biases = np.empty((0, z.shape[1])), np.empty(0)
    if sampler == "gradient" and width and len(z) > 1:
        assert target is not None
        weights, biases = gradient_weights(z, target, width, rng, scale, activation == "sin")
    elif sampler in ("uniform", "swim") and width:
        first, second = sample_pairs(z, width, rng, target if sampler == "swim" else None)
        weights, biases = pair_weights(z[first], z[second], scale)
    missing = width - len(biases)  # all of them for "elm", the rest where pairs ran out
    if missing:
        extra = rng.normal(scale=scale, size=(missing, z.shape[1]))
        phase = rng.uniform(0.0, 2.0 * np.pi, missing) if activation == "sin" else 0.0
        through = z[rng.integers(0, len(z), missing)]
        weights = np.concatenate([weights, extra])
        biases = np.concatenate([biases, phase - np.sum(extra * through, axis=1)])
    return HiddenLayer(np.ascontiguousarray(weights), biases, activation, centre, half_width)
