"""What may be said before a fit: the knobs of neurons, and those of the fit; what is None is chosen from the data.

The knobs are checked here and nowhere else. ``dynsamp.networks.sampling`` says what each word means for a neuron.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from dynsamp.arguments import real_number, whole_number
from dynsamp.limits import check_bytes
from dynsamp.words import quoted

Width = int | Sequence[int]  # one for each hidden layer where it is a sequence
Activation = Literal["tanh", "sin", "gauss", "relu", "softplus"]
Sampler = Literal["elm", "uniform", "swim", "adaptive", "near", "gradient"]
Place = Literal["midpoint", "point", "box"]
Length = Literal["pair", "far", "unit"]

SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
PLACES: tuple[Place, ...] = get_args(Place)
LENGTHS: tuple[Length, ...] = get_args(Length)


@dataclass(frozen=True)
class Neurons:
    """The neurons of a network: as asked for, with None where they are to be chosen, or as they are.

    Parameters
    ----------
    width : int or sequence of int, optional
        Number of neurons, of each hidden layer where there are several; 0 for none.
    activation : {"tanh", "sin", "gauss", "relu", "softplus"}, optional
    scale : float, optional
        Slope on standardised inputs; 1 is the published construction.
    sampler : {"elm", "uniform", "swim", "adaptive", "near", "gradient"}, optional
        Where directions come from; by default "elm" for sin and "uniform" otherwise.
    place : {"midpoint", "point", "box"}, optional
        Where a neuron is centred.
    length : {"pair", "far", "unit"}, optional
        Over which length it bends.
    degree : int
        Of a polynomial that stands in the place of neurons; 1 is the linear function.

    Raises
    ------
    ValueError
        An unknown word, a width that is no whole number, a scale that is not positive.
    """

    width: Width | None = None
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    place: Place | None = None
    length: Length | None = None
    degree: int = 1
    # what follows from them: neurons of each hidden layer (none of a linear function, or where the width is open), of
    # the last one, and the sampler or what stands for it
    widths: tuple[int, ...] = field(init=False, repr=False, compare=False)
    last: int = field(init=False, repr=False, compare=False)
    drawn_by: Sampler = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _as_numbers(self, "scale")
        one_of("activation", self.activation, get_args(Activation))
        one_of("sampler", self.sampler, SAMPLERS)
        one_of("place", self.place, PLACES)
        one_of("length", self.length, LENGTHS)
        layered = isinstance(self.width, Sequence) and not isinstance(self.width, str)
        widths: tuple[Any, ...] = ()
        if self.width is not None:
            widths = tuple(self.width) if isinstance(self.width, Sequence) and layered else (self.width,)
        if (layered and not widths) or not all(_whole(each, 1 if layered else 0) for each in widths):
            raise ValueError(
                "width must be a whole number of at least 0, or one of at least 1 for each layer, got"
                f" {quoted(self.width)}"
            )
        widths = tuple(map(int, widths))
        _check_room(widths)
        if self.width is not None:
            object.__setattr__(self, "width", widths if layered else widths[0])
        widths = () if self.width == 0 else widths
        object.__setattr__(self, "widths", widths)
        object.__setattr__(self, "last", widths[-1] if widths else 0)
        object.__setattr__(self, "drawn_by", self.sampler or ("elm" if self.activation == "sin" else "uniform"))
        if self.scale is not None and not 0 < self.scale <= 1e100:  # slopes are squared
            raise ValueError(
                f"scale must be a positive number, at most 1e100, got {self.scale!r}; 1 is the published slope"
            )

    def times(self, factor: int) -> Neurons:
        """So many times the neurons in each layer."""
        return replace(self, width=self.last * factor if len(self.widths) < 2 else [w * factor for w in self.widths])

    def in_one_layer(self) -> Neurons:
        """The same, for a function that has no more.

        Raises
        ------
        ValueError
            If there are widths of several layers.
        """
        if self.width is not None and not isinstance(self.width, int):
            raise ValueError(f"width must be one whole number of at least 0, got {self.width!r}; there is one layer")
        return self

    def __str__(self) -> str:
        if not self.widths:
            return "the linear model" if self.degree == 1 else f"a polynomial of degree {self.degree}"
        layers = "" if len(self.widths) == 1 else f" in {len(self.widths)} layers"
        how = "" if self.sampler is None else f" from {self.sampler} pairs" if self.sampler != "elm" else ", elm"
        slope = "" if self.scale is None else f" of slope {self.scale:.3g}"
        return f"{self.activation}{slope}{how}, {' + '.join(map(str, self.widths))} neurons{layers}"


@dataclass(frozen=True)
class FitOptions:
    """How a fit is made, whatever its neurons.

    Parameters
    ----------
    regularisation : float, optional
        Ridge parameter for columns of unit norm; 0 is plain least squares. By default cross validation where the data
        look noisy.
    tolerance : float, optional
        Relative error, cross-validated, that is enough.
    rows : int, optional
        Number of rows used; by default as many as help.
    seed, key : int
        Everything that is drawn is a function of both.
    memory : int, optional
        Bound on the peak, in bytes.

    Raises
    ------
    ValueError
        A negative regularisation, a tolerance that is not positive, fewer than two rows.
    """

    regularisation: float | None = None
    tolerance: float | None = None
    rows: int | None = None
    seed: int = 0
    key: int = 0
    memory: int | None = None

    def __post_init__(self) -> None:
        _as_numbers(self, "regularisation", "tolerance")
        if self.memory is not None and not (type(self.memory) is int and 1 <= self.memory < 2**63):
            object.__setattr__(self, "memory", whole_number("memory", self.memory))
        if self.regularisation is not None and not 0 <= self.regularisation < math.inf:
            raise ValueError(f"regularisation must be a number of at least 0, got {self.regularisation!r}")
        if self.tolerance is not None and not 0 < self.tolerance < math.inf:
            raise ValueError(f"tolerance must be a positive number, got {self.tolerance!r}")
        if self.rows is not None and not _whole(self.rows, 2):
            raise ValueError(f"rows must be a whole number of at least 2, got {quoted(self.rows)}")


def one_of(label: str, given: Any, known: Sequence[Any]) -> None:
    """Complain about a word that is not known; None leaves the choice open."""
    if given is not None and (not isinstance(given, Hashable) or given not in known):
        raise ValueError(f"{label} must be one of {', '.join(map(repr, known))}, got {quoted(given)}")


def _as_numbers(knobs: Any, *names: str) -> None:
    for name in names:
        value = getattr(knobs, name)
        if value is not None and type(value) is not float:
            object.__setattr__(knobs, name, real_number(name, value))


def _check_room(widths: Sequence[int]) -> None:
    """Refuse what no fit could hold: weights between layers, and the triangle of the last one's equations."""
    if widths and max(widths) > 1000:  # less is always there
        pairs = zip(widths, (*widths[1:], widths[-1]), strict=True)
        needed = 8.0 * sum(float(min(a, 2**63)) * float(min(b, 2**63)) for a, b in pairs)
        check_bytes(needed, f"the equations of width={quoted(widths[0] if len(widths) == 1 else widths)}", "lower it")


def _whole(value: Any, least: int) -> bool:
    try:
        return not isinstance(value, bool | str | bytes) and bool(int(value) == value and value >= least)
    except (TypeError, ValueError, OverflowError):
        return False
