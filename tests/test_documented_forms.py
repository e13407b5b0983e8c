"""Every form of an argument that a docstring names is accepted, and the forms agree with each other."""

import numpy as np
import pytest

import dynsamp as ds

SHORT = {"duration": 1.0, "dt": 0.1, "progress": False}
QUICK = ds.HamiltonianNetwork(width=40, activation="tanh", scale=0.5, separable=True)
Q, P = np.array([0.5, 1.0]), np.array([0.0, 0.3])
STARTS = np.stack([Q, P], axis=1)


@pytest.fixture(scope="module")
def train():
    return ds.generate("pendulum", trajectories=6, seed=1, **SHORT)


@pytest.fixture(scope="module")
def model(train):
    return ds.fit(train, QUICK, progress=False)


def pendulum():
    return ds.system("pendulum")


def drawn(rng, n):
    return rng.uniform(-0.5, 0.5, (n, 2))


FORMS = {  # of starts, and how many trajectories they are of three
    "box": (ds.Box([-0.5, -0.5], [0.5, 0.5]), 3),
    "one state": (np.array([0.5, 0.0]), None),
    "list": ([0.5, 0.0], None),
    "states": (STARTS, 2),
    "dict": ({"q": Q, "p": P}, 2),
    "dict of numbers": ({"q": 0.5, "p": 0.0}, None),
    "callable": (drawn, 3),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("system", ["pendulum", pendulum])
def test_starts_of_generate(form, system):
    initial, count = FORMS[form]
    found = ds.generate(system if isinstance(system, str) else system(), initial=initial, trajectories=3, **SHORT)
    assert found.sizes["trajectory"] == (count or 3)
    if count == 2:
        np.testing.assert_array_equal(found["q"][:, 0], Q)
    elif count is None:
        np.testing.assert_array_equal(found["q"][:, 0], [0.5] * 3)


@pytest.mark.parametrize("form", [*FORMS, "dataset"])
def test_starts_of_forecasts_crossings_and_spectra(form, train, model):
    initial, count = (train, 6) if form == "dataset" else FORMS[form]
    if form != "callable":  # not said to be a start of a forecast
        assert ds.forecast(model, initial, trajectories=3, **SHORT).sizes["trajectory"] in (count, 3, 1)
    for source in (model, "pendulum"):
        found = ds.crossings(source, initial, "q = 0", duration=0.5, trajectories=3)
        assert found.sizes["trajectory"] in (count, 3, 1)
    spectrum = ds.lyapunov("pendulum", initial, duration=0.4, dt=0.1, trajectories=3)
    assert spectrum.sizes["trajectory"] in (count, 3, 1)


def upright(t, y, theta):
    return y[0]


@pytest.mark.parametrize("events", ["q = 0", "q = 0 rising", ds.Event(upright), ["q = 0", "q = 0 falling"]])
def test_events(events):
    found = ds.crossings("pendulum", [[0.5, 0.0]], events, duration=2.0)
    period = 2 * np.pi / np.sqrt(9.81)
    assert 0.25 * period < float(np.nanmin(found["crossing_time"])) < 0.8 * period


def test_crossings_of_a_dataset(train):
    assert "trajectory" in ds.crossings(train, events="q = 0").dims


@pytest.mark.parametrize("times", [[0.0, 0.1, 0.4], (0.0, 0.1, 0.4), np.array([0.0, 0.1, 0.4])])
def test_saved_times(times, model):
    for found in (
        ds.generate("pendulum", times=times, initial=STARTS, progress=False),
        ds.forecast(model, STARTS, times=times, progress=False),
    ):
        np.testing.assert_array_equal(found["time"], [0.0, 0.1, 0.4])


@pytest.mark.parametrize("noise", [0.01, {"q": 0.01}, {"q": 0.01, "p": 0.0}])
def test_noise(noise):
    clean, noisy = (ds.generate("pendulum", trajectories=3, seed=1, noise=level, **SHORT) for level in (0.0, noise))
    assert np.any(noisy["q"] != clean["q"])
    assert np.any(noisy["p"] != clean["p"]) == (noise == 0.01)


def test_parameters():
    swept = ds.generate("pendulum", parameters={"length": [1.0, 2.0], "mass": 2}, initial=STARTS, **SHORT)
    one = ds.generate("pendulum", parameters={"length": 2.0, "mass": 2.0}, initial=STARTS, **SHORT)
    np.testing.assert_array_equal(swept["q"][1], one["q"][1])
    for call in (ds.crossings, ds.lyapunov):
        options = {"events": "q = 0"} if call is ds.crossings else {"dt": 0.1}
        found = call("pendulum", STARTS, parameters={"length": np.array([1.0, 2.0])}, duration=0.4, **options)
        assert found.sizes["trajectory"] == 2


@pytest.mark.parametrize("form", ["instance", "class", "name"])
def test_estimators(train, form):
    given = {"instance": ds.Linear(), "class": ds.Linear, "name": "linear"}[form]
    np.testing.assert_array_equal(
        ds.fit(train, given, progress=False).matrix, ds.fit(train, ds.Linear(), progress=False).matrix
    )
    found = ds.run("pendulum", generate=SHORT, estimator=given, progress=False)
    assert found.model.name == "linear"


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".csv", "frame"])
@pytest.mark.parametrize("kind", [str, None])
def test_data_of_a_fit(train, tmp_path, suffix, kind):
    frame = train[["q", "p"]].isel(trajectory=0).to_dataframe().reset_index()[["time", "q", "p"]]
    data = frame
    if suffix == ".csv":
        data = tmp_path / "data.csv"
        frame.to_csv(data, index=False)
    elif suffix != "frame":
        data = ds.save_dataset(train, tmp_path / f"data{suffix}")
    fitted = ds.fit(kind(data) if kind and suffix != "frame" else data, ds.Linear(), progress=False)
    assert fitted.matrix.shape == (2, 2)


