"""Public test functions and data sets of plain regression, with their sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_diabetes, load_wine

__all__ = ["DATA", "FUNCTIONS"]


@dataclass(frozen=True)
class TestFunction:
    """A function of points (row, input) in a box."""

    function: Callable[[np.ndarray], np.ndarray]
    box: list[tuple[float, float]]
    source: str


@dataclass(frozen=True)
class DataSet:
    """Measured inputs and targets."""

    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    source: str


def friedman1(x: np.ndarray) -> np.ndarray:
    """Five of the ten inputs do not matter."""
    return np.asarray(10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4])


def _impedance(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x[:, 0], x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])


def friedman2(x: np.ndarray) -> np.ndarray:
    """Impedance of an alternating-current circuit."""
    return np.asarray(np.hypot(*_impedance(x)))


def friedman3(x: np.ndarray) -> np.ndarray:
    """Its phase angle: steep where the resistance is small."""
    resistance, reactance = _impedance(x)
    return np.asarray(np.arctan(reactance / resistance))


def franke(x: np.ndarray) -> np.ndarray:
    """Two hills and a dip."""
    a, b = 9 * x[:, 0], 9 * x[:, 1]
    return np.asarray(
        0.75 * np.exp(-((a - 2) ** 2 + (b - 2) ** 2) / 4)
        + 0.75 * np.exp(-((a + 1) ** 2) / 49 - (b + 1) / 10)
        + 0.5 * np.exp(-((a - 7) ** 2 + (b - 3) ** 2) / 4)
        - 0.2 * np.exp(-((a - 4) ** 2) - (b - 7) ** 2)
    )


def ishigami(x: np.ndarray) -> np.ndarray:
    """With a = 7, b = 0.1."""
    return np.asarray(np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2)


def branin(x: np.ndarray) -> np.ndarray:
    """Three minima of 0.397887."""
    a, b = x.T
    bent = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return np.asarray(bent**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


def hartmann6(x: np.ndarray) -> np.ndarray:
    """Four narrow wells, the deepest -3.32237."""
    slopes = np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    )
    centres = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    distance = np.einsum("kj,nkj->nk", slopes, (x[:, None] - centres) ** 2)
    return np.asarray(-np.exp(-distance) @ np.array([1.0, 1.2, 3.0, 3.2]))


def borehole(x: np.ndarray) -> np.ndarray:
    """Flow of water through a borehole, m^3 a year."""
    radius, influence, upper, upper_head, lower, lower_head, length, conductivity = x.T
    logarithm = np.log(influence / radius)
    leak = 1 + 2 * length * upper / (logarithm * radius**2 * conductivity) + upper / lower
    return np.asarray(2 * np.pi * upper * (upper_head - lower_head) / (logarithm * leak))


def genz_continuous(x: np.ndarray) -> np.ndarray:
    """exp(-sum c |x - w|): kinks along every axis."""
    return np.asarray(np.exp(-2.0 * np.abs(x - np.array([0.3, 0.5, 0.6, 0.4, 0.7])).sum(axis=1)))


def genz_product_peak(x: np.ndarray) -> np.ndarray:
    """A peak in the middle of the box."""
    return np.asarray(np.prod(1 / (5.0**-2 + (x - np.array([0.3, 0.5, 0.6, 0.4, 0.7])) ** 2), axis=1))


def waves(x: np.ndarray) -> np.ndarray:
    """sin(8 pi x y): still in one corner, fast in the other."""
    return np.asarray(np.sin(8 * np.pi * x[:, 0] * x[:, 1]))


def kink(x: np.ndarray) -> np.ndarray:
    """|x^2 + y^2 - 1/2|: a kink along a circle."""
    return np.asarray(np.abs(x[:, 0] ** 2 + x[:, 1] ** 2 - 0.5))


_CIRCUIT = [(0.0, 100.0), (40 * np.pi, 560 * np.pi), (0.0, 1.0), (1.0, 11.0)]
_BOREHOLE = [
    (0.05, 0.15), (100.0, 50_000.0), (63_070.0, 115_600.0), (990.0, 1110.0),
    (63.1, 116.0), (700.0, 820.0), (1120.0, 1680.0), (9855.0, 12_045.0),
]  # fmt: skip
_FRIEDMAN = "Friedman (1991), Annals of Statistics 19"
_GENZ = "Genz (1984), Testing multidimensional integration routines"
_BRANIN = "Branin (1972), box of Dixon and Szego (1978)"

FUNCTIONS = {
    "friedman1": TestFunction(friedman1, [(0.0, 1.0)] * 10, _FRIEDMAN),
    "friedman2": TestFunction(friedman2, _CIRCUIT, _FRIEDMAN),
    "friedman3": TestFunction(friedman3, _CIRCUIT, _FRIEDMAN),
    "franke": TestFunction(franke, [(0.0, 1.0)] * 2, "Franke (1979), NPS-53-79-003"),
    "ishigami": TestFunction(ishigami, [(-np.pi, np.pi)] * 3, "Ishigami and Homma (1990)"),
    "branin": TestFunction(branin, [(-5.0, 10.0), (0.0, 15.0)], _BRANIN),
    "hartmann6": TestFunction(hartmann6, [(0.0, 1.0)] * 6, "Dixon and Szego (1978), Towards global optimisation 2"),
    "borehole": TestFunction(borehole, _BOREHOLE, "Harper and Gupta (1983), BMI/ONWI-516"),
    "genz-continuous": TestFunction(genz_continuous, [(0.0, 1.0)] * 5, _GENZ),
    "genz-product-peak": TestFunction(genz_product_peak, [(0.0, 1.0)] * 5, _GENZ),
    "waves": TestFunction(waves, [(0.0, 1.0)] * 2, "sin(8 pi x y)"),
    "kink": TestFunction(kink, [(-1.0, 1.0)] * 2, "|x^2 + y^2 - 1/2|"),
}


def _wine() -> tuple[np.ndarray, np.ndarray]:
    table = load_wine().data
    return table[:, 1:], table[:, 0]


DATA = {
    "diabetes": DataSet(lambda: load_diabetes(return_X_y=True), "Efron, Hastie, Johnstone and Tibshirani (2004)"),
    "wine": DataSet(_wine, "Forina et al. (1988): alcohol from the other twelve columns"),
}
