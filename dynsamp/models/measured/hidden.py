"""Whether the next state is a function of the present one, told apart from noise.

Where a state is hidden, neighbours among the states that are seen have different futures, and those futures repeat:
neighbours that agree in a few earlier samples too have the same one (Takens 1981; false neighbours: Kennel, Brown and
Abarbanel 1992, Phys. Rev. A 45, 3403). Noise makes futures differ as well. But knowing all of the past would lower the
mean square difference of futures by no more than the errors of the present sample make of it, about one half where a
step is short; earlier samples explain far more than that of a hidden state.
"""

import numpy as np
from scipy.spatial import cKDTree

from dynsamp.models import tuning
from dynsamp.networks.stencil import Increments
from dynsamp.streams import generator


def hidden_states(rows: Increments, missed: float, seed: int = 0) -> str:
    """A sentence that says so where there are hidden states, else nothing.

    Parameters
    ----------
    rows : Increments
    missed : float
        Part of the mean square of a step that the fitted map leaves: where it leaves little, states that differ a
        little have futures that differ much.
    seed : int
        Of the rows that are looked at.
    """
    count, size = rows.y.shape
    if size > tuning.HIDDEN_COMPONENTS:
        return ""
    spread, change = rows.y.std(axis=0), rows.dy.std(axis=0)
    spread[spread == 0.0], change[change == 0.0] = 1.0, np.inf
    y = rows.y / spread
    at = np.arange(tuning.HIDDEN_LAGS, count)
    at = at[rows.trajectory[at - tuning.HIDDEN_LAGS] == rows.trajectory[at]]
    if len(at) < tuning.HIDDEN_ROWS[0]:
        return ""
    at = np.sort(generator(seed, "rows").permutation(at)[: tuning.HIDDEN_ROWS[1]])
    differ = []
    for lags in range(tuning.HIDDEN_LAGS + 1):
        seen = np.concatenate([y[at - lag] for lag in range(lags + 1)], axis=1)
        near = np.asarray(cKDTree(seen).query(seen, k=min(tuning.HIDDEN_QUERIED, len(at)))[1])
        own = rows.trajectory[at[near]] == rows.trajectory[at][:, None]
        far = ~own | (np.abs(at[near] - at[:, None]) > 2 * tuning.HIDDEN_LAGS)
        far &= np.cumsum(far, axis=1) <= tuning.HIDDEN_NEIGHBOURS
        one, place = np.nonzero(far)
        gap = (rows.dy[at[one]] - rows.dy[at[near[one, place]]]) / change
        differ.append((0.5 * gap**2).mean(axis=0) if len(gap) else np.ones(size))
    present, known = differ[0], np.array(differ[1:])
    ratio = present.mean() / np.maximum(known.mean(axis=1), 1e-300)
    lags = int(np.argmax(ratio))
    if min(present.mean(), 4.0 * missed) < tuning.HIDDEN_PART or ratio[lags] < tuning.HIDDEN_RATIO:
        return ""
    return (
        f"hidden states: try delays: {min(present.mean(), 1.0):.0%} of the variance of the next step differs between"
        f" neighbouring states, {known[lags].mean():.2g} of it where {lags + 1} earlier samples agree too"
    )
