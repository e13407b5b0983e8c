"""Lyapunov spectra and reduced forecasts through the verbs."""

import dataclasses

import numpy as np
import pytest

import dynsamp
from dynsamp.words import Status

FAST = {"method": "rk4", "step": 0.01}


def drift(t, y, theta, dy):
    dy[0] = -theta[0] * y[0]


def diffusion(t, y, theta, g):
    g[0] = 1.0


NOISY = dynsamp.SDESystem(
    name="noisy", states=[dynsamp.State("x")], parameters={"rate": 1.0}, drift=drift, diffusion=diffusion
)


@pytest.fixture(scope="module")
def spectrum():
    return dynsamp.lyapunov("lorenz63", trajectories=4, duration=30.0, dt=0.2, seed=1, **FAST)


@pytest.fixture(scope="module")
def paths():
    data = dynsamp.generate(NOISY, trajectories=20, duration=5.0, dt=0.05, seed=2)
    return dynsamp.fit(data, dynsamp.DriftDiffusion()), data


def test_lyapunov_names_units_and_provenance(spectrum):
    assert spectrum["lyapunov_exponent"].dims == ("trajectory", "exponent")
    assert spectrum["standard_error"].attrs["units"] == spectrum["lyapunov_exponent"].attrs["units"]
    assert spectrum.attrs["system"] == "lorenz63"
    assert spectrum.attrs["method"] == "rk4"
    np.testing.assert_allclose(spectrum["mean_divergence"], -41 / 3, rtol=1e-6)
    np.testing.assert_allclose(spectrum["running_exponent"].isel(time=-1).sum("exponent"), -41 / 3, rtol=1e-3)


def test_lyapunov_over_a_swept_parameter():
    # below rho = 1 the origin attracts: exponents are the eigenvalues there, all negative
    found = dynsamp.lyapunov("lorenz63", parameters={"rho": np.array([0.5, 28.0])}, duration=30.0, dt=0.2, **FAST)
    exponents = found["lyapunov_exponent"].values
    slow = np.linalg.eigvalsh([[-10.0, np.sqrt(5.0)], [np.sqrt(5.0), -1.0]]).max()
    assert exponents[0, 0] == pytest.approx(slow, abs=0.02)
    assert exponents[1, 0] > 0.5


def test_lyapunov_of_a_learned_map_is_that_of_the_truth():
    data = dynsamp.generate("lorenz63", trajectories=20, duration=10.0, dt=0.05, seed=3)
    model = dynsamp.fit(data, dynsamp.FlowMap(width=300))
    found = dynsamp.lyapunov(model, data, duration=100.0)
    mean = found["lyapunov_exponent"].mean("trajectory").values
    error = found["lyapunov_exponent"].std("trajectory").values / np.sqrt(20)
    assert abs(mean[0] - 0.9056) < 4 * error[0] + 0.01
    assert abs(mean[1]) < 4 * error[1] + 0.01


@pytest.mark.parametrize(
    ("over", "dims"), [("trajectory", ("trajectory", "member")), ("member", "member"), ("time", "time")]
)
def test_reduced_forecast_is_the_reduction_of_the_forecast(paths, over, dims):
    model, data = paths
    options = {"members": 30, "duration": 1.0, "seed": 5}
    full, found = dynsamp.forecast(model, data, **options)["x"], dynsamp.forecast(model, data, reduce=over, **options)
    np.testing.assert_allclose(found["x_mean"], full.mean(dims), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["x_std"], full.std(dims), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found["x_min"], full.min(dims))
    np.testing.assert_array_equal(found["x_max"], full.max(dims))
    assert found["x_mean"].attrs["cell_methods"] == f"{over}: mean"
    assert found["status"].dims == ("trajectory", "member")


@pytest.mark.parametrize("over", ["trajectory", "time"])
def test_statistics_count_paths_up_to_where_they_diverge(paths, over):
    model, _ = paths
    narrow = dataclasses.replace(model, low=np.array([-0.03]), high=np.array([0.03]))  # ten widths are soon passed
    options = {"members": 30, "duration": 1.0, "seed": 5}
    starts = np.zeros((20, 1))
    full, found = dynsamp.forecast(narrow, starts, **options), dynsamp.forecast(narrow, starts, reduce=over, **options)
    np.testing.assert_array_equal(found["status"] == Status.DIVERGED, full["status"] == Status.DIVERGED)
    assert 0 < int((full["status"] == Status.DIVERGED).sum()) < full["status"].size
    whole = full["x"] if over == "trajectory" else full["x"].where(full["status"] != Status.DIVERGED)
    dims = ["trajectory", "member"] if over == "trajectory" else "time"
    np.testing.assert_allclose(found["x_mean"], whole.mean(dims), rtol=1e-9, atol=1e-12)


def test_float32_forecast(paths):
    model, data = paths
    single = dynsamp.forecast(model, data, duration=1.0, dtype="float32")
    assert single["x"].dtype == np.float32
    np.testing.assert_array_equal(single["x"], dynsamp.forecast(model, data, duration=1.0)["x"].astype(np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dt": 1e-7}, r"100 sample paths, the default, would take .* members=\d"),
        ({"reduce": "state"}, "must be one of"),
        ({"reduce": "time", "store": "out.zarr"}, "leave store="),
        ({"dtype": "int8"}, "float64 or float32"),
    ],
)
def test_bad_options_of_a_forecast(paths, options, message):
    model, data = paths
    with pytest.raises(ValueError, match=message):
        dynsamp.forecast(model, data, duration=1.0, **options)


def test_bad_sources_of_a_spectrum(paths):
    with pytest.raises(ValueError, match="needs initial"):
        dynsamp.lyapunov(paths[0])
    with pytest.raises(ValueError, match="noise"):
        dynsamp.lyapunov(NOISY)
    with pytest.raises(TypeError, match="name of a system"):
        dynsamp.lyapunov(3)
