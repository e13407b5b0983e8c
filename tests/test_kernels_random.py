"""Philox against its published vectors; moments; independence of the shape of a request."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dynsamp.kernels.random import normal, normals, philox, uniform, uniforms

# Random123, file kat_vectors, philox4x32-10: counter, key, result
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.nojit
@pytest.mark.parametrize(("counter", "key", "result"), VECTORS)
def test_known_answers(counter, key, result):
    assert list(philox(*words(counter), *words(key))) == words(result)


def test_normals_are_standard_and_uncorrelated():
    z = normals(11, np.arange(200)[:, None, None], np.arange(200)[:, None], np.arange(4))
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    for moment, expected in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert np.mean(z**moment) == pytest.approx(expected, abs=0.05)
    flat = z.reshape(-1, 4)
    np.testing.assert_allclose(np.corrcoef(flat.T), np.eye(4), atol=0.02)
    assert abs(np.corrcoef(z[1:].ravel(), z[:-1].ravel())[0, 1]) < 0.01  # neighbouring trajectories
    assert abs(np.corrcoef(z[:, 1:].ravel(), z[:, :-1].ravel())[0, 1]) < 0.01  # neighbouring steps


def test_uniforms_fill_the_open_interval():
    u = uniforms(3, np.arange(100)[:, None], np.arange(1000), 0)
    assert 0.0 < u.min() < 1e-4
    assert 1.0 - 1e-4 < u.max() < 1.0
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3


def test_counters_of_64_bits_do_not_collide():
    ids = np.array([0, 1, 2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1])
    steps = np.array([0, 1, 2**16, 2**24, 2**32, 2**39])
    values = [uniforms(seed, ids[:, None], steps, draw) for seed in (0, 1, 2**32, 2**63) for draw in (0, 1, 2, 2**16)]
    values = np.array(values).ravel()
    assert len(np.unique(values)) == len(values)


def test_scalar_and_array_agree():
    assert normals(7, 3, [4], 5)[0] == normal(7, 3, 4, 5)
    assert uniforms(7, [3], 4, 6)[0] == uniform(7, 3, 4, 6)
