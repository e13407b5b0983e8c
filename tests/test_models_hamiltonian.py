from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.models.storage import read_model, write_model
from dynsamp.words import Facts, State

QP = (State("q", conjugate="p"), State("p"))


def pendulum(y):
    return 0.5 * y[..., 1] ** 2 + 1 - np.cos(y[..., 0])


def pendulum_field(y):
    return np.stack([y[..., 1], -np.sin(y[..., 0])], axis=-1)


def scattered(field=pendulum_field, points=1500, low=(-3, -1), high=(3, 1), states=QP, seed=0, **facts):
    y = np.random.default_rng(seed).uniform(low, high, (points, len(low)))
    return Samples(np.zeros((points, 1)), y[:, None], states, dy=field(y)[:, None], facts=Facts(**facts))


def trajectories(dt, count=40, steps=30, jitter=0.0, seed=0):
    # the pendulum with RK4 at a hundredth of dt
    rng = np.random.default_rng(seed)
    spacing = dt * (1 + jitter * rng.uniform(-1, 1, steps))
    y = rng.uniform(-1, 1, (count, 2)) * [2.0, 1.0]
    found = [y]
    for step in spacing:
        for _ in range(100):
            h = step / 100
            k1 = pendulum_field(y)
            k2 = pendulum_field(y + h / 2 * k1)
            k3 = pendulum_field(y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + pendulum_field(y + h * k3))
        found.append(y)
    t = np.tile(np.concatenate([[0.0], np.cumsum(spacing)]), (count, 1))
    return Samples(t, np.stack(found, axis=1), QP)


def energy_error(model, low=(-3, -1), high=(3, 1)):
    y = np.random.default_rng(77).uniform(low, high, (2000, 2))
    error = model.energy(y) - pendulum(y)
    return np.linalg.norm(error - error.mean()) / np.linalg.norm(pendulum(y))


@pytest.fixture(scope="module", params=[False, True], ids=["general", "separable"])
def model(request):
    return HamiltonianNetwork(width=120).fit(scattered(separable=request.param))


@pytest.fixture(scope="module", params=[False, True], ids=["general", "separable"])
def ridged(request):
    # small coefficients: differences of H lose no digits
    return HamiltonianNetwork(width=60, scale=0.8, regularisation=1e-8).fit(scattered(separable=request.param))


def test_pendulum_of_modest_width(model):
    assert energy_error(model) < (1e-12 if model.separable else 1e-6)


def test_everything_chosen_reaches_rounding_errors_of_the_separable_pendulum():
    model = HamiltonianNetwork().fit(scattered(separable=True))
    assert energy_error(model) < 1e-13
    assert model.report["width"]["T"] == 0  # p^2 / 2 needs no neurons


def test_vector_field_is_the_rotated_gradient_of_the_energy(ridged):
    y = np.random.default_rng(1).uniform([-3, -1], [3, 1], (50, 2))
    step = 1e-5
    dq, dp = ((ridged.energy(y + shift) - ridged.energy(y - shift)) / (2 * step) for shift in step * np.eye(2))
    assert_allclose(ridged.vector_field(y), np.stack([dp, -dq], axis=1), atol=1e-8)


def test_jacobian_is_that_of_the_vector_field(ridged):
    y = np.random.default_rng(1).uniform([-3, -1], [3, 1], (10, 2))
    step = 1e-5
    columns = [
        (ridged.vector_field(y + shift) - ridged.vector_field(y - shift)) / (2 * step) for shift in step * np.eye(2)
    ]
    assert_allclose(ridged.jacobian(y), np.stack(columns, axis=-1), atol=1e-7)
    assert_allclose(np.trace(ridged.jacobian(y), axis1=1, axis2=2), 0.0, atol=1e-10)  # Liouville


def test_shapes_follow_the_states(model):
    y = np.zeros((3, 4, 2))
    assert model.energy(y).shape == (3, 4)
    assert model.vector_field(y).shape == (3, 4, 2)
    assert model.jacobian(y).shape == (3, 4, 2, 2)
    assert model.energy([0.1, 0.2]).shape == ()
    with pytest.raises(ValueError, match=r"y must be \(..., 2\)"):
        model.energy(np.zeros((5, 3)))


