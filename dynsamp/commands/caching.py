"""`dynsamp cache`: the compiled functions that are kept between processes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dynsamp.commands.options import Commands, add_command, add_json
from dynsamp.commands.printing import print_json, put

__all__ = ["add"]


def add(commands: Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    parser = add_command(
        commands, common, "cache", info, "show or clear the compiled functions kept on this machine",
        "Compiled functions are kept in the user's cache directory, or in DYNSAMP_CACHE_DIR; up to 2 GB of them, or\n"
        "DYNSAMP_CACHE_SIZE (such as 500MB; 0 keeps none), those that have not been used for longest go first.",
    )  # fmt: skip
    add_json(parser)
    actions = parser.add_subparsers(title="actions (none: info)", metavar="ACTION")
    add_json(add_command(actions, common, "info", info, "show where the cache is and how large"))
    add_command(actions, common, "clear", clear, "delete the cache; functions are compiled again when they are needed")


def info(args: Namespace) -> None:
    """Place, size and limit, and whether anything can be kept."""
    from dynsamp.kernels.cache import cache_dir, contents, size_limit, trouble

    folder = cache_dir()
    functions, size = contents(folder)
    reason, limit = trouble(folder), size_limit()
    if args.json:
        facts = {"folder": folder, "functions": functions, "bytes": size, "limit": limit, "writable": not reason}
        print_json({**facts, "trouble": reason or None})
    else:
        put(f"{folder}\n{functions} compiled functions, {size / 2**20:.1f} MiB of at most {limit / 2**20:.0f} MiB")
        put("writable" if not reason else f"it {reason}: every process compiles anew")


def clear(args: Namespace) -> None:
    """Delete it."""
    del args
    from dynsamp.kernels.cache import cache_dir, clear_cache, contents

    _, size = contents(cache_dir())
    put(f"deleted {clear_cache()} compiled functions, {size / 2**20:.1f} MiB, from {cache_dir()}")
