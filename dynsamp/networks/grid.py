"""Neighbours on a grid: sites in a row, fields at each, and patches of them.

A state has ``fields`` values at each of ``sites`` places; components are the sites of the first field, then those of
the next. Of the ends of the row, "periodic" is a ring, "fixed" has zeros beyond them and counts every patch that has a
site, "free" counts the patches that lie inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Ends = Literal["fixed", "periodic", "free"]
ENDS: tuple[Ends, ...] = get_args(Ends)


@dataclass(frozen=True)
class Patch:
    """Places around a site: fields at offsets from it."""

    fields: tuple[int, ...]  # (place,)
    offsets: tuple[int, ...]  # (place,)

    @classmethod
    def own(cls, count: int) -> Patch:
        """All fields of a site, or all components of a state without sites."""
        return cls(tuple(range(count)), (0,) * count)

    @property
    def size(self) -> int:
        """Number of places."""
        return len(self.fields)


def margins(patch: Patch, ends: str) -> tuple[int, int]:
    """Site at offset zero of the first patch, and how far behind the last site that behind the last patch is."""
    low, high = min(patch.offsets), max(patch.offsets)
    return {"fixed": (-high, -low), "periodic": (0, 0), "free": (-low, -high)}[ends]


@dataclass(frozen=True)
class Grid:
    """Sites in a row."""

    fields: int
    sites: int
    ends: str

    @property
    def size(self) -> int:
        """Number of components of a state."""
        return self.fields * self.sites

    def centres(self, patch: Patch) -> np.ndarray:
        """Site (patch,) at offset zero of each patch; it may be beyond an end."""
        before, behind = margins(patch, self.ends)
        return np.arange(before, self.sites + behind)

    def index(self, patch: Patch) -> np.ndarray:
        """Component (patch, place) of each value of each patch, -1 for a zero beyond an end."""
        at = self.centres(patch)[:, None] + np.array(patch.offsets)
        if self.ends == "periodic":
            at %= self.sites
        inside = (at >= 0) & (at < self.sites)
        return np.where(inside, at + self.sites * np.array(patch.fields), -1)
