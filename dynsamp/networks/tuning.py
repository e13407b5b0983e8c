"""Every tuned number of the networks: its value, its unit, what it trades.

Code reads them as ``tuning.NAME`` when it runs, so that ``tests/benchmarks/bench_tuning.py`` can set one and measure
what it moves. "Measured" below is what that benchmark said: energies of the pendulum, of Henon-Heiles and of a noisy
pendulum on three seeds, flow maps of Lorenz-63 on two; "flat" means errors within a tenth, and times within their
scatter of a sixth. Where nothing was measured the line gives the reason alone. Numbers that are mathematics
(coefficients of stencils, nodes of quadrature, roundings) stand beside their formula.
"""

from collections.abc import Mapping, Sequence

from dynsamp.networks.neurons import Activation

# --- the search: activation, slope and width by cross validation ---------------------------------------------------

SMOOTH: tuple[Activation, ...] = ("tanh", "sin", "gauss")
"""Activations that compete. "softplus" never won on smooth targets, "relu" is for kinks."""
SLOPES: Mapping[Activation, Sequence[float]] = {
    "tanh": (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0),
    "gauss": (0.2, 0.4, 0.8, 1.4, 2.0, 4.0, 8.0),
    "sin": (0.02, 0.06, 0.2, 0.6, 1.4, 3.0, 6.0, 12.0, 24.0, 48.0),
    "relu": (1.0,),
    "softplus": (0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0),
}
"""Slopes on standardised inputs, from nearly linear to a few hundred oscillations (steps) over the data; relu(s z) is
s relu(z): a slope changes nothing. A factor of two to three apart: the climb tunes between them."""
TYPICAL_SLOPES: Mapping[Activation, float] = {"tanh": 0.1, "gauss": 1.4, "sin": 0.6, "relu": 1.0, "softplus": 0.1}
"""Slopes tried first. They move the time of a search, not what it finds."""
FIRST_WIDTH = 100
"""Neurons of the first rung, which all activations and slopes compete on. A fit of so many costs milliseconds; fewer
mislead about the slope of more. Measured: 50 doubles the errors of clean data and saves a quarter of the time; 200
takes 1.2 to 2.1 times as long for errors down to one half."""
DIRECTLY = 200
"""Neurons up to which all activations and slopes are compared at the width asked for: narrower trials cost as much."""
CARRIED_ALONE = 400
"""Neurons beyond which one activation goes on: a trial of more costs eight times as much a doubling."""
SLOPE_STEP = 1.4
"""Ratio of neighbouring slopes when tuning. Larger ones miss the best slope, smaller ones take more trials.
Measured: flat from 1.2 to 2, but for Henon-Heiles, whose error 1.7 and 2 halve."""
EXACT = 3e-14
"""Relative error that is as good as exact in float64: a few hundred roundings. Measured: flat from 1e-14 to 1e-13
but for the last digit; 1e-12 leaves 4.5 times the error of a pendulum."""
TUNING_GAIN = 0.8
"""Tuning of a slope goes on while a step lowers the error at least to this part. Measured: flat from 0.5 to 0.9."""
HOPELESS = 30.0
"""Times the best error: a slope so bad ends the walk along the grid, an activation so bad is dropped. Curves of the
error over the slope fall by more than this on their way to the best one. Measured: flat from 3 to 100."""
HARD = 1e-3
"""Relative error above which a target is hard: a stall may only mean that the width does not resolve it yet, normal
equations have digits enough, and rows that were not seen decide. Measured: flat from 1e-4 to 1e-2 for energies."""
STALL, STALL_OF_HARD = 0.35, 0.5
"""Twice the neurons must lower the error to this part, or the rung counts as a stall: smooth targets gain factors of
ten, hard ones the order of two. Measured: flat for the first from 0.1 to 0.4."""
MARGIN = 1.02
"""A simpler function wins within this factor of the least error: what repeated draws of neurons differ by."""
ROWS_A_COLUMN = 4
"""Equations an unknown in trials, and in fits without noise: more gain less than a factor of three in error, fewer
let cross validation flatter. Measured: flat from 3 to 6 in error, 6 takes 1.2 times as long."""
FOLDS = 4
"""Parts of the data of which one is not seen. More cost more fits for an estimate hardly better."""
WIDEST = 800
"""Neurons of a smooth function unless told: the error of most ends at rounding before. Measured: 400 leaves 2.6
times the error of Henon-Heiles; flat from 800 to 1600."""
MOST_EQUATIONS = 400_000
"""Equations of one fit, where more rows would help against noise: seconds and gigabytes at the widest."""

