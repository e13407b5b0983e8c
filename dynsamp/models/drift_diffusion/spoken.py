"""Drift and diffusion as formulas."""

from collections.abc import Sequence

import numpy as np

from dynsamp.models.drift_diffusion.choice import moved
from dynsamp.models.drift_diffusion.law import lower_triangle
from dynsamp.models.drift_diffusion.moments import Fitted
from dynsamp.networks.polynomials import written

DIGITS = 4
NEGLIGIBLE = 1e-7  # over the largest coefficient, states of unit spread: rounding


def formula(found: Fitted, names: Sequence[str], logs: np.ndarray) -> str:
    """The learned equation; of neurons it says how many there are."""
    n, law, rows = len(names), found.law, found.fit.rows
    names = [f"log({name})" if log else name for name, log in zip(names, logs, strict=True)]
    exponents = law.basis.exponents
    about_zero = found.fit.columns[0].raw is not None
    coefficients = law.both[: len(exponents)]
    if about_zero:
        coefficients = np.linalg.solve(moved(exponents, rows.centre / rows.spread).T, coefficients)
    else:
        names = [f"({name} - {centre:.6g})" for name, centre in zip(names, rows.centre, strict=True)]
    coefficients = np.where(np.abs(coefficients) > NEGLIGIBLE * np.abs(coefficients).max(axis=0), coefficients, 0.0)
    pairs = lower_triangle(n)
    units = np.concatenate([rows.spread, [rows.spread[i] * rows.spread[k] for i, k in pairs]])
    plain = coefficients * units / rows.tick / np.prod(rows.spread**exponents, axis=1)[:, None]
    said = [written(column, exponents, names, DIGITS) for column in plain.T]
    for k, choice in enumerate(found.turn.choices):
        if choice.neurons:
            said[k] += f" + {law.basis.layer.width} neurons"
    own = names if about_zero else [name[1:].split(" - ")[0] for name in names]
    if n == 1:
        (power, constant), more = (exponents[:, 0], plain[:, 1]), found.turn.choices[1].neurons
        alone = np.flatnonzero(constant)
        if len(alone) == 1 and constant[alone[0]] > 0 and power[alone[0]] % 2 == 0 and not more:
            root = written(np.sqrt(constant[alone]), exponents[alone] // 2, names, DIGITS)
            return f"d{own[0]} = ({said[0]}) dt + {root} dW"
        return f"d{own[0]} = ({said[0]}) dt + sqrt({said[1]}) dW"
    lines = [f"d{own[k]} = ({said[k]}) dt + dM{k + 1}" for k in range(n)]
    lines += [f"dM{i + 1} dM{k + 1} = ({said[n + at]}) dt" for at, (i, k) in enumerate(pairs) if said[n + at] != "0"]
    return "; ".join(lines)
