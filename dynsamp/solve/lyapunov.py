"""Lyapunov spectra: how fast perturbations of a trajectory grow, with error bars."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.arguments import real_number, whole_number
from dynsamp.limits import check_bytes
from dynsamp.solve.door import advance
from dynsamp.solve.kernel import Inputs, Kernel, Solution, posed
from dynsamp.solve.options import SPECTRUM_TOLERANCE, Options, asked

BATCHES = (8, 16, 32, 64)
LONGEST = 4  # batches of a quarter of the run: what stays correlated for longer than short ones is seen there alone
MORE = 2.6  # times the variance to be expected: what one of twenty variances among four exceeds by chance
ALIKE = 0.6  # part of an exponent by which starts of one chaotic sea may differ in runs that are short or sticky


@dataclass(frozen=True)
class LyapunovSpectrum:
    """Exponents in decreasing order, and the run that they come from."""

    exponents: np.ndarray  # (trajectory, exponent), 1 / time; NaN where the trajectory failed
    errors: np.ndarray  # (trajectory, exponent), one standard error
    growth: np.ndarray  # (trajectory, interval, exponent): logarithm of the growth over each interval of times
    times: np.ndarray  # (time,)
    solution: Solution  # its states are those of the trajectory, without the vectors


def lyapunov_spectrum(  # noqa: PLR0913 - a verb
    kernel: Kernel,
    times: ArrayLike,
    y0: ArrayLike,
    *,
    count: int | None = None,
    transient: float = 0.1,
    ids: ArrayLike | None = None,
    seed: int = 0,
    inputs: Inputs | None = None,
    options: Options | None = None,
    **given: Any,
) -> LyapunovSpectrum:
    """Lyapunov exponents along trajectories, by tangent vectors made orthonormal at every time.

    The vectors obey the variational equations with the kernel's Jacobian, one traced from its functions, or, where
    that fails or the system is large, central differences along the vectors (relative error about 1e-10, far below the
    statistical one).

    Parameters
    ----------
    kernel : Kernel
        Of a system or of a fitted model: "field", "separable" or a "map" without noise.
    times : array_like (time,)
        When the vectors are made orthonormal: often enough that the first does not overtake the others beyond
        rounding, so a few times in 1 / (largest exponent).
    y0 : array_like (trajectory, state)
        Starts, on the attractor.
    count : int, optional
        How many exponents, the largest first; by default all.
    transient : float
        Fraction of the run in which the vectors find their directions; it does not count.
    ids, seed : optional
        Of the random directions in which the vectors start.
    inputs, options, **given
        As for ``solve``; by default dop853 at 1e-9.

    Returns
    -------
    LyapunovSpectrum
        The standard errors are those of the time average and allow for its correlation in time; they do not see a
        transient that outlasts the run.

    Raises
    ------
    ValueError
        For a kernel with noise, or a count that is not between 1 and the number of states.

    References
    ----------
    Benettin, Galgani, Giorgilli, Strelcyn (1980), Meccanica 15, 9 and 21; Geist, Parlitz, Lauterborn (1990), Progress
    of Theoretical Physics 83, 875. Batch means: Law (2015), Simulation Modeling and Analysis, section 9.5.3.
    """
    options = _for_vectors(kernel, asked(options, given))
    task = posed(kernel, times, y0, ids=ids, seed=seed, inputs=inputs)
    times, dim = task.times, task.y0.shape[1]
    count = dim if count is None else whole_number("count", count)
    if kernel.kind == "sde" or kernel.noise:
        raise ValueError("Lyapunov exponents of a system with noise are not supported; use its deterministic part")
    if len(kernel.delays):
        raise ValueError("Lyapunov exponents of a system with delays are not supported: it has infinitely many")
    if not 1 <= count <= dim:
        raise ValueError(f"count must be between 1 and the number of states, {dim}, got {count}")
    transient = real_number("transient", transient)
    if not 0 <= transient < 1:
        raise ValueError(f"transient must be a fraction of the run, 0 <= transient < 1, got {transient}")
    if len(times) < 3:
        raise ValueError(f"a spectrum needs at least two intervals, got {len(times)} times; give more of them")
    check_bytes(
        8.0 * len(task.y0) * (len(times) * (dim + 3 * count) + dim * count),
        f"{count} vectors of {dim} components along {len(task.y0)} trajectories, {len(times)} times,",
        "take fewer exponents or trajectories, a shorter duration, or a longer dt",
    )
    vectors = replace(
        task,
        problem=replace(task.problem, columns=count),
        y0=np.concatenate([task.y0, _directions(task.ids, dim, count, seed)], axis=1),
    )
    solution = advance(vectors, options, np.empty((len(task.y0), len(times), dim + count)))
    growth = solution.states[:, 1:, dim:]
    first = min(int(np.searchsorted(times, times[0] + transient * (times[-1] - times[0]))), len(times) - 2)
    used, spans = growth[:, first:], np.diff(times)[first:]
    exponents = used.sum(axis=1) / spans.sum()
    errors = time_average_error(used / spans[:, np.newaxis], spans)
    own = replace(solution, states=np.ascontiguousarray(solution.states[..., :dim]))
    return LyapunovSpectrum(exponents, errors, growth, times, own)


def kaplan_yorke_dimension(exponents: np.ndarray) -> np.ndarray:
    """Kaplan--Yorke dimension (trajectory,) from exponents (trajectory, exponent) in decreasing order.

    j + (sum of the first j) / |exponent j + 1| with the largest j whose sum is not negative; NaN where the sum of the
    known exponents is not negative yet.
    """
    sums = np.cumsum(exponents, axis=1)
    negative = sums < 0
    j = negative.argmax(axis=1)  # exponents before the sum turns negative
    rows = np.arange(len(exponents))
    before = np.where(j > 0, sums[rows, np.maximum(j, 1) - 1], 0.0)
    dimension: np.ndarray = np.where(negative.any(axis=1), j + before / np.abs(exponents[rows, j]), np.nan)
    return dimension


def time_average_error(rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Standard error (trajectory, exponent) of the weighted mean over time of rates (trajectory, time, exponent).

    The variance of a mean over a batch of length L is D / L + B / L^2: diffusion, and the bounded fluctuation at the
    batch's ends, which for Lyapunov exponents is the larger part of short ones. D >= 0 and B >= 0 are fitted to the
    variances among 8, 16, 32 and 64 batches (as many as the intervals allow), and the whole run has L = T. Where orbits
    stick to islands for long the quarters of the run differ by more than this allows; then theirs is the error.
    """
    total, intervals = weights.sum(), rates.shape[1]
    counts = np.array([count for count in BATCHES if 2 * count <= intervals])
    if not len(counts):
        return np.full((rates.shape[0], rates.shape[2]), np.inf)
    lengths = total / counts
    variances = np.stack([_means(rates, weights, count).var(axis=1, ddof=1) for count in counts])
    # relative accuracy of a variance among b means: 2 / (b - 1)
    root = np.sqrt(counts - 1.0)[:, np.newaxis, np.newaxis] / np.where(variances > 0, variances, 1.0)
    a, b = root / lengths[:, np.newaxis, np.newaxis], root / lengths[:, np.newaxis, np.newaxis] ** 2
    c = root * variances
    aa, ab, bb, ac, bc = ((u * v).sum(axis=0) for u, v in ((a, a), (a, b), (b, b), (a, c), (b, c)))
    determinant = aa * bb - ab * ab
    with np.errstate(divide="ignore", invalid="ignore"):  # one count of batches cannot tell the two apart
        diffusion, ends = (ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant
    alone = ~((diffusion >= 0) & (ends >= 0))
    diffusion = np.where(alone, np.where(diffusion < 0, 0.0, ac / aa), diffusion)
    ends = np.where(alone, np.where(diffusion == 0.0, bc / bb, 0.0), ends)
    quarters = _means(rates, weights, LONGEST).var(axis=1, ddof=1)
    more = quarters > MORE * LONGEST * (diffusion / total + ends * LONGEST / total**2)
    error: np.ndarray = np.sqrt(np.where(more, quarters / LONGEST, diffusion / total + ends / total**2))
    return error


def between_starts(exponents: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Standard errors (trajectory, exponent) that cover the spread over starts of the same system, too.

    Errors that a run tells of itself do not see what lasts longer than the run. Starts whose largest exponents differ
    by less than ``ALIKE`` of the larger one are taken for draws of the same; four or more of them tell how far draws
    differ. (Starts in an island and in the chaotic sea around it are not alike.)
    """
    first = exponents[:, 0]
    with np.errstate(invalid="ignore"):  # NaN of trajectories that failed are like none
        alike = np.abs(first[:, None] - first) <= ALIKE * np.maximum(np.abs(first[:, None]), np.abs(first))
    found = errors.copy()
    for row, others in enumerate(alike):
        if np.count_nonzero(others) >= LONGEST:
            found[row] = np.maximum(errors[row], exponents[others].std(axis=0, ddof=1))
    return found


def _means(rates: np.ndarray, weights: np.ndarray, batches: int) -> np.ndarray:
    """Weighted means (trajectory, batch, exponent)."""
    edges = np.linspace(0, rates.shape[1], batches + 1).astype(int)[:-1]
    sums = np.add.reduceat(rates * weights[:, np.newaxis], edges, axis=1)
    means: np.ndarray = sums / np.add.reduceat(weights, edges)[:, np.newaxis]
    return means


def _for_vectors(kernel: Kernel, options: Options) -> Options:
    """Options for a method that knows the right-hand side alone: neither halves, nor its Jacobian, nor its series."""
    from dynsamp.kernels.drivers import adaptive, fixed
    from dynsamp.kernels.methods import METHODS

    able = [
        name
        for name, entry in METHODS.items()
        if kernel.kind in entry.kinds and entry.driver in (adaptive, fixed) and not entry.needs_jacobian
    ]
    if options.method is not None and options.method not in able:
        raise ValueError(
            f"method {options.method!r} cannot carry tangent vectors of a {kernel.kind} kernel; choose from"
            f" {', '.join(able)}"
        )
    if options.method is None and kernel.kind != "map":
        reason = "dop853: adaptive steps of order 8 for the state and its tangent vectors"
        options = replace(options, method="dop853", reason=reason)
    rtol = SPECTRUM_TOLERANCE if options.rtol is None else options.rtol
    return replace(options, rtol=rtol, atol=min(SPECTRUM_TOLERANCE, rtol) if options.atol is None else options.atol)


def _directions(ids: np.ndarray, dim: int, count: int, seed: int) -> np.ndarray:
    """Random vectors (trajectory, count * dim): a set of directions that no symmetry singles out."""
    from dynsamp.kernels.random import normals

    return normals(seed, ids[:, np.newaxis], 0, np.arange(count * dim))