# --- energies from their gradients ---------------------------------------------------------------------------------

QUADRATIC_UP_TO = 12
"""Components with a polynomial part of degree two by default; beyond, its columns would dominate the cost."""
CELLS = 2000
"""Of the grid that rows which crowd are spread over: about as many as a first trial has rows."""
FEWEST_ROWS = 40
"""Equations of the smallest fit, so that a few outliers do not rule it."""
NOISY = 1e-4
"""Relative error from which noise is considered. Below, a larger network still pays. Measured: flat from 1e-5 to
1e-3."""
NOISY_WIDTHS = (25, 50, 100, 200, 400)
"""Neurons compared where noise is suspected: ridge regression makes more of them no better."""
NOISY_EQUATIONS = 20_000
"""Equations of a trial where noise is suspected: its mean must be told within a per cent. Measured: flat from 5000
to 80 000."""
LAST_FLOPS = 5e10
"""Operations of the last fit where data are noisy: more rows help, for a few seconds."""
CLOSE = 0.1
"""Of the standard error of a noise level: errors of fits to the same data differ less than that by chance. Measured:
flat from 0 to 0.1; 0.3 costs a fifth of the accuracy of noisy fits."""
STRUCTURED = 0.8
"""Neurons along gradient differences that lower the error to this part are no accident: noise has no directions."""
HARD_ROWS = 8
"""Equations an unknown for a hard target, which overfits with fewer."""
HARD_WIDTHS = (1300, 2600, 5000)
"""Neurons for a hard target, beyond ``WIDEST``."""
HARD_STEEPER, HARD_STEEPER_ALONE = (1.0, 1.4), (1.2,)
"""Times the slope of the rung before, tried where a fit is cheap, and where one alone is affordable."""
HARD_GAIN = 0.85
"""Twice the neurons must lower the error of a hard target to this part."""
HARD_FLOPS = 6e11
"""Operations of a fit of a hard target: some twenty seconds."""
ORTHOGONAL = 200
"""Neurons up to which orthogonalisation costs next to nothing beside the normal equations."""
DENSITY_WIDTH, DENSITY_SLOPE = 200, 0.5
"""Neurons and slope of a first fit that only serves as a density of pairs."""

# --- polynomials beyond the quadratic part ------------------------------------------------------------------------

HIGHEST_DEGREE, ALL_MIX_UP_TO = 6, 6
"""Total degree of a polynomial energy at most, and states up to which all of them may mix in a monomial."""
MONOMIALS = 700
"""Monomials at most: their fit costs as much as that of so many neurons."""
FAR = 2.0
"""Half-widths of data from zero to their centre beyond which powers of plain states would cancel."""
POLYNOMIAL = 1e-13
"""Relative error of a polynomial that needs no neurons: derivatives of users have roundings of their own."""
DEPENDENT = 1e-9
"""Part of a column, of norm one, that those before it do not have, up to which it follows from them."""

# --- Fourier series by matching pursuit ----------------------------------------------------------------------------

BOXES = (4, 8, 16, 32, 64)
"""Largest wave number of a component, in turns."""
WAVES, MOST_WAVES = 2_000, 20_000
"""Candidate waves at first, and at last: transforms of that many cost as much as a fit."""
SERIES_POINTS = 2_000
"""Points that the pursuit looks at."""
SERIES_COLUMNS = 1_600
"""Columns of a series unless told."""
SERIES_GROWTH, SERIES_FEWEST = 0.5, 12
"""Part of the columns so far that a turn may add, and columns that it may add in any case."""
RELEVANT = 0.05
"""Of the largest correlation: smaller ones wait for the next turn, where they are judged by what is left."""
SERIES_STALL, SERIES_STALLS = 0.7, 3
"""A turn must lower the error to this part, or it counts as a stall; stalls that end the pursuit."""
SERIES_RIM = 0.75
"""Of the box: waves beyond it ask for a larger one."""
SERIES_EXACT = 1e-12
"""Cross-validated error at which more columns would fit rounding errors."""

