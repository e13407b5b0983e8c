"""Names that ``jit.specialise`` sets in its copies of drivers and solvers; here are their types and meaning.

``y``, ``dy``, ``xi`` are vectors with one entry a component: of float64 (scalar route, one trajectory), or of lanes
(one register holds that component of WIDTH trajectories). ``Any`` stands for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DIM = 0  # components of what is integrated: of the state, and of vectors carried along
BASE = 0  # components of the state alone
COLUMNS = 0  # vectors carried along
RESTARTS = 0  # 1: a state changes where it is saved
HALF = 0  # degrees of freedom: DIM // 2
NOISE = 0  # independent Wiener processes
DRAWS = 0  # independent normals a step: those of the increments, then of areas or coins
AREAS = 0  # 1: the method integrates the Brownian path over a step, and takes NOISE normals for it
COINS = 0  # normals whose signs the method uses
JUMPS = 0  # 1: the state jumps
MARKS = 0  # random numbers that the size of a jump is made of
UNIFORM = 0  # 1: they are uniforms on (0, 1), not normals
DIAGONAL = 0  # 1: one normal a component, and the diffusion is a vector
SWEPT = 0  # 1: every trajectory has its own row of theta
WIDTH = 1  # trajectories that advance together
ROOM = 1  # length of theta where lanes of it must be held
PARAMETERS = 0  # length of theta where signals are packed behind it
SIGNALS = 0  # number of external signals
DELAYS = 0  # delays of the right-hand side
HELD: tuple[int, ...] = ()  # one entry a signal: 1 held between samples, 0 linear
ORDER = 0  # of the method
ERROR_ORDER = 1  # error norm of an embedded pair = O(h^ERROR_ORDER)
KEPT = 0  # vectors that an embedded pair keeps of a step
CURVE = 0  # rows of an interpolant; 0: there is none
EXCESS = 1.0  # of the interpolant's error over that of the step
DENSE = 0  # 1: saved times inside a step are interpolated
EVENTS = 0  # functions whose changes of sign are watched
ROOTS = 1  # EVENTS + 1: the last is the first terminal crossing
DIRECTIONS: tuple[int, ...] = ()  # of events: 1 rising, -1 falling, 0 both
TERMINAL: tuple[int, ...] = ()  # 1 where an event ends a trajectory
COMPENSATED = 0  # 1: sums of steps carry what rounding cuts off
KICKS: tuple[float, ...] = ()  # of a splitting method, one more than drifts
DRIFTS: tuple[float, ...] = ()
STAGES = 1  # of an implicit method
ROWS = 1  # STAGES * DIM
NODES = WEIGHTS = REALS = np.empty(0)  # c (stage,), b (stage,), real eigenvalues of A^-1
ESTIMATE = np.empty(0)  # of its error, from the stages
MU = INVERSE = PAIRS = np.empty((0, 0))  # A[i, j] / b[j], A^-1 = T Lambda T^-1, pairs u, v in Lambda
BASIS = COBASIS = np.empty((0, 0))  # T, T^-1
POWERS = np.empty((0, 0))  # from stages to the coefficients of a polynomial through them
SERIES = 0  # length of the coefficients of a Taylor method


class _UnsetSlotError(RuntimeError):
    """A driver or solver runs without specialise()."""


def _unset(name: str) -> Any:
    raise _UnsetSlotError(f"{name} has no meaning before jit.specialise() sets it")


def rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Right-hand side, in place."""
    _unset("rhs")


def velocity(t: Any, p: Any, theta: Any, dq: Any) -> None:
    """Q' of a separable Hamiltonian system."""
    _unset("velocity")


def force(t: Any, q: Any, theta: Any, dp: Any) -> None:
    """P' of a separable Hamiltonian system."""
    _unset("force")


