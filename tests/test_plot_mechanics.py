"""Pictures of mechanics: energies, sections and films show what the Datasets hold."""

import numpy as np
import pytest
from PIL import Image

import dynsamp as ds
from dynsamp import dataset, plot
from dynsamp.cli import main
from dynsamp.plot.movies import motion
from dynsamp.words import State

TIMES = np.linspace(0.0, 4.0, 81)
ANGLE = (State("q", "rad", "angle", conjugate="p", period=2 * np.pi), State("p", "kg m2 s-1", "angular momentum"))
PLANE = (State("x", "m", conjugate="px"), State("y", "m", conjugate="py"), State("px"), State("py"))


def swings(amplitudes, **options):
    size = np.asarray(amplitudes)[:, None]
    y = np.stack([size * np.cos(TIMES), -size * np.sin(TIMES)], axis=-1)
    return dataset.build(t=TIMES, y=y, states=ANGLE, time_unit="s", **options)


def planar(angle, radius=None, states=PLANE, **options):
    radius = np.ones_like(TIMES) if radius is None else radius
    first = angle if states is not PLANE else radius * np.sin(angle)
    second = radius if states is not PLANE else -radius * np.cos(angle)
    y = np.stack([first, second, 0 * angle, 0 * angle], axis=-1)[None]
    return dataset.build(t=TIMES, y=y, states=states, time_unit="s", **options)


# --- maps and lines of energy ---------------------------------------------------------------------------------------


def test_energy_map_of_a_system_is_its_hamiltonian():
    grid = ds.energy_map("pendulum", x=("q", -3.0, 3.0), y=("p", -2.0, 2.0), points=31)
    assert grid["energy"].dims == ("p", "q")
    assert grid["energy"].attrs["units"] == "J"
    q, p = grid["q"], grid["p"]
    exact = p**2 / 2 + 9.81 * (1 - np.cos(q))
    np.testing.assert_allclose(grid["energy"].values, exact.transpose("p", "q").values, atol=1e-12)


def test_energy_map_holds_the_other_states():
    grid = ds.energy_map("henon_heiles", x=("x", -1, 1), y=("y", -1, 1), at={"px": 0.5}, points=11)
    x, y = grid["x"], grid["y"]
    exact = 0.125 + (x**2 + y**2) / 2 + x**2 * y - y**3 / 3
    np.testing.assert_allclose(grid["energy"].values, exact.transpose("y", "x").values, atol=1e-12)
    assert dataset.decode(grid.attrs, "at") == {"px": 0.5, "py": 0.0}
    truth = ds.generate("henon_heiles", trajectories=2, duration=5.0, seed=1)
    over = ds.energy_map("henon_heiles", over=truth, points=5)
    assert over["x"].values[0] < float(truth["x"].min()) < over["x"].values[1]
    with pytest.raises(ValueError, match="from where to where is not known for 'x'"):
        ds.energy_map("henon_heiles")
    with pytest.raises(ValueError, match="there is no state 'z'"):
        ds.energy_map("pendulum", x="z")
    with pytest.raises(ValueError, match="has no Hamiltonian"):
        ds.energy_map("lorenz63")


def test_phase_draws_lines_of_equal_energy_in_its_plane():
    forecast = swings([0.5, 1.0], lead=True)
    grid = ds.energy_map("pendulum", x=("q", -1.5, 1.5), y=("p", -1.5, 1.5))
    ax = plot.phase(forecast, energy=grid)
    (contours,) = ax.collections
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        q, p = path.vertices.T
        np.testing.assert_allclose(p**2 / 2 + 9.81 * (1 - np.cos(q)), level, atol=0.02)
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match="over x and y, the portrait over q and p"):
        plot.phase(forecast, x="q", y="p", energy=ds.energy_map("henon_heiles", x=("x", -1, 1), y=("y", -1, 1)))
    with pytest.raises(ValueError, match=r"energy_map\(system or model\)"):
        plot.phase(forecast, energy=forecast)


def test_energies_are_those_of_the_system():
    truth = ds.generate("pendulum", trajectories=2, duration=2.0, seed=1)
    found = ds.energies(truth)
    exact = truth["p"] ** 2 / 2 + 9.81 * (1 - np.cos(truth["q"]))
    np.testing.assert_allclose(found["true_energy"].values, exact.values, rtol=1e-12)
    assert found["true_energy"].attrs["units"] == "J"
    with pytest.raises(ValueError, match="there is no energy"):
        ds.energies(swings([1.0]))


