"""Rounds on pieces of noisy trajectories, whose initial states are free."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dynsamp.networks.linear_rows import timescale
from dynsamp.networks.rounds import FIRST_GOAL, Work
from dynsamp.networks.segments import Segments, cut, equations, fly, settle
from dynsamp.networks.shooting import enough_stages
from dynsamp.streams import generator

__all__ = ["PIECE", "by_pieces"]

ROUNDS = 12
SPREAD = 30.0  # how much a piece of a trajectory may spread a change of its start
PIECE, LONG, LONGEST = 5, 41, 161  # samples of a piece: at first, at most, and at most where they are dense
TIMESCALES = 4  # that a piece of dense samples should cover
PIECES_ROWS, PIECES_BYTES = 60_000, 2e8  # equations of a fit to pieces, and what they take
SEARCH_ROWS = 4_000  # equations of a search on pieces


def by_pieces(work: Work, noise: np.ndarray | None) -> np.ndarray | None:
    """Rounds on pieces with free initial states; the standard deviation (component,) of the samples' errors.

    Pieces grow from round to round, as the field gets better; the longest ones show which neurons are needed.
    """
    data = work.data
    floor = 1e-12 * work.half_width
    sigma = np.maximum(floor, noise if noise is not None else 1e-3 * work.half_width)
    intervals = data.intervals()
    some = intervals.take(np.linspace(0, intervals.count - 1, min(intervals.count, 100)).astype(int))
    step = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0)) + 1e-300
    longest = min(max(LONG, min(LONGEST, int(TIMESCALES * timescale(data)))), int(data.length.max()))
    samples = min(PIECE, longest)
    long_rounds = 0  # with the longest pieces: the first one searches for neurons, others only refine
    work.forget()
    for _ in range(ROUNDS):
        motion = work.motion()
        goal = 1e-2 * min(1.0, float(np.min(sigma / step)))
        stages = enough_stages(motion, some, goal)
        pieces = cut(data.t, data.y, data.u, data.length, samples, 1.0 / sigma)
        pieces = pieces.take(_subset(pieces, stages, work))
        pieces, cost = settle(motion, pieces, stages)
        solved = np.isfinite(cost)
        if np.count_nonzero(solved) < max(2, 0.1 * pieces.count):
            break
        # a piece that the field does not follow at all yet would pull it away from the others
        pieces = pieces.take(np.flatnonzero(cost <= 25.0 * np.median(cost[solved])))
        flights = fly(motion, pieces, stages)
        if not flights.good.any():
            break
        misses = flights.misses[flights.good]
        freedom = misses[0].size - len(sigma)
        sigma = np.maximum(floor, np.sqrt(np.mean(misses**2, axis=(0, 1)) * misses[0].size / max(freedom, 1)))
        error = float(np.sqrt(np.mean((misses / work.half_width) ** 2)))
        if samples == longest and not work.keep(error) and long_rounds > 0:
            break
        weighed = replace(pieces, precision=1.0 / sigma)
        rows = equations(motion, weighed, flights)
        if samples == longest and long_rounds == 0:
            few = np.arange(min(len(rows.target), -(-SEARCH_ROWS // rows.target.shape[1])))
            work.search(rows.take(few), max(work.goal, FIRST_GOAL))
        long_rounds += samples == longest
        work.improve(rows, work.goal, search=False)
        spread = np.linalg.norm(flights.along[flights.good] * work.half_width / work.half_width[:, None], axis=(2, 3))
        if float(np.median(spread.max(axis=1))) > SPREAD / 2:
            longest = samples  # chaos: a longer piece would tell no more of its start
        samples = min(2 * samples - 1, longest)
    if work.kept is not None:
        work.restore()
    return sigma if work.rounds else None


def _subset(pieces: Segments, stages: int, work: Work) -> np.ndarray:
    """At most as many pieces as a fit can take, drawn evenly."""
    _, samples, size = pieces.y.shape
    equations = samples * size
    room = PIECES_BYTES if work.memory is None else min(PIECES_BYTES, work.memory / 4)
    most = max(2, int(min(PIECES_ROWS / equations, room / (8 * equations * stages * samples * size))))
    if pieces.count <= most:
        return np.arange(pieces.count)
    return np.sort(generator(work.seed, "segments").choice(pieces.count, most, replace=False))