def base_rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Right-hand side of the state alone, where ``rhs`` is that of state and vectors."""
    _unset("base_rhs")


def along(t: Any, y: Any, theta: Any, v: Any, dv: Any) -> None:
    """Derivatives of the right-hand side along the vectors v (COLUMNS times BASE)."""
    _unset("along")


def jacobian(t: Any, y: Any, theta: Any, jac: Any) -> None:
    """Jacobian (BASE, BASE) of the right-hand side, in place."""
    _unset("jacobian")


def diffusion(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Diffusion: a vector, or (DIM, NOISE)."""
    _unset("diffusion")


def iterate(t: Any, y: Any, theta: Any, out: Any) -> None:
    """One iterate of a map."""
    _unset("iterate")


def noisy_iterate(t: Any, y: Any, theta: Any, xi: Any, out: Any) -> None:
    """One iterate of a map that is driven by normals."""
    _unset("noisy_iterate")


def scalar(t: Any, y: Any, theta: Any) -> Any:
    """Energy, diagnostic, invariant."""
    _unset("scalar")


def sigma(z: Any) -> Any:
    """Activation of a hidden layer, or a derivative of it."""
    return _unset("sigma")


def delayed_rhs(t: Any, y: Any, theta: Any, z: Any, dy: Any) -> None:
    """Right-hand side that sees the past, z (DELAYS, DIM)."""
    _unset("delayed_rhs")


def driven_delayed_rhs(t: Any, y: Any, theta: Any, u: Any, z: Any, dy: Any) -> None:
    """Right-hand side of a system with signals that sees the past."""
    _unset("driven_delayed_rhs")


def recall(t: Any, before: Any, past: Any, z: Any) -> None:
    """z (DELAYS, DIM): the states one delay before t."""
    _unset("recall")


def remember(t: Any, h: Any, y: Any, dy: Any, y_new: Any, dy_new: Any, past: Any) -> None:
    """Keep what happened during a step."""
    _unset("remember")


def begin_segment(t: Any, y: Any, dy: Any, theta: Any, past: Any) -> None:
    """Derivative dy at the start of a smooth segment."""
    _unset("begin_segment")


def delayed_step(t: Any, y: Any, dy: Any, theta: Any, h: Any, past: Any) -> None:
    """One step of a method for delays, in place of y and its derivative dy."""
    _unset("delayed_step")


def driven_rhs(t: Any, y: Any, theta: Any, u: Any, dy: Any) -> None:
    """Right-hand side of a system with signals."""
    _unset("driven_rhs")


def driven_jacobian(t: Any, y: Any, theta: Any, u: Any, jac: Any) -> None:
    """Jacobian of a system with signals."""
    _unset("driven_jacobian")


def driven_force(t: Any, q: Any, theta: Any, u: Any, dp: Any) -> None:
    """P' of a separable system with signals."""
    _unset("driven_force")


def driven_velocity(t: Any, p: Any, theta: Any, dq: Any) -> None:
    """Q' of a separable system with signals; it does not see them."""
    _unset("driven_velocity")


def driven_diffusion(t: Any, y: Any, theta: Any, u: Any, g: Any) -> None:
    """Diffusion of a system with signals."""
    _unset("driven_diffusion")


def driven_iterate(t: Any, y: Any, theta: Any, u: Any, out: Any) -> None:
    """Iterate of a map with signals."""
    _unset("driven_iterate")


def driven_noisy_iterate(t: Any, y: Any, theta: Any, u: Any, xi: Any, out: Any) -> None:
    """Iterate of a map with signals and normals."""
    _unset("driven_noisy_iterate")


def vector(size: int) -> Any:
    """Zeros (size,), on the stack of the caller."""
    return np.zeros(size)


def matrix(rows: int, columns: int) -> Any:
    """Zeros (rows, columns), on the stack of the caller."""
    return np.zeros((rows, columns))


def load(y0: Any, j: Any, y: Any) -> None:
    """Start of the trajectories from j on."""
    _unset("load")


def parameters(theta: Any, j: Any, room: Any) -> Any:
    """Theta of the trajectories from j on; ``room`` is where lanes of it may be put."""
    return _unset("parameters")


