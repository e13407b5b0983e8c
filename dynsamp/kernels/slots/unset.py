"""What a slot does before it is set."""

from __future__ import annotations

from typing import Any

__all__ = ["unset"]


class UnsetSlotError(RuntimeError):
    """A driver or solver runs without specialise()."""


def unset(name: str) -> Any:
    """Complain."""
    raise UnsetSlotError(f"{name} has no meaning before jit.specialise() sets it")
