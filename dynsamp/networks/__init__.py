"""Sampled networks: hidden layers drawn from data, their last layer solved for.

A piece of learning here is three steps: sample a hidden layer, write its features (or their gradients) into the rows
of a least-squares problem, solve. ``search`` repeats them at a fraction of the cost to choose what was left open.

========================  ==========================================================================================
neurons                   what may be said of neurons and of a fit before it is made
tuning                    every tuned number, and what it trades
sampling                  hidden layers from data: pairs, direction, centre, length and slope of neurons
network                   layers, networks of any depth and energies: values and exact derivatives on arrays
compiled                  the same as right-hand sides and steps for the solvers
least_squares             orthogonalisation in blocks of rows; normal_equations and sketch for many rows
ridge                     all penalties at once, and the score of cross validation
search                    the climb through activations, slopes and widths
structure, pursuit,       symmetries, periods, powers of p; Fourier series; known formulas
terms
gradients, energy_*       a scalar function from its gradient, or from equations between gradients
segments/                 a vector field around an energy, from slopes or through the flow from snapshots
regression, regression_*  a function from its values
grid, lattice             neighbours; an energy that is the sum of one local law over many sites
========================  ==========================================================================================
"""
