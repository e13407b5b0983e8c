"""The past of a system with delays: cubic pieces, the newest ones in a ring.

A piece has its start and length, the states at both ends, and there the derivatives times its length: Hermite's
interpolation, whose error of order 4 is that of the method. ``past`` is (pieces, starts, lengths, cursor, lags, count):
rows (4 state) a piece, (capacity,), (capacity,), the piece in which each delay was last found (delay,), (delay,), and
the number of pieces so far (1,). Times of all lanes are the same.
"""

from dynsamp.kernels.slots import DELAYS, DIM, delayed_rhs, fma, matrix

NEAR = 1e-6  # of a piece: which of two neighbours a time on their border belongs to is not left to rounding


def recall(t, before, past, z):
    """z (delay, state): the states at t - lag; ``before`` takes the limit from the left where the state jumped."""
    pieces, starts, lengths, cursor, lags, count = past
    capacity = len(starts)
    for k in range(DELAYS):
        s = t - lags[k]
        at = cursor[k]
        while at + 1 < count[0]:
            ahead = (at + 1) % capacity
            margin = NEAR * lengths[ahead]
            if starts[ahead] > (s - margin if before else s + margin):
                break
            at += 1
        cursor[k] = at
        at %= capacity
        x = (s - starts[at]) / lengths[at]
        rise, left, right = x * x * (3.0 - 2.0 * x), x * (1.0 - x) * (1.0 - x), x * x * (x - 1.0)
        row = 4 * DIM * at
        for i in range(DIM):
            low, high = pieces[row + i], pieces[row + 2 * DIM + i]
            slope = fma(left, pieces[row + DIM + i], right * pieces[row + 3 * DIM + i])
            z[k, i] = fma(rise, high - low, slope) + low


def rhs(t, y, theta, dy):
    """Right-hand side where the past equals the present: what equilibria solve."""
    z = matrix(DELAYS, DIM)
    for k in range(DELAYS):
        for i in range(DIM):
            z[k, i] = y[i]
    delayed_rhs(t, y, theta, z, dy)


def remember(t, h, y, dy, y_new, dy_new, past):
    """Keep the piece from (y, dy) at t to (y_new, dy_new) at t + h in place of the oldest."""
    pieces, starts, lengths, _, _, count = past
    at = count[0] % len(starts)
    starts[at], lengths[at] = t, h
    row = 4 * DIM * at
    for i in range(DIM):
        pieces[row + i] = y[i]
        pieces[row + DIM + i] = h * dy[i]
        pieces[row + 2 * DIM + i] = y_new[i]
        pieces[row + 3 * DIM + i] = h * dy_new[i]
    count[0] += 1
