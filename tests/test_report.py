"""The page of a run: one file, no scripts, nothing from outside, every word of the user escaped."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from dynsamp import dataset, report
from dynsamp.words import Facts, State, Status

TIMES = np.linspace(0.0, 5.0, 51)
EVIL = '<script>alert("x")</script>&amp;'


def trajectories(size, **options):
    y = np.stack([size * np.cos(TIMES), -size * np.sin(TIMES)], axis=-1)[None].repeat(4, axis=0)
    states = [State("q", "rad", EVIL, conjugate="p"), State("p", "rad s-1", "velocity")]
    return dataset.build(t=TIMES, y=y, states=states, time_unit="s", **options)


@pytest.fixture
def run():
    attrs = {"title": EVIL, "system": "swing", "parameters": {"k": 2.0}, "seed": 7, "method_reason": EVIL}
    error = np.full((4, 1, TIMES.size), 1e-9)
    scores = xr.Dataset(
        {
            "energy_error": (("trajectory", "member", "lead_time"), error, {"units": "1", "long_name": EVIL}),
            "truth_energy_error": (("trajectory", "lead_time"), error[:, 0] / 100),
            "energy_drift": (("trajectory", "member"), np.array([[1.0], [2.0], [3.0], [np.inf]]), {"units": "1"}),
            "hamiltonian_error": ((), 2.5e-13, {"units": "1"}),
        },
        {"lead_time": ("lead_time", TIMES, {"units": "s"})},
        {"skipped": '{"crps": "needs members"}'},
    )
    status = [Status.OK, Status.OK, Status.LEFT_DOMAIN, Status.DIVERGED]
    model = SimpleNamespace(
        name="hamiltonian",
        facts=Facts(),
        report={
            "width": 300,
            "activation": "tanh",
            "seconds": 0.25,
            "cpu_seconds": 0.5,
            "joules": 2.0,
            "energy_source": "estimate (4 W per core)",
            "residual": 1e-13,
        },
        summary=lambda: f"a network of {EVIL}",
    )
    forecast = trajectories(1.0, lead=True, status=np.array(status), attrs={"estimator": "hamiltonian"})
    truth = trajectories(1.0, attrs=attrs)
    return SimpleNamespace(train=truth, model=model, truth=truth, forecast=forecast, scores=scores)


class Page(HTMLParser):
    """Checks nesting; collects tags, attributes and text."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "image"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.values, self.text, self.open = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.values += attrs

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data


@pytest.fixture
def page(run, tmp_path):
    return Page(report.page(run, tmp_path / "run.html").read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_holds_the_pictures(page):
    assert page.open == []
    assert page.tags.count("svg") == page.tags.count("figcaption") == 3  # phase, time series, energy error


def test_nothing_runs_and_nothing_is_loaded(page):
    assert "script" not in page.tags
    assert not [key for key, _ in page.values if key.startswith("on")]
    policies = [value for key, value in page.values if key == "content" and "default-src" in value]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    for key, value in page.values:
        if key in ("href", "src", "xlink:href"):
            assert value.startswith(("#", "data:")), value
        elif not key.startswith("xmlns"):
            assert "http" not in (value or "")


def test_words_of_the_user_are_escaped(page):
    assert page.text.count(EVIL) >= 3  # as text: title, reason, summary


def test_the_page_says_what_matters(page):
    text = " ".join(page.text.split())
    for words in (
        "A Hamiltonian model with 300 sampled neurons was fitted to 4 trajectories of 51 times in 0.25 s",
        "It then forecast 4 starts that it had not seen over 5 s.",
        "2 J, estimate (4 W per core)",
        "left out: needs members",
        "k = 2",
        "seed: 7",
    ):
        assert words in text


def test_ids_are_unique_so_that_pictures_do_not_borrow_from_each_other(page):
    ids = [value for key, value in page.values if key == "id"]
    assert len(ids) == len(set(ids))
    used = {value[1:] for key, value in page.values if key.endswith("href")}
    used |= {name for _, value in page.values for name in re.findall(r"url\(#([^)]+)\)", value or "")}
    assert used
    assert used <= set(ids)


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    report.page(run, tmp_path / "a.html")
    paths = report.write(run, tmp_path / "folder")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "folder" / "index.html").read_bytes()
    assert [path.name for path in paths] == ["index.html", "phase.png", "time_series.png", "energy_error.png"]
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == sorted(path.name for path in paths)


def test_lines_say_it_all(run):
    said = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in report.lines(run))
    assert said["neurons"] == "300 tanh"
    assert said["fit time"] == "0.25 s"
    assert said["CPU time of the fit"] == "0.5 s"
    assert said["error of H"] == "2.5e-13"
    assert said["final energy error"] == "1e-09 (the truth's own: 1e-11)"
    assert said["median energy drift"] == "2.5"  # a failure is the largest of them
    assert said["forecasts"] == "4, 1 diverged, 1 left domain"


def test_a_valid_prediction_time_says_its_unit_and_what_was_never_exceeded(run):
    about = {"units": "1", "lyapunov_exponent": 0.9, "censored": 3, "threshold": 0.4}
    run.scores["valid_prediction_time"] = (("trajectory", "member"), np.array([[4.0], [5.0], [5.0], [5.0]]), about)
    (line,) = [line for line in report.lines(run) if "valid prediction time" in line]
    assert line.endswith("at least 5 Lyapunov times (3 of 4 valid to the end)")


def test_headlines_are_medians_without_lead_time_zero(run):
    values = np.array([[[0.0, 0.3, 0.5], [0.0, 0.1, np.inf], [0.0, 0.2, 1e68]]])
    run.scores = xr.Dataset(
        {
            "nrmse": (("trajectory", "member", "lead_time"), values.swapaxes(0, 1), {"units": "1"}),
            "crps": (("trajectory", "lead_time"), values[0], {"units": "1", "members": 4, "members_failed": 3}),
        },
        {"lead_time": [0.0, 1.0, 2.0]},
    )
    said = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in report.lines(run))
    assert said["median NRMSE"] == "0.4"  # between 0.3 and 0.5
    assert said["median CRPS"] == "0.4 (3 of 12 paths failed)"


def test_a_model_of_several_parts_reports_each(run):
    run.model.report |= {"width": {"V": 200, "T": 0}, "activation": {"V": "sin", "T": "tanh"}}
    assert report.lines(run)[0].split(maxsplit=1)[1] == "V: 200 sin, T: 0"


def test_a_folder_that_is_not_there_is_named(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write .*run\.html: no such file"):
        report.page(run, tmp_path / "missing" / "run.html")
    assert not list(tmp_path.iterdir())
