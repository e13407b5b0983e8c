"""Every system that comes with dynsamp keeps the contract, each on its own."""

import pytest

from dynsamp.plugins import plugins, system, systems
from dynsamp.testing import check_system

IN_TREE = {
    "pendulum": (
        *("pendulum", "double_pendulum", "elastic_pendulum", "elastic_pendulum_polar", "henon_heiles", "duffing"),
        *("lotka_volterra", "kepler", "two_body", "spring_chain", "toda", "fput"),
        *("damped_pendulum", "driven_pendulum", "duffing_forced", "magnetic_pendulum"),
    ),
    "climate": ("lorenz63", "lorenz96", "cessi", "enso_delayed"),
    "prices": ("ou", "gbm", "heston", "garch"),
}
OURS = {record.name: record for record in plugins() if record.distribution == "dynsamp" and record.systems}


def test_all_systems_are_found_through_entry_points():
    assert set(OURS) == set(IN_TREE)
    for plugin, names in IN_TREE.items():
        assert OURS[plugin].status == "ok", OURS[plugin].error
        assert set(OURS[plugin].systems) == set(names)
        assert set(names) <= set(systems())


@pytest.mark.parametrize("name", [name for record in OURS.values() for name in record.systems])
def test_contract(name):
    check_system(system(name))
