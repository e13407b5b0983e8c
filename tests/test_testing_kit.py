"""The conformance kit finds what it is there to find, and says what to do."""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest

import dynsamp
from dynsamp.testing import CheckFailure, check_system, checks
from dynsamp.testing.contract import (
    check_batches,
    check_compiles,
    check_conserves,
    check_declaration,
    check_derivatives,
    check_finite,
    check_generates,
    check_pure,
    check_survives,
    check_sweeps,
)


def rhs(t, y, theta, dy):
    dy[0] = -theta[0] * y[0]


def decay(**changes):
    """A sound system, or one with a fault."""
    fields = {
        "name": "decay",
        "title": "Exponential decay",
        "references": ["Rutherford and Soddy (1902)"],
        "states": [dynsamp.State("x", "1", "amount")],
        "parameters": {"rate": dynsamp.Parameter(1.0, "1", "rate")},
        "rhs": rhs,
        "initial": dynsamp.Box([0.5], [1.0]),
        "duration": 2.0,
        "dt": 0.1,
    }
    return dynsamp.ODESystem(**{**fields, **changes})


def fails(check, system, message):
    with pytest.raises(CheckFailure, match=message):
        check(system)


def test_there_are_ten_checks_with_names():
    assert len(checks) == 10
    assert all(check.__name__.startswith("check_") and check.__doc__ for check in checks)


def test_a_sound_system_passes_all_checks():
    check_system(decay())


def test_a_registered_system_is_checked_by_name():
    with pytest.raises(ValueError, match="did you mean 'pendulum'"):
        check_system("pendulun")


def test_all_failures_are_listed_at_once():
    def bad(t, y, theta, out):
        out[0] += 1.0

    with pytest.raises(CheckFailure, match=r"system 'bad' fails \d of 10 checks") as failure:
        check_system(dynsamp.MapSystem(name="bad", states=[dynsamp.State("x")], step=bad))
    assert "check_declaration: the declaration lacks a title" in str(failure.value)
    assert "check_pure: the function 'bad' reads out[0] before writing it" in str(failure.value)
    assert "check_generates: not run, for the same reason" in str(failure.value)
    assert isinstance(failure.value, AssertionError)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"references": []}, "a reference"),
        ({"title": "two\nlines"}, "a title of one line"),
        ({"states": [dynsamp.State("x", "", "amount")]}, "units of state 'x'"),
        ({"states": [dynsamp.State("x", "1")]}, "long_name of state 'x'"),
        ({"parameters": {"rate": dynsamp.Parameter(np.inf, "1")}}, "default of parameter 'rate' is inf"),
        ({"parameters": {"a rate": 1.0}}, "no identifier"),
        ({"dt": 3.0}, "dt = 3 exceeds duration = 2"),
        ({"time_unit": ""}, "units of time"),
        ({"metrics": ["rnmse"]}, r"metrics= names \['rnmse'\]"),
        ({"estimator": "flow-map"}, "give an Estimator"),
        ({"initial": lambda rng, n: rng.normal(size=(n, 2))}, "initial= gives no starts"),
        ({"initial": lambda rng, n: np.full((n, 1), np.nan)}, "not finite"),
        ({"initial": lambda rng, n: np.random.default_rng().normal(size=(n, 1))}, "other starts when asked again"),
    ],
)
def test_an_incomplete_declaration(changes, message):
    fails(check_declaration, decay(**changes), message)


def test_facts_must_fit_into_a_file():
    class Odd(dynsamp.ODESystem):
        def facts(self):
            return replace(super().facts(), other={"array": np.zeros(3)})

    class Older(dynsamp.ODESystem):
        def facts(self):
            return {"kind": "ode"}

    knobs = {field.name: getattr(decay(), field.name) for field in dataclasses.fields(decay())}
    fails(check_declaration, Odd(**knobs), "not JSON")
    fails(check_declaration, Older(**knobs), "must return Facts")
    assert json.dumps(decay().facts().to_json())


def test_functions_that_change_their_arguments():
    def changes_y(t, y, theta, dy):
        dy[0] = -y[0]
        y[0] = 0.0

    def changes_theta(t, y, theta, dy):
        dy[0] = -y[0]
        theta[0] = 2.0

    fails(check_pure, decay(rhs=changes_y), r"'changes_y' writes into y\[0\], which is not its own")
    fails(check_pure, decay(rhs=changes_theta), r"'changes_theta' writes into theta\[0\], which is not its own")


