"""The attributes that say where a Dataset comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dynsamp.solve import Solution

__all__ = ["history", "said"]


def said(solution: Solution) -> dict[str, Any]:
    """Method, the reason for it, and its options, as attributes."""
    return {"method": solution.method, "method_reason": solution.reason, **solution.options}


def history(action: str) -> str:
    """One CF history line."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} dynsamp: {action}"
