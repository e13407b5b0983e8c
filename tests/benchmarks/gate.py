"""The gate of a change that must not change results: bits, errors and times, before and after.

    python tests/benchmarks/gate.py record before.json     # in the old tree
    python tests/benchmarks/gate.py record after.json      # in the new one
    python tests/benchmarks/gate.py compare before.json after.json
    python tests/benchmarks/gate.py race OLD NEW --only "fit: published"

``record`` writes one row a case, to a new file or into one that exists: SHA-256 of generated data, forecasts and fitted
arrays, errors and CPU seconds of fits, CPU seconds of first and second calls, of the import, and the number of lines.
Model files are kept in a folder (``--models``, by default ``models`` beside the recording) and read again by later
recordings: forecasts with them do not depend on the fit, and old files must load. ``compare`` prints what differs and
ends with 1 where bits differ (not with --bits-may-differ), where an error or a time is more than 1.1 times what it was,
or where a row is gone. ``race`` measures two trees in turn, in processes of their own, and compares the least seconds.

``--tree PATH`` measures another checkout; it is a process of its own. ``--quick`` takes one seed of a few fits.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

HERE = Path(__file__).resolve().parent
LIMIT = 1.1
NOISE = 2e-15  # errors below are rounding: their ratio says nothing
MOMENT = 0.02  # seconds below are not compared
FIRST = {
    "first call: generate": "ds.generate('pendulum', trajectories=16, duration=2, dt=0.1, progress=False)",
    "first call: fit and forecast": (
        "ds.forecast(ds.load_model({model!r}), [[0.1, 0.2, 0.0, 0.1]] * 8, duration=2, dt=0.1, progress=False)"
    ),
}
CALL = """
import time
begin = time.process_time()
import dynsamp as ds
{call}
print(time.process_time() - begin)
"""
IMPORT = "import time; b = time.process_time(); import dynsamp; print(time.process_time() - b)"


def main() -> int:
    """Record, compare or race."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    record = parts.add_parser("record", help="measure this tree, or --tree")
    record.add_argument("out", type=Path)
    record.add_argument("--tree", type=Path)
    compare = parts.add_parser("compare", help="compare two recordings")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    race = parts.add_parser("race", help="measure two trees in turn and compare")
    race.add_argument("old", type=Path)
    race.add_argument("new", type=Path)
    race.add_argument("--turns", type=int, default=3)
    for part in (record, compare, race):
        part.add_argument("--only", default="", help="pattern of the names of rows")
    for part in (record, race):
        part.add_argument("--quick", action="store_true")
        part.add_argument("--models", type=Path, help="folder of the model files")
    for part in (compare, race):
        part.add_argument("--bits-may-differ", action="store_true")
        part.add_argument("--all", action="store_true", help="print every row")
    options = parser.parse_args()
    if options.part == "compare":
        wanted = re.compile(options.only)
        before, after = (
            {name: row for name, row in json.loads(path.read_text()).items() if wanted.search(name)}
            for path in (options.before, options.after)
        )
        return compared(before, after, options)
    if options.part == "race":
        return raced(options)
    models = options.models or options.out.resolve().parent / "models"
    if options.tree is not None:
        return subprocess.run(
            [sys.executable, __file__, *_arguments(options, options.out, models)], env=_of_tree(options.tree)
        ).returncode
    models.mkdir(parents=True, exist_ok=True)
    known = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name, row in recorded(models, options.only, options.quick):
        known[name] = row
        options.out.write_text(json.dumps(known, indent=1))  # after every row: a long recording can be read early
    failed = [name for name, row in known.items() if row.get("failed")]
    print(f"{len(known)} rows in {options.out}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 0


def _arguments(options: argparse.Namespace, out: Path, models: Path) -> list[str]:
    quick = ["--quick"] if options.quick else []
    return ["record", str(out), "--only", options.only, "--models", str(models), *quick]


def _of_tree(tree: Path) -> dict[str, str]:
    path = f"{tree.resolve()}{os.pathsep}{tree.resolve() / 'plugins'}"
    return {**os.environ, "PYTHONPATH": path}


def recorded(models: Path, only: str, quick: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """All rows whose name matches, as they are found."""
    import dynsamp

    home = Path(dynsamp.__file__).resolve().parents[1]
    # the problems of the tree that is measured: they import what it has; the cases are ours
    sys.path[:0] = [str(home / "tests" / "benchmarks"), str(HERE)]
    from gate_cases import rows, written

    wanted = re.compile(only)
    begun = time.perf_counter()
    for name, call in rows(models, quick):
        if wanted.search(name):
            try:
                row = call().plain()
            except Exception as error:
                row = {"failed": f"{type(error).__name__}: {error}"}
            figures = f"{row['error']:9.1e}{sum(row['seconds']):8.2f}" if row.get("seconds") else ""
            print(f"{time.perf_counter() - begun:7.1f}  {name:52}{figures}{row.get('failed', '')}", flush=True)
            yield name, row
    for name, call in FIRST.items():
        if wanted.search(name):
            yield from first_calls(
                name, call.format(model=str(written("hamiltonian, tanh", models))), 1 if quick else 3
            )
    if wanted.search("import"):
        yield "import", {"seconds": [min(_seconds(IMPORT, None) for _ in range(3 if quick else 9))]}
    if wanted.search("lines"):
        yield "lines", {"text": str(lines(home))}


def first_calls(name: str, call: str, repeats: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """With an empty cache, and in the next processes."""
    with tempfile.TemporaryDirectory() as cache:
        program = CALL.format(call=call)
        cold = _seconds(program, cache)
        warm = min(_seconds(program, cache) for _ in range(repeats))
    print(f"{'':9}{name:52}{cold:8.2f} cold {warm:6.2f} warm", flush=True)
    yield f"{name}, cold", {"seconds": [cold]}
    yield f"{name}, warm", {"seconds": [warm]}


def _seconds(program: str, cache: str | None) -> float:
    environment = {**os.environ, **({"DYNSAMP_CACHE_DIR": cache} if cache else {})}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def lines(home: Path) -> int:
    """Lines of the package without plugins."""
    return sum(len(path.read_text().splitlines()) for path in (home / "dynsamp").rglob("*.py"))


def raced(options: argparse.Namespace) -> int:
    """Old and new in turn; of each row the least seconds."""
    best: list[dict[str, Any]] = [{}, {}]
    with tempfile.TemporaryDirectory() as folder:
        models = options.models or Path(folder, "models")
        for turn in range(options.turns):
            for place, tree in enumerate((options.old, options.new)):
                out = Path(folder, f"{place}-{turn}.json")
                command = [sys.executable, __file__, *_arguments(options, out, models)]
                subprocess.run(command, env=_of_tree(tree), check=True, stdout=subprocess.DEVNULL)
                for name, row in json.loads(out.read_text()).items():
                    known = best[place].setdefault(name, row)
                    pairs = zip(known.get("seconds", []), row.get("seconds", []), strict=True)
                    known["seconds"] = [min(pair) for pair in pairs]
    return compared(best[0], best[1], options)


def compared(before: dict[str, Any], after: dict[str, Any], options: argparse.Namespace) -> int:
    """Print the table; 1 where something got worse."""
    print(f"{'row':54}{'bits':>12}{'labels':>8}{'error':>18}{'ratio':>7}{'seconds':>16}{'ratio':>7}")
    bad: list[str] = []
    equal = 0
    totals = [0.0, 0.0]
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            print(f"{name:54}{'gone' if new is None else 'new':>12}")
            bad += [f"{name}: gone"] * (new is None)
            continue
        if old.get("failed") or new.get("failed"):
            print(f"{name:54}{'failed':>12}  {old.get('failed', 'ok')} -> {new.get('failed', 'ok')}")
            bad += [f"{name}: failed"] * bool(new.get("failed"))
            continue
        faults, cells = _row(old, new)
        totals[0] += sum(old.get("seconds", []))
        totals[1] += sum(new.get("seconds", []))
        if options.bits_may_differ:
            faults = [fault for fault in faults if not fault.startswith("bits")]
        bad += [f"{name}: {fault}" for fault in faults]
        interesting = faults or "differ" in cells[0] or cells[1] == "differ" or old.get("seconds")
        equal += "differ" not in cells[0]
        if interesting or options.all:
            print(f"{name:54}{cells[0]:>12}{cells[1]:>8}{cells[2]:>18}{cells[3]:>7}{cells[4]:>16}{cells[5]:>7}"
                  + (f"  {old['text']} -> {new['text']}" if old.get("text") != new.get("text") else ""))  # fmt: skip
            for line in _changed_labels(old, new)[:3]:
                print(f"{'':54}  {line}")
    print(f"\n{equal} of {len(after)} rows have equal bits; seconds {totals[0]:.1f} -> {totals[1]:.1f}")
    for line in bad:
        print(f"FAULT {line}")
    return 1 if bad else 0


def _row(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Faults of one row, and its cells."""
    faults, bits = [], ""
    keys = set(old.get("bits", {})) & set(new.get("bits", {}))
    seeds = min(len(old.get("seconds", [])), len(new.get("seconds", [])))  # a quick recording has fewer
    fewer = len(new.get("seconds", [])) < len(old.get("seconds", []))
    lost = set() if fewer else set(old.get("bits", {})) - keys
    if keys or lost:
        wrong = sorted(key for key in keys if old["bits"][key] != new["bits"][key])
        bits = "equal" if not wrong else f"{len(wrong)}/{len(keys)} differ"
        if wrong:
            faults.append(f"bits of {', '.join(wrong[:6])}{', ...' if len(wrong) > 6 else ''}")
        if lost:
            faults.append(f"no {', '.join(sorted(lost)[:6])}")
    labels = "" if not old.get("labels") else ("equal" if old["labels"] == new.get("labels") else "differ")
    error = ratio = seconds = slower = ""
    if old.get("error") is not None and new.get("error") is not None and not fewer:
        error = f"{old['error']:.2e} {new['error']:.2e}"
        factor = max(new["error"], NOISE) / max(old["error"], NOISE)
        ratio = f"{factor:.2f}"
        if not factor <= LIMIT:
            faults.append(f"error {factor:.2f} times")
    if seeds:
        was, now = sum(old["seconds"][:seeds]), sum(new["seconds"][:seeds])
        factor = now / max(was, 1e-9)
        seconds, slower = f"{was:.2f} {now:.2f}", f"{factor:.2f}"
        if factor > LIMIT and now > MOMENT:
            faults.append(f"seconds {factor:.2f} times")
    return faults, [bits, labels, error, ratio, seconds, slower]


def _changed_labels(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The attributes that differ, in words."""
    if not old.get("labels") or not new.get("labels") or old["labels"] == new["labels"]:
        return []
    one, two = json.loads(old["labels"]), json.loads(new["labels"])
    found = []
    for name in sorted({*one, *two}):
        first, second = _unfolded(one.get(name, {})), _unfolded(two.get(name, {}))
        for key in sorted({*first, *second}):
            if first.get(key) != second.get(key):
                found.append(f"{name or 'dataset'}.{key}: {first.get(key)!r:.60} -> {second.get(key)!r:.60}")
    return found


def _unfolded(attrs: dict[str, Any]) -> dict[str, Any]:
    """Attributes, those that hold JSON key by key; what says nothing is left out."""
    found: dict[str, Any] = {}
    for name, value in attrs.items():
        if isinstance(value, str) and value.startswith("{"):
            inner = {f"{name}.{key}": item for key, item in json.loads(value).items() if item not in (None, False, [])}
            found |= inner
        else:
            found[name] = value
    return found


if __name__ == "__main__":
    sys.exit(main())
