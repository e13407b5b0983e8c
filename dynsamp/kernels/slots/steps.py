"""Slots for steps and what they are made of."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots.unset import unset


def recall(t: Any, before: Any, past: Any, z: Any) -> None:
    """z (DELAYS, DIM): the states one delay before t."""
    unset("recall")


def remember(t: Any, h: Any, y: Any, dy: Any, y_new: Any, dy_new: Any, past: Any) -> None:
    """Keep what happened during a step."""
    unset("remember")


def begin_segment(t: Any, y: Any, dy: Any, theta: Any, past: Any) -> None:
    """Derivative dy at the start of a smooth segment."""
    unset("begin_segment")


def delayed_step(t: Any, y: Any, dy: Any, theta: Any, h: Any, past: Any) -> None:
    """One step of a method for delays, in place of y and its derivative dy."""
    unset("delayed_step")


def jumps_due(t: Any, y: Any, theta: Any, h: Any, seed: Any, who: Any, n: Any) -> Any:
    """Jumps during step n."""
    return unset("jumps_due")


def leap(t: Any, y: Any, theta: Any, due: Any, seed: Any, who: Any, n: Any) -> None:
    """Let the state jump ``due`` times at the end of step n."""
    unset("leap")


def step(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """One step of an explicit one-step method, in place; ``low`` is for ``add``."""
    unset("step")


def implicit_step(t: Any, y: Any, theta: Any, h: Any, low: Any, moves: Any, older: Any, ahead: Any, known: Any) -> Any:
    """One step of an implicit method, in place; returns whether its equations were solved."""
    return unset("implicit_step")


def add(y: Any, low: Any, i: Any, h: Any, slope: Any) -> None:
    """Add ``h * slope`` to component i of y; ``low`` (state,) holds what rounding has cut off."""
    unset("add")


def newton(t: Any, y: Any, theta: Any, h: Any, moves: Any, lost: Any) -> Any:
    """Stages of an implicit step by Newton's method where ``lost``; returns where they were found."""
    return unset("newton")


def place(i: Any, y: Any, moves: Any, u: Any) -> None:
    """State at stage i of an implicit step."""
    unset("place")


def transform(a: Any, x: Any) -> None:
    """x <- a x for x (stage, state)."""
    unset("transform")


def prepare(h: Any, jac: Any, factors: Any, swaps: Any) -> None:
    """Factors (ROWS, DIM) of the linear systems of an implicit step."""
    unset("prepare")


def resolve(factors: Any, swaps: Any, r: Any) -> None:
    """Solution of the linear systems of an implicit step, in place of r (stage, state)."""
    unset("resolve")


def factor(a: Any, swaps: Any, o: Any) -> None:
    """LU factors of the rows from o on, in place."""
    unset("factor")


def factor_complex(a: Any, swaps: Any, o: Any) -> None:
    """``factor`` of a complex matrix."""
    unset("factor_complex")


def substitute(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
    """Solution of a linear system from its factors, in place of a row of x."""
    unset("substitute")


def substitute_complex(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
    """``substitute`` for two rows of x, the real and the imaginary part."""
    unset("substitute_complex")


def noisy_step(t: Any, y: Any, theta: Any, h: Any, xi: Any) -> None:
    """One step of a stochastic method, in place."""
    unset("noisy_step")


def first_step(t: Any, y: Any, dy: Any, theta: Any, way: Any, longest: Any, tolerance: Any, fresh: Any, du: Any) -> Any:
    """Length of the first step of trajectories that are fresh, and dy = f(t, y) of these."""
    return unset("first_step")


def trial_step(
    t: Any, y: Any, dy: Any, theta: Any, h: Any, tolerance: Any, y_new: Any, dy_new: Any, stages: Any
) -> Any:
    """One step of an embedded pair; returns the error norm, at most 1 where the step is acceptable."""
    return unset("trial_step")


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Coefficients (CURVE, DIM) of the interpolant of a step."""
    unset("interpolant")


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Error norm of the interpolant of a step, at most 1 where it is as accurate as the tolerance asks for."""
    return unset("doubt")


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of a step with an interpolant."""
    unset("point")


def between(x: Any, t: Any, y: Any, theta: Any, h: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step from (t, y)."""
    unset("between")


def face(t: Any, y: Any, theta: Any, fresh: Any, sides: Any) -> None:
    """Sides of the events' surfaces on which trajectories start."""
    unset("face")


def turn(able: Any, values: Any, sides: Any) -> None:
    """Note the sides that the values of the events are on."""
    unset("turn")


def crosses(values: Any, sides: Any) -> Any:
    """Whether any event has a crossing in this step."""
    unset("crosses")


def locate(
    t: Any, y: Any, theta: Any, h: Any, curve: Any, able: Any, values: Any, sides: Any, roots: Any, u: Any
) -> None:
    """Fractions of the step of crossings into ``roots`` (ROOTS,), inf where none; the first terminal one is last."""
    unset("locate")


def note(t: Any, y: Any, theta: Any, h: Any, curve: Any, roots: Any, who: Any, found: Any, u: Any) -> None:
    """Record the crossings of the step, up to the terminal one."""
    unset("note")


def order_for(tolerance: Any) -> Any:
    """Order of a Taylor method for (rtol, atol)."""
    return unset("order_for")


def step_for(c: Any, order: Any, tolerance: Any) -> Any:
    """Step of a Taylor method from its coefficients."""
    return unset("step_for")


def advance(c: Any, order: Any, h: Any, y: Any, low: Any) -> None:
    """Move y + low, in two parts, to the end of a step of a Taylor method."""
    unset("advance")


def evaluate(c: Any, order: Any, h: Any, y: Any, low: Any, out: Any) -> None:
    """State at a time h into the step of a Taylor method."""
    unset("evaluate")
