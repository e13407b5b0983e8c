import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.networks.least_squares import LeastSquares
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.sketch import SketchedLeastSquares


def sketched(a, y, pieces, **knobs):
    y = y.reshape(len(y), -1)
    problem = SketchedLeastSquares(a.shape[1], y.shape[1], **knobs)
    for piece in pieces:
        block = problem.block(len(piece))
        block[: a.shape[1]], block[a.shape[1] :] = a[piece].T, y[piece].T
    return problem


def random_problem(rows=500, columns=10, targets=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-6, 6, columns), rng.normal(size=(rows, targets))


def test_the_same_bits_for_any_blocks():
    a, y = random_problem()
    rows = np.arange(500)
    whole = sketched(a, y, [rows], seed=3).solve().coefficients
    for cuts in ([250], [1, 2, 3, 29, 31], list(range(7, 500, 7))):
        assert_array_equal(sketched(a, y, np.split(rows, cuts), seed=3).solve().coefficients, whole)
    assert not np.array_equal(sketched(a, y, [rows], seed=4).solve().coefficients, whole)


def test_the_sketch_is_an_isometry_on_average():
    a, y = random_problem(rows=200, columns=3, targets=1)
    a = a / np.linalg.norm(a, axis=0)
    grams = []
    for seed in range(600):
        problem = sketched(a, y, [np.arange(200)], rows_kept=40, seed=seed)
        problem._add()
        grams.append(problem._sketch[:3] @ problem._sketch[:3].T)
    spread = np.std(grams, axis=0) / np.sqrt(len(grams))
    assert np.all(np.abs(np.mean(grams, axis=0) - a.T @ a) < 4.5 * spread)


def test_no_more_rows_than_are_kept_are_solved_as_they_are():
    a, y = random_problem(rows=25)
    found = sketched(a, y, [np.arange(25)], rows_kept=30).solve()
    size = np.linalg.norm(a, axis=0)
    assert_allclose(found.coefficients, np.linalg.lstsq(a / size, y, rcond=None)[0] / size[:, None], rtol=1e-9)
    assert found.rows == 25
    assert_allclose(found.rms, np.sqrt(np.mean(y**2, axis=0)))


def test_the_residual_is_near_the_least_and_its_estimate_near_it():
    a, y = random_problem(rows=5000, columns=40)
    least = np.linalg.norm(y - a @ np.linalg.lstsq(a, y, rcond=None)[0], axis=0)
    found = sketched(a, y, [np.arange(5000)], seed=1).solve()
    missing = np.linalg.norm(y - a @ found.coefficients, axis=0)
    # expected: least (1 - columns / kept)^(-1/2) = 1.22 least
    assert np.all(missing < 1.5 * least)
    assert_allclose(found.gcv * np.linalg.norm(y, axis=0), missing, rtol=0.3)
    assert found.rows == 5000
    assert_allclose(found.rms, np.sqrt(np.mean(y**2, axis=0)), rtol=0.5)


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_clean_gradients_keep_the_digits_of_orthogonalisation(scale):
    rng = np.random.default_rng(5)
    width, count = 120, 3000
    layer = HiddenLayer(scale * rng.normal(size=(width, 4)), rng.uniform(-3, 3, width), "sin", np.zeros(4), np.ones(4))

    def gradient(x):  # Henon and Heiles (1964)
        q, p, u, v = x.T
        return np.concatenate([q + 2 * q * p, p + q * q - p * p, u, v])

    x, fresh = rng.uniform(-1, 1, (count, 4)), rng.uniform(-1, 1, (1000, 4))
    problems = LeastSquares(width, 1, 4 * count), SketchedLeastSquares(width, 1)
    test = np.empty((width, 4000))
    layer.fill_gradients(fresh, test)
    errors = []
    for problem in problems:
        block = problem.block(4 * count)
        layer.fill_gradients(x, block[:width])
        block[width] = gradient(x)
        found = test.T @ problem.solve().coefficients[:, 0]
        errors.append(np.linalg.norm(found - gradient(fresh)) / np.linalg.norm(gradient(fresh)))
    assert errors[1] < 2.0 * errors[0] + 1e-13


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="must exceed the 10 columns"):
        SketchedLeastSquares(10, 1, rows_kept=10)
