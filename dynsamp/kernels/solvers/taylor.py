"""Taylor series method of variable order, explicit, adaptive, with compensated sums.

y(t + h) = sum_{n=0}^{p} y_n h^n, where recurrences that the right-hand side itself prescribes give the coefficients
(``tracing/series.py``). The order follows from the tolerance, p = ceil(1 - log(rtol) / 2), and the step from the last
two coefficients: rho = min_{m = p-1, p} (max(|y|, atol / rtol) / |y_m|)^(1/m) estimates the radius of convergence in
the maximum norm, h = rho exp(-2 - 0.7 / (p - 1)). No step is rejected.
Jorba, Zou (2005), A software package for the numerical integration of ODEs by means of high-order Taylor methods,
Experimental Mathematics 14, 99, sections 3.1 to 3.3; sums: Kahan (1965), Comm. ACM 8, 40; Higham (2002), Accuracy and
Stability of Numerical Algorithms, section 4.3.
"""

from __future__ import annotations

import math
from typing import Any

from dynsamp.kernels.functions import exp, log
from dynsamp.kernels.slots import DIM, fma, select, some

ORDER = float("inf")  # that of the tolerance
STRIDE = 22  # orders that a row of coefficients has room for
LOWEST, HIGHEST = 3, 20
SMALLEST = 2.0**-1022


def order_for(tolerance: Any) -> Any:
    """Order p that needs the least work for a relative tolerance."""
    return max(LOWEST, min(HIGHEST, int(math.ceil(1.0 - 0.5 * math.log(tolerance[0])))))


def step_for(c: Any, order: Any, tolerance: Any) -> Any:
    """Step from the coefficients."""
    size, last, before = largest(c, 0), largest(c, order), largest(c, order - 1)
    size = max(size, tolerance[1] / tolerance[0])
    a, b = log(size / max(last, SMALLEST)) / order, log(size / max(before, SMALLEST)) / (order - 1.0)
    radius = exp(min(a, b))
    empty = (last < SMALLEST) & (before < SMALLEST)
    if some(empty):  # all earlier orders say how far a polynomial, or a series with gaps, is known
        radius = select(empty, wide_radius(c, order, size), radius)
    return radius * math.exp(-2.0 - 0.7 / (order - 1.0))


def wide_radius(c: Any, order: Any, size: Any) -> Any:
    """The least estimate of all orders."""
    least = size / size * math.inf
    for n in range(1, order):
        estimate = exp(log(size / max(largest(c, n), SMALLEST)) / n)
        least = min(least, estimate)
    return least


def largest(c: Any, n: Any) -> Any:
    """Maximum norm of one order."""
    result = abs(c[n])
    for i in range(1, DIM):
        result = max(result, abs(c[i * STRIDE + n]))
    return result


def increment(c: Any, i: Any, order: Any, h: Any) -> Any:
    """sum_{n=1}^{p} y_n h^n of component i."""
    s = c[i * STRIDE + order]
    for n in range(1, order):
        s = fma(s, h, c[i * STRIDE + order - n])
    return s * h


def advance(c: Any, order: Any, h: Any, y: Any, low: Any) -> None:
    """Add the increments to y + low, whose low part keeps what rounding takes from y."""
    for i in range(DIM):
        change = increment(c, i, order, h) + low[i]
        total = y[i] + change
        part = total - y[i]
        low[i] = (y[i] - (total - part)) + (change - part)
        y[i] = total


def evaluate(c: Any, order: Any, h: Any, y: Any, low: Any, out: Any) -> None:
    """State at a time h into the step."""
    for i in range(DIM):
        out[i] = y[i] + (increment(c, i, order, h) + low[i])
