"""Every system that comes with dynsamp keeps the contract, each on its own."""

import pytest

from dynsamp.plugins import plugins, system
from dynsamp.testing import check_system

IN_TREE = {
    "pendulum": (
        *("pendulum", "double_pendulum", "elastic_pendulum", "elastic_pendulum_polar", "henon_heiles", "duffing"),
        *("lotka_volterra", "kepler", "two_body", "spring_chain", "toda", "fput"),
        *("damped_pendulum", "driven_pendulum", "duffing_forced", "magnetic_pendulum"),
    ),
    "climate": ("lorenz63", "lorenz96", "cessi"),
    "prices": ("ou", "gbm", "heston", "garch"),
}


def test_all_systems_are_found_through_entry_points():
    found = {record.name: record for record in plugins() if record.distribution == "dynsamp"}
    for plugin, names in IN_TREE.items():
        assert found[plugin].status == "ok", found[plugin].error
        assert set(names) <= set(found[plugin].systems)


@pytest.mark.parametrize("name", [name for names in IN_TREE.values() for name in names])
def test_contract(name):
    check_system(system(name))
