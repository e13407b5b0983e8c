"""Stochastic differential equations from increments: dy = mu(y) dt + g(y) dW, g g^T = a(y), in the sense of Ito.

choice     which terms drift and covariance have: monomials, or neurons
law        drift and covariance, and the moments after a spacing
moments    from increments to the law: weighted regressions, and what a spacing adds to moments
judged     how well the law is known
spoken     the law as a formula
model      the estimator and its model
"""

from dynsamp.models.drift_diffusion.model import DriftDiffusion, DriftDiffusionModel, sde_functions

__all__ = ["DriftDiffusion", "DriftDiffusionModel", "sde_functions"]
