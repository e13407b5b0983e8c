"""Tuned constants of networks: what each trades, and where it is flat."""

# Through the flow

FLOW_GOAL = 1e-10
"""Relative gap of the flow at which a fit from snapshots ends, unless a tolerance is given: more is rounding errors."""

ROUNDING_GAP = 1e-13
"""Relative gap at which only rounding errors are left, whatever the tolerance."""

FIRST_GOAL = 1e-6
"""Relative error of fits that the truth does not solve: the linear start, a search on noisy segments. A coarser one may
end at neurons so flat that their curvature is all rounding; a finer one searches for what the next round changes."""

FIRST_GAP = 1e-2
"""Relative gap that the first round on pairs is prepared for; it only chooses the number of nodes."""

NOISY_GAP = 1e-5
"""Relative gap of pairs above which it may be noise: all pairs, then longer segments are looked at. Less costs time on
clean data, more leaves noise."""

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
"""Times the median cost: segments above it are not followed by the field yet, and would pull it away from others."""

CHAOTIC_SPREAD = 15.0
"""How much a segment may spread a change of its start before longer ones tell no more of it."""

SETTLING_ITERATIONS = 8
"""Of Gauss and Newton's method for the free states at most; most need two."""

STAGES = (2, 3, 4, 6, 8, 10)
"""Numbers of Gauss nodes that are tried: order twice that."""

STAGES_GAIN = 0.3
"""More nodes that do not lower the change of the gaps so much have met rounding errors."""

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

DEFECT_SITES = 200_000
"""Sites of all snapshots that are used by defect correction."""

DEFECT_GAIN = 0.7
"""A round of defect correction must lower the gap so much."""

DEFECT_LIMITING = 30.0
"""Times the goal: an error of a refit above it is that of the neurons."""

SUBSTEPS, DEFECTS_TESTED = (3, 6, 12, 24, 48), 16
"""Steps of the solver between snapshots that are tried, and the windows on which they are."""

SUBSTEPS_SETTLED = 1e-13
"""Change of states, relative to their size, at which more substeps bring rounding errors only."""

DISSIPATION_ROUNDS = 8
"""Linear fits at most for what dissipation sees; each gains two digits or more."""

DISSIPATION_SETTLED = 1e-12
"""Relative change of R that ends them."""
