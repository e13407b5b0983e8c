"""Verdicts: whether a model beats persistence, climatology and a linear map, on laws of which that is known."""

import dataclasses
import math

import numpy as np
import pytest

import dynsamp as ds
from dynsamp import dataset
from dynsamp.solve import Kernel
from dynsamp.workflow.verdict import verdict

RNG = np.random.default_rng(14)


def arrays(y, dt=0.1):
    y = np.asarray(y, dtype=float)
    y = y[None] if y.ndim == 2 else y
    return ds.from_arrays(y, np.arange(y.shape[1]) * dt, names=list("xyzw"[: y.shape[2]]))


def lorenz(**given):
    return ds.generate("lorenz63", trajectories=4, duration=4, dt=0.02, seed=1, **given)


def relaxing(h, count=5000):
    """x' = -x + sqrt(2) noise at spacing h, by its exact law."""
    x, rng = [0.0], np.random.default_rng(7)
    for z in rng.standard_normal(count):
        x.append(math.exp(-h) * x[-1] + math.sqrt(1 - math.exp(-2 * h)) * z)
    return np.array(x)[:, None]


def logistic(count):
    x = [0.3]
    for _ in range(count):
        x.append(3.9 * x[-1] * (1 - x[-1]))
    return np.array(x)[:, None]


