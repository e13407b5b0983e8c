"""Exact solutions and facts of the mechanical systems: arrays in, arrays out.

Times, amplitudes and other real arguments broadcast. ``frequency`` is that of small swings, √(g/l). SciPy's elliptic
functions take the parameter m = k².
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ellipj, ellipk

__all__ = [
    "chain_frequencies",
    "chain_modes",
    "chain_orbit",
    "duffing_homoclinic",
    "duffing_in_well",
    "duffing_in_well_period",
    "duffing_outer",
    "duffing_outer_period",
    "elastic_pendulum_frequencies",
    "kepler_orbit",
    "lotka_volterra_small_period",
    "melnikov_amplitude",
    "pendulum_period",
    "pendulum_rotation",
    "pendulum_rotation_period",
    "pendulum_separatrix",
    "pendulum_swing",
    "toda_lax_matrix",
]


def pendulum_period(amplitude: ArrayLike, frequency: ArrayLike = 1.0) -> np.ndarray:
    """Period of a pendulum that swings to an angle below π.

    Landau and Lifshitz (1976), Mechanics, section 11.
    """
    return 4 * ellipk(np.sin(np.asarray(amplitude) / 2) ** 2) / frequency


def pendulum_swing(t: ArrayLike, amplitude: ArrayLike, frequency: ArrayLike = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Angle and angular velocity of a pendulum let go at ``amplitude`` below π.

    q = 2 asin[k sn(K - ω t, k)], k = sin(amplitude / 2): Baker and Blackburn (2005), The Pendulum, chapter 2.
    """
    k = np.sin(np.asarray(amplitude) / 2)
    sn, cn, _, _ = ellipj(ellipk(k**2) - np.multiply(frequency, t), k**2)
    return 2 * np.arcsin(k * sn), -2 * np.multiply(frequency, k * cn)


def pendulum_rotation_period(speed: ArrayLike, frequency: ArrayLike = 1.0) -> np.ndarray:
    """Time of a full turn, with an angular velocity of ``speed`` > 2 ω at the bottom."""
    return 4 * ellipk(4 * np.divide(frequency, speed) ** 2) / speed


