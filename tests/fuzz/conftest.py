"""Fuzzing: an input is written down, given to a reader, and either understood or refused in one sentence.

Seeds are fixed, so that a run is the same everywhere. ``pytest tests/fuzz -n0 --fuzz 5000`` tries that many new inputs
a test. Whatever happens, a crash of the interpreter too, the last input of a test is in ``.pytest_cache/fuzz``.
"""

import contextlib
import faulthandler
import json
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

try:
    import resource
except ImportError:  # Windows: time is watched there, memory is not
    resource = None

SECONDS = 2.0  # of CPU time for one input
MEMORY = 64 * 2**20  # bytes used for one input, which are a few kilobytes themselves
ASKED = 2**30  # bytes asked for, used or not
STUCK = 120  # seconds after which the process is ended, with a traceback
KEPT = Path(__file__).resolve().parents[2] / ".pytest_cache" / "fuzz"

NUMBERS = (
    *(b"0", b"-1", b"0.5", b"1e400", b"-1e308", b"5e-324", b"NaN", b"Infinity", b"18446744073709551616", b"9" * 5000),
    *(b"null", b"true", b'"x"', b"[]", b"{}", b"[[1]]", b"'", b'"', b"\x1b[31m", b"[" * 3000, b"1979-05-27", b"1,5"),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def mutated(seeds):
    """Bytes of one of the seeds, changed in a few places: bits, cuts, copies, numbers and their types."""
    place = st.integers(0, 2**20)
    change = st.one_of(
        st.tuples(st.just("flip"), place, st.integers(0, 7)),
        st.tuples(st.just("byte"), place, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("cut"), place, st.integers(1, 64)),
        st.tuples(st.just("end"), place, st.just(0)),
        st.tuples(st.just("copy"), place, place),
        st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("number"), place, st.sampled_from(NUMBERS)),
        st.tuples(st.just("number"), place, st.sampled_from(NUMBERS)),
    )
    return st.builds(_changed, st.sampled_from(list(seeds)), st.lists(change, min_size=1, max_size=4))


def _changed(content, changes):
    for kind, place, value in changes:
        at = place % max(len(content), 1)
        if kind == "flip" and content:
            content = content[:at] + bytes([content[at] ^ (1 << value)]) + content[at + 1 :]
        elif kind == "byte":
            content = content[:at] + value + content[at + len(value) :]
        elif kind == "cut":
            content = content[:at] + content[at + value :]
        elif kind == "end":
            content = content[:at]
        elif kind == "copy":
            other = value % max(len(content), 1)
            content = content[:at] + content[other : other + 64] + content[at:]
        elif kind == "insert":
            content = content[:at] + value + content[at:]
        elif found := list(NUMBER.finditer(content)):
            match = found[place % len(found)]
            content = content[: match.start()] + value + content[match.end() :]
    return content


def most():
    """Bytes that this process has used at most, so far; tracing allocations would cost ten times the readers' time."""
    if resource is None:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def limited():
    """No more may be asked for than ``ASKED`` beside what is there, where the system can tell."""
    pages = Path("/proc/self/statm")
    if resource is None or not pages.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(pages.read_text().split()[0]) * resource.getpagesize() + ASKED, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture
def bytes_like():
    """The strategy `mutated`."""
    return mutated


@pytest.fixture
def fuzz(request):
    """Try inputs of a strategy: ``call`` may return or raise what is allowed, in time, in memory, with a clean text."""
    KEPT.mkdir(parents=True, exist_ok=True)
    current = KEPT / re.sub(r"\W+", "_", request.node.name)
    wanted = request.config.getoption("--fuzz")

    def run(strategy, call, *, allowed=(ValueError,), examples=50):
        def attempt(content):
            current.write_bytes(content if isinstance(content, bytes) else repr(content).encode())
            faulthandler.dump_traceback_later(STUCK, exit=True, file=sys.__stderr__)
            before, began = most(), time.process_time()
            try:
                call(content)
            except allowed as error:
                check(error)
            except BaseException as error:
                error.add_note(f"the input is in {current}")
                raise
            finally:
                faulthandler.cancel_dump_traceback_later()
            spent, peak = time.process_time() - began, most() - before
            assert spent < SECONDS, f"{spent:.1f} s for the input in {current}"
            assert peak < MEMORY, f"{peak / 2**20:.0f} MiB for the input in {current}"

        def check(error):
            text = str(error)
            ours = type(error) in allowed or isinstance(error, OSError) or type(error).__module__.startswith("dynsamp")
            assert ours, f"{error!r} for the input in {current}"
            assert all(line.isprintable() for line in text.split("\n")), f"{text!r} for the input in {current}"
            assert 5 < len(text) < 4000, f"{text[:500]!r} for the input in {current}"

        chosen = settings(
            max_examples=wanted or examples,
            derandomize=wanted is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        with limited():
            chosen(given(strategy)(attempt))()

    return run


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["x" * 10**4, "\x1b[31m", "tanh", "q", -1, 0, 1e308, 10**9]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def trees_like():
    """JSON documents as strategies: one or two places of a valid one get a value of another kind, go, or double."""

    def strategy(document):
        text = json.dumps(document)
        change = st.tuples(st.integers(0, 10**6), st.sampled_from(["set", "set", "set", "drop", "double"]), JSON)
        return st.lists(change, min_size=1, max_size=2).map(lambda changes: _planted(json.loads(text), changes))

    return strategy


def _planted(document, changes):
    for place, kind, value in changes:
        spots = list(_spots(document))
        holder, key = spots[place % len(spots)]
        if kind == "set":
            holder[key] = value
        elif kind == "drop":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[f"{key}_"] = holder[key]
    return document


def _spots(value):
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _spots(value[key])