def test_functions_that_forget_or_overrun_components():
    def forgets(t, y, theta, dy):
        pass

    def overruns(t, y, theta, dy):
        dy[0] = 0.0
        dy[1] = 0.0

    fails(check_pure, decay(rhs=forgets), "'forgets' writes nothing into dy")
    fails(check_pure, decay(rhs=overruns), r"'overruns' writes dy\[1\], but dy has one component, dy\[0\]")


def test_functions_that_draw_random_numbers():
    rng = np.random.default_rng(1)

    def draws(t, y, theta, dy):
        dy[0] = rng.normal()

    fails(check_pure, decay(rhs=draws), "draw no random numbers")


def test_functions_that_are_not_finite_at_the_starts():
    def logarithm(t, y, theta, dy):
        dy[0] = np.log(y[0] - 2)

    fails(check_finite, decay(rhs=logarithm), "move initial= into the domain")


def test_a_function_that_does_not_compile():
    def counts_text(t, y, theta, dy):
        dy[0] = float("1" + str(len({"a": 1, "b": "c"})))

    fails(check_compiles, decay(rhs=counts_text), "the function 'counts_text' does not compile")


def spring(**changes):
    """A sound Hamiltonian system, or one with a fault."""

    def velocity(t, p, theta, dq):
        dq[0] = p[0]

    def force(t, q, theta, dp):
        dp[0] = -q[0]

    def energy(t, y, theta):
        return 0.5 * (y[0] ** 2 + y[1] ** 2)

    fields = {
        "name": "spring",
        "states": [dynsamp.State("q"), dynsamp.State("p")],
        "velocity": velocity,
        "force": force,
        "hamiltonian": energy,
        "initial": dynsamp.Box([0.5, 0.5], [1, 1]),
    }
    return dynsamp.HamiltonianSystem(**{**fields, **changes})


def test_equations_that_do_not_follow_from_the_hamiltonian():
    def wrong_sign(t, q, theta, dp):
        dp[0] = q[0]

    check_derivatives(spring())
    fails(
        check_derivatives,
        spring(force=wrong_sign),
        "component 1 of the equations of motion is .*, but differences give",
    )
    fails(check_conserves, spring(force=wrong_sign), "hamiltonian changes by")


def test_a_jacobian_with_a_slip():
    def jacobian(t, y, theta, jac):
        jac[0, 0] = -2 * theta[0]

    fails(check_derivatives, decay(jacobian=jacobian), "component 0, 0 of jacobian is -2, but differences give -1")


def test_an_invariant_that_is_none():
    fails(check_conserves, decay(invariants={"amount": lambda t, y, theta: y[0]}), "amount changes by")


def test_a_default_experiment_that_diverges():
    def explodes(t, y, theta, out):
        out[0] = 10 + y[0] * y[0]

    law = dynsamp.MapSystem(name="explodes", states=[dynsamp.State("x")], step=explodes)
    fails(check_generates, law, "trajectory 0 of the default experiment ends as diverged")


def own_generation(noise):
    """A system with its own generate=, whose paths are exp(-rate t) plus a fault."""

    def generate(times, y0, theta, ids, seed):
        states = y0[:, None, :] * np.exp(-theta[:, None, :] * times[None, :, None]) + noise(len(ids), theta)
        return states, np.where(np.isfinite(y0[:, 0]), 0, 3).astype(np.int8)

    return decay(generate=generate)


def test_own_generation_that_depends_on_the_batch():
    check_batches(own_generation(lambda count, theta: 0.0))
    fails(check_batches, own_generation(lambda count, theta: 1e-12 * count), "generate= gives other bits for ids")


def test_own_generation_that_mixes_up_parameters():
    check_sweeps(own_generation(lambda count, theta: 0.0))
    fails(check_sweeps, own_generation(lambda count, theta: theta.mean()), "with swept parameters differs")


def test_own_generation_that_cannot_bear_bad_starts():
    def generate(times, y0, theta, ids, seed):
        if not np.isfinite(y0).all():
            raise FloatingPointError("nan")
        return np.repeat(y0[:, None, :], len(times), axis=1), np.zeros(len(ids), np.int8)

    fails(check_survives, decay(generate=generate), "generate= raises FloatingPointError")

    def silent(times, y0, theta, ids, seed):
        return np.repeat(y0[:, None, :], len(times), axis=1), np.zeros(len(ids), np.int8)

    fails(check_survives, decay(generate=silent), "gives OK and OK to NaN and infinite starts, expected INVALID_INPUT")