# --- regressions ---------------------------------------------------------------------------------------------------

SURVEYED_ENTRIES, SURVEYED_ROWS = 1 << 21, 50_000
"""Entries (16 megabytes) and rows that are drawn from a regression's data, and on which it is searched."""
LEAST_ROWS = 2000
"""Rows of a trial: noise averages out."""
LEAST_ROWS_TOLERANT = 1000
"""The same where a tolerance says that less will do."""
MIDDLE = 200
"""Neurons at which other kinds of networks are compared: kinks and fronts show at this width."""
STEEP = 0.3
"""Least slope of those: flatter ones are what the smooth networks tried."""
NARROW = (12, 25, 50, 100)
"""Neurons of narrow networks that join where the error stays large: on noise the simplest one wins."""
WIDER_GAIN = 0.9
"""Twice the neurons must lower the error of a kind of network to this part."""
NEARLY = 1.25
"""Times the least error: two kinds of networks so close are both made wider."""
DEEPER = 0.7
"""More layers must lower the error to this part: they cost more to evaluate, and have no formula."""
WIDEST_REGRESSION, WIDEST_DEEP = 1600, 400
"""Neurons of a layer unless told; of each layer of several."""
REGRESSION_OPERATIONS = 3e11
"""Of the last fit: ten seconds."""
ENOUGH_UNSEEN = 1000
"""Held-out rows that tell two candidates apart: one fold of so many will do."""
OUTLIERS = 3.0
"""Ratio of the range to that of the inner 98 % from which the rim counts as outliers."""

# --- flow maps -----------------------------------------------------------------------------------------------------

MAP_WIDTH = 600
"""Neurons of a flow map: time against error. Measured on clean Lorenz-63: 300 takes a third of the
time and leaves 35 times the error, 1000 takes 1.6 times as long for one half; flat with noise."""
MAP_FIRST_WIDTH = 150
"""Neurons at which activations and slopes are first compared."""
MAP_SLOPES: Mapping[Activation, Sequence[float]] = {
    "sin": (0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0),
    "tanh": (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0),
    **dict.fromkeys(("gauss", "relu", "softplus"), (0.1, 0.2, 0.4, 0.8, 1.5)),
}
"""Slopes that compete. Flow maps are not tuned between them, so the grid is finer and, as states of one trajectory
would flatter a steep network, ends earlier than ``SLOPES``."""
MAP_NOISY_WIDTHS = (20, 60, 200)
"""Neurons compared where there is noise."""
LISTED, LISTED_WITHIN = 3, 100.0
"""Candidates on a shortlist, and times the least error up to which they come on it."""
STABLE_WITHIN = 3.0
"""Times the least one-step error that a map may have which does not stray from the data."""
INDEPENDENT = 100.0
"""Rounding errors beyond which what other components leave of one is data: conserved sums drift by some ten."""
MAP_ROWS_A_COLUMN = 10
"""Rows an unknown of the last fit without noise: a map is iterated, so the last digits count; more gain nothing.
Measured: 4 doubles the error of clean data, 20 changes nothing."""
MAP_NOISY_ROWS = 5000
"""Rows of a trial where there is noise, at least."""
MAP_POLYNOMIAL_ROWS = 8
"""Rows a column of a polynomial that is no exact fit: it leaves the data fast where it follows noise."""
MAP_SIMULATED_ROWS = 20_000
"""Rows of the fit to simulated errors, which flatten a map however many rows there are."""
MAP_TIKHONOV = 1e-16
"""As ``TIKHONOV``. Iterated maps show the last digit: 1e-15 costs more than one Lyapunov time. Measured: 1e-17
lowers the one-step error of clean data to 0.6, 1e-15 raises it to 3.3 times; flat with noise."""

