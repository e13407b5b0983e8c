"""Taylor series method of variable order, explicit, adaptive, with compensated sums.

y(t + h) = sum_{n=0}^{p} y_n h^n, where recurrences that the right-hand side itself prescribes give the coefficients
(``tracing/series.py``). The order follows from the tolerance, p = ceil(1 - log(rtol) / 2), and the step from the last
two coefficients: rho = min_{m = p-1, p} (max(|y|, atol / rtol) / |y_m|)^(1/m) estimates the radius of convergence in
the maximum norm, h = rho exp(-2 - 0.7 / (p - 1)). No step is rejected.
Jorba, Zou (2005), A software package for the numerical integration of ODEs by means of high-order Taylor methods,
Experimental Mathematics 14, 99, sections 3.1 to 3.3; sums: Kahan (1965), Comm. ACM 8, 40; Higham (2002), Accuracy and
Stability of Numerical Algorithms, section 4.3.
"""

import math

import numpy as np

from dynsamp.kernels.simd import polynomial
from dynsamp.kernels.simd.arrays import entry
from dynsamp.kernels.simd.exponentials import SHIFT, log_parts, power_of_two
from dynsamp.kernels.slots import DIM, fma, select, some

ORDER = float("inf")  # that of the tolerance
STRIDE = 22  # orders that a row of coefficients has room for
LOWEST, HIGHEST = 3, 20
SMALLEST = 2.0**-1022
# log2(1 + f) = f P(f) for sqrt(1/2) <= 1 + f < sqrt(2), 2^r = 1 + r Q(r) for |r| <= 1/2: enough for the size of a step
LOG2 = (1.44264757, -0.72054121, 0.48521406, -0.39112317, 0.25566687)
EXP2 = (0.69313673, 0.24022349, 0.05583834, 0.00966637)


def order_for(tolerance):
    """Order p that needs the least work for a relative tolerance."""
    return max(LOWEST, min(HIGHEST, int(np.ceil(1.0 - 0.5 * math.log(tolerance[0])))))


def step_for(c, order, tolerance):
    """Step from the coefficients."""
    size, last, before = largest(c, 0), largest(c, order), largest(c, order - 1)
    size = rough_log2(max(size, tolerance[1] / tolerance[0]))
    radius = min((size - rough_log2(last)) * (1.0 / order), (size - rough_log2(before)) * (1.0 / (order - 1.0)))
    empty = (last < SMALLEST) & (before < SMALLEST)
    if some(empty):  # all earlier orders say how far a polynomial, or a series with gaps, is known
        radius = select(empty, wide_radius(c, order, size), radius)
    return rough_exp2(radius) * math.exp(-2.0 - 0.7 / (order - 1.0))


def wide_radius(c, order, size):
    """The least estimate of all orders, as a logarithm."""
    least = size + 1000.0
    for n in range(1, order):
        least = min(least, (size - rough_log2(largest(c, n))) * (1.0 / n))
    return least


def rough_log2(x):
    """Logarithm of a positive number; error below 3e-5, and that of SMALLEST for less."""
    exponent, m = log_parts(max(x, SMALLEST))
    f = m - 1.0
    return fma(f, polynomial(f, LOG2), exponent)


def rough_exp2(x):
    """2^x; relative error below 6e-6, between 2^-1000 and 2^1000."""
    shifted = min(max(x, -1000.0), 1000.0) + SHIFT
    r = min(max(x, -1000.0), 1000.0) - (shifted - SHIFT)
    return power_of_two(shifted) * fma(r, polynomial(r, EXP2), 1.0)


def largest(c, n):
    """Maximum norm of one order."""
    result = abs(entry(c, n))
    for i in range(1, DIM):
        result = max(result, abs(entry(c, i * STRIDE + n)))
    return result


def increment(c, i, order, h):
    """sum_{n=1}^{p} y_n h^n of component i."""
    s = entry(c, i * STRIDE + order)
    for n in range(1, order):
        s = fma(s, h, entry(c, i * STRIDE + order - n))
    return s * h


def advance(c, order, h, y, low):
    """Add the increments to y + low, whose low part keeps what rounding takes from y."""
    for i in range(DIM):
        change = increment(c, i, order, h) + low[i]
        total = y[i] + change
        part = total - y[i]
        low[i] = (y[i] - (total - part)) + (change - part)
        y[i] = total


def evaluate(c, order, h, y, low, out):
    """State at a time h into the step."""
    for i in range(DIM):
        out[i] = y[i] + (increment(c, i, order, h) + low[i])
