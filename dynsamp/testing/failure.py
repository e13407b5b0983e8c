"""How a check fails."""

from __future__ import annotations

__all__ = ["CheckFailure", "require"]


class CheckFailure(AssertionError):
    """A system breaks the contract; the message says where and what to do."""


def require(condition: object, message: str) -> None:
    """Raise CheckFailure with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailure(message)