def pendulum_rotation(t: ArrayLike, speed: ArrayLike, frequency: ArrayLike = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Unwrapped angle and angular velocity of a pendulum that rotates, from the bottom with ``speed`` > 2 ω.

    q = 2 am(speed t / 2, m = 4 ω² / speed²), q' = speed dn.
    """
    _, _, dn, angle = ellipj(np.multiply(speed, t) / 2, 4 * np.divide(frequency, speed) ** 2)
    return 2 * angle, speed * dn


def pendulum_separatrix(t: ArrayLike, frequency: ArrayLike = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Angle and angular velocity between swing and rotation, from the bottom up: q = 4 atan exp(ω t) - π."""
    phase = np.multiply(frequency, t)
    return 4 * np.arctan(np.exp(phase)) - np.pi, np.divide(2 * np.asarray(frequency), np.cosh(phase))


def duffing_in_well_period(amplitude: ArrayLike) -> np.ndarray:
    """Period in the right well, out to ``amplitude`` in (1, √2)."""
    a = np.asarray(amplitude)
    return 2 * np.sqrt(2) * ellipk(2 - 2 / a**2) / a


def duffing_in_well(t: ArrayLike, amplitude: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Position and momentum of q'' = q - q³ in the right well, from rest at ``amplitude`` in (1, √2).

    q = a dn(a t / √2, m = 2 - 2 / a²): Guckenheimer and Holmes (1983), section 4.6.
    """
    a = np.asarray(amplitude)
    m = 2 - 2 / a**2
    sn, cn, dn, _ = ellipj(a * t / np.sqrt(2), m)
    return a * dn, -(a**2) * m * sn * cn / np.sqrt(2)


def duffing_outer_period(amplitude: ArrayLike) -> np.ndarray:
    """Period around both wells, out to ``amplitude`` > √2."""
    a = np.asarray(amplitude)
    return 4 * ellipk(a**2 / (2 * (a**2 - 1))) / np.sqrt(a**2 - 1)


def duffing_outer(t: ArrayLike, amplitude: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Position and momentum of q'' = q - q³ around both wells, from rest at ``amplitude`` > √2.

    q = a cn(√(a² - 1) t, m = a² / (2 (a² - 1))).
    """
    a = np.asarray(amplitude)
    rate = np.sqrt(a**2 - 1)
    sn, cn, dn, _ = ellipj(rate * t, a**2 / (2 * rate**2))
    return a * cn, -a * rate * sn * dn


def duffing_homoclinic(t: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Position and momentum on the way from the hill through the right well and back: q = √2 sech t."""
    q = np.sqrt(2) / np.cosh(t)
    return q, -q * np.tanh(t)


def melnikov_amplitude(damping: ArrayLike, frequency: ArrayLike = 1.0) -> np.ndarray:
    """Amplitude of the force from which on stable and unstable orbits of ``duffing_forced`` cross, small damping.

    4 δ cosh(π ω / 2) / (3 √2 π ω): Guckenheimer and Holmes (1983), section 4.5.
    """
    phase = np.pi * np.asarray(frequency)
    return 4 * np.multiply(damping, np.cosh(phase / 2)) / (3 * np.sqrt(2) * phase)


def kepler_orbit(t: ArrayLike, eccentricity: ArrayLike, axis: ArrayLike = 1.0, mu: ArrayLike = 1.0) -> np.ndarray:
    """States (..., 4), x, y, px, py, of an ellipse from its perihelion on the x axis.

    Kepler's equation u - e sin u = M by Newton's method, for ``eccentricity`` from 0 to below 1: Goldstein, Poole and
    Safko (2002), Classical Mechanics, section 3.8.
    """
    t, e, a, mu = np.broadcast_arrays(t, eccentricity, axis, mu)
    motion = np.sqrt(mu / a**3)
    mean = np.mod(motion * t + np.pi, 2 * np.pi) - np.pi
    anomaly = mean + np.copysign(0.85, mean) * e  # Danby's start
    for _ in range(50):
        change = (anomaly - e * np.sin(anomaly) - mean) / (1 - e * np.cos(anomaly))
        anomaly = anomaly - change
        if np.all(np.abs(change) < 1e-15):
            break
    cosine, sine, minor = np.cos(anomaly), np.sin(anomaly), np.sqrt(1 - e**2)
    rate = motion / (1 - e * cosine)
    return np.stack([a * (cosine - e), a * minor * sine, -a * rate * sine, a * rate * minor * cosine], axis=-1)


def chain_frequencies(masses: int, stiffness: float = 1.0, mass: float = 1.0) -> np.ndarray:
    """Angular frequencies (mode,) of ``spring_chain`` and of the linear ``fput``, the lowest first."""
    mode = np.arange(1, masses + 1)
    return 2 * np.sqrt(stiffness / mass) * np.sin(mode * np.pi / (2 * (masses + 1)))


def chain_modes(masses: int) -> np.ndarray:
    """Shapes (mode, mass), orthonormal."""
    number = np.arange(1, masses + 1)
    return np.sqrt(2 / (masses + 1)) * np.sin(np.pi * np.outer(number, number) / (masses + 1))


def chain_orbit(
    t: ArrayLike, q: ArrayLike, p: ArrayLike, stiffness: float = 1.0, mass: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements and momenta (time, mass) of ``spring_chain`` from q and p (mass,): every mode is a cosine."""
    q, p = np.asarray(q), np.asarray(p)
    shapes, frequency = chain_modes(len(q)), chain_frequencies(len(q), stiffness, mass)
    phase = np.multiply.outer(np.asarray(t), frequency)
    along, moving = shapes @ q, shapes @ p
    displacement = along * np.cos(phase) + moving / (mass * frequency) * np.sin(phase)
    momentum = moving * np.cos(phase) - mass * frequency * along * np.sin(phase)
    return displacement @ shapes, momentum @ shapes


def lotka_volterra_small_period(alpha: ArrayLike, gamma: ArrayLike) -> np.ndarray:
    """Period of small oscillations about the fixed point (γ/δ, α/β)."""
    return 2 * np.pi / np.sqrt(np.multiply(alpha, gamma))


def elastic_pendulum_frequencies(
    mass: float = 1.0, stiffness: float = 3 * 9.81, length: float = 1.0, gravity: float = 9.81
) -> tuple[float, float]:
    """Angular frequencies of small motions of the spring and of the swing; 2 : 1 where stiffness = 3 m g / length."""
    return float(np.sqrt(stiffness / mass)), float(np.sqrt(gravity / (length + mass * gravity / stiffness)))


def toda_lax_matrix(q: ArrayLike, p: ArrayLike) -> np.ndarray:
    """Symmetric matrix (..., mass, mass), masses in a ring of at least three, whose eigenvalues are constant.

    Flaschka (1974), Physical Review B 9, 1924: -p[i] / 2 on the diagonal, exp((q[i] - q[i+1]) / 2) / 2 beside it.
    """
    q, p = np.asarray(q), np.asarray(p)
    n = q.shape[-1]
    here, after = np.arange(n), (np.arange(n) + 1) % n
    matrix = np.zeros((*q.shape, n))
    matrix[..., here, here] = -p / 2
    beside = np.exp((q - q[..., after]) / 2) / 2
    matrix[..., here, after] = matrix[..., after, here] = beside
    return matrix
