"""What drivers, methods and parts know of each other: numbers and functions that ``jit.specialise`` sets.

A module imports the slots that it uses; in its copy for one system they mean the functions of that system, of the
method and of the other parts.
"""

from __future__ import annotations

import numpy as np


class UnsetSlotError(RuntimeError):
    """A driver or solver runs without specialise()."""


def slot(declared):
    """Mark a function as a slot: it says what will be there, and complains where it is called before."""

    def unset(*_):
        raise UnsetSlotError(f"{declared.__name__} has no meaning before jit.specialise() sets it")

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


@slot
def rhs(t, y, theta, dy):
    """Right-hand side, in place."""


@slot
def velocity(t, p, theta, dq):
    """Q' of a separable Hamiltonian system."""


@slot
def force(t, q, theta, dp):
    """P' of a separable Hamiltonian system."""


@slot
def base_rhs(t, y, theta, dy):
    """Right-hand side of the state alone, where ``rhs`` is that of state and vectors."""


@slot
def along(t, y, theta, v, dv):
    """Derivatives of the right-hand side along the vectors v (COLUMNS times BASE)."""


@slot
def jacobian(t, y, theta, jac):
    """Jacobian (BASE, BASE) of the right-hand side, in place."""


@slot
def diffusion(t, y, theta, g):
    """Diffusion: a vector, or (DIM, NOISE)."""


@slot
def iterate(t, y, theta, out):
    """One iterate of a map."""


@slot
def noisy_iterate(t, y, theta, xi, out):
    """One iterate of a map that is driven by normals."""


@slot
def scalar(t, y, theta):
    """Energy, diagnostic, invariant."""


@slot
def sigma(z):
    """Activation of a hidden layer, or a derivative of it."""


@slot
def delayed_rhs(t, y, theta, z, dy):
    """Right-hand side that sees the past, z (DELAYS, DIM)."""


@slot
def driven_delayed_rhs(t, y, theta, u, z, dy):
    """Right-hand side of a system with signals that sees the past."""


@slot
def driven_rhs(t, y, theta, u, dy):
    """Right-hand side of a system with signals."""


@slot
def driven_jacobian(t, y, theta, u, jac):
    """Jacobian of a system with signals."""


@slot
def driven_force(t, q, theta, u, dp):
    """P' of a separable system with signals."""


@slot
def driven_velocity(t, p, theta, dq):
    """Q' of a separable system with signals; it does not see them."""


@slot
def driven_diffusion(t, y, theta, u, g):
    """Diffusion of a system with signals."""


@slot
def driven_iterate(t, y, theta, u, out):
    """Iterate of a map with signals."""


@slot
def driven_noisy_iterate(t, y, theta, u, xi, out):
    """Iterate of a map with signals and normals."""


@slot
def intensity(t, y, theta):
    """Rate of jumps."""


@slot
def jump(t, y, theta, z, dy):
    """Change of the state by a jump whose marks are z."""


@slot
def driven_intensity(t, y, theta, u):
    """Rate of jumps of a system with signals."""


@slot
def driven_jump(t, y, theta, u, z, dy):
    """Change by a jump of a system with signals."""


@slot
def events(t, y, theta, g):
    """Functions (EVENTS,) of a trajectory whose changes of sign are events."""


@slot
def driven_events(t, y, theta, g):
    """Events of a system with signals; they do not see them."""


@slot
def coefficients(t, y, theta, order, inverse, c):
    """Taylor coefficients of the solution through (t, y) up to an order; ``inverse[n]`` is 1 / n."""


@slot
def kick(t, y, theta, h, low):
    """Move p along the force for a time h; ``low`` is for ``add``."""


@slot
def drift(t, y, theta, h, low):
    """Move q along the velocity for a time h; ``low`` is for ``add``."""


# --- steps and what they are made of


@slot
def recall(t, before, past, z):
    """z (DELAYS, DIM): the states one delay before t."""


@slot
def remember(t, h, y, dy, y_new, dy_new, past):
    """Keep what happened during a step."""


@slot
def begin_segment(t, y, dy, theta, past):
    """Derivative dy at the start of a smooth segment."""


@slot
def delayed_step(t, y, dy, theta, h, past):
    """One step of a method for delays, in place of y and its derivative dy."""


@slot
def jumps_due(t, y, theta, h, seed, who, n):
    """Jumps during step n."""


@slot
def leap(t, y, theta, due, seed, who, n):
    """Let the state jump ``due`` times at the end of step n."""


