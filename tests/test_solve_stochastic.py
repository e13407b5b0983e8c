"""Euler--Maruyama: strong order against the exact solution on the same Brownian path, correlated noise, moments."""

from __future__ import annotations

import numpy as np
import pytest

from dynsamp.kernels.random import normals
from dynsamp.solve import Kernel, diffusion_values, field_values, solve

MU, SIGMA = 0.5, 1.0


def drift(t, y, theta, dy):
    dy[0] = theta[0] * y[0]


def diffusion(t, y, theta, g):
    g[0] = theta[1] * y[0]


def additive_drift(t, y, theta, dy):
    dy[0] = -y[0]


def additive_diffusion(t, y, theta, g):
    g[0] = theta[0]


def no_drift(t, y, theta, dy):
    dy[0] = 0.0
    dy[1] = 0.0


def correlated(t, y, theta, g):
    g[0, 0] = 1.0
    g[1, 0] = theta[0]
    g[1, 1] = np.sqrt(1 - theta[0] ** 2)


GBM = Kernel("sde", (drift, diffusion), np.array([MU, SIGMA]), noise="diagonal")
CORRELATED = Kernel("sde", (no_drift, correlated), np.array([-0.7]), noise=2)


def test_strong_order_on_geometric_brownian_motion():
    steps, errors = 2.0 ** -np.arange(4, 9), []
    for h in steps:
        n = round(1 / h)
        ends = solve(GBM, [0.0, 1.0], np.ones((2000, 1)), step=h, seed=1).states[:, -1, 0]
        # the Brownian path of the solver is the sum of its counter-based increments
        w = np.sqrt(h) * normals(1, np.arange(2000)[:, None], np.arange(n), 0).sum(axis=1)
        errors.append(np.abs(ends - np.exp((MU - SIGMA**2 / 2) + SIGMA * w)).mean())
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(0.5, abs=0.1)


def test_strong_order_is_one_where_noise_is_additive():
    kernel = Kernel("sde", (additive_drift, additive_diffusion), np.array([0.5]), noise="diagonal")
    steps, errors, finest = 2.0 ** -np.arange(3, 7), [], 2**10
    fine = normals(2, np.arange(1000)[:, None], np.arange(finest), 0) / np.sqrt(finest)
    decay = np.exp(-(1 - (np.arange(finest) + 0.5) / finest))
    exact = np.exp(-1.0) + 0.5 * (fine * decay).sum(axis=1)  # the Ito integral on a fine grid
    for h in steps:
        n = round(1 / h)
        increments = fine.reshape(1000, n, -1).sum(axis=2)
        y = np.ones(1000)
        for k in range(n):
            y = y - h * y + 0.5 * increments[:, k]
        errors.append(np.abs(y - exact).mean())
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.15)
    # and the solver is this recursion
    ends = solve(kernel, [0.0, 1.0], np.ones((1000, 1)), step=1 / finest, seed=2).states[:, -1, 0]
    y = np.ones(1000)
    for k in range(finest):
        y = y - y / finest + 0.5 * fine[:, k]
    np.testing.assert_allclose(ends, y, atol=1e-12)


def test_general_noise_is_correlated_as_its_matrix_says():
    ends = solve(CORRELATED, [0.0, 1.0], np.zeros((20000, 2)), step=0.25, seed=4).states[:, -1]
    np.testing.assert_allclose(np.cov(ends.T), [[1.0, -0.7], [-0.7, 1.0]], atol=0.04)
    xi = np.stack([normals(4, np.arange(20000)[:, None], np.arange(4), k).sum(axis=1) for k in (0, 1)]) / 2
    np.testing.assert_allclose(ends[:, 0], xi[0], atol=1e-13)
    np.testing.assert_allclose(ends[:, 1], -0.7 * xi[0] + np.sqrt(0.51) * xi[1], atol=1e-13)


def test_mean_of_geometric_brownian_motion():
    ends = solve(GBM, [0.0, 1.0], np.ones((50000, 1)), step=0.01, seed=5).states[:, -1, 0]
    error = ends.std() / np.sqrt(len(ends))
    assert abs(ends.mean() - np.exp(MU)) < 4 * error + 0.01


def test_drift_and_diffusion_at_points():
    assert field_values(GBM, 0.0, [[3.0]])[0, 0] == pytest.approx(1.5)
    assert diffusion_values(GBM, 0.0, [[3.0]], [0.0, 2.0])[0, 0] == pytest.approx(6.0)
    np.testing.assert_allclose(
        diffusion_values(CORRELATED, 0.0, np.zeros((2, 2))), [[[1.0, 0.0], [-0.7, np.sqrt(0.51)]]] * 2
    )


@pytest.mark.parametrize(("start", "way"), [(0.05, "maximum"), (0.95, "minimum")])
def test_a_root_of_a_negative_number_is_told_with_the_cure(start, way, caplog):
    """Heston's variance, and its mirror: full truncation as the advice has it keeps all paths."""
    inner = "y[0]" if way == "maximum" else "1 - y[0]"

    def ends(inside):
        text = f"""
def pulled(t, y, theta, dy):
    dy[0] = theta[0] - {inside}
def rooted(t, y, theta, g):
    g[0] = 0.5 * np.sqrt({inside if way == "maximum" else inner.replace("y[0]", inside)})
"""
        functions = {"np": np}
        exec(text, functions)
        kernel = Kernel("sde", (functions["pulled"], functions["rooted"]), np.array([start]), noise="diagonal")
        return solve(kernel, np.linspace(0, 2, 201), np.full((100, 1), start), seed=1)

    lost = ends("y[0]")
    assert np.count_nonzero(lost.status) > 20
    assert "full truncation" in lost.advice
    assert lost.advice in caplog.text
    cure = lost.advice.partition("full truncation, ")[2].partition(" in place")[0]
    assert cure == f"np.{way}(y[0], {0 if way == 'maximum' else 1})"
    assert not ends(cure).status.any()