def scalar_field(kernel, y):
    dy = np.empty(len(y))
    if kernel.kind == "field":
        kernel.functions[0](0.0, y, kernel.theta, dy)
    else:
        half = len(y) // 2
        velocity, force = kernel.functions
        velocity(0.0, y[half:], kernel.theta, dy[:half])
        force(0.0, y[:half], kernel.theta, dy[half:])
    return dy


@pytest.mark.nojit
def test_kernel_is_the_vector_field(model):
    kernel = model.kernel()
    assert kernel.kind == ("separable" if model.separable else "field")
    assert kernel.hamiltonian
    for y in np.random.default_rng(3).uniform([-3, -1], [3, 1], (5, 2)):
        assert_allclose(scalar_field(kernel, y), model.vector_field(y), atol=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss"])
@pytest.mark.parametrize("separable", [False, True])
def test_kernel_in_four_dimensions(activation, separable):
    def field(y):  # Henon-Heiles, and where it is not separable a term p1 q2
        q1, q2, p1, p2 = y.T
        mixed = 0.0 if separable else 0.3
        return np.stack([p1 + mixed * q2, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2 - mixed * p1], axis=1)

    states = tuple(State(name) for name in ("q1", "q2", "p1", "p2"))
    box = {"low": (-1, -1, -1, -1), "high": (2, 1, 1, 1), "states": states}
    knobs = HamiltonianNetwork(width=40, activation=activation, scale=0.4, separable=separable)
    model = knobs.fit(scattered(field, **box))
    y = np.random.default_rng(3).uniform(-1, 1, (4, 4))
    for point in y:
        assert_allclose(scalar_field(model.kernel(), point), model.vector_field(point), rtol=1e-9, atol=1e-9)


def test_widths_share_their_compiled_functions():
    first, second = (HamiltonianNetwork(width=n, activation="tanh").fit(scattered(points=300)) for n in (20, 30))
    assert first.kernel().functions == second.kernel().functions


def test_pairs_may_stand_in_any_order():
    # (p, q) instead of (q, p), declared by conjugate
    states = (State("p"), State("q", conjugate="p"))
    swapped = scattered(lambda y: pendulum_field(y[:, ::-1])[:, ::-1], low=(-1, -3), high=(1, 3), states=states)
    model = HamiltonianNetwork(width=120).fit(swapped)
    y = np.random.default_rng(5).uniform([-1, -3], [1, 3], (20, 2))
    assert_allclose(model.vector_field(y), pendulum_field(y[:, ::-1])[:, ::-1], atol=1e-4)
    assert_allclose(scalar_field(model.kernel(), y[0]), model.vector_field(y[0]), atol=1e-9)


def test_without_conjugates_the_summary_says_what_was_assumed():
    model = HamiltonianNetwork(width=20).fit(scattered(states=(State("a"), State("b"))))
    assert "first half of the states is q" in model.summary()
    assert "as declared" in HamiltonianNetwork(width=20).fit(scattered()).summary()


def test_reference_fixes_the_constant():
    data = scattered()
    pinned = HamiltonianNetwork(width=120, reference=([0.5, 0.2], 7.0)).fit(data)
    assert pinned.energy([0.5, 0.2]) == pytest.approx(7.0)
    assert "H is 7 at [0.5, 0.2]" in pinned.summary()
    free = HamiltonianNetwork(width=120).fit(data)
    assert free.energy(free.centre) == pytest.approx(0.0, abs=1e-9)
    assert "zero at the centre" in free.summary()


def test_same_seed_same_bits():
    data = scattered(points=400)
    first, again, other = (HamiltonianNetwork(width=50, scale=0.5).fit(data, seed=seed) for seed in (4, 4, 5))
    assert_array_equal(first.coefficients, again.coefficients)
    assert not np.array_equal(first.weights, other.weights)


@pytest.mark.parametrize("dt", [0.4, 0.8])
def test_snapshots_leave_no_error_of_the_step(dt):
    model = HamiltonianNetwork().fit(trajectories(dt))
    assert energy_error(model, (-1.5, -0.8), (1.5, 0.8)) < 1e-7
    assert "Gauss-Newton through the flow of pairs" in model.summary()
    assert model.facts.dt == pytest.approx(dt)


def test_uneven_snapshots_are_no_worse():
    model = HamiltonianNetwork(separable=True).fit(trajectories(0.4, jitter=0.3))
    assert model.separable
    assert energy_error(model, (-1.5, -0.8), (1.5, 0.8)) < 1e-7


def test_a_step_is_that_of_the_data_and_symplectic():
    data = trajectories(0.4, count=60, steps=10)
    model = HamiltonianNetwork().fit(data)
    y = data.y[:, 3]
    assert_allclose(model.step(y), data.y[:, 4], atol=1e-6)
    along, rotation = model.step_jacobian(y), np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert_allclose(np.swapaxes(along, 1, 2) @ rotation @ along, np.tile(rotation, (60, 1, 1)), atol=1e-12)
    shift = 1e-5
    columns = [(model.step(y + h) - model.step(y - h)) / (2 * shift) for h in shift * np.eye(2)]
    assert_allclose(along, np.stack(columns, axis=-1), atol=1e-6)
    assert_allclose(model.step(model.step(y, dt=-0.4), dt=0.4), y, atol=1e-10)
    with pytest.raises(ValueError, match="give dt="):
        HamiltonianNetwork(width=5).fit(scattered(points=50)).step(y)


@pytest.mark.parametrize(("noise", "goal"), [(0.01, 2e-3), (0.1, 1.2e-2)])
def test_noisy_trajectories(noise, goal):
    # swinging pendulums, errors of a fraction of the standard deviation; the gradient over the clean states
    clean = trajectories(0.1, count=30, steps=200)
    scale = clean.y.reshape(-1, 2).std(axis=0)
    data = Samples(clean.t, clean.y + noise * scale * np.random.default_rng(3).normal(size=clean.y.shape), QP)
    model = HamiltonianNetwork(separable=True).fit(data)
    y = clean.y.reshape(-1, 2)[::7]
    error = model.gradient(y) - np.stack([np.sin(y[:, 0]), y[:, 1]], axis=1)
    assert np.linalg.norm(error) < goal * np.linalg.norm(np.stack([np.sin(y[:, 0]), y[:, 1]], axis=1))
    assert_allclose(list(model.report["noise"].values()), noise * scale, rtol=0.1)
    assert "weak form" in model.summary()


def test_coordinates_that_are_not_canonical_are_told():
    # a pendulum in (q, p^3): a vector field, but not of a Hamiltonian
    def field(y):
        p = np.cbrt(y[:, 1])
        return np.stack([p, -3 * p**2 * np.sin(y[:, 0])], axis=1)

    data = scattered(field, low=(-2.5, 0.2), high=(2.5, 1.5))
    report = HamiltonianNetwork(tolerance=1e-3).fit(data).report
    assert "canonical" in report.get("coordinates", "")
    assert "coordinates" not in HamiltonianNetwork(tolerance=1e-3).fit(scattered()).report


def test_trajectories_of_different_length():
    data = trajectories(0.2)
    y, t = data.y.copy(), data.t.copy()
    y[::2, 20:], t[::2, 20:] = np.nan, np.nan
    length = np.where(np.arange(len(y)) % 2, y.shape[1], 20)
    model = HamiltonianNetwork(width=60, scale=0.5).fit(Samples(t, y, QP, length=length))
    assert energy_error(model, (-1.5, -0.8), (1.5, 0.8)) < 1e-3


def test_noisy_derivatives_are_smoothed():
    data = scattered(points=4000)
    noise = 0.1 * np.random.default_rng(9).normal(size=data.dy.shape)
    model = HamiltonianNetwork().fit(Samples(data.t, data.y, QP, dy=data.dy + noise))
    y = np.random.default_rng(1).uniform([-3, -1], [3, 1], (500, 2))
    error = model.vector_field(y) - pendulum_field(y)
    assert np.sqrt(np.mean(error**2)) < 0.03


def test_a_saved_model_is_the_same_model(model, tmp_path):
    write_model(model, tmp_path / "pendulum.model")
    again = read_model(tmp_path / "pendulum.model", {"hamiltonian": type(model)}.__getitem__)
    y = np.random.default_rng(1).uniform(-1, 1, (10, 2))
    assert_array_equal(again.energy(y), model.energy(y))
    assert again.kernel().kind == model.kernel().kind


def test_report_has_what_was_chosen_and_what_it_cost():
    report = HamiltonianNetwork(width=30).fit(scattered(points=200)).report
    keys = {"width", "activation", "scale", "sampler", "rows", "rank", "condition", "residual", "seconds"}
    assert keys | {"cpu_seconds", "joules", "energy_source", "chosen"} <= set(report)
    assert report["width"] == 30


def one_component():
    return scattered(lambda y: y, low=(-1, -1, -1), high=(1, 1, 1), states=tuple(map(State, "abc")))


def with_nan():
    data = scattered()
    data.y[7, 0, 1] = np.nan
    return data


def nan_derivative():
    data = scattered()
    data.dy[7, 0, 0] = np.inf
    return data


def one_point():
    return scattered(points=1)


def constant():
    return Samples(np.zeros((5, 1)), np.ones((5, 1, 2)), QP, dy=np.zeros((5, 1, 2)))


def no_derivatives():
    data = scattered()
    return Samples(data.t, data.y, QP)


def times_backwards():
    data = trajectories(0.2, count=2, steps=5)
    return Samples(data.t[:, ::-1].copy(), data.y, QP)


def with_inputs():
    data = scattered(points=5)
    return Samples(data.t, data.y, QP, dy=data.dy, u=np.ones((5, 1, 1)))


def unknown_momentum():
    return scattered(states=(State("q", conjugate="momentum"), State("p")))


def momentum_taken_twice():
    states = (State("a", conjugate="c"), State("b", conjugate="c"), State("c"), State("d"))
    return scattered(lambda y: y, low=(-1,) * 4, high=(1,) * 4, states=states)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (one_component, "the data have 3 components"),
        (with_nan, "'p' is nan in trajectory 7 at sample 0"),
        (nan_derivative, "the derivative of 'q' is inf in trajectory 7"),
        (one_point, "at least two points, the data have 1"),
        (constant, "the data never change"),
        (no_derivatives, "no derivatives and one time"),
        (times_backwards, "times of trajectory 0 do not increase"),
        (with_inputs, "1 external inputs"),
        (unknown_momentum, "names 'momentum' as its momentum"),
        (momentum_taken_twice, "no canonical pair, or in two"),
    ],
)
def test_wrong_data_are_refused_in_one_sentence(data, message):
    with pytest.raises(ValueError, match=message) as error:
        HamiltonianNetwork().fit(data())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "knobs",
    [
        {"activation": "step"},
        {"sampler": "grid"},
        {"width": -1},
        {"width": 2.5},
        {"rows": 1},
        {"scale": 0.0},
        {"regularisation": -1.0},
    ],
)
def test_wrong_knobs_are_refused_when_made(knobs):
    with pytest.raises(ValueError, match=next(iter(knobs))):
        HamiltonianNetwork(**knobs)


