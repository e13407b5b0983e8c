"""The estimators and metrics of dynsamp itself, offered through the same hooks as anybody's."""

from dynsamp.hookspecs import API_VERSION, hookimpl
from dynsamp.metrics import METRICS
from dynsamp.metrics.base import Metric
from dynsamp.models import (
    Climatology,
    DriftDiffusion,
    Estimator,
    FlowMap,
    HamiltonianNetwork,
    LatticeHamiltonian,
    Linear,
    Persistence,
    PortHamiltonianNetwork,
    RandomWalk,
    SampledNetwork,
)

__dynsamp_api__ = API_VERSION


@hookimpl
def dynsamp_estimators() -> list[type[Estimator]]:
    """Sampled networks first, then the null models."""
    sampled: list[type[Estimator]] = [
        HamiltonianNetwork,
        PortHamiltonianNetwork,
        LatticeHamiltonian,
        FlowMap,
        DriftDiffusion,
        SampledNetwork,
    ]
    return [*sampled, Persistence, Climatology, Linear, RandomWalk]


@hookimpl
def dynsamp_metrics() -> list[Metric]:
    """All metrics of the core."""
    return list(METRICS)
