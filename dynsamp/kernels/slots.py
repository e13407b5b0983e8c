"""What drivers, methods and parts know of each other: numbers and functions that ``jit.specialise`` sets.

A module imports the slots that it uses; in its copy for one system they mean the functions of that system, of the
method and of the other parts.
"""

import numpy as np


class UnsetSlotError(RuntimeError):
    """A driver or solver runs without specialise()."""


def slot(contract, meaning):
    """Declare a function by its call and what that will do; it complains where it is called before it is set."""

    def unset(*_):
        raise UnsetSlotError(f"{contract}, {meaning}: no meaning before jit.specialise() sets it")

    return unset


# --- numbers that are frozen into the code

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
MU = INVERSE = PAIRS = np.empty((0, 0))  # A[i, j] / b[j], A^-1 = T Lambda T^-1, pairs u, v in Lambda
BASIS = COBASIS = np.empty((0, 0))  # T, T^-1
SERIES = 0  # length of the coefficients of a Taylor method

# no slot: the first saved time; a literal 0 is a type of its own, for which everything would compile once more
FIRST = np.int64(0)


# --- functions of a system, and what is put in front of them


rhs = slot("rhs(t, y, theta, dy)", "right-hand side, in place")
velocity = slot("velocity(t, p, theta, dq)", "q' of a separable Hamiltonian system")
force = slot("force(t, q, theta, dp)", "p' of a separable Hamiltonian system")
base_rhs = slot(
    "base_rhs(t, y, theta, dy)", "right-hand side of the state alone, where ``rhs`` is that of state and vectors"
)
along = slot("along(t, y, theta, v, dv)", "derivatives of the right-hand side along the vectors v (COLUMNS times BASE)")
jacobian = slot("jacobian(t, y, theta, jac)", "Jacobian (BASE, BASE) of the right-hand side, in place")
diffusion = slot("diffusion(t, y, theta, g)", "diffusion: a vector, or (DIM, NOISE)")
iterate = slot("iterate(t, y, theta, out)", "one iterate of a map")
noisy_iterate = slot("noisy_iterate(t, y, theta, xi, out)", "one iterate of a map that is driven by normals")
scalar = slot("scalar(t, y, theta)", "energy, diagnostic, invariant")
sigma = slot("sigma(z)", "activation of a hidden layer, or a derivative of it")
delayed_rhs = slot("delayed_rhs(t, y, theta, z, dy)", "right-hand side that sees the past, z (DELAYS, DIM)")
intensity = slot("intensity(t, y, theta)", "rate of jumps")
jump = slot("jump(t, y, theta, z, dy)", "change of the state by a jump whose marks are z")
events = slot("events(t, y, theta, g)", "functions (EVENTS,) of a trajectory whose changes of sign are events")
driven = slot("driven(t, y, theta, u, ...)", "one of these functions, of a system with external signals u")
coefficients = slot(
    "coefficients(t, y, theta, order, inverse, c)",
    "Taylor coefficients of the solution through (t, y) up to an order; inverse[n] = 1 / n",
)
kick = slot("kick(t, y, theta, h, low)", "move p along the force for a time h; ``low`` is for ``add``")
drift = slot("drift(t, y, theta, h, low)", "move q along the velocity for a time h; ``low`` is for ``add``")


# --- steps and what they are made of


