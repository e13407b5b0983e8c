"""How well drift and diffusion are known: from the covariance of the coefficients, and from what richer ones would say.

Increments without their mean are uncorrelated, so normal equations say how far chance moves coefficients; where they
move more when blocks of the data are held out, that counts. What the chosen terms cannot say shows in the difference to
all terms and neurons, where it exceeds what chance explains (Mallows 1973, Technometrics 15, 661). What a long spacing
has forgotten makes chance larger: the law is found again from moments that chance has moved a little.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from dynsamp.models import tuning
from dynsamp.models.drift_diffusion.choice import Choice, jackknife, richest
from dynsamp.models.drift_diffusion.law import lower_triangle
from dynsamp.models.drift_diffusion.moments import Fitted
from dynsamp.streams import generator


@dataclass(frozen=True)
class Judged:
    """Relative errors of drift and diffusion, their intervals, and covariances of coefficients."""

    error: dict[str, float]
    interval: dict[str, list[float]]
    covariances: np.ndarray  # (output, column, column), of standardised states


def judged(found: Fitted, logs: np.ndarray) -> Judged:
    """Judge a fit along the data; as drift and diffusion of states where components are their logarithms."""
    fit, law, rows = found.fit, found.law, found.fit.rows
    n, pairs = len(law.floor), lower_triangle(len(law.floor))
    louder = _louder(found) if found.turn.settled else np.ones(n + len(pairs))
    own = [k.variance * f**2 * c.inverse for k, c, f in zip(found.known, found.turn.choices, louder, strict=True)]
    drift, a = law.values(fit.few)
    i = np.arange(n)
    variances = np.maximum(a[:, i, i], tuning.VARIANCE_LIGHT * np.median(a[:, i, i], axis=0))
    # Ito: d exp(x) = exp(x) (dx + a / 2 dt), in units of the spread of the states
    states = np.exp(np.where(logs, fit.few * rows.spread + rows.centre, 0.0))
    growth = np.where(logs, states * rows.spread / np.where(logs, states.std(axis=0), 1.0), 1.0)
    half = np.where(logs, rows.spread / 2, 0.0)
    drift = growth * (drift + half * a[:, i, i])
    errors = {"drift": _Sums(), "diffusion": _Sums()}
    for k, covariance in enumerate(own):
        row, column = (k, k) if k < n else pairs[k - n]
        # of the squared error of this output in that of the drift, and of the diffusion: a = g g'
        if k < n:
            shares = {"drift": growth[:, k] ** 2}
        elif row == column:
            of_drift = (growth[:, row] * half[row]) ** 2
            shares = {"drift": of_drift, "diffusion": growth[:, row] ** 2 / (4 * variances[:, row])}
        else:
            shares = {"diffusion": growth[:, row] ** 2 / variances[:, column]}
        columns, taken = fit.columns[0 if k < n else 1], found.turn.choices[k]
        own_equations = found.known[k].corrected(found.turn.shift[:, k])
        corrected = own_equations.moments
        rich = richest(own_equations, columns)
        gap = (rich.inverse - taken.inverse) @ corrected
        more = own_equations.variance * (rich.inverse - taken.inverse)
        if not taken.freedom and k < n:  # a drift that is not seen is not known to be none: chance leaves a level open
            level = Choice.of(own_equations, np.eye(len(corrected))[:1], 0.0, 1.0) or taken
            covariance = own_equations.variance * louder[k] ** 2 * level.inverse
        blocks = louder[k] ** 2 * jackknife(own_equations, taken)
        grown = growth[:, row] ** 2
        for name, share in shares.items():
            along = fit.at_few.T @ (fit.at_few * share[:, None]) / len(fit.few)
            errors_of_terms = covariance @ along
            if logs[row]:  # what is missed at the few largest states is no more than guessed
                along = fit.at_few.T @ (fit.at_few * (share / grown * grown.mean())[:, None]) / len(fit.few)
            chance = more @ along
            doubt = max(float(np.trace(chance)), 0.0) + np.sqrt(2 * max(float(np.sum(chance * chance.T)), 0.0))
            missed = float(gap @ along @ gap) - doubt
            unseen = float(np.sum(blocks * along))  # blocks of the data may contradict what chance explains
            if unseen > tuning.CONTRADICTED * float(np.trace(errors_of_terms)):
                missed = max(missed, unseen - float(np.trace(errors_of_terms)))
            errors[name].add(errors_of_terms, missed)
    sizes = {"drift": np.sum(drift**2, axis=1).mean(), "diffusion": np.sum(growth**2 * variances, axis=1).mean()}
    if sizes["diffusion"] < tuning.NO_DIFFUSION * sizes["drift"]:  # a spacing is the unit of time
        sizes["diffusion"] = np.float64(0.0)
    told = {name: sums.told(float(sizes[name]), name == "drift") for name, sums in errors.items()}
    return Judged(
        {name: error for name, (error, _) in told.items()},
        {name: interval for name, (_, interval) in told.items()},
        np.array(own),
    )


@dataclass
class _Sums:
    """Squares of errors: expected of chance, how its parts add up, and what terms have missed."""

    chance: float = 0.0
    squares: float = 0.0
    missed: float = 0.0

    def add(self, spread: np.ndarray, missed: float) -> None:
        """Add those of an output."""
        self.chance += float(np.trace(spread))
        self.squares += float(np.sum(spread * spread.T))
        self.missed += max(missed, 0.0)

    def told(self, size: float, noisy: bool) -> tuple[float, list[float]]:
        """The relative error, as likely too large as too small, and its interval; all of it, where none is learned."""
        if size == 0.0:
            return 1.0, [1.0, 1.0]
        size = max(size - (self.chance if noisy else 0.0), 0.1 * self.chance, 1e-300)
        freedom = self.chance**2 / self.squares if self.squares > 0 else 1.0
        low, middle, high = (self.chance * float(chi2.ppf(q, freedom)) / freedom for q in (0.05, 0.5, 0.95))
        most = np.inf if noisy else 1.0  # a diffusion that may be none is known to all of its size
        told = [low, middle + self.missed, high + 3 * self.missed]
        low, error, high = (min(float(np.sqrt(each / size)), most) for each in told)
        return error, [low, high]


def _louder(found: Fitted) -> np.ndarray:
    """Factor by which the correction for the spacing enlarges chance (output,)."""
    fit, turn, floor = found.fit, found.turn, found.law.floor
    rng, factors = generator(0, "probes"), []
    plain = fit.plain(turn.choices, found.known)
    for _ in range(tuning.CHANCES):
        change = np.zeros_like(plain)
        for k, (choice, known) in enumerate(zip(turn.choices, found.known, strict=True)):
            values, vectors = np.linalg.eigh(choice.inverse * known.variance)
            change[:, k] = vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(len(values)))
        again = fit.settled(fit.law(plain + change, floor), turn.choices, found.known, bool(found.noise.any()))
        if again is None:
            continue
        before, after = ((fit.at_few @ each) ** 2 for each in (change, again[0].both - found.law.both))
        factors.append(np.sqrt((after.mean(axis=0) + 1e-300) / (before.mean(axis=0) + 1e-300)))
    return np.maximum(np.mean(factors, axis=0), 1.0) if factors else np.full(plain.shape[1], 2.0)
