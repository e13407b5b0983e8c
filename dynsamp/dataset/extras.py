"""Which optional libraries are there."""

from __future__ import annotations

import importlib.util

__all__ = ["installed"]


def installed(*modules: str) -> bool:
    """Whether all of them can be imported."""
    return all(importlib.util.find_spec(module) is not None for module in modules)
