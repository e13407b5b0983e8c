"""Tuned constants of models: value, unit, and what each trades. What is no tuned number (words, units) stays in place.

Read as ``tuning.NAME``. Relative means relative to the size of what is compared; a share is a number from 0 to 1.
"""

import numpy as np

# whether samples are usable

EVEN_SPACING = 1e-3
"""Largest relative deviation of a spacing from the median one that a one-step model takes: room for times that a file
holds with few digits, not for another step."""

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
ROWS_A_NEURON = 6
"""Rows a neuron where a field with and without a Hamiltonian are compared: the richer, the clearer; a double pendulum
with velocities for momenta needs 200 neurons."""
UNEXPLAINED = 0.2
"""Relative residual that no Hamiltonian leaves whose rows have no errors."""

# declared facts

PERIOD_COVERED = 0.9
"""Share of a declared period that data must cover: less cannot tell a period from an ordinary coordinate."""
WRITTEN_IN_FULL = 1e-10
"""Relative error of an energy below which its formula has all twelve digits."""

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
SDE_DEGREES = {1: (6, 4), 2: (5, 4), 3: (4, 3), 4: (3, 2)}
"""Largest total degrees of monomials in drift and covariance, by components; of more, 2: 91 columns of 12 components
already take most of the time."""
SDE_ROWS_A_TERM = 10
"""Least rows a monomial, of data as noisy as increments."""
ALL_SUBSETS = 8
"""Monomials of which all subsets are tried: 256 of them take a few milliseconds."""
DEPENDENT = 1e-6
"""Least pivot of columns of unit norm, its square rounding of normal equations."""
PRIOR_VARIANCES = np.geomspace(1.0, 1e7, 29)
"""Variances of coefficients of neurons, of unit norm and noise: from none to as large as a million rows can show."""
ZERO_NEAR = 20.0
"""Distance of the mean from zero, in standard deviations, up to which monomials about zero can be told apart."""
LOG_SPAN = 10.0
"""Factor between the least and the largest of positive states from which their logarithms are tried, too."""
STEEPEST = 3.0
"""Largest slope of a neuron on standardised states: steeper ones are steps, which follow noise."""
LEAF_ROWS = 32
"""Least rows of a neighbourhood whose variance is taken: its error is a quarter of it."""
WEIGHTS_NEAR = 4.0
"""Factor of a local variance within which a first law says it better."""
LEAVES = 128
"""Neighbourhoods at most."""
SDE_POINTS = 600
"""States at which functions of the state are looked at; they are smooth."""
SDE_MARGIN = 0.25
"""Beyond the data on each side, over their range, up to which moments follow the law."""
SDE_TURNS = 3
"""Turns of weights, choices and correction; the last two choose from the corrected moments."""
SDE_OUTLIERS, UNSOUND = 0.005, 20.0
"""Share of the states at which a variance may be below its floor, the rarest ones; and -2 log evidence that a simpler
sub-model, or a variance without others, may cost."""
SDE_BEYOND, SDE_FOLLOWED = 1.5, 100
"""Distance from the mean, over that of the outermost states, from which paths must come back, and steps of a tenth of
the distance in which they are followed."""
SDE_RARE = (0.0, 0.001, 0.01, 0.03)
"""Shares of the states that may lie beyond the edge of the data, where high powers follow chance."""
USUAL = 3
"""Degree of a drift up to which it is followed beyond the data, and needs no evidence by far."""
NO_LIMIT = 1e100
"""Distance that no state has: what has no limit."""
CORRECTION_LARGE = 0.2
"""Part of drift or covariance from which the correction for the spacing is large."""
SDE_COARSE = (1, 3, 5)
"""Degrees that compete where the correction is large: odd ones, so that a drift can hold paths together."""
NO_DIFFUSION = 1e-7
"""Variance over the square of the drift, of a spacing, that may be what the correction for the spacing leaves."""
RIVALS = 8
"""Sub-models that are compared on unseen rows: the others are hardly probable."""
UNSEEN_SURE = 2.0
"""Standard errors on unseen rows by which richer terms must be better: there are many that chance may prefer."""
CONTRADICTED = 3.0
"""Square by which coefficients move with the blocks of the data, over what chance explains, from which it counts: of
ten blocks chance makes it twice as large in one case of a hundred."""
RICHER = 5.0
"""Standard deviations, beyond Akaike's price, from which more terms than a law has say the mean of increments better:
at rare states they follow chance."""
DOUBTFUL = 0.03
"""-2 log likelihood a row that neurons, or moments not corrected, must gain where the correction is large."""
FORGOTTEN = 0.1
"""Least eigenvalue of a linear step over the spacing: with less memory than this, the rate of decay is not known."""
SETTLING, SETTLED, SETTLED_LEAST, ANDERSON = 40, 1e-4, 1e-10, 5
"""Steps until law and moments agree, their relative difference, what is nothing, and how many are combined."""
COVARIANCES_KEPT = 1_000_000
"""Numbers of the covariances of coefficients that a model keeps: eight megabytes, up to some ten components."""
STEP_RATE, STEP_TURN, STEP_PARTS = 0.05, 0.1, 200.0
"""Step of a solver times the fastest rate of the law: a few percent in the rate and in variances. Damping of turns,
over their rate, below which a solver need not tell. Most steps in a spacing of the data."""
CHANCES = 2
"""Times that moments are moved by chance, to see how far the law moves."""
MOMENT_STEPS = 12
"""Most steps of fourth order in which moments are followed over a spacing."""
NOISE_SURE, NOISE_SEEN, NOISE_LEAST = 3.0, 0.02, 1e-9
"""Standard errors of the product of neighbouring increments that are no chance, their part in the variance of
increments that is worth telling, and errors over the spread of the states that may be rounding."""
MOMENT_CHUNK = 4096
"""Rows at once; bounds memory."""
VARIANCE_FLOOR = 1e-6
"""Least local variance over the mean one, for weights."""
LEAST_VARIANCE = 0.1
"""Least variance over the least one among neighbours: there is noise wherever there are data."""
PIVOT_FLOOR = 1e-12
"""Least square of a Cholesky pivot over the least variance: what divides by it stays finite."""
VARIANCE_LIGHT = 0.05
"""Share of the median variance: rows quieter than this weigh no more, or a few rows would decide everything."""

# lattices

LATTICE_GAP = 1e-8
"""Relative gap of defect correction that needs no other route."""
LATTICE_DENSE = 100
"""Components up to which the flow of whole states is fitted: its dense Jacobians cost their cube."""

# hidden states

HIDDEN_COMPONENTS = 12
"""Components beyond which no state has a neighbour."""
HIDDEN_LAGS = 3
"""Earlier samples that are looked at: one tells a direction, three tell most of what is hidden from noise."""
HIDDEN_ROWS = (50, 4000)
"""Rows that tell something, and rows that tell enough."""
HIDDEN_NEIGHBOURS, HIDDEN_QUERIED = 6, 32
"""Neighbours that are compared, and among how many they are looked for: those of the same moment do not count."""
HIDDEN_RATIO = 4.0
"""Times by which earlier samples lower the mean square difference of futures. Noise alone makes it at most two where a
step is short; measured: up to 2.4 for full states of twelve systems with noise from 0 to 5 %, from 8 where a state is
hidden and noise is 1 % or less."""
HIDDEN_PART = 0.02
"""Part of the variance of a step, below which nothing is missed."""
