"""The plugin `climate` against identities and exact averages."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

import dynsamp
from dynsamp.plugins import system
from dynsamp.solve import field_values, solve
from dynsamp_climate.cessi import equilibria


def field(law, y, **parameters):
    return field_values(law.kernel(law.theta(parameters)), np.zeros(len(y)), np.asarray(y, dtype=float))


def test_lorenz63_volumes_shrink_at_a_constant_rate():
    law = system("lorenz63")
    jacobian = np.empty((3, 3))
    for y in np.random.default_rng(1).normal(size=(5, 3)) * 10:
        law.jacobian(0.0, y, law.theta(), jacobian)
        assert np.trace(jacobian) == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-14)


def test_lorenz63_fixed_points_and_symmetry():
    law = system("lorenz63")
    r = np.sqrt(8 / 3 * 27)
    assert_allclose(field(law, [[0, 0, 0], [r, r, 27], [-r, -r, 27]]), 0, atol=1e-13)
    y, mirror = np.random.default_rng(1).normal(size=(9, 3)), np.array([-1, -1, 1])
    assert_allclose(field(law, y * mirror), field(law, y) * mirror, atol=1e-14)


def test_lorenz63_time_averages():
    """Averages of total derivatives vanish on the attractor: <x²> = <xy> = β<z> and <xyz> = β<z²>."""
    data = dynsamp.generate("lorenz63", trajectories=32, duration=100, dt=0.02)
    x, y, z = (data[name].values for name in "xyz")
    beta = 8 / 3
    for left, right in ((x * x, x * y), (x * y, beta * z), (x * y * z, beta * z * z)):
        gap = (left - right).mean(axis=1)  # one average a trajectory
        assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(len(gap)) + 1e-3 * left.mean()
    means = x.mean(axis=1)  # symmetry
    assert abs(means.mean()) < 4 * means.std(ddof=1) / np.sqrt(len(means))
    assert "truth_valid_until" in data


def test_lorenz96_is_what_its_formula_says():
    y = np.random.default_rng(1).normal(size=(4, 40))
    expected = (np.roll(y, -1, 1) - np.roll(y, 2, 1)) * np.roll(y, 1, 1) - y + 8
    assert_allclose(field(system("lorenz96"), y), expected, rtol=1e-13, atol=1e-13)


def test_lorenz96_looks_the_same_from_every_site():
    law, y = system("lorenz96"), np.random.default_rng(1).normal(size=(4, 40))
    assert law.translation_invariant
    assert_allclose(field(law, np.roll(y, 7, axis=1)), np.roll(field(law, y), 7, axis=1), rtol=1e-15)


def test_lorenz96_energy_balance():
    """The quadratic terms conserve energy, so <X²> = F <X> on the attractor."""
    data = dynsamp.generate("lorenz96", trajectories=8, duration=50, dt=0.05)
    assert data["X"].dims == ("trajectory", "time", "site")
    gap = (data["X"] ** 2 - 8 * data["X"]).mean(("time", "site")).values
    square = float((data["X"] ** 2).mean())
    assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(len(gap)) + 1e-3 * square


def test_cessi_has_two_wells_and_a_saddle():
    roots = equilibria(1.1, 6.2)
    assert_allclose(field(system("cessi"), roots[:, None]), 0, atol=1e-13)
    slope = 1 + 6.2 * (1 - roots) ** 2 - 2 * 6.2 * roots * (1 - roots)  # V''
    assert list(np.sign(slope)) == [1, -1, 1]
    assert_allclose(system("cessi").initial, [[roots[0]]])
    assert len(equilibria(0.1, 6.2)) == 1


def potential(y, p=1.1, mu2=6.2):
    return -p * y + y**2 / 2 + mu2 * (y**2 / 2 - 2 * y**3 / 3 + y**4 / 4)


def test_cessi_leaves_its_well_after_the_exact_mean_time():
    """Mean first passage from the lower well to the saddle, by quadrature of the backward Kolmogorov equation."""
    sigma, step, count = 0.3, 4e-3, 400
    a, s, _ = equilibria(1.1, 6.2)
    d = sigma**2 / 2

    def inner(y):
        return quad(lambda z: np.exp((potential(y) - potential(z)) / d), -1.0, y, epsabs=1e-10)[0]

    exact = quad(inner, a, s)[0] / d
    law, horizon = system("cessi"), 12 * exact
    times = np.arange(round(horizon / step) + 1) * step
    paths = solve(law.kernel(law.theta({"sigma": sigma})), times, np.full((count, 1), a), seed=3, step=step).states
    crossed = paths[:, :, 0] > s
    assert crossed.any(axis=1).mean() > 0.999
    first = times[np.where(crossed.any(axis=1), crossed.argmax(axis=1), -1)]
    error = first.std(ddof=1) / np.sqrt(count)
    # crossings between steps are missed: the boundary appears shifted by 0.5826 sigma sqrt(step) (Broadie et al. 1997)
    shifted = quad(inner, a, s + 0.5826 * sigma * np.sqrt(step))[0] / d
    assert abs(first.mean() - shifted) < 4 * error
