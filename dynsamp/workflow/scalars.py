"""Scalar quantities along a trajectory: energy, diagnostics, invariants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynsamp.system import HamiltonianSystem, ODESystem, System

__all__ = ["labels", "scalars"]


def scalars(law: System) -> dict[str, Callable[..., Any]]:
    """Functions (t, y, theta) -> float by name; the energy, where there is one, comes first."""
    functions: dict[str, Callable[..., Any]] = {}
    if isinstance(law, HamiltonianSystem | ODESystem) and law.hamiltonian is not None:
        functions["energy"] = law.hamiltonian
    return {**functions, **law.diagnostics, **law.invariants}


def labels(law: System, name: str) -> tuple[str, str]:
    """Units and long name."""
    if name == "energy" and getattr(law, "hamiltonian", None) is not None:
        return law.facts().energy_units, "energy (Hamiltonian)"
    return "1", name.replace("_", " ")
