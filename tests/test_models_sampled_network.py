"""Plain regression: exact cases, noise, bad input, streams, files and Datasets."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import lstsq

import dynsamp as ds
from dynsamp.models.base import Samples
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.rows import Rows
from dynsamp.networks.search.regression import fit_regression

QUICK = {"width": 60, "activation": "tanh", "scale": 0.4}


def rows(n, inputs=2, seed=0):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (n, inputs))


def relative(model, x, y):
    y = np.reshape(y, (len(x), -1))
    return np.linalg.norm(model.values(x) - y) / np.linalg.norm(y - y.mean(axis=0))


# --- what it learns -----------------------------------------------------------------------------------------------


def test_linear_data_are_learned_exactly_without_neurons():
    x = rows(50, 3)
    model = ds.SampledNetwork().fit(x, 2.0 + x @ [1.0, -2.0, 3.0])
    assert model.widths == []
    assert_allclose(model.jacobian([0.1, 0.2, 0.3]), [[1.0, -2.0, 3.0]], rtol=1e-12)
    assert_array_equal(model.hessian([0.1, 0.2, 0.3]), np.zeros((1, 3, 3)))
    assert "fits to rounding errors" in model.report["chosen"]


def test_a_smooth_function_and_its_derivatives_to_many_digits():
    x = rows(1500)
    model = ds.SampledNetwork().fit(x, np.sin(2 * x[:, 0]) * np.exp(x[:, 1]))
    points = 0.9 * rows(200, seed=1)
    sine, cosine, growth = np.sin(2 * points[:, 0]), np.cos(2 * points[:, 0]), np.exp(points[:, 1])
    assert_allclose(model.values(points)[:, 0], sine * growth, atol=1e-8)
    assert_allclose(model.jacobian(points)[:, 0], np.stack([2 * cosine, sine], 1) * growth[:, None], atol=1e-6)
    assert_allclose(model.hessian(points)[:, 0, 0, 1], 2 * cosine * growth, atol=1e-4)


def test_targets_of_wildly_different_scales_are_learned_alike():
    x = rows(800)
    f = np.stack([np.sin(2 * x[:, 0]), np.cos(x[:, 1]) * x[:, 0]], 1)
    model = ds.SampledNetwork(**QUICK).fit(x, f * [1e-12, 1e12] + [0.0, 1e13])
    assert_allclose((model.values(x) - [0.0, 1e13]) / [1e-12, 1e12], f, atol=1e-4)


def test_units_of_the_inputs_do_not_matter():
    x = rows(600, 3)
    y = np.sin(2 * x[:, 0] + x[:, 1]) * x[:, 2]
    plain = ds.SampledNetwork(**QUICK).fit(x, y)
    units = 2.0 ** np.array([-40, 0, 40])  # no rounding errors, which ill-conditioned fits would show
    scaled = ds.SampledNetwork(**QUICK).fit(x * units, y)
    points = rows(50, 3, seed=2)
    assert_allclose(scaled.values(points * units), plain.values(points), rtol=1e-12, atol=1e-13)
    assert_allclose(scaled.jacobian(points * units) * units, plain.jacobian(points), rtol=1e-11, atol=1e-12)


def test_noise_on_a_line_gives_the_least_squares_line():
    rng = np.random.default_rng(3)
    x = rows(2000, 3)
    y = 1.0 + x @ [1.0, 2.0, -1.0] + 0.5 * rng.normal(size=2000)
    model = ds.SampledNetwork(width=50).fit(x, y)  # neurons, but no reason to use them
    line = lstsq(np.column_stack([np.ones(2000), x]), y)[0]
    points = rows(300, 3, seed=4)
    truth, straight = 1.0 + points @ [1.0, 2.0, -1.0], line[0] + points @ line[1:]
    error, least = np.std(model.values(points)[:, 0] - truth), np.std(straight - truth)
    assert error < 0.5 * np.sqrt(30 / 2000)  # of thirty free coefficients, not of fifty-four
    assert least < error * 1.5 + 0.02


@pytest.mark.parametrize("n", [200, 3000])
def test_noise_is_not_fitted(n):
    rng = np.random.default_rng(5)
    x = rows(n, 1)
    y = np.sin(4 * x[:, 0]) + 0.3 * rng.normal(size=n)
    points = np.linspace(-0.95, 0.95, 200)[:, None]
    models = [ds.SampledNetwork().fit(x, y, seed=seed) for seed in range(3)]
    errors = [model.values(points)[:, 0] - np.sin(4 * points[:, 0]) for model in models]
    assert np.median(np.sqrt(np.mean(np.square(errors), axis=1))) < 0.3 * np.sqrt(30 / n)  # as with thirty coefficients


def test_few_rows_of_a_hard_target_are_not_overfitted():
    x = rows(150, 5)
    y = np.abs(x).sum(axis=1) + np.sin(9 * x[:, 0] * x[:, 1])
    points = rows(2000, 5, seed=6)
    truth = np.abs(points).sum(axis=1) + np.sin(9 * points[:, 0] * points[:, 1])
    model = ds.SampledNetwork().fit(x, y)
    assert relative(model, points, truth) < 1.02  # never worse than the mean
    assert model.report["chosen"].count("had not seen") == 1  # held-out rows decided


def test_layers_halve_the_error_of_a_composition():
    # a product of steps: deeper layers see the steps of the first
    def f(x):
        return np.prod(np.tanh(8.0 * x), axis=1)

    def error(width, scale, sampler):
        model = ds.SampledNetwork(width=width, activation="tanh", scale=scale, sampler=sampler).fit(x, f(x))
        return relative(model, points, f(points))

    x, points = rows(10_000, 3), rows(3000, 3, seed=7)
    shallow = min(error(200, scale, sampler) for scale in (2.0, 4.0, 8.0) for sampler in ("uniform", "swim"))
    assert error((200, 200, 200), 4.0, "swim") < 0.5 * shallow


def test_kinks_get_neurons_along_near_pairs_or_relus():
    x = rows(3000)
    y = np.abs(x[:, 0] + 0.3 * x[:, 1])
    points = rows(2000, seed=8)
    truth = np.abs(points[:, 0] + 0.3 * points[:, 1])
    chosen, smooth = (
        np.median([relative(estimator.fit(x, y, seed=seed), points, truth) for seed in range(3)])
        for estimator in (
            ds.SampledNetwork(width=100),
            ds.SampledNetwork(width=100, sampler="uniform", activation="tanh"),
        )
    )
    assert chosen < smooth


def test_tolerance_stops_the_growth():
    x = rows(1500)
    y = np.sin(4 * x[:, 0]) * np.cos(3 * x[:, 1])
    coarse, fine = (ds.SampledNetwork(tolerance=t).fit(x, y) for t in (1e-3, None))
    assert sum(coarse.widths) < sum(fine.widths)
    assert relative(coarse, x, y) < 3e-3


# --- the published method -----------------------------------------------------------------------------------------


def test_published_is_lstsq_of_published_neurons():
    x = 3.0 * rows(400) + 1.0
    y = np.sin(x[:, 0]) + x[:, 1] ** 2
    model = ds.SampledNetwork(width=80, published=True).fit(x, y)
    assert_array_equal(model.shift, [0.0, 0.0])
    assert_array_equal(model.half_width, [1.0, 1.0])
    assert not model.linear.any()
    weights = model.weights.reshape(80, 2)
    features = np.tanh(x @ weights.T + model.biases)
    ends = [np.min(np.abs(features - value), axis=0).max() for value in (-0.5, 0.5)]
    assert max(ends) < 1e-12  # -1/2 and 1/2 at the two points of every pair
    columns = np.column_stack([features, np.ones(400)])
    expected = np.linalg.lstsq(columns, y, rcond=1e-8)[0]
    assert_allclose(model.values(x)[:, 0], columns @ expected, atol=1e-7)


def test_published_relu_and_elm():
    x = rows(300)
    y = x[:, 0] * x[:, 1]
    relu = ds.SampledNetwork(width=(30, 40), activation="relu", published=True).fit(x, y)
    assert relu.widths == [30, 40]
    elm = ds.SampledNetwork(width=100, sampler="elm", published=True).fit(x, y)
    assert np.all(np.abs(elm.biases) <= np.abs(x).max())
    assert relative(elm, x, y) < 1e-3


# --- one result, however the rows come ----------------------------------------------------------------------------


class Sliced:
    """Rows that can only be sliced."""

    def __init__(self, values, chunks=None):
        self._values, self.shape, self.dtype = values, values.shape, values.dtype
        if chunks:
            self.chunks = (chunks, *values.shape[1:])

    def __getitem__(self, part):
        assert isinstance(part, slice)
        return self._values[part]


@pytest.mark.parametrize(
    "options", [QUICK, {"tolerance": 1e-2}, {**QUICK, "width": (40, 30)}, {"width": 60, "published": True}]
)
def test_streams_give_the_bits_of_arrays(options, tmp_path, monkeypatch):
    monkeypatch.setattr("dynsamp.networks.tuning.READ_ENTRIES", 1 << 12)  # many slices
    monkeypatch.setattr("dynsamp.networks.tuning.REGRESSION_ENTRIES", 1 << 12)  # many blocks
    monkeypatch.setattr("dynsamp.networks.tuning.SURVEYED_ENTRIES", 1 << 12)  # not all rows are drawn
    x = rows(5000)
    y = np.stack([np.sin(2 * x[:, 0] * x[:, 1]), x[:, 0] + x[:, 1] ** 3], 1)
    estimator = ds.SampledNetwork(**options)
    expected = estimator.fit(x, y)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    lazy = Sliced(x, 700), Sliced(y, 900)
    for other in ((mapped, y), lazy, (np.asfortranarray(x), y), (xr.DataArray(x), xr.DataArray(y))):
        model = estimator.fit(*other)
        for field in ("weights", "biases", "coefficients", "linear", "offset"):
            assert_array_equal(getattr(model, field), getattr(expected, field))


def test_a_fit_is_a_function_of_the_seed():
    x = rows(300)
    y = np.sin(3 * x[:, 0])
    first, again, other = (ds.SampledNetwork(**QUICK).fit(x, y, seed=seed) for seed in (1, 1, 2))
    assert_array_equal(first.coefficients, again.coefficients)
    assert not np.array_equal(first.weights, other.weights)


def test_single_precision_features_cost_digits_only():
    x = rows(2000)
    y = np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    double, single = (ds.SampledNetwork(**QUICK, dtype=dtype).fit(x, y) for dtype in ("float64", "float32"))
    assert single.coefficients.dtype == np.float64
    points = rows(500, seed=10)
    truth = np.sin(2 * points[:, 0]) + points[:, 1] ** 2
    assert relative(double, points, truth) < relative(single, points, truth) < 1e-4


def test_memory_that_is_too_small_says_how_much_is_needed():
    x = rows(2000, 20)
    with pytest.raises(ValueError, match=r"memory of 1 MB is too small for 20 inputs.*needs \d+"):
        ds.SampledNetwork(width=200).fit(x, x[:, 0], memory=1_000_000)
    ds.SampledNetwork(**QUICK).fit(x, x[:, 0] ** 2, memory=500_000_000)


# --- bad input ----------------------------------------------------------------------------------------------------


def broken(value, row, column):
    x = rows(30, 3)
    x[row, column] = value
    return x


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (broken(np.nan, 17, 2), np.ones(30), "x is nan in row 17, column 2"),
        (broken(np.inf, 0, 1), np.ones(30), "x is inf in row 0, column 1"),
        (rows(30), broken(np.nan, 4, 0)[:, 0], "y is nan in row 4, column 0"),
        (rows(30), np.ones(29), "x has 30 rows but y has 29"),
        (np.ones(30), np.ones(30), r"x must be a table .* got shape \(30,\); reshape one input to x\[:, None\]"),
        (np.ones((2, 3, 4)), np.ones(2), "x must be a table"),
        (np.ones((0, 3)), np.ones(0), "at least one row"),
        (1e-310 * rows(30), np.arange(30.0), r"column 0 of x spans \S+, so little that slopes would overflow"),
        (np.ones((5, 0)), np.ones(5), "at least one row, one input"),
    ],
)
def test_what_cannot_be_used_is_named(x, y, message):
    with pytest.raises(ValueError, match=message):
        ds.SampledNetwork().fit(x, y)


@pytest.mark.parametrize("dtype", [complex, object, "U3"])
def test_values_that_are_no_numbers_are_named(dtype):
    with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
        ds.SampledNetwork().fit(rows(5).astype(dtype), np.ones(5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": -1}, "width must be a whole number"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"width": ()}, "one of at least 1 for each layer"),
        ({"width": (20, 0)}, "one of at least 1 for each layer"),
        ({"activation": "tan"}, "activation must be one of 'tanh'"),
        ({"sampler": "gradient"}, "sampler must be one of"),
        ({"activation": "sin", "published": True}, "activation of the published method must be one of 'tanh', 'relu'"),
        ({"scale": 0.0}, "scale must be a positive number"),
        ({"regularisation": -1.0}, "regularisation must be a number of at least 0"),
        ({"dtype": "float16"}, "dtype must be one of"),
        ({"inputs": "x"}, "inputs must be a list of distinct names"),
    ],
)
def test_knobs_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ds.SampledNetwork(**options)


@pytest.mark.parametrize(
    "options", [{}, QUICK, {**QUICK, "width": (20, 20)}, {"sampler": "near"}, {"published": True, "width": 60}]
)
def test_degenerate_rows_give_a_finite_model(options):
    rng = np.random.default_rng(11)
    one = np.ones((1, 2)), np.ones(1)
    line = np.outer(np.linspace(0, 1, 40), [1.0, 2.0, -1.0])
    twins = np.repeat(rows(20), 3, axis=0) + 1e-14 * rng.normal(size=(60, 2))
    constant = np.column_stack([rows(40), np.full(40, 3.0)])
    cases = [
        one,
        (line, line[:, 0] ** 2),
        (twins, np.sign(twins[:, 0])),
        (1e-250 * rows(40), np.arange(40.0)),
        (constant, constant[:, 0] ** 2),
        (np.full((40, 2), 7.0), np.arange(40.0)),
        (rows(40), np.full(40, 1e300)),
        (rows(12, 50), np.arange(12.0)),  # fewer rows than columns
        (1e200 * rows(40), 1e-200 * np.arange(40.0)),
    ]
    for x, y in cases:
        if options.get("published") and max(np.abs(x).max(), np.abs(y).max()) > 1e150:
            with pytest.raises(ValueError, match=r"squares of .* overflow; divide x"):
                ds.SampledNetwork(**options).fit(x, y)
            continue
        model = ds.SampledNetwork(**options).fit(x, y)
        assert np.all(np.isfinite(model.values(x))), (x.shape, options)


def test_a_constant_target_is_that_constant():
    model = ds.SampledNetwork().fit(rows(40), np.full((40, 2), [5.0, -1e-20]))
    assert_allclose(model.values(rows(5, seed=1)), np.full((5, 2), [5.0, -1e-20]), rtol=1e-12)


def test_points_of_another_shape_are_named():
    model = ds.SampledNetwork(**QUICK).fit(rows(100), np.ones(100))
    with pytest.raises(ValueError, match=r"x must be \(\.\.\., 2\).*got shape \(3,\)"):
        model.values([1.0, 2.0, 3.0])
    assert model.values(np.zeros((4, 5, 2))).shape == (4, 5, 1)
    assert model.hessian(np.zeros((4, 5, 2))).shape == (4, 5, 1, 2, 2)


# --- labels -------------------------------------------------------------------------------------------------------


def test_labels_draw_pairs_across_the_border():
    x = rows(400)
    inside = (x[:, 0] > 0.3).astype(float)
    source = Rows(x, np.column_stack([inside, 1 - inside]))
    fit = fit_regression(source, Neurons(50, "tanh", 1.0, "swim"), labels=True)
    layer = fit.network.hidden.layers[0]
    values = np.tanh(layer.preactivations(x))
    first, second = np.argmin(np.abs(values + 0.5), axis=1), np.argmin(np.abs(values - 0.5), axis=1)
    assert np.all(inside[first] != inside[second])


# --- files and Datasets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 30, (20, 10)])
def test_models_come_back_from_files(width, tmp_path):
    x = rows(200)
    model = ds.SampledNetwork(width=width, activation="tanh", scale=1.0).fit(x, np.sin(x))
    ds.save_model(model, tmp_path / "net.model")
    again = ds.load_model(tmp_path / "net.model")
    assert_array_equal(again.values(x), model.values(x))
    assert_array_equal(again.hessian(x[:3]), model.hessian(x[:3]))
    assert again.targets == ["y0", "y1"]


def test_arrays_that_do_not_fit_are_refused():
    model = ds.SampledNetwork(width=(20, 10), activation="tanh", scale=1.0).fit(rows(100), np.ones(100))
    with pytest.raises(ValueError, match="do not fit together: weights"):
        replace(model, weights=model.weights[:-1])


def test_the_summary_says_what_was_chosen_and_what_it_cost():
    report = ds.SampledNetwork().fit(rows(300), np.sin(3 * rows(300)[:, 0])).report
    needed = "width activation scale sampler rows rank condition residual gcv_error regularisation chosen dtype"
    assert set(needed.split()) <= set(report)
    assert {"cpu_seconds", "joules", "energy_source"} <= set(report)
    assert "fits compared" in report["chosen"]


@pytest.fixture(scope="module")
def orbits():
    t = np.linspace(0.0, 3.0, 61)
    phase = np.linspace(0.0, 6.0, 15)[:, None]
    size = np.linspace(0.5, 1.5, 15)[:, None]
    q, p = size * np.cos(t - phase), -size * np.sin(t - phase)
    data = ds.from_arrays(np.stack([q, p], -1), t, names=["q", "p"], tendencies=np.stack([p, -q], -1))
    return data.assign(energy=(("trajectory", "time"), 0.5 * (q**2 + p**2), {"role": "diagnostic", "units": "J"}))


def test_variables_of_a_dataset_by_name(orbits, tmp_path):
    estimator = ds.SampledNetwork(width=60, activation="tanh", scale=0.2, inputs=["q", "p"], targets=["energy"])
    model = ds.fit(orbits, estimator)
    assert [state.name for state in model.states] == ["q", "p"]
    assert model.targets == ["energy"]
    assert_allclose(model.values([0.6, 0.5]), [0.305], rtol=1e-7)
    assert_allclose(model.jacobian([0.6, 0.5]), [[0.6, 0.5]], rtol=1e-5)
    x = np.stack([orbits.q.values.ravel(), orbits.p.values.ravel()], 1)
    plain = estimator.fit(x, orbits.energy.values.ravel())
    assert_array_equal(model.coefficients, plain.coefficients)
    ds.save_dataset(orbits, tmp_path / "orbits.zarr")
    assert_array_equal(ds.fit(tmp_path / "orbits.zarr", estimator).coefficients, plain.coefficients)


def test_states_to_tendencies_without_names(orbits):
    model = ds.fit(orbits, "sampled-network")
    assert model.targets == ["tendency_of_q", "tendency_of_p"]
    assert_allclose(model.values([0.3, 0.4]), [0.4, -0.3], atol=1e-9)
    with pytest.raises(ValueError, match="needs derivatives"):
        ds.SampledNetwork().fit(Samples(t=np.zeros((3, 2)), y=np.zeros((3, 2, 2)), states=model.states))


def test_names_that_are_not_there_are_answered_with_near_ones(orbits):
    with pytest.raises(ValueError, match="targets names 'enrgy', which is not in the data; did you mean 'energy'"):
        ds.fit(orbits, ds.SampledNetwork(inputs=["q", "p"], targets=["enrgy"]))
    with pytest.raises(ValueError, match="targets is missing"):
        ds.fit(orbits, ds.SampledNetwork(inputs=["q", "p"]))
    gap = orbits.copy(deep=True)
    gap["p"][3, 7] = np.nan
    with pytest.raises(ValueError, match="'p' at trajectory 3, time 7"):
        ds.fit(gap, ds.SampledNetwork(inputs=["q", "p"], targets=["energy"]))


def test_padding_is_left_out_and_fields_become_columns(orbits):
    estimator = ds.SampledNetwork(width=20, activation="tanh", scale=0.5, inputs=["u", "time"], targets=["energy"])
    field = np.stack([orbits.q.values, orbits.p.values, orbits.q.values**2], -1)
    data = orbits.assign(u=(("trajectory", "time", "site"), field)).copy(deep=True)
    data["energy"][4, 50:] = np.nan
    model = ds.fit(data, estimator)
    assert model.report["rows"] == 15 * 61 - 11
    assert model.linear.shape == (1, 4)
    assert [state.size for state in model.states] == [3, 1]


@pytest.mark.parametrize("hold", [1 << 22, 100])
def test_chunks_of_a_store_only_change_the_order(hold, monkeypatch, tmp_path):
    zarr = pytest.importorskip("zarr")
    from dynsamp.dataset.variables import regression_rows

    monkeypatch.setattr("dynsamp.dataset.variables.HOLD", hold)
    monkeypatch.setattr("dynsamp.dataset.variables.TILE", 50)
    x = np.arange(7 * 11 * 2.0).reshape(7, 11, 2)
    group = zarr.open_group(tmp_path / "s.zarr", mode="w")
    group.create_array("x", data=x, chunks=(3, 4, 2), dimension_names=("trajectory", "time", "site"))
    group.create_array("y", data=x.sum(-1), chunks=(3, 4), dimension_names=("trajectory", "time"))
    data = xr.open_zarr(tmp_path / "s.zarr", consolidated=False, chunks=None)
    table = regression_rows(data, ["x"], ["y"])
    whole = table.x[0:77]
    assert_array_equal(whole.sum(axis=1), table.y[0:77][:, 0])
    assert_array_equal(np.sort(whole[:, 0]), np.sort(x[..., 0].ravel()))
    assert_array_equal(np.concatenate([table.x[k : k + 5] for k in range(0, 77, 5)]), whole)
    if hold > 100:
        assert_array_equal(whole, x.reshape(77, 2))


def test_a_regression_does_not_forecast():
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    model = ds.SampledNetwork(width=5).fit(x, x**2)
    with pytest.raises(ValueError, match="has no time"):
        ds.forecast(model, np.zeros((1, 1)), duration=1.0, dt=0.1)
