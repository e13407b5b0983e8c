"""Fourier series of periodic coordinates: which waves matter, by matching pursuit.

Where neurons depend on angles alone, their sines have whole wave numbers, and all of them below a cut-off are known.
Few of them carry an analytic function. Orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad 1993) takes, in
turns, the columns that correlate most with what is left, and solves again. The box of candidates grows while the
chosen waves reach its rim.

A column is a row of integers: the wave vector, the phase (0 cosine, 1 sine) and the number of its factor.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.energy_problem import EnergyBasis
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.structure import Structure


def series_basis(
    structure: Structure, centre: np.ndarray, half_width: np.ndarray, columns: np.ndarray, others: int = 0
) -> EnergyBasis:
    """Columns (column, wave + phase + factor) as sine neurons."""
    q = np.array(structure.support)
    weights = np.zeros((len(columns), structure.size))
    weights[:, q] = columns[:, :-2] * (2.0 * np.pi / structure.periods[q]) * half_width[q]
    biases = np.where(columns[:, -2] == 0, 0.5 * np.pi, 0.0)
    # waves are those of x, neurons take z
    biases = biases + weights @ (centre / half_width)
    factors = np.array(structure.factors, np.int64)[columns[:, -1]]
    layer = HiddenLayer(weights, biases, "sin", centre, half_width)
    factors = factors if len(structure.factors) > 1 else np.empty((0, 2), np.int64)
    return EnergyBasis(structure, layer, factors, structure.quadratics(half_width), others)


def pursue(
    structure: Structure,
    half_width: np.ndarray,
    data: Gradients,
    assess: Callable[[np.ndarray], tuple[float, np.ndarray]],
    *,
    most: int,
    goal: float,
) -> tuple[np.ndarray, int]:
    """Choose columns.

    Parameters
    ----------
    structure : Structure
        Its support is periodic.
    half_width : ndarray (component,)
    data : Gradients
        Rows that are searched.
    assess : callable (columns) -> (cross-validated relative error, residual (row, equation))
    most : int
        Number of columns to stop at.
    goal : float
        Error to stop at.

    Returns
    -------
    columns : ndarray (column, dimension + 2)
        Those of the least error.
    turns : int
        Fits compared.
    """
    dimension = len(structure.support)
    boxes = [box for box in tuning.BOXES if (2 * box + 1) ** dimension <= tuning.MOST_WAVES] or [tuning.BOXES[0]]
    at = max(sum((2 * box + 1) ** dimension <= tuning.WAVES for box in boxes) - 1, 0)
    chosen = np.empty((0, dimension + 2), int)
    taken: set[tuple[int, ...]] = set()
    error, left = assess(chosen)
    best, turns, stalls, first = (error, chosen), 1, 0, 0.0
    equations = data.target.size
    while error > max(goal, tuning.SERIES_EXACT) and len(chosen) < most and stalls < tuning.SERIES_STALLS:
        known = _candidates(structure, boxes[at])
        score = _relevance(structure, half_width, data, left, boxes[at]).ravel()
        room = min(most - len(chosen), max(tuning.SERIES_FEWEST, int(tuning.SERIES_GROWTH * len(chosen))))
        fresh: list[np.ndarray] = []
        for k in np.argsort(-score, kind="stable"):
            if len(fresh) == room or (fresh and score[k] <= tuning.RELEVANT**2 * first):
                break
            if tuple(known[k]) in taken:
                continue
            orbit = _orbit(structure, known[k])
            taken |= orbit.keys()
            if orbit[tuple(known[k])]:  # zero: the symmetries cancel it
                first = first if fresh else float(score[k])
                fresh.append(known[k])
        if not fresh:
            break
        chosen = np.concatenate([chosen, np.array(fresh)])
        previous, (error, left) = error, assess(chosen)
        turns += 1
        # how much cross validation flatters columns that were picked from many: each costs log(candidates) of freedom,
        # the risk inflation criterion of Foster and George (1994)
        spent = min(len(chosen) * np.log(len(known)), 0.9 * equations)
        honest = error * float(max(equations - len(chosen), 1) / (equations - spent))
        if honest < best[0]:
            best = (honest, chosen)
        slow = error > tuning.SERIES_STALL * previous
        if at + 1 < len(boxes) and (slow or np.abs(np.array(fresh)[:, :-2]).max() > tuning.SERIES_RIM * boxes[at]):
            at += 1
            slow = False
        stalls = stalls + 1 if slow else 0
    return best[1], turns


def _waves(dimension: int, box: int) -> np.ndarray:
    """Wave vectors (wave, component) of numbers up to ``box``, one of each pair (k, -k), zero first."""
    axes = np.meshgrid(*[np.arange(-box, box + 1)] * dimension, indexing="ij")
    waves = np.stack([axis.ravel() for axis in axes], axis=1)
    return waves[len(waves) // 2 :]  # zero and the lexicographically positive half


def _candidates(structure: Structure, box: int) -> np.ndarray:
    """All columns, in the order of ``_relevance``: by factor, phase and wave."""
    waves = _waves(len(structure.support), box)
    kinds, one = product(range(len(structure.factors)), (0, 1)), np.ones(len(waves), int)
    return np.concatenate([np.column_stack([waves, phase * one, factor * one]) for factor, phase in kinds])


def _relevance(structure: Structure, half_width: np.ndarray, data: Gradients, left: np.ndarray, box: int) -> np.ndarray:
    """Squared residual that each column alone could explain: (factor * phase, wave).

    ``left`` (row, equation) is the residual.
    """
    q = np.array(structure.support)
    rate = 2.0 * np.pi / structure.periods[q]
    x = data.nodes.reshape(-1, structure.size)
    if data.maps is None:
        left = left * half_width**2  # rows are energies
    left = (data.pull(left) / half_width).reshape(-1, structure.size).T
    waves = _waves(len(q), box) * rate * half_width[q]
    found = []
    for i, j in structure.factors:
        factor = np.ones(len(x)) if i < 0 else x[:, i] * x[:, j]
        values = [left[k] * factor for k in q]
        size = 0.5 * np.sum(waves**2, axis=1) * np.sum(factor**2)
        if i >= 0:
            one, other = x[:, j] * half_width[i], x[:, i] * half_width[j]  # derivatives of the factor
            values.append(left[i] * one + left[j] * other)
            size = size + 0.5 * np.sum((one + other) ** 2 if i == j else one**2 + other**2)
        sums = _transforms(x[:, q] * rate, np.array(values), box)
        along = np.einsum("wk,kw->w", waves, sums[: len(q)])
        own = sums[len(q)] if i >= 0 else 0.0
        size = np.where(size > 0.0, size, np.inf)
        found.append((np.real(own) - np.imag(along)) ** 2 / size)  # cosine: its slope is -k sin
        found.append((np.real(along) + np.imag(own)) ** 2 / size)
    return np.array(found)


def _transforms(phases: np.ndarray, values: np.ndarray, box: int) -> np.ndarray:
    """Sums over points of values (set, point) exp(i k . phase) for all waves k: (set, wave)."""
    count, dimension = phases.shape
    table = np.exp(1j * phases[:, :, None] * np.arange(-box, box + 1))  # (point, component, number)
    rest = np.ones((count, 1), complex)
    for k in range(1, dimension):
        rest = (rest[:, :, None] * table[:, k, None, :]).reshape(count, -1)
    sums = np.stack([(table[:, 0].T @ (one[:, None] * rest)).ravel() for one in values])
    return np.asarray(sums[:, sums.shape[1] // 2 :])


def _orbit(structure: Structure, column: np.ndarray) -> dict[tuple[int, ...], float]:
    """The columns that the group makes of one, with their signs summed: their symmetrised features are the same."""
    q, factors = list(structure.support), structure.factors
    sums: dict[tuple[int, ...], float] = {}
    wave, phase, number = column[:-2], int(column[-2]), int(column[-1])
    for element in structure.group:
        image, sign = wave @ np.round(element[np.ix_(q, q)]).astype(int), 1.0
        one, other = factors[number]
        if one >= 0:
            to, signs = np.argmax(np.abs(element), axis=1), element.sum(axis=1)
            sign = float(signs[one] * signs[other])
            one, other = sorted((int(to[one]), int(to[other])))
        if tuple(image) < (0,) * len(q):  # the wave -k: the cosine is even, the sine odd
            image, sign = -image, -sign if phase else sign
        key = (*map(int, image), phase, factors.index((one, other)))
        sums[key] = sums.get(key, 0.0) + sign
    if not np.any(wave) and (phase or number == 0):  # sin 0 is none, and a constant has no gradient
        sums[tuple(map(int, column))] = 0.0
    return sums
