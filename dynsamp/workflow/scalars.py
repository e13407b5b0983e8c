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
        return energy_units(law), "energy (Hamiltonian)"
    return "1", name.replace("_", " ")


def energy_units(law: System) -> str:
    """Units of H: those of p q / t."""
    half = len(law.states) // 2
    parts = [law.states[half].units, law.states[0].units]
    if law.time_unit != "1":
        parts.append(f"({law.time_unit})-1")
    words = [part for part in parts if part not in ("1", "rad")]
    return "J" if words == ["kg m2 s-1", "(s)-1"] or words == ["kg m s-1", "m", "(s)-1"] else " ".join(words) or "1"