def test_the_energy_picture_has_a_line_for_each_energy():
    forecast, truth = swings([0.5, 1.0], lead=True), swings([0.5, 1.0])
    with pytest.raises(ValueError, match=r"energies\(forecast, model=\.\.\.\)"):
        plot.energy(forecast, truth)
    about = {"units": "J", "role": "diagnostic"}
    for data, slope in ((forecast, 2.0), (truth, 0.0)):
        data["true_energy"] = (("trajectory", "time"), np.stack([5 + slope * TIMES, 7 + slope * TIMES]), about)
    forecast["learned_energy"] = (("trajectory", "time"), np.stack([TIMES, 3 * TIMES]), about)
    ax = plot.energy(forecast, truth, trajectory=1)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert list(drawn) == ["true H, truth", "true H, forecast", "learned H, forecast"]
    np.testing.assert_allclose(drawn["true H, truth"], 0.0)
    np.testing.assert_allclose(drawn["true H, forecast"], 2 * TIMES)
    np.testing.assert_allclose(drawn["learned H, forecast"], 3 * TIMES)
    assert ax.get_ylabel() == "energy since the start [J]"


# --- sections -------------------------------------------------------------------------------------------------------


def test_crossings_of_trajectories_are_those_of_the_solver():
    truth = ds.generate("henon_heiles", trajectories=3, duration=60.0, dt=0.05, seed=1)
    sampled = ds.crossings(truth, events="x = 0 rising")
    solved = ds.crossings("henon_heiles", truth, "x = 0 rising", duration=60.0)
    np.testing.assert_array_equal(sampled["count"], solved["count"])
    for name in ("y", "py", "crossing_time"):
        np.testing.assert_allclose(sampled[name], solved[name], atol=2e-9)
    assert sampled.attrs["events"] == "x = 0 rising"
    both = ds.crossings(truth, events=["x = 0", "y = 0.1 falling"], duration=20.0, max_events=2)
    assert both.sizes["event"] == 2
    assert both.sizes["crossing"] == 2
    assert int(both["count"].max()) > 2
    with pytest.raises(TypeError, match="need duration="):
        ds.crossings("henon_heiles", events="x = 0 rising")
    with pytest.raises(ValueError, match="leave initial= out"):
        ds.crossings(truth, truth, "x = 0 rising")


@pytest.fixture(scope="module")
def surfaces():
    found = {}
    for k, label in enumerate(("E = 1/12", "E = 1/8")):
        truth = ds.generate("henon_heiles", trajectories=2, duration=60.0, dt=0.05, seed=k)
        found[label] = ds.crossings(truth, events="x = 0 rising")
    return found


def test_sections_stand_below_each_other(surfaces):
    figure = plot.section({label: (one, one) for label, one in surfaces.items()})
    assert [ax.get_title() for ax in figure.axes] == [
        "truth, E = 1/12", "truth, E = 1/8", "model, E = 1/12", "model, E = 1/8",
    ]  # fmt: skip
    upper, lower = figure.axes[0], figure.axes[2]
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("position y", "momentum y")
    assert (upper.get_xlabel(), figure.axes[1].get_ylabel()) == ("", "")  # said once
    assert upper.get_xlim() == lower.get_xlim()
    first = surfaces["E = 1/12"]
    np.testing.assert_array_equal(upper.lines[1].get_xdata(), first["y"].values[1])
    np.testing.assert_array_equal(lower.lines[1].get_ydata(), first["py"].values[1])
    assert len(plot.section(first).axes) == 1
    assert [ax.get_title() for ax in plot.section((first, first)).axes] == ["truth", "model"]


def test_sections_that_cannot_be_drawn(surfaces):
    one = next(iter(surfaces.values()))
    with pytest.raises(ValueError, match="a section is a Dataset from crossings"):
        plot.section(swings([1.0]))
    with pytest.raises(ValueError, match=r"several surfaces; choose one"):
        plot.section(one.expand_dims("event", axis=1))
    with pytest.raises(ValueError, match="as many sections in each column"):
        plot.section({"a": one, "b": (one, one)})
    with pytest.raises(ValueError, match="no state variable 'z'"):
        plot.section(one, x="z")


# --- films ----------------------------------------------------------------------------------------------------------