def seat(theta: Any, j: Any, room: Any, lane: Any) -> None:
    """Put theta of trajectory j into one lane."""
    _unset("seat")


def seated(theta: Any, who: Any, room: Any) -> Any:
    """Theta of the trajectories ``who`` that are seated."""
    return _unset("seated")


def peek(y: Any, i: Any, lane: Any) -> Any:
    """One lane of component i."""
    return _unset("peek")


def poke(y: Any, i: Any, lane: Any, value: Any) -> None:
    """Set one lane of component i."""
    _unset("poke")


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write the saved time k of the trajectories from j on; a non-finite one has diverged, NaN from there on."""
    _unset("save")


def record(y: Any, lane: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write the saved time k of trajectory j, which is in this lane; non-finite as in ``save``."""
    _unset("record")


def fail(out: Any, j: Any, k: Any) -> None:
    """NaN for trajectory j from the saved time k on."""
    _unset("fail")


def alive(status: Any, j: Any) -> Any:
    """Whether any of the trajectories from j on goes on."""
    return _unset("alive")


def draw(seed: Any, ids: Any, j: Any, n: Any, xi: Any) -> None:
    """Standard normals of step n of the trajectories from j on."""
    _unset("draw")


def streams(ids: Any, j: Any) -> Any:
    """Names of the streams of the trajectories from j on."""
    return _unset("streams")


def view(buffer: Any) -> Any:
    """Rows of a long array (row * WIDTH,) that is allocated at run time; it must outlive them."""
    return _unset("view")


def intensity(t: Any, y: Any, theta: Any) -> Any:
    """Rate of jumps."""
    return _unset("intensity")


def jump(t: Any, y: Any, theta: Any, z: Any, dy: Any) -> None:
    """Change of the state by a jump whose marks are z."""
    _unset("jump")


def driven_intensity(t: Any, y: Any, theta: Any, u: Any) -> Any:
    """Rate of jumps of a system with signals."""
    return _unset("driven_intensity")


def driven_jump(t: Any, y: Any, theta: Any, u: Any, z: Any, dy: Any) -> None:
    """Change by a jump of a system with signals."""
    _unset("driven_jump")


def jumps_due(t: Any, y: Any, theta: Any, h: Any, seed: Any, who: Any, n: Any) -> Any:
    """Jumps during step n."""
    return _unset("jumps_due")


def leap(t: Any, y: Any, theta: Any, due: Any, seed: Any, who: Any, n: Any) -> None:
    """Let the state jump ``due`` times at the end of step n."""
    _unset("leap")


def select(mask: Any, a: Any, b: Any) -> Any:
    """``a`` where the mask is true, else ``b``."""
    return a if mask else b


def some(mask: Any) -> Any:
    """Whether the mask is true in any lane."""
    return mask


