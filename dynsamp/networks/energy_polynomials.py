"""Polynomials beyond the quadratic part, as known terms: which monomials there are.

A polynomial law is found exactly from few points where neurons would need many, and it can be read. Total degrees go up
to six; of many states few mix at once, as in laws that are sums over sites and pairs.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from keyword import iskeyword

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.network import Energy
from dynsamp.networks.polynomials import written
from dynsamp.networks.structure import Structure, is_signed_permutation
from dynsamp.networks.terms import Term, parse

Powers = tuple[int, ...]  # (component,)
ROUNDED = 1e-13  # of the largest: what is left of numbers that cancel


def families(structure: Structure, centre: np.ndarray, half_width: np.ndarray, most: int) -> list[Structure]:
    """The structure with ever more monomials, at most ``most``, among its terms; they obey what is declared."""
    names = structure.names
    spoken = len(names) > 0 and all(name.isidentifier() and not iskeyword(name) for name in names)
    if not spoken or structure.polynomial < 2 or not all(map(is_signed_permutation, structure.group)):
        return []
    # of few states all may mix; of many each alone for all degrees, then pairs, then triples
    few, degrees = structure.size <= tuning.ALL_MIX_UP_TO, range(3, tuning.HIGHEST_DEGREE + 1)
    mixes = [(1, structure.size)] if few else [(1, 1), (2, 2), (3, 3)]
    kinds = [(degree, *mix) for mix in mixes for degree in degrees]
    found, known, terms, bases = [], set[Powers](), list[Term](), _bases(names, origin(centre, half_width))
    for degree, least, mixed in kinds:
        fresh = [p for count in range(least, mixed + 1) for p in _powers(structure, degree, count)]
        if len(terms) + len(fresh) > most:
            continue
        before = len(terms)
        for powers in fresh:
            if powers not in known:
                orbit = _orbit(structure, powers)
                known |= orbit.keys()
                if any(orbit.values()):
                    text = written(np.array(list(orbit.values())), np.array(list(orbit)), bases, 1)
                    terms.append(parse(text, names))
        if len(terms) > before:
            found.append(replace(structure, terms=(*structure.terms, *terms)))
    return found


def origin(centre: np.ndarray, half_width: np.ndarray) -> np.ndarray:
    """What powers are taken of differences from (component,): zero, unless the data are far from it."""
    digits = 10.0 ** np.floor(np.log10(half_width))
    return np.where(np.abs(centre) <= tuning.FAR * half_width, 0.0, digits * np.round(centre / digits))


def _powers(structure: Structure, degree: int, mixed: int) -> Iterator[Powers]:
    """Exponents of one total degree in so many components."""
    allowed = [k for k in range(structure.size) if not structure.periodic[k]]
    for chosen in combinations(allowed, mixed):
        if structure.summands and not any(set(chosen) <= set(block) for block in structure.summands):
            continue
        for cuts in combinations(range(1, degree), mixed - 1):
            powers = [0] * structure.size
            for k, low, high in zip(chosen, (0, *cuts), (*cuts, degree), strict=True):
                powers[k] = high - low
            if not structure.momenta or sum(powers[k] for k in structure.momenta) in (0, 2):
                yield tuple(powers)


def _orbit(structure: Structure, powers: Powers) -> dict[Powers, int]:
    """What the group makes of a monomial, with signs; zero where they cancel."""
    sums = dict[Powers, int]()
    for element in structure.group:
        to, signs = np.argmax(np.abs(element), axis=1), element.sum(axis=1)
        image, sign = [0] * len(powers), 1
        for k, power in enumerate(powers):
            image[to[k]] = power
            sign *= int(signs[k]) ** power
        sums[tuple(image)] = sums.get(tuple(image), 0) + sign
    return {image: int(np.sign(count)) for image, count in sums.items()}


def _bases(names: Sequence[str], zero: np.ndarray) -> list[str]:
    """What powers are taken of."""
    signed = [(name, "-" if low > 0 else "+", abs(low)) for name, low in zip(names, zero, strict=True)]
    return [f"({name} {sign} {low:.12g})" if low else name for name, sign, low in signed]


def formula(energy: Energy, names: Sequence[str], constant: float, digits: int) -> str:
    """An energy without neurons, plus a constant, as a formula in the names of its components."""
    layer, quadratic, unit = energy.layer, energy.quadratic, np.eye(len(names), dtype=int)
    zero = origin(layer.centre, layer.half_width)
    bases, shift = _bases(names, zero), layer.centre - zero
    bent = quadratic @ shift
    linear = np.where(np.abs(energy.linear - bent) > ROUNDED * np.abs(bent), energy.linear - bent, 0.0)
    constant += float(0.5 * shift @ bent - energy.linear @ shift)
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    exponents = np.array([*unit, *(unit[i] + unit[j] for i, j in pairs), 0 * unit[0]])
    halves = [0.5 if i == j else 1.0 for i, j in pairs]
    coefficients = np.array([*linear, *(half * quadratic[pair] for half, pair in zip(halves, pairs, strict=True)), 0.0])
    sizes = np.abs(coefficients) * np.prod((np.abs(shift) + layer.half_width) ** exponents, axis=1)
    coefficients[sizes <= ROUNDED * sizes.max()] = 0.0
    texts = [written(coefficients, exponents, bases, digits)] if coefficients.any() else []
    for term, coefficient in zip(energy.terms, energy.term_coefficients, strict=True):
        tree = ast.parse(term.text, mode="eval").body
        several = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub)
        texts.append(
            written(np.array([coefficient]), unit[:1, :1], [f"({term.text})" if several else term.text], digits)
        )
    if abs(constant) > ROUNDED * max([*sizes, *np.abs(energy.term_coefficients)]):
        texts.append(f"{constant:.{digits}g}")
    return " + ".join(texts).replace("+ -", "- ") or "0"
