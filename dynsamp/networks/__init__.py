"""Sampled networks: hidden layers drawn from data, their last layer solved for.

A piece of learning here is three steps: sample a hidden layer, write its features (or their gradients) into the rows
of a least-squares problem, solve. ``selection`` repeats them at a fraction of the cost to choose what was left open.
"""

from dynsamp.networks.features import ACTIVATIONS, HiddenLayer, activate
from dynsamp.networks.least_squares import LeastSquares, Solution
from dynsamp.networks.pairs import sample_pairs
from dynsamp.networks.sampling import SAMPLERS, generator, sample_layer, standardisation
from dynsamp.networks.selection import Trial, choose, ladder

__all__ = [
    "ACTIVATIONS",
    "SAMPLERS",
    "HiddenLayer",
    "LeastSquares",
    "Solution",
    "Trial",
    "activate",
    "choose",
    "generator",
    "ladder",
    "sample_layer",
    "sample_pairs",
    "standardisation",
]
