"""Flow maps with a stencil: one law for all sites of a ring."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from dynsamp.models.base import Samples
from dynsamp.models.flow_map import FlowMap, FlowMapModel
from dynsamp.models.storage import read_model, write_model
from dynsamp.networks.stencil import Increments, Stencil
from dynsamp.solve import Kernel, solve
from dynsamp.words import State

DT = 0.05
WIDE = (-4, -3, -2, -1, 0, 1, 2)


def lorenz96(t, y, theta, dy):
    n = len(y)
    for k in range(n):
        dy[k] = (y[(k + 1) % n] - y[k - 2]) * y[k - 1] - y[k] + theta[0]


def field96(t, y):
    return (np.roll(y, -1) - np.roll(y, 2)) * np.roll(y, 1) - y + 8.0


def attractor(sites, steps, seed=0, count=1):
    law = Kernel("field", (lorenz96,), np.array([8.0]), chaotic=True)
    starts = 8.0 + np.random.default_rng(seed).normal(size=(count, sites))
    times = np.concatenate([[0.0], 20.0 + DT * np.arange(steps)])
    y = solve(law, times, starts, rtol=1e-9).states[:, 1:]
    return Samples(t=np.tile(DT * np.arange(steps), (count, 1)), y=y, states=ring(X=sites))


def ring(**sizes):
    return tuple(State(name, dims={"site": size}) for name, size in sizes.items())


@pytest.fixture(scope="module")
def train():
    return attractor(40, 301)


@pytest.fixture(scope="module")
def model(train):
    return FlowMap(stencil=WIDE, width=400, activation="sin", scale=0.03).fit(train, seed=1)


@pytest.fixture(scope="module")
def pair():
    """Two states on one ring of six sites."""
    rng = np.random.default_rng(3)
    y = np.cumsum(rng.normal(size=(1, 60, 12)), axis=1)
    samples = Samples(t=np.arange(60.0)[None], y=y, states=ring(u=6, v=6))
    return FlowMap(stencil=(-1, 0, 2), width=30, activation="tanh", scale=0.5).fit(samples, seed=2), samples


def test_shifted_fields_evolve_into_shifted_fields(model, train):
    y = train.y[0, :50]
    times = model.dt * np.arange(4)
    forecast = solve(model.kernel(), times, y).states
    shifted = solve(model.kernel(), times, np.roll(y, 7, axis=-1)).states
    assert_array_equal(shifted, np.roll(forecast, 7, axis=-1))
    assert_allclose(model.step(np.roll(y, 7, axis=-1)), np.roll(model.step(y), 7, axis=-1), rtol=0, atol=1e-9)


def test_every_state_of_a_ring_is_shifted(pair):
    model, samples = pair
    fields = samples.y[0].reshape(-1, 2, 6)
    step = solve(model.kernel(), [0.0, model.dt], samples.y[0]).states[:, 1].reshape(fields.shape)
    shifted = solve(model.kernel(), [0.0, model.dt], np.roll(fields, 1, axis=-1).reshape(-1, 12)).states[:, 1]
    assert_array_equal(shifted.reshape(fields.shape), np.roll(step, 1, axis=-1))
    arrays = model.step(np.roll(fields, 1, axis=-1).reshape(-1, 12)).reshape(fields.shape)
    assert_allclose(arrays, np.roll(model.step(samples.y[0]).reshape(fields.shape), 1, axis=-1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["sin", "tanh", "gauss"])
def test_kernel_and_arrays_give_the_same_step(pair, activation):
    _, samples = pair
    model = FlowMap(stencil=(-1, 0, 2), width=30, activation=activation, scale=0.5).fit(samples, seed=2)
    solution = solve(model.kernel(), [0.0, model.dt], samples.y[0])
    assert_allclose(solution.states[:, 1], model.step(samples.y[0]), rtol=1e-12, atol=1e-10)
    assert model.step(samples.y[0, :6].reshape(2, 3, 12)).shape == (2, 3, 12)


def test_the_jacobian_is_the_derivative_of_the_step(pair):
    model, samples = pair
    y, h = samples.y[0, ::20], 1e-5
    shifted = [(model.step(y + h * e) - model.step(y - h * e)) / (2 * h) for e in np.eye(12)]
    jacobian = model.jacobian(y)
    assert_allclose(jacobian, np.stack(shifted, axis=-1), atol=1e-6)
    for site in range(6):  # both states depend on both, at the offsets and nowhere else
        near = [(site + k) % 6 for k in (-1, 0, 2)]
        near += [6 + k for k in near]
        far = np.setdiff1d(np.arange(12), near)
        assert not jacobian[:, [site, 6 + site]][..., far].any()
        assert np.all(jacobian[:, [site, 6 + site]][..., near] != 0)
    assert model.jacobian(y[0]).shape == (12, 12)


def test_advection_with_diffusion_is_recovered_from_four_snapshots():
    # upwind: u_i <- u_i + a u_{i-1} - (a + b) u_i + b u_{i+1}
    a, b, sites = 0.3, 0.1, 32
    y = np.empty((1, 4, sites))
    y[0, 0] = np.random.default_rng(5).normal(size=sites)
    for k in range(3):
        u = y[0, k]
        y[0, k + 1] = u + a * np.roll(u, 1) - (a + b) * u + b * np.roll(u, -1)
    samples = Samples(t=np.arange(4.0)[None], y=y, states=ring(u=sites))
    model = FlowMap(stencil=(-2, -1, 0, 1, 2), width=0).fit(samples)
    assert_allclose(model.linear, [[0.0, a, -a - b, b, 0.0]], atol=1e-13)
    assert_allclose(model.step(np.zeros(sites)), 0.0, atol=1e-13)  # centre and constant cancel
    assert_allclose(model.step(y[0, :-1]), y[0, 1:], atol=1e-13)


def test_an_increment_may_depend_on_neighbours_alone():
    # y_i <- y_i + y_{i-1} / 2
    y = np.empty((1, 6, 12))
    y[0, 0] = np.random.default_rng(6).normal(size=12)
    for k in range(5):
        y[0, k + 1] = y[0, k] + 0.5 * np.roll(y[0, k], 1)
    model = FlowMap(stencil=(-1,), width=0).fit(Samples(t=np.arange(6.0)[None], y=y, states=ring(u=12)))
    assert_allclose(model.linear, [[0.5]], rtol=1e-12)


@pytest.mark.parametrize("most", [10_000, 175, 1])
def test_patches_are_cut_where_they_say(most):
    # every value tells its state and site
    states, sites, times = 2, 10, 50
    y = (100.0 * np.arange(states)[:, None] + np.arange(sites)).ravel() + 1000.0 * np.arange(times)[:, None]
    rows = Increments(y, y + 0.5, np.ones(times), np.arange(times) // 25)
    patches = Stencil((-3, 0, 1), states, sites).increments(rows, most, seed=1)
    kept = min(max(most // times, 1), sites)
    assert patches.y.shape == (times * kept, 6)
    time, site = np.arange(times * kept) // kept, np.rint(patches.dy[:, 0] - 0.5).astype(int) % 100
    assert all(len(set(each)) == kept for each in site.reshape(times, kept))
    assert_array_equal(patches.dy - 0.5, 1000.0 * time[:, None] + site[:, None] + np.array([0.0, 100.0]))
    for k, offset in enumerate((-3, 0, 1)):
        near = (1000.0 * time + (site + offset) % sites)[:, None] + np.array([0.0, 100.0])
        assert_array_equal(patches.y[:, 2 * k : 2 * k + 2], near)
    assert_array_equal(patches.trajectory, time // 25)


def test_a_stencil_forecasts_lorenz96_better_than_a_map_of_all_sites(model, train):
    truth = attractor(40, 41, seed=9, count=4)
    whole = FlowMap().fit(train, seed=1)

    def error(each):
        return np.sqrt(np.mean((each.step(truth.y[:, :-1]) - truth.y[:, 1:]) ** 2))

    assert error(model) < 0.05 * error(whole)
    forecast = solve(model.kernel(), truth.t[0], truth.y[:, 0]).states
    distance = np.sqrt(np.mean((forecast - truth.y) ** 2, axis=-1)) / truth.y.std()
    assert distance[:, :21].max() < 0.4  # valid for a unit of time, 1.7 Lyapunov times


def test_what_is_learned_on_one_ring_holds_on_a_longer_one(model):
    longer = replace(model, states=ring(X=60), low=np.empty(0), high=np.empty(0))
    start = 8.0 + np.random.default_rng(4).normal(size=60)
    times = 20.0 + DT * np.arange(21)
    truth = solve_ivp(field96, (0.0, 21.0), start, "DOP853", times, rtol=1e-9, atol=1e-9).y.T
    error = np.sqrt(np.mean((longer.step(truth[:-1]) - truth[1:]) ** 2))
    assert error < 0.01 * truth.std()
    with pytest.raises(ValueError, match="does not fit on dimension 'site' of 5 sites"):
        replace(model, states=ring(X=5))


def test_noise_that_the_sites_of_a_time_share_is_not_fitted():
    # one random walk at all sites: whoever has seen some sites of a time knows the increments of the others
    rng = np.random.default_rng(8)
    y = np.cumsum(np.repeat(rng.normal(size=(1, 200, 1)), 20, axis=2), axis=1)
    model = FlowMap(stencil=(-1, 0, 1)).fit(Samples(t=np.arange(200.0)[None], y=y, states=ring(u=20)), seed=0)
    assert len(model.biases) == 0, model.report["chosen"]


def test_a_saved_map_is_the_same_map(pair, tmp_path):
    model, samples = pair
    write_model(model, tmp_path / "ring.model")
    back = read_model(tmp_path / "ring.model", {"flow-map": FlowMapModel}.__getitem__)
    assert back.stencil == (-1, 0, 2)
    assert_array_equal(back.step(samples.y[0]), model.step(samples.y[0]))
    assert_array_equal(back.kernel().theta, model.kernel().theta)


def test_a_file_from_before_stencils_is_a_map_of_all_components(pair, tmp_path):
    _, samples = pair
    model = FlowMap(width=10, activation="tanh", scale=0.5).fit(samples, seed=2)
    path = tmp_path / "old.model"
    write_model(model, path)
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    about = json.loads(header["__metadata__"]["dynsamp"])
    assert about["fields"].pop("stencil") is None
    del header["__metadata__"]["sha256"]
    header["__metadata__"]["dynsamp"] = json.dumps(about)
    path.write_bytes(raw[:8] + json.dumps(header).encode().ljust(start - 8) + raw[start:])
    back = read_model(path, {"flow-map": FlowMapModel}.__getitem__)
    assert back.stencil is None
    assert_array_equal(back.step(samples.y[0]), model.step(samples.y[0]))


def test_the_arrays_must_be_those_of_a_patch(pair):
    model, _ = pair
    with pytest.raises(ValueError, match=r"centre should be float64 of shape \(input\) with input = 4"):
        replace(model, stencil=(0, 1))
    with pytest.raises(ValueError, match="stencil should be a list of whole numbers"):
        replace(model, stencil="abc")


@pytest.mark.parametrize("offsets", [(0, 0.5), (), "01", 3, (True, False)])
def test_offsets_are_whole_numbers(offsets):
    with pytest.raises(ValueError, match="stencil must be whole numbers"):
        FlowMap(stencil=offsets)


def test_an_offset_is_given_once():
    with pytest.raises(ValueError, match="offset 1 more than once"):
        FlowMap(stencil=(1, 0, 1))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ((State("x"), State("y")), r"one dimension of their own, .* but x, y have none"),
        ((State("x", dims={"lat": 2, "lon": 3}),), r"but x has lat \(2\), lon \(3\)"),
        ((State("x", dims={"site": 4}), State("y")), r"same dimension, got x on site \(4\), y on none"),
        ((State("x", dims={"site": 4}), State("y", dims={"cell": 4})), r"same dimension, .* y on cell \(4\)"),
        ((State("x", dims={"site": 4}),), r"does not fit on dimension 'site' of 4 sites"),
    ],
)
def test_states_that_no_stencil_suits_are_refused(states, message):
    y = np.random.default_rng(0).normal(size=(1, 20, sum(state.size for state in states)))
    with pytest.raises(ValueError, match=message):
        FlowMap(stencil=[-2, -1, 0, 1, 2]).fit(Samples(t=np.arange(20.0)[None], y=y, states=states))