# --- polynomials ---------------------------------------------------------------------------------------------------

POLYNOMIAL_DEGREE = 6
"""Largest total degree: laws have less, and Taylor series of flows need networks from there."""
POLYNOMIAL_COLUMNS, POLYNOMIAL_PURSUED = 350, 1000
"""Columns up to which all are fitted, and up to which a few of them are looked for: milliseconds, and a second."""
POLYNOMIAL_ROWS = 1.25
"""Rows a column from which all columns are fitted at once."""
POLYNOMIAL_TERMS = 40
"""Terms of one component that are looked for at most."""
POLYNOMIAL_SMALL = (1e-2, 1e-4)
"""Parts of the largest term, below which terms are left out to see whether anything is missed: where powers are alike,
small ones share out rounding errors (sequential thresholding: Brunton, Proctor and Kutz 2016)."""
POLYNOMIAL_EXACT = 1e-13
"""Relative error of a polynomial that leaves nothing: chance does not find one so small."""
POLYNOMIAL_CENTRED = 3.0
"""Standard deviations of the mean from zero, beyond which powers are those of the distance from the mean: about zero
a law has its fewest terms, but powers of numbers that hardly differ are alike."""

# --- neurons from data ---------------------------------------------------------------------------------------------

SAMPLED_FROM = 20_000
"""Points from which neurons are drawn: more look alike, and cost memory."""
FEW_SAMPLED, CROWDED = 3000, 5
"""Points for near pairs in more inputs than the second number, where neighbours are found by looking at all."""
SAME_ENTRIES = 1e-9
"""Difference of entries of two matrices of a group that are the same map: products of rotations collect roundings."""
NEIGHBOURS = 10
"""Neighbours of a point among which a near pair takes the other one."""
SHORTEST_PAIR = 1e-10
"""Pairs of standardised points that are shorter count as one point: the published clip."""
CONSTANT = 1e-13
"""Range of values, relative to their size, at or below which they are constant up to roundings."""
LARGEST_GROUP = 1000
"""Elements of a group of symmetries: each is one image of every neuron."""

# --- least squares -------------------------------------------------------------------------------------------------

TIKHONOV = 1e-15
"""Times sqrt(columns), on columns of unit norm: what bounds the solution of dependent columns, below all digits."""
RANK_CUT = 1e-13
"""Diagonal entries of R below it do not count for the rank that is reported."""
NOISE = 1e-6
"""Relative error by cross validation above which ridge regression is tried: below, a penalty costs digits. Measured:
flat from 1e-8 to 1e-4."""
NEGLIGIBLE = 1e-3
"""Singular values, in units of the cross-validated error, that no ridge parameter need spare: coefficients that cancel
far below the noise bring nothing but rounding errors. Measured: flat from 0 to 1e-2."""
LEAST_RIDGE, LARGEST_RIDGE, RIDGES = 1e-13, 1e3, 75
"""Least and largest penalty that are compared, relative to the largest eigenvalue, from none that counts to one that
leaves nothing, and their number: the best is then closed in on."""
SMOOTHNESS = 1.4
"""What a degree of freedom counts in cross validation, against under-smoothing: Kim and Gu (2004), 1.2 to 1.4.
Measured: flat from 1 to 1.6."""
SKETCH_ROWS_A_COLUMN = 4
"""Rows a column of a sketch: the residual is within a few per cent of the least."""

# --- blocks of rows: memory and caches, not results ----------------------------------------------------------------

