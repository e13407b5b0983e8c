"""`dynsamp cache`: the compiled functions that are kept between processes."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from dynsamp.commands.options import Commands, add_command, add_json
from dynsamp.commands.printing import print_json

__all__ = ["add"]


def add(commands: Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    parser = commands.add_parser(
        "cache", help="show or clear the compiled functions kept on this machine",
        description="Compiled functions are kept in the user's cache directory, or in DYNSAMP_CACHE_DIR.",
    )  # fmt: skip
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    add_json(add_command(actions, common, "info", info, "show where the cache is and how large"))
    add_command(actions, common, "clear", clear, "delete the cache; functions are compiled again when they are needed")


def info(args: Namespace) -> None:
    """Place and size."""
    from dynsamp.kernels.cache import cache_dir

    folder = cache_dir()
    kernels, size = _contents(folder)
    if args.json:
        print_json({"folder": folder, "functions": kernels, "bytes": size})
    else:
        print(f"{folder}\n{kernels} compiled functions, {size / 2**20:.1f} MiB")


def clear(args: Namespace) -> None:
    """Delete it."""
    del args
    from dynsamp.kernels.cache import cache_dir, clear_cache

    _, size = _contents(cache_dir())
    print(f"deleted {clear_cache()} compiled functions, {size / 2**20:.1f} MiB, from {cache_dir()}")


def _contents(folder: Path) -> tuple[int, int]:
    """Number of kernels, and their size in bytes."""
    kernels = [entry for entry in folder.glob("kernel-*") if entry.is_dir()]
    size = 0
    for kernel in kernels:
        for place, _, names in os.walk(kernel):
            size += sum(os.path.getsize(os.path.join(place, name)) for name in names)
    return len(kernels), size
