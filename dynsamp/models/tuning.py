"""Tuned constants of models: value, unit, and what each trades. What is no tuned number (words, units) stays in place.

Read as ``tuning.NAME``. Relative means relative to the size of what is compared; a share is a number from 0 to 1.
"""

from __future__ import annotations

import numpy as np

# whether samples are usable

EVEN_SPACING = 1e-3
"""Largest relative deviation of a spacing from the median one that a one-step model takes: room for times that a file
holds with few digits, not for another step."""

TIME_BLOCKS = 20
"""Stretches of time of a single trajectory that are held out whole: more leave neighbours on both sides of an edge,
fewer tell less of how errors vary."""

# formulas

TRIED_ROWS = 1000
"""Rows of the data at which a known term is tried before a fit, and those with the extremes: a millisecond a term."""

# names

COMPARED_NAMES = 60
"""States whose names are compared with each other for pairs; the work grows with their square."""

# angles within one turn

TURN_SPAN = 1.02
"""Turns. Data that span more are not wrapped; noise may overstep a turn by a little."""

TURN_DOUBT = 0.25
"""Turns. A step that differs from its prediction by more could be another number of turns: half of the half turn at
which one counts differently."""

TURN_SLIPS = 0.02
"""Share of the steps in doubt that are forgiven, slips of the instrument; with more of them an error is raised."""

TURN_STEPS = 0.1
"""Share of the large steps: with fewer whole turns among them the data have large steps, not jumps; with more than this
share that are none, there is doubt."""

VELOCITY_TRUSTED = 0.5
"""Share of the variance of steps that a momentum must explain before it predicts them; below, neighbouring steps do."""

# velocities of positions

LEAST_SAMPLES = 5
"""Samples of a trajectory whose velocities are estimated: the least from which every second one is a curve too."""

CLEAN_VELOCITIES = 1e-3
"""Relative error of velocities up to which positions are taken as exact, without the cost of smoothing."""

SMOOTHING_CAUTION = 1.2
"""Cost of a degree of freedom in generalised cross validation. 1 follows the noise now and then, much more smooths
motion away; Cummins, Filloon and Nychka (2001)."""

SMOOTHING_WIDTHS = np.geomspace(0.3, 16, 18)
"""Trial widths of the smoothing window, in spacings of knots, a quarter apart: one fit each."""

COARSER_KNOTS = 4
"""Spacings of knots in one, where the widest window is chosen; less than the widths span, so that none is left out."""

TRACE_PROBES = 48
"""Random vectors for a trace; its relative error falls with their square root, the time grows with their number."""

TRACE_EXACT = 300
"""Samples up to which the trace is computed in full, at the cost of its probes."""

SPLINE_AMPLIFIED = 1.5
"""Noise of the velocities of an interpolating quintic spline, over that of the positions, per spacing."""

SIMULATED_COPIES = 8
"""Simulated recordings from which the error of velocities is estimated: enough for its first digit."""

PILOT_WIDTH = 0.7
"""Width of the smoothing window of the curve that is simulated, over the chosen one: the fitted curve itself would hide
what smoothing takes away."""

SPLINE_ENDS = 0.05
"""Share of a trajectory at each end whose error is told apart."""

# diagnosis: small fits, whose errors are compared

DOUBT_ROWS = 2000
"""Rows of the small fits: more see friction through more noise, at their cost."""

DOUBT_WIDTH = 100
"""Neurons of the small fits: more explain a richer law, which friction is measured against."""

DOUBT_SCALE = 0.5
"""Slope of their neurons on standardised inputs: half the published one, for smooth laws."""

DOUBT_ROWS_A_COMPONENT = 20
"""Rows a component with fewer of which nothing is said."""

DOUBT_ROWS_A_NEURON = 8
"""Least rows a neuron of the small fits: with fewer, cross validation is itself noise."""

DOUBT_WORTH = 1e-3
"""Relative error below which no cause is looked for."""

FRICTION_EXPLAINS = 0.85
"""Error with friction over that without it, below which friction is worth telling."""

FRICTION_SURE = 50.0
"""Variances of a row that friction must explain in all, the F statistic of one unknown: chance alone gives 4 in one
case of twenty, a law that the small fit does not resolve gives more."""

NOT_CANONICAL = 0.02
"""Relative error of a Hamiltonian that calls for another explanation."""

GENERAL_BETTER = 0.3
"""Error of a field without a Hamiltonian over that with one, below which the coordinates are in doubt."""

# declared facts

PERIOD_COVERED = 0.9
"""Share of a declared period that data must cover: less cannot tell a period from an ordinary coordinate."""

# learned energies: the map over one step

STEP_STAGES = 8
"""Stages of the Gauss collocation of a step, of order 16: fewer need more substeps, more a larger system in each."""

STEP_REACH = 0.25
"""Length of a substep times the norm of the Jacobian, a stage: longer ones lose digits or do not converge."""

STEP_MOST = 1000
"""Most substeps of a step, so that what has diverged ends."""

STEP_BLOCK = 2048
"""States that are stepped at once; bounds the memory of their Jacobians."""

NEGATIVE_DISSIPATION = -1e-9
"""Smallest eigenvalue of R over the largest that counts as zero: rounding of a product of matrices."""

# drift and diffusion

SDE_WIDTH = 40
"""Neurons of drift and covariance: increments are noisy, so more fit their noise; textbook laws need none."""

SDE_SCALE = 0.5
"""Slope of their neurons on standardised states: drift and diffusion bend little over the data."""

SDE_ROWS_A_NEURON = 20
"""Least rows a neuron, of data as noisy as increments."""

SDE_COMPONENTS = 12
"""Most components n: n (n + 1) / 2 covariances are learned, each from all rows."""

MOMENT_PASSES = 2
"""Passes before the correction: a plain one, and one that is weighted by what the first has found."""

MOMENT_CHUNK = 4096
"""Rows at once; bounds memory."""

RIDGE_HEAVY = 1e6
"""A ridge, for columns of unit norm, that leaves nothing of the neurons."""

VARIANCE_FLOOR = 1e-6
"""Least variance over the mean one: far below what data show, and its root still divides."""

PIVOT_FLOOR = 1e-12
"""Least square of a Cholesky pivot over the least variance: what divides by it stays finite."""

VARIANCE_LIGHT = 1e-2
"""Share of the median variance: rows quieter than this weigh no more, or a few rows would decide everything."""

CORRECTION_LARGEST = 0.5
"""Part of what it corrects up to which a correction counts as small: beyond, its own error is as large."""

# lattices

LATTICE_GAP = 1e-8
"""Relative gap of defect correction that needs no other route."""

LATTICE_DENSE = 100
"""Components up to which the flow of whole states is fitted: its dense Jacobians cost their cube."""
