"""A mass on a spring: a system, an estimator that knows it is one, and a metric."""

import dynsamp
from dynsamp.metrics.base import Metric
from dynsamp_spring.amplitude import amplitude_error
from dynsamp_spring.oscillator import Oscillator
from dynsamp_spring.spring import spring

__dynsamp_api__ = 1


@dynsamp.hookimpl
def dynsamp_systems() -> list[dynsamp.System]:
    """One system."""
    return [spring]


@dynsamp.hookimpl
def dynsamp_estimators() -> list[type[dynsamp.Estimator]]:
    """One estimator."""
    return [Oscillator]


@dynsamp.hookimpl
def dynsamp_metrics() -> list[Metric]:
    """One metric."""
    return [amplitude_error]
