"""Whether errors are smaller than others by more than chance; the verdict of functions that have no time in them."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import stdtrit

from dynsamp.models.base import Model
from dynsamp.networks.search.unseen import folds
from dynsamp.streams import generator

FEWEST = 5  # rows or steps of data from which anything can be told
BLOCKS, SURE = 16, 0.99  # blocks of starts, and how sure a difference of their means is, one-sided; at two lead times
MARGIN, LEAST = 0.01, 1e-3  # of the sum of both errors, and in standard deviations: what is worth a word
FAINT = 1e-3  # standard deviations: smaller errors are those of the roll-out
BETTER, RANKS = 3, ("worse than", "no better than", "as good as")
ROWS, LARGEST = 2000, 128  # rows that are compared one by one, and components of a linear map


@np.errstate(all="ignore")
def verdict_of_values(
    model: Model, function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray, what: str = ""
) -> str:
    """Compare a function of rows x (row, input) with the mean of y (row, output) and a linear law of x."""
    if len(x) < FEWEST:
        return f"no skill can be shown: {len(x)} rows are too few to tell"
    unit = _width(y)
    which, bare, x, y = folds(np.arange(len(x))), function(x) / unit, (x - x.mean(axis=0)) / _width(x), y / unit
    straight = np.empty_like(y)
    for fold in np.unique(which) if x.shape[1] <= LARGEST else ():
        matrix, _ = linear(x[which != fold], y[which != fold])
        straight[which == fold] = matrix[0] + x[which == fold] @ matrix[1:]
    paths = (bare, bare + unseen(model.known_error, y), y.mean(axis=0), straight)
    seen, own, *others = (np.sqrt(((path - y) ** 2).mean(axis=1))[:, None] for path in paths)
    mean, law = (int(ranked(own, lambda: seen, other, [len(x)])[0]) for other in others)
    if mean < BETTER:
        return f"no skill: no better than the mean{what}"
    if x.shape[1] > LARGEST:
        return f"beats the mean{what}"
    if law == BETTER:
        return f"beats the mean and a linear law{what}"
    return f"{RANKS[law]} a linear law; beats the mean{what}"


def _width(values: np.ndarray) -> np.ndarray:
    """Width of each column, or its size where it is constant."""
    width = np.ptp(values, axis=0)
    width = np.where(width > 0, width, np.abs(values).max(axis=0))
    return np.where(width > 0, width, 1.0)


def linear(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Constant and slopes of least squares, and what they leave."""
    design = np.column_stack([np.ones(len(x)), x])  # no weight where there are no data, such as a conserved sum
    matrix = np.linalg.lstsq(design, y, rcond=1e-9)[0]
    return matrix, y - design @ matrix


def unseen(error: float | None, values: np.ndarray) -> np.ndarray:
    """By what values (row, component) of a law of that error are wrong elsewhere, beyond their error on the data.

    Least squares of p columns and n rows misses noise s by s^2 (1 - p / n) where it was fitted, and the law by
    s^2 p / n: with the latter beside it, what is only noise comes out no better than its mean.
    """
    rms = np.sqrt(np.nanmean(values**2, axis=0))
    return np.asarray((error or 0.0) * rms * generator(0, "mixtures").standard_normal(values.shape))


def ranked(
    own: np.ndarray, seen: Callable[[], np.ndarray], other: np.ndarray, apart: Sequence[int], proper: bool = False
) -> np.ndarray:
    """Rank (lead,) of a model among RANKS, from its errors elsewhere, those on the data, and those of another.

    Better is what is better elsewhere; worse is only what is worse even on the data that it has seen. No better is what
    is better there and worse elsewhere. Of ``proper`` scores of laws the mean counts alone.
    """
    elsewhere = _compared(own, other, apart, proper)
    if (elsewhere > 0).all():
        return np.full(len(elsewhere), BETTER)
    here = _compared(seen(), other, apart, proper)
    doubtful = (elsewhere < 0) & (here > 0)
    return np.where(elsewhere > 0, BETTER, np.where(here < 0, 0, np.where(doubtful, 1, 2)))


def _compared(own: np.ndarray, other: np.ndarray, apart: Sequence[int], proper: bool) -> np.ndarray:
    """1 where errors (start, lead) are smaller than those of another, -1 where larger, 0 where none can tell (lead,).

    The difference over the sum of each start, which finds what is small everywhere, or over the mean sum, which finds
    what is better on average: its means over blocks are taken for normal, Student's t. ``apart`` (lead,) is the number
    of starts whose windows do not overlap.
    """
    found = np.zeros(own.shape[1], dtype=int)
    for lead in range(own.shape[1]):
        difference, total = own[:, lead] - other[:, lead], own[:, lead] + other[:, lead]
        blocks = min(BLOCKS, apart[lead])
        sides = [_side(difference / (scale + LEAST), blocks) for scale in (np.abs(total), total.mean())[proper:]]
        if max(own[:, lead].mean(), other[:, lead].mean()) > FAINT and abs(sum(sides)) >= max(map(abs, sides)):
            found[lead] = -int(np.sign(sum(sides)))
    return found


def _side(change: np.ndarray, blocks: int) -> int:
    """Sign of a mean change, 0 where chance may have made it."""
    means = np.array([block.mean() for block in np.array_split(change, blocks)])
    doubt = 1 / 3  # too few blocks to tell but what is twice as good
    if blocks > 2:
        doubt = min(doubt, float(stdtrit(blocks - 1, SURE) * means.std(ddof=1) / np.sqrt(blocks)))
    return int(np.sign(change.mean())) * int(abs(change.mean()) > max(doubt, MARGIN))
