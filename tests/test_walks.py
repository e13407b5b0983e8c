"""How far a reader walks: files that a warm call of each verb goes through, and changes from one to another."""

import sys
from pathlib import Path

import pytest

import dynsamp as ds

ROOT = str(Path(ds.__file__).parent)
TENTH = 1.1
REACHED = {  # files, changes of file; lower them when they fall
    "generate": (22, 139),
    "fit, derivatives": (38, 4400),  # the verdict rolls the model out, by what regressions share; monomials come first
    "fit, snapshots": (43, 17200),  # judged with one trajectory after the other left out
    "forecast": (28, 130),
    "evaluate": (21, 230),  # the error of H takes states and norm of the other errors
}


def walk(call):
    """Files of the package that a call goes through, and changes of file; the first call is warm-up."""
    call()
    files, changes, last = set(), 0, None

    def entered(frame, event, _):
        nonlocal changes, last
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(ROOT):
            files.add(Path(file).relative_to(ROOT).as_posix())
            changes, last = changes + (file != last), file

    before = sys.getprofile()
    sys.setprofile(entered)
    try:
        call()
    finally:
        sys.setprofile(before)
    return files, changes


@pytest.fixture(scope="module")
def walks():
    short = {"duration": 5, "dt": 0.1, "progress": False}
    train = ds.generate("pendulum", trajectories=20, seed=1, **short)
    snapshots = train.drop_vars([name for name in train.data_vars if str(name).startswith("tendency_of_")])
    truth = ds.generate("pendulum", trajectories=4, seed=2, **short)
    model = ds.fit(train, progress=False)
    forecast = ds.forecast(model, truth, progress=False)
    return {
        "generate": walk(lambda: ds.generate("pendulum", trajectories=20, seed=1, **short)),
        "fit, derivatives": walk(lambda: ds.fit(train, progress=False)),
        "fit, snapshots": walk(lambda: ds.fit(snapshots, progress=False)),
        "forecast": walk(lambda: ds.forecast(model, truth, progress=False)),
        "evaluate": walk(lambda: ds.evaluate(forecast, truth, model=model)),
    }


@pytest.mark.parametrize("verb", REACHED)
def test_a_verb_is_read_in_few_files(walks, verb):
    files, changes = walks[verb]
    most_files, most_changes = REACHED[verb]
    assert len(files) <= TENTH * most_files
    assert changes <= TENTH * most_changes


def test_contributing_names_every_file_of_a_fit(walks):
    page = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walked = page[page.index("## From `ds.fit`") : page.index("## Rules")]
    assert not [file for file in walks["fit, derivatives"][0] if f"`{file}`" not in walked]
