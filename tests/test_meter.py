"""Seconds and joules: the RAPL counters of a fake powercap tree, their wrap-around, and the estimate without them."""

import time

import pytest

from dynsamp.meter import Meter


def domain(root, name, energy, wrap=1_000_000):
    folder = root / name
    folder.mkdir()
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{wrap}\n")
    return folder


def test_joules_are_the_difference_of_the_counters_of_all_packages(tmp_path):
    first, second = domain(tmp_path, "intel-rapl:0", 100_000), domain(tmp_path, "intel-rapl:1", 5)
    with Meter(str(tmp_path)) as meter:
        (first / "energy_uj").write_text("400000")
        (second / "energy_uj").write_text("200005")
    assert meter.cost.joules == pytest.approx(0.5)  # microjoules
    assert meter.cost.energy_source == "rapl"


def test_counter_that_wraps_around(tmp_path):
    folder = domain(tmp_path, "intel-rapl:0", 900_000, wrap=1_000_000)
    with Meter(str(tmp_path)) as meter:
        (folder / "energy_uj").write_text("100000")
    assert meter.cost.joules == pytest.approx(0.2)


def test_subdomains_are_not_counted_twice(tmp_path):
    package, core = domain(tmp_path, "intel-rapl:0", 0), domain(tmp_path, "intel-rapl:0:0", 0)
    with Meter(str(tmp_path)) as meter:
        (package / "energy_uj").write_text("300000")
        (core / "energy_uj").write_text("250000")
    assert meter.cost.joules == pytest.approx(0.3)


@pytest.mark.parametrize("damage", ["no file", "no number"])
def test_unreadable_counters_fall_back_to_the_estimate(tmp_path, monkeypatch, damage):
    folder = domain(tmp_path, "intel-rapl:0", 0)
    if damage == "no file":
        (folder / "energy_uj").unlink()
    else:
        (folder / "energy_uj").write_text("")
    monkeypatch.delenv("DYNSAMP_WATTS_PER_CORE", raising=False)
    with Meter(str(tmp_path)) as meter:
        pass
    assert meter.cost.energy_source == "estimate (4 W per core)"


def test_estimate_is_cpu_time_times_the_assumed_power(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNSAMP_WATTS_PER_CORE", "10")
    with Meter(str(tmp_path)) as meter:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
    cost = meter.cost
    assert cost.cpu_seconds >= 0.02
    assert cost.joules == pytest.approx(10 * cost.cpu_seconds)
    assert cost.energy_source == "estimate (10 W per core)"
    assert set(cost.as_dict()) == {"seconds", "cpu_seconds", "joules", "energy_source"}


def test_sleep_costs_time_but_hardly_cpu_time(tmp_path):
    with Meter(str(tmp_path)) as meter:
        time.sleep(0.05)
    assert meter.cost.seconds >= 0.05
    assert meter.cost.cpu_seconds < meter.cost.seconds
