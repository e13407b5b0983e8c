import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LeastSquares
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.normal_equations import GradientGram, GramLeastSquares
from dynsamp.networks.ridge import RidgePath


def filled(problem, a, y, blocks=1):
    y = y.reshape(len(y), -1)
    for piece in np.array_split(np.arange(len(y)), blocks):
        block = problem.block(len(piece))
        block[: a.shape[1]], block[a.shape[1] :] = a[piece].T, y[piece].T
    return problem


def gram_of(a, y, blocks=1, unpenalised=0):
    targets = y.reshape(len(y), -1).shape[1]
    return filled(GramLeastSquares(a.shape[1], targets, 16, unpenalised), a, y, blocks)


def random_problem(rows=60, columns=8, targets=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-6, 6, columns), rng.normal(size=(rows, targets))


def noisy_cosines(rows=300, columns=60, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, rows)
    a = np.stack([np.ones(rows), x, *(np.cos(k * x + k) for k in range(1, columns - 1))], axis=1)
    return a, 1.0 + 2.0 * x + np.sin(5 * x) + 0.3 * rng.normal(size=rows)


@pytest.mark.parametrize("blocks", [1, 7])
@pytest.mark.parametrize("unpenalised", [0, 3, 8])
def test_solution_residual_and_cross_validation_are_those_of_lstsq(blocks, unpenalised):
    a, y = random_problem()
    expected, squares, *_ = np.linalg.lstsq(a, y, rcond=None)
    found = gram_of(a, y, blocks, unpenalised).solve()
    assert_allclose(found.coefficients, expected, rtol=1e-9)
    assert_allclose(found.residual, np.sqrt(squares) / np.linalg.norm(y, axis=0), rtol=1e-10)
    assert_allclose(found.gcv, found.residual / (1 - 8 / 60), rtol=1e-9)
    assert (found.rank, found.rows) == (8, 60)
    scaled = a / np.linalg.norm(a, axis=0)
    if unpenalised == 0:
        assert found.condition == pytest.approx(np.linalg.cond(scaled), rel=2.0)


@pytest.mark.parametrize("unpenalised", [0, 2])
@pytest.mark.parametrize("ridge", [1e-4, 0.3])
def test_ridge_is_that_of_the_orthogonal_solver(ridge, unpenalised):
    a, y = random_problem()
    found = gram_of(a, y, unpenalised=unpenalised).solve(ridge)
    expected = filled(LeastSquares(8, 2, 60, unpenalised), a, y).solve(ridge)
    for name in ("coefficients", "residual", "gcv", "dimension", "regularisation", "rms"):
        assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-8, err_msg=name)


def test_the_ridge_of_cross_validation_is_the_minimum_of_its_definition():
    a, y = noisy_cosines()
    scaled = a / np.linalg.norm(a, axis=0)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)

    def score(logarithm):
        shrunk = values**2 / (values**2 + np.exp(logarithm))
        errors = y - left @ (shrunk * (left.T @ y))
        return np.sum(errors**2) / (len(y) - tuning.SMOOTHNESS * np.sum(shrunk)) ** 2

    least = min(map(score, np.linspace(-28.0, 3.0, 2000)))
    for found in (gram_of(a, y).solve("gcv"), filled(LeastSquares(60, 1, 300), a, y).solve("gcv")):
        assert score(np.log(found.regularisation[0])) == pytest.approx(least, rel=1e-4)


def test_the_path_against_eigenvectors():
    rng = np.random.default_rng(3)
    a, y = rng.normal(size=(40, 9)), rng.normal(size=(40, 2))
    gram, moments = a.T @ a, a.T @ y
    path = RidgePath(np.asfortranarray(gram), moments)
    assert_allclose(path.values, np.linalg.eigvalsh(gram), rtol=1e-12)
    for ridge in (1e-3, 2.0):
        expected = np.linalg.solve(gram + ridge * np.eye(9), moments)
        for k in range(2):
            assert_allclose(path.coefficients(ridge, k), expected[:, k], rtol=1e-10)
            squares = y[:, k] @ y[:, k] - np.sum((y[:, k] - a @ expected[:, k]) ** 2)
            assert path.gain(ridge, k) == pytest.approx(squares, rel=1e-12)
        assert path.dimension(ridge) == pytest.approx(np.trace(gram @ np.linalg.inv(gram + ridge * np.eye(9))))


@pytest.mark.parametrize("way", [None, "gcv", "auto", 1e-6])
def test_hopeless_problems_stay_finite(way):
    rng = np.random.default_rng(2)
    basis = rng.normal(size=(80, 4))
    for a, y in (
        (basis @ rng.normal(size=(4, 10)), basis @ np.ones(4)),  # dependent columns
        (rng.normal(size=(5, 9)), rng.normal(size=5)),  # fewer rows than columns
        (np.zeros((6, 2)), np.zeros(6)),
        (np.ones((6, 1)), np.arange(6.0)),
        (rng.normal(size=(30, 3)), rng.normal(size=(30, 2)) * [1e-150, 1e150]),
    ):
        found = gram_of(a, y, unpenalised=1).solve(way)
        assert np.all(np.isfinite(found.coefficients))
        assert np.all(found.residual < 1.0 + 1e-12)
        assert found.rank <= min(a.shape) + 1


def test_dependent_columns_fit_and_are_counted():
    rng = np.random.default_rng(2)
    basis = rng.normal(size=(80, 4))
    a = basis @ rng.normal(size=(4, 10))
    found = gram_of(a, basis @ np.ones(4)).solve()
    assert found.rank == 4
    assert found.condition > 1e6
    assert_allclose(a @ found.coefficients[:, 0], basis @ np.ones(4), atol=1e-6)


@pytest.mark.parametrize("way", [None, "gcv", 1e-5])
@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss", "softplus"])
def test_the_hadamard_product_is_the_gram_matrix_of_gradient_rows(activation, way):
    rng = np.random.default_rng(4)
    layer = HiddenLayer(rng.normal(size=(20, 3)), rng.normal(size=20), activation, np.zeros(3), np.ones(3))
    x = rng.uniform(-1, 1, (700, 3))
    constant = np.repeat(np.eye(3), 700, axis=1)  # the linear part of an energy
    target = np.stack([np.cos(x[:, 0] + x[:, 1]), np.exp(x[:, 1]), x[:, 2] ** 2]).reshape(1, -1)
    target += 0.01 * rng.normal(size=target.shape)
    rows = np.empty((24, 2100))
    rows[:3], rows[23] = constant, target[0]
    layer.fill_gradients(x, rows[3:23])
    expected = filled(GramLeastSquares(23, 1, 2100, 3), rows[:23].T, rows[23]).solve(way)
    problem = GradientGram(layer, extra=3)
    for part in np.array_split(np.arange(700), 3):
        columns = np.concatenate([constant, target]).reshape(4, 3, 700)[:, :, part]
        problem.add(x[part], columns.reshape(4, -1))
    found = problem.solve(way)
    assert (found.rows, found.rank) == (expected.rows, expected.rank)
    assert_allclose(found.residual, expected.residual, rtol=1e-6)
    assert_allclose(rows[:23].T @ found.coefficients, rows[:23].T @ expected.coefficients, atol=1e-6)
    assert_allclose(found.gcv, expected.gcv, rtol=1e-4)
