"""Models of prices: mean reversion, geometric Brownian motion, stochastic volatility, GARCH."""

import dynsamp
from dynsamp_prices.garch import garch
from dynsamp_prices.gbm import gbm
from dynsamp_prices.heston import heston
from dynsamp_prices.ou import ou

__dynsamp_api__ = 1


@dynsamp.hookimpl
def dynsamp_systems() -> list[dynsamp.System]:
    """Three diffusions, two of them generated exactly, and a map with noise."""
    return [ou, gbm, heston, garch]
