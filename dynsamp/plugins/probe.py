"""What plugins do to the process that imports them, found in a process of its own; run as ``python -m``.

A plugin may end it, hang, print, or change what belongs to everybody, such as NumPy's error state.
"""

import builtins
import gc
import json
import locale
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dynsamp.plugins.registry import Candidate, candidates
from dynsamp.words import shown

PATIENCE = 120.0  # seconds for all plugins: the slowest of ours takes one
THREADS = "the threads that keep a process alive"
Finding = tuple[bool, list[str]]  # whether the process survived, and what was done to it


def examined(plugins: Sequence[Candidate]) -> dict[str, Finding]:
    """What each plugin does when it is loaded, by ``distribution:name``."""
    found: dict[str, Finding] = {}
    left = [_key(plugin) for plugin in plugins]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        while left:
            report.write_text("")
            end = _run([sys.executable, "-m", "dynsamp.plugins.probe", str(report), *left])
            lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
            for line in (line for line in lines if "changes" in line):
                held = f"changes {THREADS}" in line["changes"]
                found[line["plugin"]] = (not held, ["does not let the process end"] if held else line["changes"])
            last = lines[-1]["plugin"] if lines else left[0]
            if last not in found:
                found[last] = (False, [end])
            left = [plugin for plugin in left if plugin not in found] if lines else []
    return found


def _run(command: list[str]) -> str:
    """Run a process; how it ended, in words."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"does not finish within {PATIENCE:g} s"
    if done.returncode < 0:
        return f"kills the process by signal {-done.returncode}"
    last = shown(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return f"ends the process with exit code {done.returncode}" + (f" ({last})" if last else "")


def _key(plugin: Candidate) -> str:
    return f"{plugin.distribution}:{plugin.name}"


def _globals_of(module: Any) -> dict[str, int]:
    return {name: id(value) for name, value in vars(module).items() if not name.startswith("__")}


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "one that is gone"


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _watched() -> dict[str, Callable[[], Any]]:
    """What belongs to everybody, in words, and its state."""
    import numpy as np

    from dynsamp.kernels.jit import setting

    compiler = ("DISABLE_JIT", "OPT", "BOUNDSCHECK", "CPU_NAME", "THREADING_LAYER")
    return {
        "NumPy's error state": lambda: (np.geterr(), np.geterrcall()),
        "NumPy's global generator": lambda: pickle.dumps(np.random.mtrand._rand),
        "NumPy's print options": np.get_printoptions,
        "functions of NumPy": lambda: _globals_of(np),
        "Numba's settings": lambda: [setting(name) for name in compiler],
        "the generator of random": random.getstate,
        "functions of random": lambda: _globals_of(random),
        "functions of math": lambda: _globals_of(math),
        "builtins": lambda: _globals_of(builtins),
        "the filters of warnings": lambda: list(warnings.filters),
        "the locale": lambda: locale.setlocale(locale.LC_ALL),
        "the current folder": _folder,
        "signal handlers": lambda: {number: signal.getsignal(number) for number in signal.valid_signals()},
        "sys.path": lambda: list(sys.path),
        "environment variables": lambda: dict(os.environ),
        "standard streams": lambda: [(id(s), s is None or s.closed) for s in (sys.stdin, sys.stdout, sys.stderr)],
        "sys.excepthook": lambda: (sys.excepthook, sys.displayhook, threading.excepthook),
        "the recursion limit": sys.getrecursionlimit,
        "the umask": _mask,
        "the garbage collector": gc.isenabled,
        THREADS: lambda: [t.ident for t in threading.enumerate() if not t.daemon],
    }


def _differ(name: str, before: Any, after: Any) -> bool:
    if name.startswith(("functions", "builtins")):  # what comes to them, submodules for one, is nobody's loss
        return any(after.get(key) != value for key, value in before.items())
    return bool(before != after)


def _main(report: Path, asked: list[str]) -> None:
    import pandas as pd  # noqa: F401 - what dynsamp's own libraries do is no plugin's doing
    import scipy.special  # noqa: F401
    import xarray as xr  # noqa: F401

    from dynsamp.plugins import builtin, loading  # noqa: F401

    handle, printed = tempfile.mkstemp()
    os.dup2(handle, 1)
    manager, watched = loading.manager(), _watched()
    with open(report, "a", encoding="utf-8") as lines:

        def say(**line: Any) -> None:
            lines.write(json.dumps(line) + "\n")
            lines.flush()

        for plugin in sorted((p for p in candidates() if _key(p) in asked), key=lambda p: asked.index(_key(p))):
            say(plugin=_key(plugin))
            before = {name: state() for name, state in watched.items()}
            size = os.path.getsize(printed)
            loading.load(plugin.entry_point.load, _key(plugin), manager)
            for stream in (sys.stdout, sys.__stdout__):
                if stream is not None and not stream.closed:
                    stream.flush()
            after = {name: state() for name, state in watched.items()}
            changes = [f"changes {name}" for name in watched if _differ(name, before[name], after[name])]
            said = ["prints to standard output"] if os.path.getsize(printed) > size else []
            say(plugin=_key(plugin), changes=changes + said)
    os.unlink(printed)
    os._exit(0)  # whatever threads are left


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