BLOCK_ROWS, BLOCK_ENTRIES, TANGENT_ENTRIES = 4096, 1 << 16, 1 << 18
"""Rows of a block of features at most, entries of it (half a megabyte), and of a block of tangents (two megabytes)."""
QR_ROWS = 4096
"""Rows folded into a triangle at once: a block stays in the last cache."""
QR_PANEL, QR_INNER = 64, 16
"""Columns that are factorised at once, and without matrix products."""
QR_FEW = 128
"""Columns for which one factorisation of many rows is as fast."""
QR_WIDE = 768
"""Columns from which on panels of our own pay for being compiled."""
PRODUCT_ROWS = 512
"""Rows that enter normal equations or a sketch at once: a panel of them stays in cache."""
SLOPE_POINTS, SLOPE_ROWS = 4096, 1024
"""Points at once where slopes alone are kept, and of these in one product: a panel of a thousand columns stays in the
last cache."""
REGRESSION_ENTRIES, REGRESSION_ROWS_A_COLUMN = 1 << 22, 8
"""Entries of a block of a regression that is reduced to its triangle (32 megabytes), or rows a column where that is
more."""
READ_ENTRIES = 1 << 19
"""Entries of one slice that is read: four megabytes."""
CHUNK_ENTRIES = 1 << 22
"""A stored chunk up to so many entries is kept until its last row was asked for."""

# --- the published methods -----------------------------------------------------------------------------------------

PUBLISHED_WIDTH = 1000
"""Neurons in both papers."""
PUBLISHED_CUTOFF, PUBLISHED_ENERGY_CUTOFF = 1e-8, 1e-13
"""Singular values, relative to the largest, that are cut off: of regressions, of energies."""
PUBLISHED_LARGEST = 1e140
"""Entries beyond which squares overflow: the published method takes values as they are."""

# --- through the flow: segments ------------------------------------------------------------------------------------

