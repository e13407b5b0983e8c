"""External signals: u(t) between samples, in front of the functions of a system that has them (slot ``driven``).

A row of theta is packed: the parameters, the number of samples n, their times (n,), their values (n, signal).
"""

from dynsamp.kernels.slots import HELD, PARAMETERS, SIGNALS, driven, vector


def seen(t, y, theta, *rest):
    """A function with its signals u at t: linear between the neighbouring samples, or held since the last one."""
    u = vector(SIGNALS)
    count = int(theta[PARAMETERS])
    first = PARAMETERS + 1
    low, high = 0, count - 1  # samples around t, by bisection
    while high - low > 1:
        middle = (low + high) // 2
        if theta[first + middle] <= t:
            low = middle
        else:
            high = middle
    last = t >= theta[first + high]
    before, after = theta[first + low], theta[first + high]
    weight = min(1.0, max(0.0, (t - before) / (after - before))) if high > low else 0.0
    values = first + count
    for i in range(SIGNALS):
        left, right = theta[values + low * SIGNALS + i], theta[values + high * SIGNALS + i]
        if HELD[i]:
            u[i] = right if last else left
        else:
            u[i] = (1.0 - weight) * left + weight * right
    return driven(t, y, theta[:PARAMETERS], u, *rest)


def unseen(t, y, theta, *rest):
    """A function that has no signals."""
    return driven(t, y, theta[:PARAMETERS], *rest)