@slot
def step(t, y, theta, h, low):
    """One step of an explicit one-step method, in place; ``low`` is for ``add``."""


@slot
def implicit_step(t, y, theta, h, low, moves, older, ahead, known):
    """One step of an implicit method, in place; returns whether its equations were solved."""


@slot
def add(y, low, i, h, slope):
    """Add ``h * slope`` to component i of y; ``low`` (state,) holds what rounding has cut off."""


@slot
def transform(a, x):
    """x <- a x for x (stage, state)."""


@slot
def prepare(h, jac, factors, swaps):
    """Factors (ROWS, DIM) of the linear systems of an implicit step."""


@slot
def resolve(factors, swaps, r):
    """Solution of the linear systems of an implicit step, in place of r (stage, state)."""


@slot
def substitute(a, swaps, o, x, row):
    """Solution of a linear system from its factors, in place of a row of x."""


@slot
def noisy_step(t, y, theta, h, xi):
    """One step of a stochastic method, in place."""


@slot
def trial_step(t, y, dy, theta, h, tolerance, y_new, dy_new, stages):
    """One step of an embedded pair; returns the error norm, at most 1 where the step is acceptable."""


@slot
def interpolant(t, y, dy, theta, h, y_new, dy_new, stages, curve):
    """Coefficients (CURVE, DIM) of the interpolant of a step."""


@slot
def doubt(y, y_new, tolerance, curve):
    """Error norm of the interpolant of a step, at most 1 where it is as accurate as the tolerance asks for."""


@slot
def point(x, y, curve, u):
    """State at the fraction x of a step with an interpolant."""


@slot
def between(x, t, y, theta, h, curve, u):
    """State at the fraction x of the step from (t, y)."""


@slot
def face(t, y, theta, fresh, sides):
    """Sides of the events' surfaces on which trajectories start."""


@slot
def turn(able, values, sides):
    """Note the sides that the values of the events are on."""


@slot
def crosses(values, sides):
    """Whether any event has a crossing in this step."""


@slot
def locate(t, y, theta, h, curve, able, values, sides, roots, u):
    """Fractions of the step of crossings into ``roots`` (ROOTS,), inf where none; the first terminal one is last."""


@slot
def note(t, y, theta, h, curve, roots, who, found, u):
    """Record the crossings of the step, up to the terminal one."""


@slot
def order_for(tolerance):
    """Order of a Taylor method for (rtol, atol)."""


@slot
def step_for(c, order, tolerance):
    """Step of a Taylor method from its coefficients."""


@slot
def advance(c, order, h, y, low):
    """Move y + low, in two parts, to the end of a step of a Taylor method."""


@slot
def evaluate(c, order, h, y, low, out):
    """State at a time h into the step of a Taylor method."""


# --- what the scalar route and the lanes route fill


def vector(size):
    """Zeros (size,), on the stack of the caller."""
    return np.zeros(size)


def matrix(rows, columns):
    """Zeros (rows, columns), on the stack of the caller."""
    return np.zeros((rows, columns))


@slot
def load(y0, j, y):
    """Start of the trajectories from j on."""


@slot
def parameters(theta, j, room):
    """Theta of the trajectories from j on; ``room`` is where lanes of it may be put."""


@slot
def seat(theta, j, room, lane):
    """Put theta of trajectory j into one lane."""


@slot
def seated(theta, who, room):
    """Theta of the trajectories ``who`` that are seated."""


@slot
def peek(y, i, lane):
    """One lane of component i."""


@slot
def poke(y, i, lane, value):
    """Set one lane of component i."""


@slot
def save(y, out, status, j, k):
    """Write the saved time k of the trajectories from j on; a non-finite one has diverged, NaN from there on."""


@slot
def record(y, lane, out, status, j, k):
    """Write the saved time k of trajectory j, which is in this lane; non-finite as in ``save``."""


@slot
def fail(out, j, k):
    """NaN for trajectory j from the saved time k on."""


@slot
def alive(status, j):
    """Whether any of the trajectories from j on goes on."""


@slot
def draw(seed, who, n, xi):
    """Standard normals of step n of the streams ``who``."""


@slot
def streams(ids, j):
    """Names of the streams of the trajectories from j on."""


@slot
def view(buffer):
    """Rows of a long array (row * WIDTH,) that is allocated at run time; it must outlive them."""


def select(mask, a, b):
    """``a`` where the mask is true, else ``b``."""
    return a if mask else b


def some(mask):
    """Whether the mask is true in any lane."""
    return mask


def fma(a, b, c):
    """``a * b + c``, rounded once."""
    return a * b + c