@pytest.mark.parametrize("start", ["first", "last", 0.5])
def test_start_of_a_forecast(train, model, start):
    found = ds.forecast(model, train, start=start, duration=0.3, dt=0.1, progress=False)
    place = {"first": 0, "last": -1, 0.5: 5}[start]
    np.testing.assert_array_equal(found["q"][:, 0], train["q"][:, place])


def test_model_files_and_names_of_systems(train, model, tmp_path):
    for path in (tmp_path / "a.model", str(tmp_path / "b.model")):
        ds.save_model(model, path)
        np.testing.assert_array_equal(ds.load_model(path).weights, model.weights)
    for system in ("pendulum", pendulum(), None):
        scores = ds.evaluate(
            ds.forecast(model, train, progress=False), train, model=model, system=system, metrics=["nrmse"]
        )
        assert "nrmse" in scores
        assert "true_energy" in ds.energies(train, system=system)
    for source in (model, "pendulum", pendulum()):
        assert ds.energy_map(source, points=4)["energy"].shape == (4, 4)


@pytest.mark.parametrize("names", [["q", "p"], ("q", "p"), [ds.State("q", "m"), ds.State("p")]])
@pytest.mark.parametrize("units", [None, ["m", "1"], {"q": "m"}])
@pytest.mark.parametrize("canonical", [None, True, [("q", "p")]])
def test_arrays(names, units, canonical):
    if units is not None and not isinstance(names[0], str):
        units = None
    t, y = np.linspace(0, 1, 5), np.zeros((5, 2))
    for states, times in ((y, t), (y[None], t), (y[None], t[None]), (y.tolist(), t.tolist())):
        found = ds.from_arrays(states, times, names=names, units=units, canonical=canonical)
        assert found["q"].shape == (1, 5)
    dates = np.datetime64("2020-01-01") + np.arange(5) * np.timedelta64(1, "D")
    assert ds.from_arrays(y, dates, names=names, units=units, canonical=canonical, time_unit="d")["q"].shape == (1, 5)
    assert ds.from_points(y, y, names=names, units=units, canonical=canonical)["q"].shape == (5, 1)


@pytest.mark.parametrize("history", ["start", [0.1], lambda t: [0.1], (np.linspace(-7, 0, 15), np.full((15, 1), 0.1))])
def test_pasts_of_a_system_with_delays(history):
    law = ds.system("enso_delayed")
    kernel = law.kernel()
    found = ds.solve(kernel, [0.0, 0.5, 1.0], [[0.1]], history=history, step=0.05)
    expected = ds.solve(kernel, [0.0, 0.5, 1.0], [[0.1]], step=0.05)
    np.testing.assert_allclose(found.states, expected.states, rtol=0, atol=1e-15)


