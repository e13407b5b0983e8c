"""Fused kernels for hidden layers: pre-activations, activations, derivatives and gradient rows in one pass.

A tile of a few hundred rows stays in the first cache from its inputs to what is written; one neuron's pre-activations
never leave the registers. Every value is computed by the same operations wherever it stands, so that results do not
depend on tiles, blocks or vector registers.
"""

from .fill import activate, fill_gradients, fill_responses

__all__ = ["activate", "fill_gradients", "fill_responses"]