FLOW_GOAL = 1e-10
"""Relative gap of the flow at which a fit from snapshots ends, unless a tolerance is given: more is rounding errors."""
ROUNDING_GAP = 1e-13
"""Relative gap at which only rounding errors are left, whatever the tolerance."""
FIRST_GOALS = 1e-6, 1e-5
"""Relative error of fits that the truth does not solve, at least and at most: the linear start, a search on noisy
segments. A coarser one may end at neurons so flat that their curvature is all rounding; a finer one searches for what
the next round changes."""
SLOPE_SAMPLES = 8
"""Samples of the polynomials whose slopes start a fit: more of them gain digits on dense data only."""
COARSEST_GOAL = 1e-4
"""Relative error that a fit aims at however wrong its equations are: a quadratic law that fits to a tenth is none."""
FIRST_GAP = 1e-2
"""Relative gap that the first round on pairs is prepared for; it only chooses the number of nodes."""
NOISY_GAP = 1e-5
"""Relative gap of pairs above which it may be noise: all pairs, then longer segments are looked at. Less costs time on
clean data, more leaves noise."""
BEYOND_NOISE = 5.0
"""Times the noise that samples can have at most: larger gaps of pairs (1.4 times it) are those of the law."""
FLOW_ROUNDS = 12
"""Rounds of Gauss and Newton's method, or of defect correction, at most; clean data need three or four."""
FLOW_GAIN = 0.5
"""A round must lower the gap so much for another one: with more, the last rounds are of rounding errors."""
LIMITING = 3.0
"""Times the goal: an error of a refit above it is that of the neurons, which are searched anew. Less searches twice."""
EQUATIONS_A_COLUMN = 5
"""Equations of pairs an unknown; less than 4 loses accuracy, more costs time."""
FEWEST_PAIRS, MOST_PAIRS = 1500, 20_000
"""Pairs of snapshots of a round: few for quick fits of few neurons, many where the error is noise."""
FEWEST_PAIRS_OF_LATTICE = 100
"""Pairs of snapshots of a whole lattice, each of which tells of all its sites."""
PAIRS_BYTES, SEGMENTS_BYTES = 5e8, 2e8
"""Bytes that the equations of pairs and of segments take where no memory is given: more of them average more noise."""
FREQUENCY_ROUNDS = 10
"""Linear fits at most for the frequency of a force; each gains a digit or two."""
FREQUENCY_SETTLED = 1e-6
"""Relative change of the frequency that ends them: the rounds through the flow do the rest."""
FREQUENCY_POINTS = 3000
"""Slopes in which a frequency is looked for: the time of the search, and how weak a force it sees."""
FREQUENCIES = 6000
"""Candidates of a frequency at most: the highest one over the shortest."""
FREQUENCY_OVERSAMPLING = 4
"""Candidates in the width of a peak of the periodogram: with fewer the highest point may be missed."""
FREQUENCY_BLOCK = 256
"""Candidates at once: memory only."""
FREQUENCY_GOAL = 1e-3
"""Relative error of the fit without a force, which is what it leaves unexplained."""
SURE_OF_FORCE = 30.0
"""Times the mean power of noise, which log(candidates) exceed by chance: less finds forces in noise."""
STEEP_NOISE = 0.02
"""Noise, relative to the change from one snapshot to the next, above which the weak form is the better start."""
NOISE_ORDERS = (2, 3, 4, 5, 6, 7, 8)
"""Orders of the divided differences that a level of noise is told from. A low one still sees coarse motion, a high one
needs long trajectories."""
NOISE_WINDOWS = 50_000
"""Divided differences of one order that a level of noise is told from: its own error falls with their root."""
HALF_WINDOW, LEAST_HALF_WINDOW = 10, 4
"""Samples of half a window of the weak form, at most and at least: longer ones average more and have fewer rows."""
WEAK_WINDOWS = 5000
"""Windows of the weak form: the time of the first fit of noisy data."""
FIRST_SAMPLES, LONG_SAMPLES, LONGEST_SAMPLES = 5, 41, 161
"""Samples of a segment with a free state: at first, at most, and at most where samples are dense. Long ones know the
field better, but only a field that is known well follows them."""
SEGMENT_TIMESCALES = 4
"""Time scales of the motion that a segment of dense samples covers."""
SEGMENTS_EQUATIONS = 60_000
"""Equations of a fit to segments: its time against the noise that it averages."""
SEGMENTS_SEARCHED = 4000
"""Equations of a search for neurons on segments."""
FOLLOWED = 25.0
"""Times the median cost: segments above it are not followed by the field yet, and weigh no more than with it."""
CHAOTIC_SPREAD = 15.0
"""How much a segment may spread a change of its start before longer ones tell no more of it."""
SETTLING_ITERATIONS = 8
"""Of Gauss and Newton's method for the free states at most; most need two."""
SETTLING_GAIN = 1e-2
"""Gain of the sum of squares, relative, up to which a free state is settled."""
SETTLING_RETREAT, SETTLING_LEAST = 0.25, 0.01
"""A step that gains nothing is taken so much shorter, down to the second number: three times."""
LEAST_SOLVED = 0.1
"""Share of segments that must have solutions: a field with fewer is no start of another round."""
NAMED = 8
"""Trajectories that a sentence names."""
JUDGED_ALONE = 50
"""Trajectories that are left out one by one, as it costs no fit; more of them are left out together."""
SMOOTHER = tuple(10.0**k for k in range(-26, -11, 2))
"""Penalties that are tried on clean pairs: what little the data say of a direction is then left."""
OUT_OF_REACH = 100.0
"""Times the error of the fit: larger errors of trajectories that are left out are where the others do not reach."""
AS_GOOD_UNSEEN = 4.0
"""Times the least error unseen: such errors are those of one or two trajectories, and differ so much by chance."""
MOVED = 0.05
"""Mean square of pairs, relative to that of their noise, which errors of samples of up to a tenth leave behind."""
JACKKNIFE_ROWS = 1000
"""Rows at which fits without a trajectory are compared."""
JUDGED_PAIRS = 20_000
"""Pairs of all trajectories that judge a field: its time."""
STAGES = (2, 3, 4, 6, 8, 10)
"""Numbers of Gauss nodes that are tried: order twice that."""
STAGES_GAIN = 0.3
"""More nodes that do not lower the change of the gaps so much have met rounding errors."""
GAP_SHARE, NOISE_SHARE = 1e-4, 1e-2
"""Errors of solutions, of the gaps of pairs and of the noise of segments, up to which there are nodes enough."""
PAIRS_TESTED = 100
"""Pairs on which the number of nodes is chosen."""
NEWTON_ITERATIONS = 12
"""For solutions over one span, at most; most need three or four."""
NEWTON_SETTLED = 1e-8
"""Last change of Newton's method, relative to the states: convergence is quadratic, so that 1e-15 is left."""
LATTICE_SITES = 100_000
"""Rows of one site each that a fit of a lattice uses."""
LATTICE_BYTES = 2.5e8
"""Bytes of the equations of whole states of a lattice."""
EVEN = 1e-6
"""Relative difference of spacings that are taken as equal: files round times to six or seven digits."""
DEFECT_SITES = 15_000
"""Sites of all snapshots that are used by defect correction: twenty equations an unknown of most laws."""
SEARCH_GAIN = 0.3
"""Error of new neurons over that of the old ones on the same equations, above which no round searches again: a search
takes as long as ten rounds."""
DEFECT_STEPS = 2000
"""Of a solver over eight snapshots: resolved ones need a few dozen; a first law that is wild would take minutes."""
DEFECT_LIMITING = 30.0
"""Times the goal: an error of a refit above it is that of the neurons."""
DISSIPATION_ROUNDS = 8
"""Linear fits at most for what dissipation sees; each gains two digits or more."""
DISSIPATION_SETTLED = 1e-12
"""Relative change of R that ends them."""