SMALL = {"width": 20, "activation": "tanh", "scale": 0.5}
MATRIX = np.array([[-1.0, 0.0], [0.0, -1.0]])
ENERGY_KNOBS = [
    *({"activation": name} for name in ("tanh", "sin", "gauss")),
    *({"sampler": name} for name in ("elm", "uniform", "swim", "adaptive", "near", "gradient")),
    *({"place": name} for name in ("midpoint", "point", "box")),
    *({"length": name} for name in ("pair", "far", "unit")),
    *({"reference": (state, 1)} for state in ([0, 0], (0.0, 0.0), np.zeros(2))),
    *({"symmetries": given} for given in (["parity"], ("time-reversal",), ["parity", "time-reversal"], [MATRIX])),
    *({"periodic": given, "activation": "sin"} for given in ({"q": 2 * np.pi}, {"q": 6}, True, False)),
    *({"polynomial": degree} for degree in (0, 1, 2)),
    *({"terms": given} for given in (["cos(q)"], ("q**2", "p**2"))),
    *({"separable": given} for given in (True, False)),
    *({"regularisation": given} for given in (0, 1e-6)),
    {"quadratic_in_p": True},
    {"rows": 50},
    {"tolerance": 1e-3},
    {"positions": False},
    {"width": 0},
    {"published": True, "activation": None, "scale": None},
    {"published": True, "activation": None, "scale": None, "sampler": "elm"},
]


@pytest.fixture(scope="module")
def turns():
    """A pendulum over more than a turn, whose states declare a period."""
    y = np.random.default_rng(0).uniform([-4.0, -1.0], [4.0, 1.0], (400, 2))
    names = [ds.State("q", "rad", conjugate="p", period=2 * np.pi), ds.State("p")]
    return ds.from_points(y, np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1), names=names)


@pytest.mark.parametrize("knobs", ENERGY_KNOBS, ids=str)
def test_knobs_of_an_energy(turns, knobs):
    model = ds.fit(turns, ds.HamiltonianNetwork(**{**SMALL, **knobs}), progress=False)
    assert np.isfinite(model.energy(np.zeros(2)))


@pytest.mark.parametrize(
    "knobs",
    [
        *({"dissipation": given} for given in ("momenta", "diagonal", "full", np.diag([0.0, 0.1]), 0.1, 0, None)),
        *({"force": given} for given in (None, 2, 2.0, "periodic")),
        {"force": 2.0, "harmonics": 2},
    ],
    ids=str,
)
def test_knobs_of_a_disturbance(knobs):
    t = 0.1 * np.arange(60)
    q, p = np.cos(t), -np.sin(t)
    dp = -q - 0.1 * p + 0.3 * np.cos(2 * t)
    data = ds.from_arrays(
        np.stack([q, p], axis=1), t, names=["q", "p"], tendencies=np.stack([p, dp], axis=1), canonical=True
    )
    model = ds.fit(data, ds.PortHamiltonianNetwork(**SMALL, separable=True, **knobs), progress=False)
    assert np.isfinite(model.vector_field(np.zeros(2))).all()


@pytest.mark.parametrize(
    "estimator",
    [
        *(ds.FlowMap(width=20, activation=name) for name in ("sin", "tanh", "gauss")),
        *(ds.FlowMap(width=20, sampler=name) for name in ("elm", "uniform", "swim")),
        ds.FlowMap(width=0),
        *(ds.SampledNetwork(width=20, activation=name) for name in ("tanh", "sin", "gauss", "relu", "softplus")),
        *(ds.SampledNetwork(width=20, sampler=name) for name in ("elm", "uniform", "swim", "near")),
        *(ds.SampledNetwork(width=given) for given in ((20, 10), [20, 10], 0)),
        ds.SampledNetwork(width=20, dtype="float32"),
        ds.SampledNetwork(width=20, published=True),
        ds.SampledNetwork(width=20, inputs=["q", "p"], targets=("tendency_of_p",)),
        *(ds.DriftDiffusion(width=10, sampler=name) for name in ("elm", "uniform", "swim")),
        ds.DriftDiffusion(width=0, regularisation=0),
    ],
    ids=str,
)
def test_knobs_of_maps_regressions_and_diffusions(train, estimator):
    assert ds.fit(train, estimator, progress=False).name == estimator.name


@pytest.mark.parametrize("ends", ["fixed", "periodic", "free"])
@pytest.mark.parametrize("stencil", [(0, 1), [-1, 0, 1], np.array([0, 1])])
def test_knobs_of_a_lattice(ends, stencil):
    y = np.random.default_rng(1).normal(size=(200, 10))
    q, p = y[:, :5], y[:, 5:]
    neighbours = np.roll(q, 1, axis=1) + np.roll(q, -1, axis=1)
    names = [ds.State("q", conjugate="p", dims={"site": 5}), ds.State("p", dims={"site": 5})]
    data = ds.from_points(y, np.concatenate([p, neighbours - 2 * q], axis=1), names=names)
    for knobs in ({}, {"differences": True}, {"separable": False, "reference": (np.zeros(10), 0.0)}):
        model = ds.fit(data, ds.LatticeHamiltonian(stencil=stencil, ends=ends, **SMALL, **knobs), progress=False)
        assert np.isfinite(model.energy(np.zeros(10)))
