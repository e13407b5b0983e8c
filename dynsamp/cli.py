"""The command line: parses, calls, prints.

Nothing heavy is imported before a command runs, so that ``dynsamp --help`` answers at once. Exit codes: 0, 1 (the work
failed), 2 (usage), 130 (interrupted).
"""

import argparse
import atexit
import contextlib
import difflib
import errno
import gc
import os
import re
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from dynsamp._version import __version__
from dynsamp.commands import drawing, experiments, exponents, listing, plugin_tools, verbs
from dynsamp.commands.printing import UsageError, heading, print_json, put
from dynsamp.plugins.printed import aside
from dynsamp.words import shown

__all__ = ["main"]

atexit.register(gc.freeze)  # else half a second goes by at the end, for garbage that the system takes back anyway

DESCRIPTION = """\
Learn dynamical systems from data in seconds on a CPU, by sampling neural
networks instead of training them.

start here:
  dynsamp systems                     what can be simulated and learned
  dynsamp run pendulum                generate, fit, forecast, evaluate; then a page of pictures
  dynsamp compare pendulum            the same network, sampled and iteratively trained

your own data (a CSV file with a column of times, netCDF or zarr):
  dynsamp fit data.csv                writes data.model
  dynsamp forecast data.model data.csv    goes on where the data end

your own system:
  dynsamp plugins new spring          a complete plugin to start from
  dynsamp run ./spring.py             a system in one file, without packaging
"""

EPILOG = """\
`dynsamp COMMAND --help` explains a command. Results go to standard output,
remarks and progress to standard error. Exit codes: 0 done, 1 the work failed,
2 wrong usage, 130 interrupted.
"""

# failures that the code foresees: their text says it all
FORESEEN = (ValueError, OSError, RuntimeError)


LONGEST = 4000  # characters of a message: two screens


class _Parser(argparse.ArgumentParser):
    """Suggests the nearest command where a word is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **{**kwargs, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Print usage and message, exit 2."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            known = re.findall(r"[\w-]+", wrong[2])
            near = difflib.get_close_matches(wrong[1], known, 1)
            message = f"{wrong[1]!r} is unknown; " + (
                f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
            )
        super().error(shown(message, LONGEST))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="dynsamp", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"dynsamp {__version__}")
    _add_common(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    _add_common(common, default=argparse.SUPPRESS)  # must not undo `dynsamp -v COMMAND`
    for topic in (experiments, listing, verbs, exponents, drawing, plugin_tools):
        topic.add(commands, common)
    return parser


def _add_common(parser: argparse.ArgumentParser, default: Any = None) -> None:
    given = {} if default is None else {"default": default}
    group = parser.add_argument_group("output")
    group.add_argument("-q", "--quiet", action="store_true", help="print results and errors only", **given)
    group.add_argument("-v", "--verbose", action="store_true", help="say more; show tracebacks", **given)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as stop:  # --help, --version and wrong usage
        return int(stop.code or 0)
    # the document of --json stands alone, whatever plugins print, at the end of the process too
    alone = aside(for_good=argv is None) if getattr(args, "json", False) else contextlib.nullcontext()
    with alone:
        code = _run(args)
    if argv is None:
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End a process that the threads of a plugin would keep alive; they have a second to come to an end."""
    end = time.monotonic() + 1.0
    pools: Any = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", ())  # Python ends these
    mine = (threading.main_thread(), *pools)
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread not in mine]
    for thread in others:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        put(
            "dynsamp: warning: a plugin left a thread that does not end; `dynsamp plugins doctor` names it",
            file=sys.stderr,
        )
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _run(args: argparse.Namespace) -> int:
    """The command, and what is said of its failure."""
    started = time.time()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code = args.command(args) or 0
            sys.stdout.flush()
        except KeyboardInterrupt as stop:  # a store says itself how to go on
            said = str(stop) or f"interrupted; {_kept(getattr(args, 'out', None), started)}"
            put(f"dynsamp: {said}", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader, such as `head`, has had enough
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - flushed at exit, must stay open
            return 1
        except UsageError as error:
            return _fail(args, str(error), 2)
        except MemoryError:
            return _fail(args, "out of memory; try fewer or shorter trajectories, or a smaller width", 1)
        except SystemExit as stop:  # of no command of ours: what was asked for is not there
            if args.verbose:
                traceback.print_exc()
            where = traceback.extract_tb(stop.__traceback__)[-1]
            said = f"{where.filename}, line {where.lineno}, ended the program ({type(stop).__name__}: {stop}); raise an"
            return _fail(args, f"{said} error there instead", 1)
        except Exception as error:
            if args.verbose:
                traceback.print_exc()
            return _fail(args, _explained(error), 1)
    return int(code)


def _fail(args: argparse.Namespace, message: str, code: int) -> int:
    put(f"{heading('dynsamp: error:', sys.stderr)} {message}", file=sys.stderr)
    if getattr(args, "json", False):
        print_json({"error": message, "exit_code": code})
    return code


def _explained(error: Exception) -> str:
    """One line."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        advice = {
            errno.ENOSPC: "; make room or choose another --out, files are written whole or not at all",
            errno.EACCES: "; choose a place that you may write to, or check the file's permissions",
            errno.EROFS: "; choose another --out",
        }.get(error.errno or 0, "")
        return f"{place}{error.strerror[0].lower()}{error.strerror[1:]}{advice}"
    text = shown(error, LONGEST)
    if text and (isinstance(error, FORESEEN) or type(error).__module__.startswith("dynsamp.")):  # kinds of our own
        return text
    return f"{type(error).__name__}: {text} (unexpected; run again with -v for the traceback)"


def _kept(out: str | None, started: float) -> str:
    """Which complete files an interrupted command leaves behind: files appear under their names only when whole."""
    place = Path(out) if out is not None else None
    if place is None or not place.exists():
        return "nothing was written"
    paths = sorted(place.glob("[!.]*")) if place.is_dir() else [place]
    new = [path for path in paths if path.stat().st_mtime >= started - 1]  # file systems round times
    if not new:
        return "nothing was written"
    return f"kept {', '.join(str(path) for path in new)}"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Warnings as one line for people, without source lines."""
    del filename, lineno, line
    text = shown(message, LONGEST)
    kind = "" if issubclass(category, UserWarning) else f"{category.__name__}: "
    put(f"dynsamp: warning: {kind}{text}", file=file or sys.stderr)