TURNING = np.stack([np.cos(np.arange(300) * 0.1), np.sin(np.arange(300) * 0.1)], axis=1)  # a linear law
SAID = {
    # a constant state with errors, or noise without memory: the mean is best
    "white noise": (lambda: arrays(RNG.standard_normal((500, 1))), None, "no skill: no better than climatology"),
    "few rows of noise": (lambda: arrays(RNG.standard_normal((30, 2))), None, "no skill: no better than"),
    "white noise as diffusion": (lambda: arrays(RNG.standard_normal((500, 1))), "drift-diffusion", "than climatology"),
    # errors of single forecasts favour a narrower law, their mean does not
    "white noise as diffusion, again": (
        lambda: arrays(np.random.default_rng(1003).standard_normal((500, 1))), "drift-diffusion", "than climatology"
    ),
    # a martingale: the present state is best
    "a random walk": (lambda: arrays(RNG.standard_normal((500, 1)).cumsum(axis=0)), None, "than persistence"),
    "a random walk as diffusion": (
        lambda: arrays(RNG.standard_normal((500, 1)).cumsum(axis=0)), "drift-diffusion", "than persistence"
    ),
    "two rows": (lambda: arrays([[1.0, 2.0], [1.1, 2.2]]), None, "no skill can be shown: 1 step of data"),
    # cos(0.1) x is the best forecast of the next value; it beats x by 0.1 %, and at no lead time the mean as well
    "one column of a sine": (lambda: arrays(TURNING[:, :1]), None, "no skill: no better than persistence"),
    "a linear law": (lambda: arrays(TURNING), None, "as good as a linear map; beats persistence and climatology"),
    "a map with folds": (
        lambda: arrays(logistic(300)), None, "beats persistence, climatology and a linear map up to"
    ),
    "an attractor": (lorenz, ds.FlowMap(width=200), "and a linear map up to 1.28, the longest checked"),
    "an attractor with noise": (
        lambda: lorenz(noise=0.02), ds.FlowMap(width=100), "beats persistence, climatology and a linear map"
    ),
    "few data": (
        lambda: lorenz().isel(trajectory=[0], time=slice(60)), ds.FlowMap(), "beats persistence, climatology and"
    ),
    # of x at one relaxation time exp(-1) is known: 7 % less than the mean leaves, and nothing is known beyond
    "little is known": (
        lambda: arrays(relaxing(1.0), 1.0), "drift-diffusion",
        "little skill: as good as a linear map; beats persistence and climatology up to 1; no better than climatology",
    ),
    "little is known, as a map": (lambda: arrays(relaxing(1.0), 1.0), None, "climatology up to 1; no better than"),
    # the law is linear: none can be better, and it is not worse
    "relaxing": (lambda: arrays(relaxing(0.3), 0.3), "drift-diffusion", "as good as a linear map; beats persistence"),
    "turning with noise": (
        lambda: arrays(RNG.uniform(0.2, 2, (8, 1, 1)) * TURNING + 0.02 * RNG.standard_normal((8, 300, 2))), None,
        "as good as a linear map; beats persistence and climatology",
    ),
    "points": (
        lambda: ds.generate("pendulum", trajectories=200, times=[0], initial=ds.Box([-3, -1], [3, 1])), None,
        "beats the mean and a linear law of the derivative",
    ),
    "persistence itself": (lorenz, "persistence", "no skill: no better than persistence"),
    "regression": (
        lorenz, ds.SampledNetwork(inputs=["x", "y", "z"], targets=["tendency_of_z"], width=50),
        "beats the mean and a linear law",  # x y - 8/3 z
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_the_verdict_holds(name):
    data, estimator, words = SAID[name]
    model = ds.fit(data(), estimator)
    assert words in model.report["verdict"]
    assert next(iter(model.report)) == "verdict"
    assert model.report["verdict"] in model.summary().split("\n")[0]
    assert repr(model) == model.summary()


def test_an_energy_beats_the_linear_law_where_that_fails():
    # amplitudes up to 3 rad: the period differs from that of the linear law by up to a third
    said = ds.fit(ds.generate("pendulum", seed=1)).report["verdict"]
    assert said.startswith("beats persistence, climatology and a linear map up to 3.2 s, the longest checked")


def test_the_reported_error_counts():
    data = lorenz()
    model, samples = ds.fit(data, ds.FlowMap(width=100)), dataset.pack(data)

    def said(error):
        return verdict(dataclasses.replace(model, report={"error": error}), samples)

    assert said(1e-6).startswith("beats persistence, climatology and a linear map up to")
    assert "no skill" in said(1.0)  # as wrong as if nothing moved
    assert "on the data of the fit" in verdict(dataclasses.replace(model, report={}), samples)


def rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -math.sin(y[0])  # takes numbers, no arrays


@dataclasses.dataclass(frozen=True, kw_only=True)
class Swing(ds.Model):
    name = "swing"

    def kernel(self):
        return Kernel("field", (rhs,), np.empty(0), size=2, parameters=0)


@dataclasses.dataclass(frozen=True)
class Swings(ds.Estimator):
    name = "swing"
    Model = Swing
    broken: bool = False

    def fit(self, samples, *, seed=0, memory=None):
        return (Broken if self.broken else Swing)(**samples.about({"rows": 1}))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Broken(Swing):
    name = "broken"

    def vector_field(self, y):
        raise RuntimeError("not today\nat all")


def test_estimators_of_others_are_judged_too():
    law = ds.ODESystem(
        name="swing", states=[ds.State("q"), ds.State("v")], rhs=rhs, initial=ds.Box([-3, -1], [3, 1]),
        duration=6.0, dt=0.2,
    )  # fmt: skip
    data = ds.generate(law, trajectories=12, seed=1)
    model = ds.fit(data, Swings(), system=law)
    assert model.report["verdict"].startswith("beats persistence, climatology and a linear map up to 4.8")
    assert "rows: 1" in model.summary()
    broken = ds.fit(data, Swings(broken=True), system=law)
    assert broken.report["verdict"] == "not compared with persistence, climatology and a linear map: not today"


def test_errors_and_noise_are_spoken():
    model = ds.fit(ds.from_arrays(TURNING[None], np.arange(300) * 0.1, names=["x", "v"], units=["m", "m s-1"]))
    given = {
        "error": {"drift": 3e-15, "diffusion": 0.2},
        "error_interval": {"drift": [0.0, 1.0], "diffusion": [0.1, 0.3]},
    }
    said = dataclasses.replace(model, report={**given, "noise": {"x": 0.02, "tendency_of_x": 0.5}}).summary()
    assert "error: drift at rounding (3e-15), diffusion 0.2 (0.1 to 0.3)" in said
    assert "noise: x 0.02 m (1 % of the range), tendency_of_x 0.5 m" in said


def test_a_lost_trajectory_says_nothing_of_the_others():
    data = lorenz()
    model, samples = ds.fit(data, ds.FlowMap(width=200)), dataset.pack(data)
    whole = dataclasses.replace(model, report={"error": 0.4})
    assert "longest checked" not in verdict(whole, samples)
    lost = dataclasses.replace(model, report={"error": 0.4, "worst": {"trajectory 3": 0.8 - 1e-9}})
    said = verdict(lost, samples)
    assert said.startswith("beats persistence, climatology and a linear map up to")
    assert said.endswith("longest checked; trajectory 3 is lost")


def test_fits_to_arrays_are_judged():
    x = np.random.default_rng(1).uniform(-1, 1, (200, 1))
    noise = np.random.default_rng(2).standard_normal(200)
    for y, words in (
        (np.sin(5 * x), "beats the mean and a linear law"),
        (x[:, 0] + 0.3 * noise, "as good as a linear law; beats the mean"),
        (noise, "no skill: no better than the mean"),
    ):
        model = ds.SampledNetwork().fit(x, y)
        assert next(iter(model.report.items())) == ("verdict", words)


@pytest.mark.parametrize("count", [1, 3])
def test_a_single_record_is_all_that_a_verdict_knows(count):
    train = ds.generate("pendulum", trajectories=count, duration=20, dt=0.1, seed=1)
    said = ds.fit(train, ds.FlowMap(), progress=False).report["verdict"]
    assert ("along the one trajectory" in said) == (count == 1)
