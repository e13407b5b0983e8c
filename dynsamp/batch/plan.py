"""The plan of a store: what determines its numbers, written down when it is begun, compared when it goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynsamp.dataset.zarrstore import Json, as_json, read_json
from dynsamp.files import write_bytes

__all__ = ["Saved", "differences", "digest", "read", "write"]

SHORT = 40  # characters of a value that a message shows
NAMED = 4  # differences that a message names
FOLLOW = ("variables", "first trajectory")  # they differ where other things do


@dataclass(frozen=True)
class Saved:
    """What stands beside a store."""

    digest: str  # of the plan
    plan: Json
    chunk: int  # trajectories of a chunk
    attributes: Json  # of the store


def digest(plan: Mapping[str, object]) -> str:
    """Hash of a plan."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def write(path: Path, saved: Saved) -> None:
    """Write a plan, with the hash of all that is said."""
    content = as_json(vars(saved))
    write_bytes(path, json.dumps({**content, "check": digest(content)}, indent=1).encode())


def read(path: Path) -> Saved | None:
    """The plan that was written; None where there is none.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    if not path.exists():
        return None
    try:
        content = read_json(path)
        check = content.pop("check", None)
        saved = Saved(**content)
        whole = digest(saved.plan) == saved.digest and check in (None, digest(content))
        if not whole or type(saved.chunk) is not int or saved.chunk < 1 or not isinstance(saved.attributes, dict):
            raise ValueError
        if not isinstance(saved.plan.get("count"), int) or not isinstance(saved.plan.get("variables"), dict):
            raise ValueError
    except (ValueError, TypeError, AttributeError):
        raise ValueError(
            f"{path} is damaged, so nobody knows what its store holds; open_dataset() still reads one that is finished;"
            f" to write it anew, remove {path.parent.stem} and {path.parent.name}, or choose another name"
        ) from None
    return saved


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In what two plans differ, in words: names, with the values where they are short."""
    causes = ({key: value for key, value in plan.items() if key not in FOLLOW} for plan in (old, new))
    found = list(_differences(*causes)) or list(_differences(old, new))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in [*new, *(key for key in old if key not in new)]:
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now)
        elif json.dumps(before, sort_keys=True) != json.dumps(now, sort_keys=True):
            shown = [_shown(value) for value in (before, now)]
            told = all(shown) and shown[0] != shown[1]
            yield f"{key} {shown[0]}, now {shown[1]}" if told else f"other {key}"


def _shown(value: Any) -> str:
    """A value for people; nothing where it is long, or a hash alone."""
    if value is None or value == "":
        return "not given"
    text = value.partition("#")[0].strip() if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHORT and text.isprintable() else ""