def test_wrong_reference():
    with pytest.raises(ValueError, match="reference must be"):
        HamiltonianNetwork(width=10, reference=([0.0], 1.0)).fit(scattered(points=50))


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_snapshots_say_how_wrong_they_are(noise):
    clean, fresh = (trajectories(0.2, count=20, steps=50, seed=seed) for seed in (1, 2))
    scale = clean.y.reshape(-1, 2).std(axis=0)
    data = replace(clean, y=clean.y + noise * scale * np.random.default_rng(3).normal(size=clean.y.shape))
    report = (model := HamiltonianNetwork().fit(data)).report
    y = fresh.y.reshape(-1, 2)
    true = np.stack([np.sin(y[:, 0]), y[:, 1]], axis=1)
    error = np.linalg.norm(model.gradient(y) - true) / np.linalg.norm(true)
    low, high = report["error_interval"]
    if noise:
        assert low / 2 <= error <= 2 * high
    else:  # beyond the outermost of twenty trajectories no block tells
        assert max(error, high) < 1e-7
    assert ("noise" in report) == bool(noise)
    assert "coordinates" not in report


def test_two_positions_are_no_pair():
    t = 0.1 * np.arange(200)
    y = np.stack([np.cos(t + np.arange(3)[:, None]), np.cos(1.7 * t + np.arange(3)[:, None])], axis=2)
    data = Samples(np.tile(t, (3, 1)), y, (State("x1", "mm"), State("x2", "mm")))
    assert "positions=True" in HamiltonianNetwork().fit(data).report["coordinates"]