recall = slot("recall(t, before, past, z)", "z (DELAYS, DIM): the states one delay before t")
remember = slot("remember(t, h, y, dy, y_new, dy_new, past)", "keep what happened during a step")
begin_segment = slot("begin_segment(t, y, dy, theta, past)", "derivative dy at the start of a smooth segment")
delayed_step = slot(
    "delayed_step(t, y, dy, theta, h, past)", "one step of a method for delays, in place of y and its derivative dy"
)
jumps_due = slot("jumps_due(t, y, theta, h, seed, who, n)", "jumps during step n")
leap = slot("leap(t, y, theta, due, seed, who, n)", "let the state jump ``due`` times at the end of step n")
step = slot("step(t, y, theta, h, low)", "one step of an explicit one-step method, in place; ``low`` is for ``add``")
implicit_step = slot(
    "implicit_step(t, y, theta, h, low, moves, older, ahead, known)",
    "one step of an implicit method, in place; returns whether its equations were solved",
)
add = slot(
    "add(y, low, i, h, slope)",
    "add ``h * slope`` to component i of y; ``low`` (state,) holds what rounding has cut off",
)
transform = slot("transform(a, x)", "x <- a x for x (stage, state)")
prepare = slot("prepare(h, jac, factors, swaps)", "factors (ROWS, DIM) of the linear systems of an implicit step")
resolve = slot(
    "resolve(factors, swaps, r)", "solution of the linear systems of an implicit step, in place of r (stage, state)"
)
substitute = slot(
    "substitute(a, swaps, o, x, row)", "solution of a linear system from its factors, in place of a row of x"
)
noisy_step = slot("noisy_step(t, y, theta, h, xi)", "one step of a stochastic method, in place")
trial_step = slot(
    "trial_step(t, y, dy, theta, h, tolerance, y_new, dy_new, stages)",
    "one step of an embedded pair; returns the error norm, at most 1 where the step is acceptable",
)
interpolant = slot(
    "interpolant(t, y, dy, theta, h, y_new, dy_new, stages, curve)",
    "coefficients (CURVE, DIM) of the interpolant of a step",
)
doubt = slot(
    "doubt(y, y_new, tolerance, curve)",
    "error norm of the interpolant of a step, at most 1 where it is as accurate as the tolerance asks for",
)
point = slot("point(x, y, curve, u)", "state at the fraction x of a step with an interpolant")
between = slot("between(x, t, y, theta, h, curve, u)", "state at the fraction x of the step from (t, y)")
face = slot("face(t, y, theta, fresh, sides)", "sides of the events' surfaces on which trajectories start")
turn = slot("turn(able, values, sides)", "note the sides that the values of the events are on")
crosses = slot("crosses(values, sides)", "whether any event has a crossing in this step")
locate = slot(
    "locate(t, y, theta, h, curve, able, values, sides, roots, u)",
    "fractions of the step of crossings into ``roots`` (ROOTS,), inf where none; the first terminal one is last",
)
note = slot(
    "note(t, y, theta, h, curve, roots, who, found, u)", "record the crossings of the step, up to the terminal one"
)
order_for = slot("order_for(tolerance)", "order of a Taylor method for (rtol, atol)")
step_for = slot("step_for(c, order, tolerance)", "step of a Taylor method from its coefficients")
advance = slot("advance(c, order, h, y, low)", "move y + low, in two parts, to the end of a step of a Taylor method")
evaluate = slot("evaluate(c, order, h, y, low, out)", "state at a time h into the step of a Taylor method")


# --- what the scalar route and the lanes route fill


def vector(size):
    """Zeros (size,), on the stack of the caller."""
    return np.zeros(size)


def matrix(rows, columns):
    """Zeros (rows, columns), on the stack of the caller."""
    return np.zeros((rows, columns))


load = slot("load(y0, j, y)", "start of the trajectories from j on")
parameters = slot(
    "parameters(theta, j, room)", "theta of the trajectories from j on; ``room`` is where lanes of it may be put"
)
seat = slot("seat(theta, j, room, lane)", "put theta of trajectory j into one lane")
seated = slot("seated(theta, who, room)", "theta of the trajectories ``who`` that are seated")
peek = slot("peek(y, i, lane)", "one lane of component i")
poke = slot("poke(y, i, lane, value)", "set one lane of component i")
save = slot(
    "save(y, out, status, j, k)",
    "write the saved time k of the trajectories from j on; a non-finite one has diverged, NaN from there on",
)
record = slot(
    "record(y, lane, out, status, j, k)",
    "write the saved time k of trajectory j, which is in this lane; non-finite as in ``save``",
)
fail = slot("fail(out, j, k)", "NaN for trajectory j from the saved time k on")
alive = slot("alive(status, j)", "whether any of the trajectories from j on goes on")
draw = slot("draw(seed, who, n, xi)", "standard normals of step n of the streams ``who``")
streams = slot("streams(ids, j)", "names of the streams of the trajectories from j on")
view = slot("view(buffer)", "rows of a long array (row * WIDTH,) that is allocated at run time; it must outlive them")


def select(mask, a, b):
    """``a`` where the mask is true, else ``b``."""
    return a if mask else b


def some(mask):
    """Whether the mask is true in any lane."""
    return mask


def fma(a, b, c):
    """``a * b + c``, rounded once."""
    return a * b + c
