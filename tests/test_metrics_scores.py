"""Scores against closed forms, hand-made cases and scoringrules."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from dynsamp.metrics import METRICS, Record
from dynsamp.metrics.errors import fair_crps, survival, survival_median
from dynsamp.models.base import Samples
from dynsamp.models.null import RandomWalk
from dynsamp.system import HamiltonianSystem, SDESystem
from dynsamp.words import Facts, Parameter, State

SCORE = {metric.name: metric for metric in METRICS}
T = np.linspace(0.0, 1.0, 11)


X = (State("x"),)


def record(y, states=X, t=T, valid_until=None, **facts):
    y = np.asarray(y, dtype=float)
    count = len(y)
    return Record(
        t=t,
        y=y,
        status=np.zeros(y.shape[:2], np.int8),
        states=states,
        theta=np.empty((count, 0)),
        valid_until=np.full(count, np.inf) if valid_until is None else np.asarray(valid_until, float),
        facts=Facts(**facts),
    )


def truth(count=3, **facts):
    """Two components, x(t) = cos and y(t) = 100 sin of a phase of its own."""
    phase = 6 * T + np.arange(count)[:, None]
    y = np.stack([np.cos(phase), 100 * np.sin(phase)], axis=-1)[:, None]
    return record(y, (State("x"), State("y")), **facts)


def test_the_names_are_the_registered_ones():
    assert list(SCORE) == [
        "nrmse", "valid_prediction_time", "energy_error", "truth_energy_error", "energy_drift", "model_energy_drift",
        "hamiltonian_error", "gradient_error", "invariant_drift", "power_balance", "symplecticity_defect",
        "period_error", "amplitude", "section_distance", "crps", "spread_skill", "drift_error", "diffusion_error",
    ]  # fmt: skip
    assert all(metric.long_name for metric in METRICS)


def test_nrmse_counts_components_in_standard_deviations():
    exact = truth()
    sd = exact.y.reshape(-1, 2).std(axis=0)
    forecast = replace(exact, y=exact.y + np.array([0.3, 0.0]) * sd)
    score = SCORE["nrmse"](forecast, exact)
    assert score.values.shape == (3, 1, 11)
    assert_allclose(score.values, 0.3 / math.sqrt(2))
    assert "standard deviation" in score.attrs["norm"]


def test_nrmse_after_failures_and_beyond_the_truth():
    exact = replace(truth(), valid_until=np.array([np.inf, 0.5, np.inf]))
    y = exact.y.copy()
    y[0, 0, 4:] = np.nan  # failed
    score = SCORE["nrmse"](replace(exact, y=y), exact).values[:, 0]
    assert_array_equal(score[0], [0] * 4 + [np.inf] * 7)
    assert_array_equal(score[1], [0] * 6 + [np.nan] * 5)
    huge = np.where(np.arange(11)[:, None] > 5, 1e300, exact.y)
    assert_array_equal(SCORE["nrmse"](replace(exact, y=huge), exact).values[0, 0, 6:], np.inf)


def test_angles_differ_the_short_way_round():
    states = (State("a", period=2 * math.pi),)
    exact = record(np.linspace(0, 40, 11)[None, None, :, None], states)
    forecast = replace(exact, y=exact.y + 6 * math.pi + 0.1)
    assert_allclose(SCORE["nrmse"](forecast, exact).values, 0.1 / (2 * math.pi / math.sqrt(12)))


def test_valid_prediction_time_is_the_last_time_before_crossing():
    exact = truth()
    sd = exact.y.reshape(-1, 2).std(axis=0)
    error = np.zeros((3, 1, 11, 1))
    error[0, 0, 7:] = 0.41
    error[1, 0, 3] = 0.41  # once is enough
    error[2] = 0.39
    forecast = replace(exact, y=exact.y + error * sd)
    score = SCORE["valid_prediction_time"](forecast, exact)
    assert_allclose(score.values[:, 0], [0.6, 0.2, 1.0])
    assert score.attrs["censored"] == 1
    assert score.attrs["threshold"] == 0.4
    assert "units" not in score.attrs


def test_valid_prediction_time_in_lyapunov_times():
    exact = truth(lyapunov_exponent=0.9)
    score = SCORE["valid_prediction_time"](exact, exact)
    assert_allclose(score.values, 0.9)
    assert score.attrs["units"] == "1"
    assert score.attrs["lyapunov_exponent"] == 0.9
    regular = SCORE["valid_prediction_time"](exact, replace(exact, facts=Facts(lyapunov_exponent=-0.1)))
    assert "units" not in SCORE["valid_prediction_time"](truth(), truth()).attrs
    assert regular.values.shape == (3, 1)


def test_a_failure_ends_and_a_truth_caps_the_valid_prediction_time():
    exact = replace(truth(4), valid_until=np.array([np.inf, 0.35, np.inf, -1.0]))
    y = exact.y.copy()
    y[0, 0, 5:] = np.nan
    y[2] = np.nan  # never started
    score = SCORE["valid_prediction_time"](replace(exact, y=y), exact)
    assert_allclose(score.values[:, 0], [0.4, 0.3, 0.0, np.nan])
    assert score.attrs["censored"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_survival_against_scipy(seed):
    rng = np.random.default_rng(seed)
    ends, seen = rng.integers(1, 30, 40) / 3, rng.integers(1, 40, 40) / 3  # with ties
    times, censored = np.minimum(ends, seen), seen < ends
    data = stats.CensoredData(uncensored=times[~censored], right=times[censored])
    known = stats.ecdf(data).sf
    events, share = survival(np.append(times, np.nan), np.append(censored, False))
    assert_allclose(share, known.evaluate(events), atol=1e-12)
    median, reached = survival_median(times, censored)
    below = events[share < 0.5 + 1e-12]
    assert (median, reached) == ((pytest.approx(below[0]), True) if below.size else (times.max(), False))


def test_medians_of_times_that_are_all_known_are_medians():
    for times in ([1.0], [1.0, 4.0], [3.0, 1.0, 2.0], [5.0, 1.0, 2.0, 9.0]):
        assert survival_median(np.array(times), np.zeros(len(times))) == (np.median(times), True)
    assert survival_median(np.array([4.0, 5.0, 5.0]), np.array([0, 1, 1])) == (5.0, False)
    assert survival_median(np.array([4.0, 5.0]), np.array([0, 1])) == (4.0, False)  # anything from 4 on
    score = SCORE["valid_prediction_time"](truth(), truth())
    assert score.censored.all()
    assert score.attrs["median_is"] == "at least this: not reached"


def test_records_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="differ in trajectories, times or components"):
        SCORE["nrmse"](truth(2), truth(3))


# --- ensembles -----------------------------------------------------------------------------------------------------


def test_fair_crps_against_the_definition():
    x = np.random.default_rng(0).standard_normal((7, 50))
    pairs = np.abs(x[:, None] - x[None]).sum(axis=(0, 1)) / (2 * 7 * 6)
    assert_allclose(fair_crps(x), np.abs(x).mean(axis=0) - pairs, rtol=1e-12)
    assert_allclose(fair_crps(x[:1]), np.abs(x[0]))


@pytest.mark.filterwarnings("ignore")  # what importing it warns about
def test_fair_crps_against_scoringrules():
    import scoringrules

    rng = np.random.default_rng(1)
    members, observed = rng.standard_normal((40, 20)), rng.standard_normal(40)
    ours = fair_crps((members - observed[:, None]).T)
    assert_allclose(ours, scoringrules.crps_ensemble(observed, members, estimator="fair"), rtol=1e-12)


@pytest.mark.parametrize("members", [2, 5, 400])
def test_fair_crps_of_normal_members_is_unbiased_for_any_size(members):
    # E CRPS(N(0, 1), y) at y = 1: sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) = 0.602441
    x = np.random.default_rng(members).standard_normal((members, 400_000 // members))
    scores = fair_crps(x - 1.0)
    assert scores.mean() == pytest.approx(0.602441, abs=4 * scores.std() / math.sqrt(len(scores)))


def ensemble(members, count=4000, spread=1.0, seed=0):
    """Truth and members from N(centre, 1) and N(centre, spread^2)."""
    rng = np.random.default_rng(seed)
    centre = 3 * rng.standard_normal((count, 1, 2, 1))
    observed = centre + rng.standard_normal((count, 1, 2, 1))
    forecast = centre + spread * rng.standard_normal((count, members, 2, 1))
    t = np.array([0.0, 1.0])
    return record(forecast, t=t), record(observed, t=t)


@pytest.mark.parametrize("members", [2, 3, 20])
def test_spread_skill_of_a_calibrated_ensemble_is_one(members):
    assert_allclose(SCORE["spread_skill"](*ensemble(members)).values, 1.0, atol=0.05)
    # half the spread: sqrt(21/20 s^2 / (1 + s^2/20)), s = 1/2
    exact = 0.5 * math.sqrt(21 / 20 / (1 + 0.25 / 20))
    assert_allclose(SCORE["spread_skill"](*ensemble(20, spread=0.5)).values, exact, atol=0.03)


def test_crps_of_a_perfect_ensemble_in_standard_deviations():
    forecast, observed = ensemble(20)
    score = SCORE["crps"](forecast, observed)
    assert score.values.shape == (4000, 2)
    # 1 / sqrt(pi) for N(0, 1); the climatological variance is 9 + 1
    assert_allclose(score.values.mean(), 0.564190 / math.sqrt(10), rtol=0.05)


def test_ensembles_with_failures_and_without_members():
    forecast, observed = ensemble(5, count=10)
    y = forecast.y.copy()
    y[3, 2, 1] = np.nan
    failed = replace(forecast, y=y)
    scores = SCORE["crps"](failed, observed).values
    assert np.isinf(scores[3, 1])
    assert np.isfinite(np.delete(scores.ravel(), 7)).all()
    ratio = SCORE["spread_skill"](failed, observed).values
    assert ratio[1] == 0.0
    assert ratio[0] > 0
    with pytest.raises(ValueError, match="at least two members"):
        SCORE["spread_skill"](observed, observed)


# --- energy --------------------------------------------------------------------------------------------------------


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * q[0]


def energy(t, y, theta):
    return 0.5 * (y[1] ** 2 + theta[0] * y[0] ** 2)


SPRING = HamiltonianSystem(
    name="spring", states=[State("q"), State("p")], parameters={"k": Parameter(4.0)}, velocity=velocity, force=force,
    hamiltonian=energy,
)  # fmt: skip


class Scaled:
    """A model whose energy is that of the spring, times a factor, plus a constant."""

    def __init__(self, factor):
        self.factor = factor

    def energy(self, y):
        return 7.0 + self.factor * 0.5 * (y[..., 1] ** 2 + 4.0 * y[..., 0] ** 2)


def spring(growth=0.0, amplitude=(1.0, 2.0)):
    scale = np.asarray(amplitude)[:, None] * np.exp(growth * T)
    y = np.stack([scale * np.cos(2 * T), -2 * scale * np.sin(2 * T)], axis=-1)[:, None]
    return record(y, SPRING.states)


def test_energy_is_conserved_on_the_exact_orbit_and_grows_with_the_amplitude():
    assert_allclose(SCORE["energy_error"](spring(), SPRING).values, 0.0, atol=1e-14)
    assert_allclose(SCORE["truth_energy_error"](spring(), SPRING).values, 0.0, atol=1e-14)
    growing = SCORE["energy_error"](spring(0.1), SPRING).values
    assert_allclose(growing[:, 0], np.tile(np.exp(0.2 * T) - 1, (2, 1)), rtol=1e-12)
    drift = SCORE["energy_drift"](spring(0.1), SPRING)
    assert_allclose(drift.values, np.full((2, 1), math.exp(0.2) - 1))
    assert drift.attrs["median_slope"] == pytest.approx(0.2, rel=0.15)


def test_swept_parameters_reach_the_hamiltonian():
    swept = replace(spring(), theta=np.array([[4.0], [1.0]]))
    error = SCORE["energy_error"](swept, SPRING).values
    assert_allclose(error[0], 0.0, atol=1e-14)
    assert error[1].max() > 0.1


def test_a_failed_forecast_has_infinite_energy_error_and_a_missing_truth_none():
    y = spring().y.copy()
    y[1, 0, 5:] = np.nan
    failed = replace(spring(), y=y)
    assert_array_equal(np.isinf(SCORE["energy_error"](failed, SPRING).values[1, 0]), T > 0.45)
    assert_array_equal(np.isinf(SCORE["energy_drift"](failed, SPRING).values[:, 0]), [False, True])
    assert_array_equal(np.isnan(SCORE["truth_energy_error"](failed, SPRING).values[1]), T > 0.45)


def test_a_start_without_energy_does_not_divide_by_zero():
    still = SCORE["energy_error"](spring(amplitude=(0.0, 2.0)), SPRING).values
    assert_array_equal(still[0], 0.0)
    assert_array_equal(SCORE["energy_error"](spring(amplitude=(0.0, 0.0)), SPRING).values, 0.0)


@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_the_hamiltonian_is_compared_up_to_a_constant(factor):
    score = SCORE["hamiltonian_error"](spring(0.3), Scaled(factor), SPRING)
    assert score.values.shape == ()
    assert_allclose(score.values, factor - 1, atol=1e-14)
    assert_allclose(SCORE["model_energy_drift"](spring(), Scaled(factor)).values, 0.0, atol=1e-14)


def test_a_constant_that_was_given_counts():
    model, orbits = Scaled(1.0), spring(0.3)  # of energy 2 a^2 exp(0.6 t); what is learned is larger by 7
    exact = 2.0 * np.array([1.0, 4.0])[:, None] * np.exp(0.6 * T)
    model.report = {"constant": "H is 0 at [0.0, 0.0]"}
    score = SCORE["hamiltonian_error"](orbits, model, SPRING)
    assert_allclose(score.values, 7.0 * math.sqrt(exact.size) / np.linalg.norm(exact), rtol=1e-12)
    model.report = {"constant": "H is zero at the centre of the data"}
    assert_allclose(SCORE["hamiltonian_error"](orbits, model, SPRING).values, 0.0, atol=1e-14)


def test_scores_of_energy_need_an_energy():
    with pytest.raises(ValueError, match=r"has no energy\(\)"):
        SCORE["hamiltonian_error"](spring(), object(), SPRING)
    with pytest.raises(TypeError, match="has no hamiltonian"):
        SCORE["energy_error"](truth(), WALK)


# --- stochastic equations ------------------------------------------------------------------------------------------


def drift(t, y, theta, dy):
    dy[0] = theta[0]
    dy[1] = -2.0


def full(t, y, theta, g):
    g[0, 0] = 0.0
    g[0, 1] = 0.5
    g[1, 0] = 0.1
    g[1, 1] = 0.0


WALK = SDESystem(
    name="walk", states=[State("x"), State("y")], parameters={"m": 1.0}, drift=drift, diffusion=full, noise=2
)


def test_drift_and_diffusion_are_compared_as_functions_of_the_state():
    # the exact root is rotated against the model's diagonal, g g^T is the same
    samples = Samples(t=np.array([[0.0, 1.0]]), y=np.array([[[0.0, 0.0], [1.0, -2.0]]]), states=tuple(WALK.states))
    model = replace(RandomWalk().fit(samples), volatility=np.array([0.5, 0.1]))
    exact = truth()
    assert_allclose(SCORE["drift_error"](exact, model, WALK).values, 0.0, atol=1e-15)
    assert_allclose(SCORE["diffusion_error"](exact, model, WALK).values, 0.0, atol=1e-15)
    doubled = replace(model, mean_rate=2 * model.mean_rate, volatility=2 * model.volatility)
    assert_allclose(SCORE["drift_error"](exact, doubled, WALK).values, 1.0)
    assert_allclose(SCORE["diffusion_error"](exact, doubled, WALK).values, 3.0)
    with pytest.raises(TypeError, match="not a stochastic differential equation"):
        SCORE["drift_error"](exact, model, SPRING)
    with pytest.raises(TypeError, match=r"has no drift\(\)"):
        SCORE["drift_error"](exact, object(), WALK)
