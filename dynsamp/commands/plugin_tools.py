"""`dynsamp plugins`: list, check, doctor, new. `dynsamp cache`: the compiled functions kept between processes."""

import os
import platform
import sys
import textwrap
from argparse import ArgumentParser, Namespace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from dynsamp._version import __version__
from dynsamp.commands.listing import list_plugins
from dynsamp.commands.options import Commands, add_command, add_json, add_out, chosen_system, out_file
from dynsamp.commands.printing import UsageError, heading, print_json, print_section, put, say

PACKAGES = ("dynsamp", "numpy", "scipy", "numba", "llvmlite", "xarray", "pluggy", "matplotlib")
OPTIONAL = {"zarr": "zarr", "h5netcdf": "netcdf", "h5py": "netcdf"}  # package: extra that brings it
TEMPLATES = Path(__file__).parent / "new_plugin"  # files with {words} to be filled in
VARIABLES = (
    "DYNSAMP_PLUGINS",
    "DYNSAMP_DISABLE_PLUGINS",
    "DYNSAMP_PLUGINS_STRICT",
    "DYNSAMP_CACHE_DIR",
    "DYNSAMP_CACHE_SIZE",
    "DYNSAMP_WATTS_PER_CORE",
)


def add(commands: Commands, common: ArgumentParser) -> None:
    """Add the parsers."""
    _add_plugins(commands, common)
    _add_cache(commands, common)


def _add_plugins(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(commands, common, "plugins", list_plugins, "list plugins; check, doctor and new for authors")
    add_json(parser)
    actions = parser.add_subparsers(title="actions (none: list)", metavar="ACTION")
    check = add_command(actions, common, "check", check_one, "check that a system keeps the contract of dynsamp")
    check.add_argument("system", metavar="SYSTEM", help="a system's name, or a file such as ./spring.py")
    add_json(check)
    add_json(add_command(actions, common, "doctor", doctor, "say what is installed, what is broken and why"))
    new = add_command(
        actions, common, "new", new_plugin, "write a complete plugin to start from",
        "example:\n  dynsamp plugins new spring && pip install -e ./dynsamp-spring",
    )  # fmt: skip
    new.add_argument("name", metavar="NAME", help="name of the plugin and of its first system, such as spring")
    add_out(new, "DIR", "folder to make (default dynsamp-NAME)")


def check_one(args: Namespace) -> int:
    """Run every check, one line each; 1 if any fails."""
    law = chosen_system(args.system)
    from dynsamp.testing import outcomes

    results = []
    for check, error in outcomes(law):
        name = check.removeprefix("check_")
        results.append({"check": name, "ok": not error, "error": error})
        if not args.json:
            put(f"{'ok  ' if not error else 'FAIL'}  {name}" + (f": {error}" if error else ""), flush=True)
    failed = sum(not result["ok"] for result in results)
    if args.json:
        print_json({"system": law.name, "checks": results})
    elif failed:
        put(f"{law.name}: {failed} of {len(results)} checks failed")
    else:
        put(f"{law.name} keeps the contract")
    return 1 if failed else 0


def doctor(args: Namespace) -> int:
    """Versions, settings, and every plugin with what is wrong with it; 1 if one is broken or unruly."""
    import warnings

    from dynsamp import plugins
    from dynsamp.kernels.cache import cache_dir, trouble

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", plugins.PluginWarning)  # said below, at length
        records, changes = plugins.examined()
    broken = [record for record in records if record.status in ("broken", "unsupported")]
    unruly = [record for record in records if changes[record] and record not in broken]
    settings = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    folder = cache_dir()
    unkept = trouble(folder)
    if args.json:
        print_json(
            {
                "python": platform.python_version(),
                "packages": {name: _version(name) for name in (*PACKAGES, *OPTIONAL)},
                "settings": settings,
                "cache": folder,
                "cache_writable": not unkept,
                "cache_trouble": unkept or None,
                "plugins": [
                    {"name": r.name, "status": r.status, "error": r.error, "changes": changes[r]} for r in records
                ],
            }
        )
        return 1 if broken or unruly else 0
    rows = [("python", f"{platform.python_version()} ({sys.executable})")]
    rows += [(name, _version(name) or "missing") for name in PACKAGES]
    for name, extra in OPTIONAL.items():
        rows.append((name, _version(name) or f"not installed (optional): pip install 'dynsamp[{extra}]'"))
    print_section("installed", rows)
    print_section("cache", [(str(folder), f"{unkept}: every process compiles anew" if unkept else "writable")])
    print_section("settings", list(settings.items()))
    print_section("plugins", [(r.name, f"{r.distribution} {r.version}", r.status) for r in records])
    for record in records:
        for clash in record.clashes:
            put(f"  {record.name}: {clash}")
    for record in broken:
        put(f"\n{heading(record.name)} is {record.status}: {record.error}")
        if record.traceback:
            put(textwrap.indent(record.traceback.rstrip(), "  "))
        put(f"  until it is repaired: DYNSAMP_DISABLE_PLUGINS={record.name}")
    for record in unruly:
        put(f"\n{heading(record.name)}, when it is loaded, {', '.join(changes[record])}")
    counts = [f"{len(broken)} broken"] * bool(broken) + [f"{len(unruly)} unruly"] * bool(unruly)
    put(f"\n{', '.join(counts) or 'all is well'}")
    return 1 if counts else 0


def new_plugin(args: Namespace) -> None:
    """Write the folder."""
    name = args.name.removeprefix("dynsamp-").removeprefix("dynsamp_").replace("-", "_")
    if not name.isidentifier() or name != name.lower():
        raise UsageError(f"a plugin's name must be a lower-case word, got {args.name!r}; try 'spring'")
    folder = out_file(args, f"dynsamp-{name.replace('_', '-')}")
    if folder.exists():
        raise UsageError(f"{folder} exists; choose another name or --out")
    from dynsamp.files import replaced

    with replaced(folder) as beside:  # all of it, or nothing
        for path, text in plugin_files(name).items():
            place = beside / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
    say(args, f"wrote {folder}/")
    put(f"pip install -e {folder}\ndynsamp plugins check {name}\ndynsamp run {name}")


def plugin_files(name: str) -> dict[str, str]:
    """Text of every file of a new plugin, a mass on a spring, by its path in the folder."""
    from dynsamp.hookspecs import API_VERSION

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


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "present" if find_spec(name) is not None else None


def _add_cache(commands: Commands, common: ArgumentParser) -> None:
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
