"""Step control of embedded pairs: proportional-integral, in base-2 logarithms.

h_new = h (err / goal)^(-1 / q) (err_old / goal)^(0.2 / q) for an error estimate of order q, goal = 0.9^q.
A controller needs two digits of a power: these logarithms have four, and cost a tenth of accurate ones.
Gustafsson (1991), Control theoretic techniques for stepsize selection in explicit Runge-Kutta methods, ACM TOMS 17;
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.2.
"""

import numpy as np

from dynsamp.kernels.jit import inner
from dynsamp.kernels.simd import fma, polynomial, select
from dynsamp.kernels.simd.bits import bits, from_bits, whole
from dynsamp.kernels.simd.exponentials import FRACTION, SHIFT, power_of_two

__all__ = ["GROW", "LEAST", "SMALLEST", "rough_exp2", "rough_log2", "stretched"]

PROPORTIONAL, INTEGRAL = 1.0, 0.2  # fewest evaluations at equal error on Lorenz, Henon-Heiles and Lorenz-96
SAFETY = (PROPORTIONAL - INTEGRAL) * -0.15200309344504997  # log2 of 0.9
SHRINK, GROW = -2.321928094887362, 3.321928094887362  # log2 of 0.2 and of 10
SMALLEST = 16 * 2.0**-52  # shortest step relative to t
LEAST = -13.287712379549449  # log2 of 1e-4: smaller errors say nothing about the next step

MANTISSA, ONE = np.uint64((1 << 52) - 1), np.uint64(1023 << 52)
# log2(1 + x) on [0, 1), exact at both ends, error 2e-5; 2^x on [-1/2, 1/2], relative error 4e-6
LOG2 = (0.0, 1.44183587, -0.70837215, 0.41355505, -0.19126251, 0.04424379)
EXP2 = (1.0, 0.69312196, 0.24024982, 0.05591712, 0.00956052)


@inner
def rough_log2(x):
    """log2 x of x >= 0 to four digits; -1023 of zero, above 1023 of infinity and NaN."""
    pattern = bits(x)
    return (whole(pattern >> FRACTION) - 1023.0) + polynomial(from_bits((pattern & MANTISSA) | ONE) - 1.0, LOG2)


@inner
def rough_exp2(x):
    """2^x to five digits, |x| < 1000."""
    shifted = x + SHIFT
    return power_of_two(shifted) * polynomial(x - (shifted - SHIFT), EXP2)


@inner
def stretched(error, before, ceiling, order):
    """Ratio of the next step to this one; log2 of its error norm and of the last accepted one, log2 of the largest."""
    exponent = fma(INTEGRAL / order, before, fma(-PROPORTIONAL / order, error, SAFETY))
    exponent = select(exponent > SHRINK, exponent, SHRINK)
    return rough_exp2(select(exponent < ceiling, exponent, ceiling))
