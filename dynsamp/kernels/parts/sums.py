"""Sums of many small steps, on request with a second number for the digits that rounding cuts off.

Compensated summation carries them into the next step: the rounding error of a long run stays that of single steps.
Kahan (1965), Comm. ACM 8, 40; Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section VIII.5. The sum
and its error are those of Knuth (1969), The Art of Computer Programming 2, section 4.2.2: exact for either order of
magnitude.
"""

from dynsamp.kernels.slots import COMPENSATED, fma


def add(y, low, i, h, slope):
    """Add ``h * slope`` to component i; ``low`` (state,) is what rounding has cut off so far."""
    if COMPENSATED:
        change = fma(h, slope, low[i])
        total = y[i] + change
        rounded = total - y[i]
        low[i] = (y[i] - (total - rounded)) + (change - rounded)
        y[i] = total
    else:
        y[i] = fma(h, slope, y[i])
