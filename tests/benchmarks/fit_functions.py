"""Derive the polynomial coefficients of ``dynsamp/kernels/simd/functions.py`` and of ``dynsamp/kernels/features``.

Weighted least squares at Chebyshev nodes in 60 digits, within a factor of two of minimax. Coefficients are
rounded to doubles one after the other, from the lowest power on; after each rounding the remaining ones are fitted
again, so that they make up for the loss.

Run ``python tests/benchmarks/fit_functions.py``; needs mpmath.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


def fit(function: Function, weight: Function, low: mp.mpf, high: mp.mpf, count: int) -> list[float]:
    """Coefficients (count,) of the polynomial that is closest to ``function`` on [low, high]."""
    number = 16 * count
    nodes = [(high + low) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * number)) for k in range(number)]
    scale = max(abs(low), abs(high))
    rounded: list[float] = []
    for done in range(count):
        rest = [weight(x) * (function(x) - mp.polyval(rounded[::-1] or [0], x)) for x in nodes]
        rows = [[weight(x) * (x / scale) ** k for k in range(done, count)] for x in nodes]
        solution, _ = mp.qr_solve(mp.matrix(rows), mp.matrix(rest))
        rounded.append(float(solution[0] / scale**done))
    error = max(abs(weight(x) * (mp.polyval(rounded[::-1], x) - function(x))) for x in nodes)
    print(f"  largest weighted error 2^{float(mp.log(error, 2)):.1f}")
    return rounded


def series(terms: Function, count: int = 60) -> Function:
    """Power series sum_k terms(k) z^k: no cancellation near zero."""
    coefficients = [terms(mp.mpf(k)) for k in range(count)]
    return lambda z: mp.polyval(coefficients[::-1], z)


TINY = mp.mpf(10) ** -8  # weights vanish at 0
TABLES = {
    # expm1(r) = r + r^2 E(r), |r| <= ln(2) / 2
    "EXP": (series(lambda k: 1 / mp.factorial(k + 2)), lambda x: abs(x) + TINY, -mp.log(2) / 2, mp.log(2) / 2, 11),
    # sin(r) = r + r^3 S(r^2) and cos(r) = 1 - r^2 / 2 + r^4 C(r^2), |r| <= pi / 4
    "SIN": (series(lambda k: (-1) ** (k + 1) / mp.factorial(2 * k + 3)), lambda z: z + TINY, TINY, mp.pi**2 / 16, 6),
    "COS": (series(lambda k: (-1) ** k / mp.factorial(2 * k + 4)), lambda z: z**2 + TINY, TINY, mp.pi**2 / 16, 6),
    # the same on a half turn, for the features of hidden layers: |r| <= pi / 2
    "HALF_TURN": (
        series(lambda k: (-1) ** (k + 1) / mp.factorial(2 * k + 3)),
        lambda z: z + TINY,
        TINY,
        mp.pi**2 / 4,
        8,
    ),
    # atanh(s) = s + s^3 / 3 + s^5 A(s^2), |s| <= (sqrt(2) - 1)^2
    "ATANH": (series(lambda k: 1 / (2 * k + 5)), lambda z: z**2 + TINY, TINY, (mp.sqrt(2) - 1) ** 4, 7),
    # atan(t) = t + t^3 T(t^2), |t| <= tan(pi / 8)
    "ATAN": (series(lambda k: (-1) ** (k + 1) / (2 * k + 3), 120), lambda z: z + TINY, TINY, (mp.sqrt(2) - 1) ** 2, 11),
}


def parts(value: mp.mpf, count: int, bits: int = 53) -> list[float]:
    """``value`` as a sum of doubles; the first ones keep ``bits`` bits."""
    result = []
    for _ in range(count):
        scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(value), 2)))
        result.append(float(mp.nint(value * scale) / scale))
        value -= result[-1]
    return result


if __name__ == "__main__":
    for name, arguments in TABLES.items():
        print(name)
        for coefficient in fit(*arguments):
            print(f"    {coefficient!r},")
    print("LN2", parts(mp.log(2), 2, 38))
    print("HALF_PI", parts(mp.pi / 2, 3))
    print("THIRD", parts(mp.mpf(1) / 3, 2))
    print("1/ln2", float(1 / mp.log(2)), "2/pi", float(2 / mp.pi), "2 pi", parts(2 * mp.pi, 2))
    print(
        "1/ln10", parts(1 / mp.log(10), 2), "log2e", parts(1 / mp.log(2), 2), "pi", parts(mp.pi, 2), parts(mp.pi / 4, 2)
    )
