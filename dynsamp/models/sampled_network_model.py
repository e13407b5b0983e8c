"""The fitted network of a plain regression: values, Jacobians and Hessians, exact through all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np

from dynsamp.models.base import Model
from dynsamp.networks.network import Hidden, HiddenLayer, Network

__all__ = ["SampledNetworkModel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledNetworkModel(Model):
    """f(x) = offset + linear (x - centre) + coefficients h, h the last of ``len(widths)`` hidden layers.

    The first layer sees (x - shift) / half_width, each of the others the layer before. ``states`` are the inputs.
    """

    name: ClassVar[str] = "sampled-network"

    targets: Sequence[str]  # a name for each output
    widths: Sequence[int]  # neurons of each hidden layer
    activation: str
    weights: np.ndarray  # of all layers one after the other, each (feature, input of the layer) in C order
    biases: np.ndarray  # of all layers one after the other
    centre: np.ndarray  # (input,)
    shift: np.ndarray  # (input,)
    half_width: np.ndarray  # (input,)
    offset: np.ndarray  # (output,)
    linear: np.ndarray  # (output, input)
    coefficients: np.ndarray  # (output, feature)

    def __post_init__(self) -> None:
        # a file may come from anybody
        size, outputs = len(self.centre), len(self.targets)
        below = [size, *self.widths]
        shapes = {
            "weights": (sum(m * n for m, n in zip(below, self.widths, strict=False)),),
            "biases": (sum(self.widths),),
            "shift": (size,),
            "half_width": (size,),
            "offset": (outputs,),
            "linear": (outputs, size),
            "coefficients": (outputs, self.widths[-1] if self.widths else 0),
        }
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if wrong or any(width < 1 for width in self.widths):
            raise ValueError(f"the arrays of a SampledNetworkModel do not fit together: {', '.join(wrong) or 'widths'}")

    def network(self) -> Network:
        """The layers and their derivatives, on arrays (row, input)."""
        layers, weight, bias = [], 0, 0
        centre, half_width = self.shift, self.half_width
        for width in self.widths:
            size = len(centre)
            layers.append(
                HiddenLayer(
                    self.weights[weight : weight + width * size].reshape(width, size),
                    self.biases[bias : bias + width],
                    self.activation,
                    centre,
                    half_width,
                )
            )
            weight, bias = weight + width * size, bias + width
            centre, half_width = np.zeros(width), np.ones(width)
        return Network(Hidden(tuple(layers)), self.offset, self.linear, self.coefficients, self.centre)

    def values(self, x: np.ndarray) -> np.ndarray:
        """f of points (..., input): an array (..., output)."""
        points = self._points(x)
        return self.network().values(points).reshape(*np.shape(x)[:-1], len(self.offset))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """df/dx of points (..., input): an array (..., output, input)."""
        points = self._points(x)
        return self.network().jacobian(points).reshape(*np.shape(x)[:-1], *self.linear.shape)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """d2f/dx2 of points (..., input): an array (..., output, input, input)."""
        points = self._points(x)
        return self.network().hessian(points).reshape(*np.shape(x)[:-1], *self.linear.shape, len(self.centre))

    def predict(self, y0: np.ndarray, times: np.ndarray, ids: np.ndarray, seed: int) -> NoReturn:  # noqa: ARG002
        """Refuse: a regression of y on x has no time in it."""
        names = ", ".join(state.name for state in self.states)
        raise ValueError(
            f"a sampled network of {names} is a regression and has no time to forecast in; use model.values(x), or fit"
            " a flow map or a Hamiltonian network"
        )

    def _points(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        if x.ndim == 0 or x.shape[-1] != len(self.centre):
            raise ValueError(f"x must be (..., {len(self.centre)}), one entry an input, got shape {x.shape}")
        return np.ascontiguousarray(x.reshape(-1, x.shape[-1]))
