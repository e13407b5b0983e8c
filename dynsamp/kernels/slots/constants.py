"""Slots for numbers that are frozen into the code."""

from __future__ import annotations

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

# no slot: the first saved time; a literal 0 is a type of its own, for which everything would compile once more
FIRST = np.int64(0)
