"""Until when a chaotic truth is one: against solutions that are known to be better."""

import numpy as np
import pytest

import dynsamp
from dynsamp.workflow.generation import VALID_TRUTH


def logistic(t, y, theta, out):
    out[0] = 4.0 * y[0] * (1.0 - y[0])


def leaving(states, better):
    """Index of the first saved time at which each trajectory is worse than the bound."""
    spread = states.std(axis=1, keepdims=True)
    error = np.sqrt((((states - better) / spread) ** 2).mean(axis=-1))
    return (error > VALID_TRUTH).argmax(axis=1)


def states_of(data):
    return np.stack([data[name].values for name in data.attrs["states"].split()], axis=-1)


@pytest.mark.parametrize("options", [{"method": "rk4", "step": 0.01}, {"rtol": 1e-8, "atol": 1e-8}])
def test_lorenz_truth_ends_where_a_better_solution_leaves_it(options):
    initial = dynsamp.generate("lorenz63", trajectories=8, times=[0.0], seed=1)
    start = {name: initial[name].values[:, 0] for name in "xyz"}
    truth = dynsamp.generate("lorenz63", initial=start, duration=40.0, dt=0.1, **options)
    better = dynsamp.generate("lorenz63", initial=start, duration=40.0, dt=0.1, rtol=3e-14, atol=3e-14)
    actual = truth["time"].values[leaving(states_of(truth), states_of(better))]
    said = truth["truth_valid_until"].values
    assert np.all(said < 40.0)
    assert np.all(np.abs(said - actual) < 4.0)  # e-folding time 1.1: a factor of 40 in the error
    assert np.all(better["truth_valid_until"].values > said)


def test_chaotic_map_is_true_for_as_many_iterates_as_its_digits():
    law = dynsamp.MapSystem(
        name="logistic", states=[dynsamp.State("x")], step=logistic, dt=1.0, lyapunov_exponent=np.log(2)
    )
    data = dynsamp.generate(law, initial=np.array([[0.1234], [0.4321], [0.777]]), duration=100.0)
    assert np.all(data["truth_valid_until"] > 35)  # 53 bits, one lost each iterate, to a few per cent
    assert np.all(data["truth_valid_until"] < 60)
