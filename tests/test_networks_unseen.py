"""Errors and noise told from held-out rows, against the truth of made-up targets."""

import numpy as np
import pytest

from dynsamp.networks.search.unseen import Unseen, folds


def law(x):
    return np.stack([np.sin(3.0 * x[:, 0]) * np.cos(3.0 * x[:, 1]), np.exp(-4.0 * (x**2).sum(axis=1))], axis=1)


def orbits(count, times, rng):
    t = np.linspace(0.0, 6.0, times)
    size, phase = rng.uniform(0.2, 1.0, (2, count, 1)), rng.uniform(0.0, 6.28, (2, count, 1))
    return np.stack([size[0] * np.sin(t + phase[0]), size[1] * np.sin(1.3 * t + phase[1])], axis=-1).reshape(-1, 2)


def judged(x, trajectory, fresh, *, features, noise, seed):
    """Judgement of a fit of cosines, and its true error."""
    rng = np.random.default_rng(seed)
    weights, phases = 2.0 * rng.normal(size=(2, features)), rng.uniform(0.0, 6.28, features)
    size = np.sqrt((law(x) ** 2).mean(axis=0))
    target = law(x) + noise * size * rng.normal(size=(len(x), 2))

    def design(points):
        return np.cos(points @ weights + phases)

    def fit(rows):
        columns = np.vstack([design(x[rows]), 1e-3 * np.eye(features)])
        return np.linalg.lstsq(columns, np.vstack([target[rows], np.zeros((features, 2))]), rcond=None)[0]

    whole, fold = fit(np.arange(len(x))), folds(trajectory)
    residual, shift = np.empty_like(target), np.empty_like(target)
    for k in np.unique(fold):
        part = fit(np.flatnonzero(fold != k))
        rows = fold == k
        residual[rows], shift[rows] = target[rows] - design(x[rows]) @ part, design(x[rows]) @ (whole - part)
    found = Unseen(residual, target, x, trajectory, fold, shift).judgement()
    error = np.linalg.norm(design(fresh) @ whole - law(fresh)) / np.linalg.norm(law(fresh))
    return found, error, noise * size


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("features", [20, 60, 140])
@pytest.mark.parametrize("trajectories", [0, 40])
def test_the_error_is_told_within_a_factor_of_three(trajectories, features, noise):
    ratios = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        if trajectories:
            x, fresh = orbits(trajectories, 50, rng), orbits(200, 50, rng)
            trajectory = np.repeat(np.arange(trajectories), 50)
        else:
            x, fresh, trajectory = rng.uniform(-1, 1, (1000, 2)), rng.uniform(-1, 1, (5000, 2)), np.arange(1000)
        found, error, level = judged(x, trajectory, fresh, features=features, noise=noise, seed=seed)
        ratios.append(error / found.error)
        # noise is named where it is most of the residual, with its size
        if noise == 0.05 and features == 140 and not trajectories:
            assert found.noise == pytest.approx(level, rel=0.3)
    assert 1 / 3 < np.median(ratios) < 3
    assert max(ratios) < 10


def test_whole_trajectories_are_held_out_where_there_are_several():
    trajectory = np.repeat(np.arange(25), 7)
    fold = folds(trajectory)
    assert all(len(set(fold[trajectory == k])) == 1 for k in range(25))
    assert len(set(folds(np.repeat(np.arange(3), 7)))) == 3


def test_the_outermost_are_held_out_together():
    trajectory, far = np.repeat(np.arange(25), 7), np.arange(175.0)
    fold = folds(trajectory, outer=(far, -far))
    assert set(trajectory[fold < 0]) == {0, 24}
    assert set(fold) == {-1, *range(10)}


def test_a_few_bad_rows_are_no_noise():
    rng, trajectory = np.random.default_rng(0), np.repeat(np.arange(40), 30)
    residual = 1e-10 * rng.normal(size=(1200, 2))
    residual[trajectory == 13] *= 1e4
    square = np.mean(residual**2)
    moved = 1e-11 * rng.normal(size=(1200, 2))
    found = Unseen(residual, np.ones((1200, 2)), rng.normal(size=(1200, 2)), trajectory, folds(trajectory), moved)
    assert found.judgement().error == pytest.approx(np.sqrt(square), rel=0.1)


def test_of_one_trajectory_blocks_of_time_are_held_out():
    fold = folds(np.zeros(1000, int))
    assert np.count_nonzero(np.diff(fold)) < 50
    assert set(np.bincount(fold)) == {100}


def test_a_trajectory_that_is_much_worse_is_named():
    rng, trajectory = np.random.default_rng(0), np.repeat(np.arange(20), 30)
    residual = 1e-6 * rng.normal(size=(600, 2))
    residual[trajectory == 13] *= 1e4
    found = Unseen(residual, rng.normal(size=(600, 2)), rng.normal(size=(600, 2)), trajectory, folds(trajectory))
    assert list(found.judgement().worst()) == [13]
