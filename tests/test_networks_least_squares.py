import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.networks.least_squares import LeastSquares


def problem_of(a, y, blocks=1, unpenalised=0):
    y = y.reshape(len(y), -1)
    pieces = np.array_split(np.arange(len(y)), blocks)
    problem = LeastSquares(a.shape[1], y.shape[1], max(map(len, pieces)), unpenalised)
    for piece in pieces:
        block = problem.block(len(piece))
        block[: a.shape[1]], block[a.shape[1] :] = a[piece].T, y[piece].T
    return problem


def random_problem(rows=60, columns=8, targets=2, seed=0):
    rng = np.random.default_rng(seed)
    # columns of very different size
    return rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-6, 6, columns), rng.normal(size=(rows, targets))


@pytest.mark.parametrize("blocks", [1, 3, 20])
def test_solution_and_residual_are_those_of_lstsq(blocks):
    a, y = random_problem()
    expected, squares, *_ = np.linalg.lstsq(a, y, rcond=None)
    found = problem_of(a, y, blocks).solve()
    assert_allclose(found.coefficients, expected, rtol=1e-9)
    assert_allclose(found.residual, np.sqrt(squares) / np.linalg.norm(y, axis=0), rtol=1e-10)
    assert found.rank == 8
    assert found.rows == 60


def test_gcv_is_its_definition():
    a, y = random_problem()
    hat = a @ np.linalg.pinv(a)
    errors = y - hat @ y
    expected = np.sqrt(np.mean(errors**2, axis=0)) / (1 - np.trace(hat) / len(y))
    rms = np.sqrt(np.mean(y**2, axis=0))
    assert_allclose(problem_of(a, y).solve().gcv, expected / rms, rtol=1e-9)


def test_gcv_is_near_leave_one_out():
    rng = np.random.default_rng(3)
    a, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    left_out = []
    for k in range(40):
        keep = np.arange(40) != k
        left_out.append(y[k] - a[k] @ np.linalg.lstsq(a[keep], y[keep], rcond=None)[0])
    expected = np.sqrt(np.mean(np.square(left_out)) / np.mean(y**2))
    assert problem_of(a, y).solve().gcv[0] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("unpenalised", [0, 2])
@pytest.mark.parametrize("ridge", [1e-4, 0.3])
def test_ridge_is_its_closed_form(ridge, unpenalised):
    a, y = random_problem()
    scale = np.linalg.norm(a, axis=0)
    scaled = a / scale
    penalty = ridge * np.diag(np.arange(8) >= unpenalised)
    expected = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ y) / scale[:, None]
    found = problem_of(a, y, unpenalised=unpenalised).solve(ridge)
    assert_allclose(found.coefficients, expected, rtol=1e-9)
    hat = scaled @ np.linalg.solve(scaled.T @ scaled + penalty, scaled.T)
    assert_allclose(found.dimension, np.trace(hat), rtol=1e-9)
    rms, errors = np.sqrt(np.mean(y**2, axis=0)), y - a @ expected
    assert_allclose(found.gcv, np.sqrt(np.mean(errors**2, axis=0)) / (1 - np.trace(hat) / 60) / rms, rtol=1e-9)


def test_ridge_by_cross_validation_shrinks_noise_and_spares_the_unpenalised():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, 400)
    columns = np.stack([np.ones(400), x, *(np.cos(k * x + k) for k in range(1, 60))], axis=1)
    clean = 1.0 + 2.0 * x
    y = clean + 0.3 * rng.normal(size=400)
    error = {
        way: np.linalg.norm(columns @ problem_of(columns, y, unpenalised=2).solve(way).coefficients[:, 0] - clean)
        for way in (None, "gcv", "auto")
    }
    assert error["gcv"] < 0.5 * error[None]
    assert error["auto"] == error["gcv"]


def test_clean_data_are_left_without_a_penalty():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(50, 5))
    found = problem_of(a, a @ np.arange(5.0)).solve("auto")
    assert found.regularisation[0] == 0.0
    assert found.residual[0] < 1e-14


def test_dependent_columns_stay_bounded_and_fit():
    rng = np.random.default_rng(2)
    basis = rng.normal(size=(80, 4))
    a = basis @ rng.normal(size=(4, 10))
    y = basis @ np.ones(4)
    found = problem_of(a, y).solve()
    assert found.rank == 4
    assert found.condition > 1e12
    assert_allclose(a @ found.coefficients[:, 0], y, atol=1e-10)


def test_fewer_rows_than_columns():
    rng = np.random.default_rng(2)
    a, y = rng.normal(size=(5, 9)), rng.normal(size=5)
    for way in (None, "auto", 1e-6):
        found = problem_of(a, y).solve(way)
        assert np.all(np.isfinite(found.coefficients))


def test_zero_columns_and_zero_targets():
    a = np.zeros((6, 2))
    found = problem_of(a, np.zeros(6)).solve("auto")
    assert_allclose(found.coefficients, 0.0)
    assert found.residual[0] == 0.0


def test_a_block_that_does_not_fit_is_refused():
    problem = LeastSquares(2, 1, rows=10)
    with pytest.raises(ValueError, match="a block of 50 rows does not fit"):
        problem.block(50)


@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize("cutoff", [1e-13, 1e-8, 1e-3])
def test_a_cutoff_is_that_of_lstsq(cutoff, blocks):
    rng = np.random.default_rng(4)
    left, _ = np.linalg.qr(rng.normal(size=(90, 20)))
    right, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    a = left * np.logspace(0, -15.3, 20) @ right.T  # no singular value is near a cut-off
    y = (a @ right @ rng.normal(size=(20, 2)) + 1e-6 * rng.normal(size=(90, 2))) * [1.0, 1e8]
    expected, _, rank, _ = np.linalg.lstsq(a, y, rcond=cutoff)
    found = problem_of(a, y, blocks).solve(cutoff=cutoff)
    assert found.rank == rank
    # both solve a problem whose data are off by rounding errors, and kept directions turn by eps / cutoff
    turned = max(1e-15 / cutoff, 1e-13)
    fitted = a @ expected
    assert np.all(np.linalg.norm(a @ found.coefficients - fitted, axis=0) < turned * np.linalg.norm(fitted, axis=0))
    residual = np.linalg.norm(y - fitted, axis=0) / np.linalg.norm(y, axis=0)
    assert_allclose(found.residual, residual, rtol=max(turned, 1e-8))
    if cutoff > 1e-9:
        assert_allclose(found.coefficients, expected, rtol=1e-15 / cutoff**2, atol=1e-6 * np.abs(expected).max())


def test_a_cutoff_of_wide_and_zero_matrices():
    rng = np.random.default_rng(5)
    wide, y = rng.normal(size=(4, 9)), rng.normal(size=4)
    expected = np.linalg.lstsq(wide, y, rcond=1e-12)[0]
    assert_allclose(problem_of(wide, y).solve(cutoff=1e-12).coefficients[:, 0], expected, rtol=1e-10)
    assert_allclose(problem_of(np.zeros((5, 2)), np.ones(5)).solve(cutoff=1e-12).coefficients, 0.0)


def test_a_cutoff_and_a_ridge_together_are_refused():
    with pytest.raises(ValueError, match="drop one of them"):
        problem_of(*random_problem()).solve(1e-3, cutoff=1e-10)
