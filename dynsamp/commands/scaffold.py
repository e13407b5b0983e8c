"""The files of a new plugin: a mass on a spring that works, to be replaced piece by piece."""

from __future__ import annotations

from pathlib import Path

from dynsamp import __version__
from dynsamp.files import replaced
from dynsamp.hookspecs import API_VERSION

__all__ = ["plugin_files", "write_plugin"]

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "dynsamp-{dashed}"
version = "0.1.0"
description = "{title} for dynsamp"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["dynsamp>={version}"]

[project.optional-dependencies]
test = ["pytest>=8"]

# how dynsamp finds the plugin: NAME = "module"
[project.entry-points."dynsamp.plugins"]
{name} = "dynsamp_{name}"

[tool.hatch.build.targets.wheel]
packages = ["dynsamp_{name}"]
"""

MODULE = '''\
"""{title}: a mass on a spring to start from."""

import dynsamp

__dynsamp_api__ = {api}  # version of the plugin contract that this was written for


# Plain Python on scalars; dynsamp compiles it. y is in the order of `states`, theta in that of `parameters`.
def velocity(t, p, theta, dq):
    """dH/dp."""
    dq[0] = p[0] / theta[1]


def force(t, q, theta, dp):
    """-dH/dq."""
    dp[0] = -theta[0] * q[0]


def energy(t, y, theta):
    """H(q, p) = k q^2 / 2 + p^2 / (2 m)."""
    return 0.5 * (theta[0] * y[0] ** 2 + y[1] ** 2 / theta[1])


{name} = dynsamp.HamiltonianSystem(
    name="{name}",
    title="{title}",
    equations="H(q, p) = k q^2 / 2 + p^2 / (2 m)",
    references=["Landau and Lifshitz (1976), Mechanics, third edition, section 21"],
    states=[
        dynsamp.State("q", "m", "displacement", conjugate="p"),
        dynsamp.State("p", "kg m s-1", "momentum"),
    ],
    parameters={{
        "stiffness": dynsamp.Parameter(1.0, "N m-1", "stiffness of the spring"),
        "mass": dynsamp.Parameter(1.0, "kg", "mass"),
    }},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-1.0, -1.0], [1.0, 1.0]),  # where trajectories start
    duration=10.0,
    dt=0.1,
    estimator=dynsamp.HamiltonianNetwork(separable=True),  # how it is learned
)


@dynsamp.hookimpl
def dynsamp_systems():
    """What this plugin brings."""
    return [{name}]
'''

TEST = '''\
import dynsamp
import dynsamp.testing
import numpy as np
import pytest
from dynsamp_{name} import {name}


@pytest.mark.parametrize("check", dynsamp.testing.checks, ids=lambda check: check.__name__)
def test_contract(check):
    check({name})


def test_closed_form():
    """With k = m = 1, q(t) = q(0) cos t + p(0) sin t."""
    data = dynsamp.generate({name}, initial={{"q": 1.0, "p": 0.0}}, duration=5.0, dt=0.5)
    np.testing.assert_allclose(data["q"].isel(trajectory=0), np.cos(data["time"]), atol=1e-9)
'''

README = """\
# dynsamp-{dashed}

{title} for dynsamp.

    pip install -e ".[test]"       # an entry point is read at installation: repeat after changing pyproject.toml
    dynsamp systems                # {name} is in the list
    dynsamp plugins check {name}   # the contract, check by check
    dynsamp run {name}             # generate, fit, forecast, evaluate, and a page of pictures
    python -m pytest
"""


def plugin_files(name: str) -> dict[str, str]:
    """Text of every file by its path in the plugin's folder."""
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "title": name.replace("_", " ").capitalize(),
        "version": __version__,
        "api": str(API_VERSION),
    }
    return {
        "pyproject.toml": PYPROJECT.format(**words),
        "README.md": README.format(**words),
        f"dynsamp_{name}/__init__.py": MODULE.format(**words),
        f"tests/test_{name}.py": TEST.format(**words),
    }


def write_plugin(name: str, folder: Path) -> None:
    """Write a plugin's folder: all of it, or nothing."""
    with replaced(folder) as beside:
        for path, text in plugin_files(name).items():
            place = beside / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
