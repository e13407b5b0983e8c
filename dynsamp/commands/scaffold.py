"""The files of a new plugin: a mass on a spring that works, to be replaced piece by piece."""

from __future__ import annotations

from pathlib import Path

from dynsamp import __version__
from dynsamp.files import replaced
from dynsamp.hookspecs import API_VERSION

__all__ = ["plugin_files", "write_plugin"]

TEMPLATES = Path(__file__).parent / "new_plugin"  # files with {words} to be filled in


def plugin_files(name: str) -> dict[str, str]:
    """Text of every file by its path in the plugin's folder."""
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "title": name.replace("_", " ").capitalize(),
        "version": __version__,
        "api": str(API_VERSION),
    }
    places = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"dynsamp_{name}/__init__.py": "module.py",
        f"tests/test_{name}.py": "test.py",
    }
    text = {place: (TEMPLATES / f"{source}.txt").read_text(encoding="utf-8") for place, source in places.items()}
    return {place: template.format(**words) for place, template in text.items()}


def write_plugin(name: str, folder: Path) -> None:
    """Write a plugin's folder: all of it, or nothing."""
    with replaced(folder) as beside:
        for path, text in plugin_files(name).items():
            place = beside / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
