"""Declared facts of a Hamiltonian, in words or matrices, turned into the structure of its network."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from dynsamp.arguments import check_flags
from dynsamp.models import tuning
from dynsamp.models.base import owners
from dynsamp.networks.structure import Structure
from dynsamp.networks.terms import mentions, parse
from dynsamp.words import State, listed, nearest, quoted

Named: TypeAlias = Literal["parity", "time-reversal", "exchange", "translation"]
Symmetry: TypeAlias = Named | Sequence[Sequence[float]] | np.ndarray  # a name, or a matrix (component, component)
SYMMETRIES = get_args(Named)


def formula_names(states: tuple[State, ...]) -> list[str]:
    """Names of the components in formulas: those of states, numbered from 0 where a state has several."""
    return [state.name if not state.dims else f"{state.name}_{k}" for state in states for k in range(state.size)]


def structure_of(structure: Structure, components: np.ndarray, names: Sequence[str]) -> Structure:
    """The structure of V(q) or of T(p), where H is their sum; ``names`` of all components in formulas.

    A symmetry of the sum is one of each, as it does not mix q and p.
    """
    others = np.setdiff1d(np.arange(structure.size), components)
    if np.any(structure.group[:, components][:, :, others]):
        raise ValueError("a symmetry mixes q and p, which a separable H cannot have; fit with separable=False")
    group = structure.group[:, components][:, :, components]
    distinct = [element for k, element in enumerate(group) if not any(np.allclose(element, g) for g in group[:k])]
    momenta = tuple(at for at, k in enumerate(components) if k in structure.momenta)
    own, rest = [names[k] for k in components], [names[k] for k in others]
    terms = []
    for term in structure.terms:
        if mentions(term, components) and mentions(term, others):
            raise ValueError(
                f"term {quoted(term.text)} mixes {listed(own)} and {listed(rest)}, which a separable H cannot have; fit"
                " with separable=False"
            )
        if mentions(term, components):
            terms.append(parse(term.text, own))
    return Structure(
        len(components), structure.polynomial, np.array(distinct), structure.periods[components],
        momenta if len(momenta) < len(components) else (), tuple(terms), names=tuple(own),
    )  # fmt: skip


def symmetry_matrix(symmetry: str | Sequence[Sequence[float]] | np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Matrix (component, component) of a symmetry by its name, or checked, for pairs (2, dof)."""
    size = pairs.size
    if not isinstance(symmetry, str):
        try:
            matrix = np.array(symmetry, dtype=float)
        except (TypeError, ValueError):
            matrix = np.empty(0)
        if matrix.shape != (size, size):
            raise ValueError(
                f"a symmetry must be one of {', '.join(map(repr, SYMMETRIES))} or a ({size}, {size}) matrix that maps"
                f" a state to an equivalent one, got {symmetry!r}"
            )
        return matrix
    if symmetry not in SYMMETRIES:
        known, hint = ", ".join(map(repr, SYMMETRIES)), nearest(symmetry, SYMMETRIES)
        raise ValueError(f"a symmetry must be one of {known} or a matrix, got {symmetry!r}{hint}")
    # parity (q, p) -> (-q, -p), time reversal p -> -p
    signs = {"parity": (-1.0, -1.0), "time-reversal": (1.0, -1.0)}.get(symmetry, (1.0, 1.0))
    degrees = np.arange(pairs.shape[1])
    if symmetry == "exchange":  # the degrees of freedom in reverse order
        degrees = degrees[::-1]
    elif symmetry == "translation":  # one degree of freedom on, in a ring
        degrees = np.roll(degrees, 1)
    matrix = np.zeros((size, size))
    for row, sign in zip(pairs, signs, strict=True):
        matrix[row, row[degrees]] = sign
    return matrix


def periods_of(states: tuple[State, ...], y: np.ndarray, periodic: Mapping[str, float] | bool | None) -> np.ndarray:
    """Periods (component,), inf where not periodic."""
    components = owners(states)
    if isinstance(periodic, Mapping):
        known = [state.name for state in states]
        for name, period in periodic.items():
            if name not in known:
                raise ValueError(f"periodic names {name!r}, which is not a state{nearest(name, known)}")
            if not 0 < period < np.inf:
                raise ValueError(f"the period of {name!r} must be a positive number, got {period!r}")
        return np.array([periodic.get(state.name, np.inf) for state in components])
    check_flags(periodic=periodic)
    periods = np.array([state.period or np.inf for state in components])
    if periodic is False:
        return np.full(len(components), np.inf)
    if periodic is True:
        if not np.any(np.isfinite(periods)):
            raise ValueError(
                "periodic=True needs states with a period, State(period=...); or give the periods, periodic={'q': 6.28}"
            )
        return periods
    return np.where(np.ptp(y, axis=0) >= tuning.PERIOD_COVERED * periods, periods, np.inf)