# --- what a fit says of itself -------------------------------------------------------------------------------------

BLOCKS_A_FOLD = 4
"""Blocks of time of one trajectory that are held out together: one alone would often be its beginning or its end."""
HELD_OUT_ALONE = 8
"""Trajectories up to which each is a fold: without a quarter of so few a fit would be another one."""
NOISE_IN_PRODUCTS = 0.5
"""Part of the mean square residual that products of neighbours explain where there is no noise to speak of."""
UNEVEN_NOISE = 10.0
"""Times the median of squares, as that of normal errors, that the variance of noise is at most: that of Student's
t with three degrees of freedom, or of a diffusion that grows with the state, is some two to five times it."""
ALIKE = 0.3
"""Correlation of the errors of neighbours from which their products tell an error from noise."""
BLIND = 0.5
"""Relative error on held-out rows that is that of no fit: they lie where the others do not reach, and cross validation
on all rows chooses."""
AT_ROUNDING = 1e-12
"""Relative error that is that of float64 after some thousand operations, and said to be."""
OUTSTANDING = 10.0
"""Times the usual residual: a trajectory as bad as this is named."""
JUDGED_ROWS = 5000
"""Rows of a fold whose neighbours are looked for: products of more tell no more."""
LEAST_SIGNAL = 1e-4
"""Part of the mean square of targets that is taken for signal at least, where all of it looks like noise."""
JUDGED_WITHIN = 2.0
"""Factor by which estimates from blocks miss besides their scatter: a fit to a part of the rows is another one."""
FEWEST_STEERED = 40
"""Rows with fewer of which a fifth says too little: the search sees all of them."""
STEERING_ROWS = 500
"""Rows that compare the trials of a search: an error within a tenth, for a part of a trial's time."""
RIM_OF, RIM_PARTS, RIM_MOST = 10, 200, 5
"""Blocks with fewer of which the outermost are too large a part; blocks of which one is the rim, by each measure, and
how many are at most: without more of them a fit would have to reach further than to fresh states."""
RIM_WITHIN = (4.0, 100.0)
"""Factor within which the rim says its part, as few blocks say it; up to the second, as it is more than all else."""
DECEIVED = 3.0
"""Times the error that a search believes in: an error of all rows beyond makes it start again."""
ROWS_AGAIN = 4
"""Times the rows of a fit that was deceived."""
HEAVY = 0.01
"""Of the sum of squares: a fold with more has some of the rows that deceived the search."""
SCARCE = 0.9
"""Of the rows that a search may see: a fit with more of them gains from the others."""
JUDGED_WORK = 0.3
"""Of the work of a search, spent on fits that judge it."""
JUDGED_FOLDS = 10
"""Parts of the data of which one is not seen when a fit is judged. With four, fits to forty trajectories look three
times worse than they are."""
