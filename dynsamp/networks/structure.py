"""What is declared about a scalar function of x: symmetries, periods, powers.

A fact that is built in need not be learned: every feature obeys it, so that fewer neurons and rows reach the same
error. All facts compose. A symmetrised neuron is the mean of a neuron over the group, a periodic one is a sine of whole
wave numbers, and one of a function quadratic in p is psi(q) or psi(q) p_i p_j: each is a sum of ordinary neurons, times
two components at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.terms import Term


def closed_group(generators: Sequence[np.ndarray], size: int) -> np.ndarray:
    """All products of matrices (size, size): the group (element, size, size) they generate, the identity first.

    Raises
    ------
    ValueError
        If a generator has another shape or makes vectors longer or shorter, or the group has more than 1000 elements.
    """
    elements = np.eye(size)[None]
    for generator in generators:
        if generator.shape != (size, size) or not np.all(np.isfinite(generator)):
            raise ValueError(f"a symmetry must be a finite ({size}, {size}) matrix, got shape {generator.shape}")
        factors = np.abs(np.linalg.eigvals(generator))
        if np.any(np.abs(factors - 1.0) > 1e-3):  # beyond all rounding: its powers grow or vanish
            raise ValueError(
                f"a symmetry must have finite order, but this one multiplies vectors by {factors.min():g} to"
                f" {factors.max():g}; give reflections, rotations by 360/n degrees or permutations"
            )
    fresh = list(elements)
    while fresh:
        products = [element @ generator for element in fresh for generator in generators]
        fresh = []
        for product in products:
            if not np.isclose(product, elements, atol=tuning.SAME_ENTRIES).all(axis=(1, 2)).any():
                elements = np.concatenate([elements, product[None]])
                fresh.append(product)
        if len(elements) > tuning.LARGEST_GROUP:
            raise ValueError(
                f"the symmetries generate more than {tuning.LARGEST_GROUP} different maps; give matrices of finite"
                " order, such as reflections, rotations by 360/n degrees or permutations"
            )
    # products of rotations collect rounding errors, those of signs and permutations are exact
    return np.where(np.abs(elements - np.round(elements)) < tuning.SAME_ENTRIES, np.round(elements) + 0.0, elements)


def is_signed_permutation(matrix: np.ndarray) -> bool:
    """Whether a matrix exchanges components and changes signs, and does nothing else."""
    size = np.abs(matrix)
    one = np.all((size == 0.0) | (size == 1.0))
    return bool(one and np.all(size.sum(axis=0) == 1.0) and np.all(size.sum(axis=1) == 1.0))


@dataclass(frozen=True)
class Structure:
    """Declared facts about a function of x (component,)."""

    size: int  # components
    polynomial: int = 2  # degree of the polynomial part: 0, 1 or 2
    group: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))  # (element, component, component)
    periods: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,), inf where not periodic
    momenta: tuple[int, ...] = ()  # components in which the function is a constant plus a quadratic form
    terms: tuple[Term, ...] = ()  # that are known to be part of it, up to their coefficients
    summands: tuple[tuple[int, ...], ...] = ()  # components of each, where the function is a sum of functions of some
    names: tuple[str, ...] = ()  # of the components in formulas; none: there are no formulas

    def __post_init__(self) -> None:
        if not len(self.group):
            object.__setattr__(self, "group", np.eye(self.size)[None])
        if not len(self.periods):
            object.__setattr__(self, "periods", np.full(self.size, np.inf))
        if self.momenta:
            q, p = list(self.support), list(self.momenta)
            mixes = np.any(self.group[:, q][:, :, p]) or np.any(self.group[:, p][:, :, q])
            if mixes or not all(is_signed_permutation(element) for element in self.group):
                raise ValueError(
                    "with a Hamiltonian quadratic in p, symmetries may only change signs and exchange coordinates, q"
                    " among themselves and p among themselves"
                )
        for element in self.group:
            if np.any(self.periodic) and not is_signed_permutation(element):
                raise ValueError("with periodic coordinates, symmetries may only change signs and exchange coordinates")

    @property
    def support(self) -> tuple[int, ...]:
        """Components that a neuron depends on."""
        return tuple(k for k in range(self.size) if k not in self.momenta)

    @property
    def blocks(self) -> list[tuple[int, ...]]:
        """Components that a neuron may depend on together."""
        if not self.summands:
            return [self.support]
        found = [tuple(k for k in block if k in self.support) for block in self.summands]
        return [block for block in found if block]

    @property
    def periodic(self) -> np.ndarray:
        """(component,) of bool."""
        return np.asarray(np.isfinite(self.periods))

    @property
    def fourier(self) -> bool:
        """Whether neurons depend on periodic components alone: their sines are a Fourier series."""
        return bool(np.all(self.periodic[list(self.support)]))

    @property
    def factors(self) -> list[tuple[int, int]]:
        """Pairs of components that multiply a neuron; (-1, -1) is none."""
        pairs = [(i, j) for at, i in enumerate(self.momenta) for j in self.momenta[at:]]
        return [(-1, -1), *pairs]

    def standardisation(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and half-width (component,) of data between ``low`` and ``high``, as the facts ask for.

        The centre is a fixed point of the symmetries, and zero for momenta; components that are exchanged have one
        half-width.
        """
        centre = np.mean(self.group @ (0.5 * (low + high)), axis=0)
        centre[list(self.momenta)] = 0.0
        reach = np.maximum(np.abs(low - centre), np.abs(high - centre))
        half = np.max(np.abs(self.group) @ reach, axis=0)
        # a range of rounding errors is a constant
        return centre, np.where(half > tuning.CONSTANT * np.maximum(abs(low), abs(high)), half, 1.0)

    def quadratics(self, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Basis of the polynomial part: linear (term, component) and quadratic (term, component, component) forms in z.

        A term is linear . z + z' quadratic z / 2, z = (x - centre) / half_width. It obeys all facts.
        """
        count, unit, none = self.size, np.eye(self.size), np.zeros((self.size, self.size))
        allowed, momenta = np.flatnonzero(~self.periodic), set(self.momenta)
        forms = [(unit[k], none) for k in allowed if self.polynomial >= 1 and k not in momenta]
        for i, j in combinations_with_replacement(allowed, 2):
            kinetic, potential = {i, j} <= momenta, self.polynomial >= 2 and not {i, j} & momenta
            apart = self.summands and not any({i, j} <= set(block) for block in self.summands)
            if (kinetic or potential) and not apart:
                forms.append((none[0], np.outer(unit[i], unit[j]) + np.outer(unit[j], unit[i])))
        if not forms:
            return np.empty((0, count)), np.empty((0, count, count))
        linear, quadratic = (np.array(part) for part in zip(*forms, strict=True))
        if len(self.group) == 1:
            return linear, quadratic
        maps = self.group * half_width / half_width[:, None]  # on z
        linear = np.mean([linear @ element for element in maps], axis=0)
        quadratic = np.mean([element.T @ quadratic @ element for element in maps], axis=0)
        # what is left after averaging spans fewer dimensions: keep a basis
        flat = np.concatenate([linear, quadratic.reshape(len(quadratic), -1)], axis=1)
        _, size, rows = np.linalg.svd(flat, full_matrices=False)
        kept = rows[size > 1e-9]
        return kept[:, :count], kept[:, count:].reshape(-1, count, count)