def test_one_angle_is_a_pendulum_of_its_length():
    data = swings([0.5, 1.0], attrs={"parameters": '{"length": 2.0}'})
    film = motion(data, 1)
    assert film.kind == "rods"
    np.testing.assert_allclose(film.joints[1], 2 * np.stack([np.sin(np.cos(TIMES)), -np.cos(np.cos(TIMES))], axis=-1))


def test_two_angles_are_a_double_pendulum():
    states = (State("a", "rad", conjugate="pa"), State("b", "rad", conjugate="pb"), State("pa"), State("pb"))
    film = motion(planar(TIMES, np.zeros_like(TIMES), states), 0)
    assert film.kind == "rods"
    np.testing.assert_allclose(np.hypot(*(film.joints[2] - film.joints[1]).T), 1.0)
    np.testing.assert_allclose(film.joints[2] - film.joints[1], np.tile([0.0, -1.0], (TIMES.size, 1)))


def test_springs_in_either_coordinates_and_points():
    angle, radius = 0.3 * np.cos(TIMES), 1.2 + 0.1 * np.cos(2 * TIMES)
    cartesian = motion(planar(angle, radius, attrs={"system": "elastic_pendulum"}), 0)
    states = (State("angle", "rad", conjugate="pa"), State("r", "m", conjugate="pr"), State("pa"), State("pr"))
    polar = motion(planar(angle, radius, states), 0)
    assert cartesian.kind == polar.kind == "spring"
    np.testing.assert_allclose(cartesian.joints, polar.joints, atol=1e-15)
    assert motion(planar(angle, radius), 0).kind == "point"
    lorenz = dataset.build(t=TIMES, y=np.zeros((1, 81, 3)), states=[State(name) for name in "xyz"])
    assert motion(lorenz, 0).kind == "point"


def test_a_film_keeps_time(tmp_path):
    path = plot.animate(swings([0.5, 1.0], lead=True), swings([0.5, 1.0]), path=tmp_path / "swing.gif", fps=12)
    with Image.open(path) as film:
        assert film.n_frames == 49
        lasting = []
        for k in range(film.n_frames):
            film.seek(k)
            lasting.append(film.info["duration"])
        assert sum(lasting) == pytest.approx(1000 * 49 / 12, abs=10)
    faster = plot.animate(swings([1.0]), path=tmp_path / "fast.gif", speed=4.0, fps=10)
    with Image.open(faster) as film:
        assert film.n_frames == 11
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fast.gif", "swing.gif"]


def test_films_that_cannot_be_made(tmp_path, monkeypatch):
    data = swings([1.0])
    with pytest.raises(ValueError, match=r"cannot write 'film\.avi': a film is a \.gif or a \.mp4"):
        plot.animate(data, path=tmp_path / "film.avi")
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", lambda: False)
    with pytest.raises(ValueError, match="there is no ffmpeg on this machine"):
        plot.animate(data, path=tmp_path / "film.mp4")
    with pytest.raises(ValueError, match="at most 50 in a GIF, got 60"):
        plot.animate(data, path=tmp_path / "film.gif", fps=60)
    with pytest.raises(ValueError, match="no trajectory 3"):
        plot.animate(data, path=tmp_path / "film.gif", trajectory=3)
    assert not list(tmp_path.iterdir())


# --- command line ---------------------------------------------------------------------------------------------------


def test_the_command_draws_all_of_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    truth = ds.generate("henon_heiles", trajectories=2, duration=30.0, dt=0.1, seed=1)
    ds.save_dataset(truth, "truth.nc")
    forecast = truth.assign_coords(lead_time=("time", truth["time"].values, {"units": "1"}))
    ds.save_dataset(forecast, "forecast.nc")
    both = ["plot", "forecast.nc", "--truth", "truth.nc"]
    assert main([*both, "--kind", "energy", "--out", "energy.png"]) == 0
    assert main([*both, "--kind", "section", "--out", "section.png"]) == 0
    assert main([*both, "--out", "motion.gif", "--fps", "5", "--speed", "3"]) == 0
    with Image.open("motion.gif") as film:
        assert film.n_frames == 51
    assert main([*both, "--kind", "section", "--surface", "z = 0", "--out", "no.png"]) == 2
    assert "no state 'z'" in capsys.readouterr().err
    assert main([*both, "--kind", "animation", "--out", "film.png"]) == 2
    assert "a film is a .gif or a .mp4" in capsys.readouterr().err
