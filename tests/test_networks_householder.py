import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.networks import tuning
from dynsamp.networks.least_squares import fold, triangle_of


@pytest.fixture(autouse=True, params=[10_000, 64], ids=["lapack", "own"])
def panels(request, monkeypatch):
    """Both ways to factorise panels."""
    monkeypatch.setattr(tuning, "QR_WIDE", request.param)


def positive(triangle):
    """The same triangle with the signs that make its diagonal positive."""
    return triangle * np.where(np.diag(triangle) < 0.0, -1.0, 1.0)[:, None]


@pytest.mark.parametrize(
    "shape",
    [
        (0, 3),
        (1, 1),
        (2, 7),
        (300, 5),
        (9000, 20),
        (300, tuning.QR_PANEL),
        (5000, 150),
        (400, 300),
        (1000, 300),
        (4999, 267),
    ],
)
def test_the_triangle_is_that_of_the_qr_factorisation(shape):
    a = np.random.default_rng(0).normal(size=shape)
    expected = np.zeros((shape[1], shape[1]))
    expected[: min(shape)] = np.linalg.qr(a, mode="r")
    found = triangle_of(a.T.copy())
    assert_allclose(positive(found), positive(expected), atol=1e-12 * np.sqrt(max(shape)))
    assert_array_equal(np.tril(found, -1), 0.0)


def test_rows_folded_in_are_rows_of_the_whole():
    a = np.random.default_rng(1).normal(size=(2 * tuning.QR_ROWS + 77, 290))
    whole = triangle_of(a.T.copy())
    parts = triangle_of(a[:600].T.copy())
    for part in np.split(a[600:], [1, 2, 1000, tuning.QR_ROWS]):
        parts = triangle_of(part.T.copy(), parts)
    assert_allclose(positive(parts), positive(whole), atol=1e-11)


def test_backward_error_with_columns_of_any_size_and_hardly_independent():
    rng = np.random.default_rng(2)
    x = np.linspace(-1.0, 1.0, 1500)
    a = np.cos(np.outer(x, 0.05 * np.arange(300)))  # condition beyond 1e16
    a *= 10.0 ** rng.uniform(-120, 120, 300)
    found = triangle_of(a.T.copy())
    size = np.linalg.norm(a, axis=0)
    # R'R = A'A to rounding errors of each pair of columns: what orthogonal transformations keep
    gram = (a / size).T @ (a / size)
    assert_allclose((found / size).T @ (found / size), gram, atol=2e-14)


def test_the_triangle_of_a_vandermonde_matrix_against_mpmath():
    count = 12
    with mpmath.workdps(60):
        x = [mpmath.mpf(i) / 39 for i in range(40)]
        rows = mpmath.matrix([[v**k for k in range(count)] for v in x])
        exact = np.array(mpmath.qr(rows, mode="skinny")[1].tolist(), dtype=float)
    found = triangle_of(np.array([[float(v**k) for v in x] for k in range(count)]))
    # the last diagonal entries are 1e-6 of the column: their digits are lost in proportion
    assert_allclose(positive(found), positive(exact), atol=1e-14)


def test_zero_and_repeated_columns():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(700, 280))
    a[:, 3] = 0.0
    a[:, 140] = a[:, 7]
    found = triangle_of(a.T.copy())
    assert np.all(np.isfinite(found))
    assert_array_equal(found[:, 3], 0.0)
    assert_allclose(found.T @ found, a.T @ a, atol=1e-11)


def test_a_block_of_zeros_changes_nothing():
    triangle = np.asfortranarray(np.triu(np.random.default_rng(4).normal(size=(300, 300))))
    before = triangle.copy()
    fold(triangle, np.zeros((50, 300), order="F"))
    assert_array_equal(triangle, before)


def test_columns_whose_squares_overflow_or_vanish():
    rng = np.random.default_rng(5)
    a = rng.normal(size=(600, 280))
    scale = 2.0 ** rng.choice([-600, 0, 600], 280)
    found = triangle_of((a * scale).T.copy())
    assert_allclose(positive(found / scale), positive(triangle_of(a.T.copy())), atol=1e-12)