def step(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """One step of an explicit one-step method, in place; ``low`` is for ``add``."""
    _unset("step")


def implicit_step(t: Any, y: Any, theta: Any, h: Any, low: Any, moves: Any, older: Any, ahead: Any, known: Any) -> Any:
    """One step of an implicit method, in place; returns whether its equations were solved."""
    return _unset("implicit_step")


def add(y: Any, low: Any, i: Any, h: Any, slope: Any) -> None:
    """Add ``h * slope`` to component i of y; ``low`` (state,) holds what rounding has cut off."""
    _unset("add")


def newton(t: Any, y: Any, theta: Any, h: Any, moves: Any, lost: Any) -> Any:
    """Stages of an implicit step by Newton's method where ``lost``; returns where they were found."""
    return _unset("newton")


def place(i: Any, y: Any, moves: Any, u: Any) -> None:
    """State at stage i of an implicit step."""
    _unset("place")


def transform(a: Any, x: Any) -> None:
    """x <- a x for x (stage, state)."""
    _unset("transform")


def prepare(h: Any, jac: Any, factors: Any, swaps: Any) -> None:
    """Factors (ROWS, DIM) of the linear systems of an implicit step."""
    _unset("prepare")


def resolve(factors: Any, swaps: Any, r: Any) -> None:
    """Solution of the linear systems of an implicit step, in place of r (stage, state)."""
    _unset("resolve")


def factor(a: Any, swaps: Any, o: Any) -> None:
    """LU factors of the rows from o on, in place."""
    _unset("factor")


def factor_complex(a: Any, swaps: Any, o: Any) -> None:
    """``factor`` of a complex matrix."""
    _unset("factor_complex")


def substitute(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
    """Solution of a linear system from its factors, in place of a row of x."""
    _unset("substitute")


def substitute_complex(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
    """``substitute`` for two rows of x, the real and the imaginary part."""
    _unset("substitute_complex")


def noisy_step(t: Any, y: Any, theta: Any, h: Any, xi: Any) -> None:
    """One step of a stochastic method, in place."""
    _unset("noisy_step")


def trial_step(
    t: Any, y: Any, dy: Any, theta: Any, h: Any, tolerance: Any, y_new: Any, dy_new: Any, stages: Any
) -> Any:
    """One step of an embedded pair; returns the error norm, at most 1 where the step is acceptable."""
    return _unset("trial_step")


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Coefficients (CURVE, DIM) of the interpolant of a step."""
    _unset("interpolant")


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Error norm of the interpolant of a step, at most 1 where it is as accurate as the tolerance asks for."""
    return _unset("doubt")


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of a step with an interpolant."""
    _unset("point")


def between(x: Any, t: Any, y: Any, theta: Any, h: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step from (t, y)."""
    _unset("between")


def events(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Functions (EVENTS,) of a trajectory whose changes of sign are events."""
    _unset("events")


def driven_events(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Events of a system with signals; they do not see them."""
    _unset("driven_events")


def face(t: Any, y: Any, theta: Any, fresh: Any, sides: Any) -> None:
    """Sides of the events' surfaces on which trajectories start."""
    _unset("face")


def turn(able: Any, values: Any, sides: Any) -> None:
    """Note the sides that the values of the events are on."""
    _unset("turn")


def crosses(values: Any, sides: Any) -> Any:
    """Whether any event has a crossing in this step."""
    _unset("crosses")


def locate(
    t: Any, y: Any, theta: Any, h: Any, curve: Any, able: Any, values: Any, sides: Any, roots: Any, u: Any
) -> None:
    """Fractions of the step of crossings into ``roots`` (ROOTS,), inf where none; the first terminal one is last."""
    _unset("locate")


def note(t: Any, y: Any, theta: Any, h: Any, curve: Any, roots: Any, who: Any, found: Any, u: Any) -> None:
    """Record the crossings of the step, up to the terminal one."""
    _unset("note")


def coefficients(t: Any, y: Any, theta: Any, order: Any, inverse: Any, c: Any) -> None:
    """Taylor coefficients of the solution through (t, y) up to an order; ``inverse[n]`` is 1 / n."""
    _unset("coefficients")


def lanes_of(store: Any) -> Any:
    """Numbers (n * WIDTH,) as a vector (n,)."""
    return store


def order_for(tolerance: Any) -> Any:
    """Order of a Taylor method for (rtol, atol)."""
    return _unset("order_for")


def step_for(c: Any, order: Any, tolerance: Any) -> Any:
    """Step of a Taylor method from its coefficients."""
    return _unset("step_for")


def advance(c: Any, order: Any, h: Any, y: Any, low: Any) -> None:
    """Move y + low, in two parts, to the end of a step of a Taylor method."""
    _unset("advance")


def evaluate(c: Any, order: Any, h: Any, y: Any, low: Any, out: Any) -> None:
    """State at a time h into the step of a Taylor method."""
    _unset("evaluate")


def fma(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""
    return a * b + c


def kick(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move p along the force for a time h; ``low`` is for ``add``."""
    _unset("kick")


def drift(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move q along the velocity for a time h; ``low`` is for ``add``."""
    _unset("drift")
