"""The files and folders that CONTRIBUTING names are there."""

import re
from pathlib import Path

import dynsamp

PACKAGE = Path(dynsamp.__file__).parent
PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
SUFFIXES = (".py", ".md", ".toml")


def paths():
    """What the page sets in code and is a path: with a slash, or the name of a file."""
    blocks = re.sub(r"```.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = {word for code in re.findall(r"`([^`\n]+)`", blocks) for word in code.split()}
    return sorted(
        word.rstrip(",")
        for word in words
        if re.fullmatch(r"[\w./-]+", word) and ("/" in word or word.endswith(SUFFIXES))
    )


def exists(path):
    """From the root, in the package, or, for a name alone, anywhere in the package."""
    if any((place / path).exists() for place in (PAGE.parent, PACKAGE)):
        return True
    return any(found.is_dir() or found.is_file() for found in PACKAGE.rglob(path.rstrip("/")))


def test_every_file_that_is_named_exists():
    assert len(paths()) > 10
    assert not [path for path in paths() if not exists(path)]
