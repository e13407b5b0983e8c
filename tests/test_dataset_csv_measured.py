"""Tables as people record them: no options are needed, and what was decided is said."""

import numpy as np
import pandas as pd
import pytest

from dynsamp.dataset import from_csv, from_dataframe, pack
from dynsamp.dataset.columns import bare, unit_of

TRIALS = {"a": [(0.0, 1.0, 2.0), (0.5, 3.0, 4.0), (1.2, 5.0, 6.0)], "b": [(0.0, 7.0, 8.0), (0.7, 9.0, 10.0)]}


@pytest.fixture
def read(tmp_path):
    def _read(text, encoding="utf-8", **options):
        path = tmp_path / "measured.csv"
        path.write_bytes(text.encode(encoding))
        return from_csv(path, **options)

    return _read


def table(header, rows, separator=","):
    return "\n".join([header, *(separator.join(map(str, row)) for row in rows)]) + "\n"


def rows(labels=("a", "b"), order=None):
    flat = [(new, *row) for new, (_, block) in zip(labels, TRIALS.items(), strict=True) for row in block]
    return flat if order is None else [flat[k] for k in order]


def assert_both(ds, names=("theta", "omega")):
    assert list(ds.data_vars)[: len(names)] == list(names)
    samples = pack(ds)
    assert samples.length.tolist() == [3, 2]
    np.testing.assert_array_equal(samples.y[0], [row[1:] for row in TRIALS["a"]])
    np.testing.assert_array_equal(samples.y[1, :2], [row[1:] for row in TRIALS["b"]])
    np.testing.assert_array_equal(samples.t, [[0, 0.5, 1.2], [0, 0.7, np.nan]])


NAMES = ["trial", "Trial", "TRIAL ID", "trialNumber", "trajectory", "run", "run_no", "experiment", "Exp.", "sample"]
NAMES += ["id", "series", "track", "TRACK_ID", "particle", "recording", "session", "file name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_tells_the_trajectories_apart_by_its_name(read, name):
    for labels in ((3, 7), ("1.0", "2.0"), ("first swing", "second")):
        assert_both(read(table(f"{name},time,theta,omega", rows(labels))))
    ds = read(table(f"time,theta,omega,{name}", [(t, q, p, k) for k, t, q, p in rows((3, 7))]))
    assert ds["trajectory"].values.tolist() == [3, 7]
    assert_both(ds)
    assert f"'{name}' tells the trajectories apart" in ds.attrs["comment"]


def test_interleaved_trials_and_unsorted_rows(read):
    assert_both(read(table("trial,t,theta,omega", rows(order=[0, 3, 1, 4, 2]))))
    ds = read(table("trial,t,theta,omega", rows(order=[0, 4, 2, 3, 1])))
    assert_both(ds)
    assert "the rows of 2 trajectories are sorted by 't'" in ds.attrs["comment"]


def test_a_time_that_restarts_begins_a_trajectory(read):
    t = np.concatenate([np.arange(20) * 0.1, 0.05 + np.arange(15) * 0.1, np.arange(30) * 0.05])
    x = np.sin(np.arange(65.0))
    ds = read(table("time,x", zip(t, x, strict=True)))
    assert pack(ds).length.tolist() == [20, 15, 30]
    assert "restarts 2 times; each restart begins a trajectory" in ds.attrs["comment"]
    colour = np.repeat(["red", "green", "blue"], [20, 15, 30])
    ds = read(table("time,x,colour", zip(t, x, colour, strict=True)))
    assert ds["trajectory_name"].values.tolist() == ["red", "green", "blue"]
    mass = np.repeat([0.1, 0.25, 0.5], [20, 15, 30])
    ds = read(table("time,x,mass (kg)", zip(t, x, mass, strict=True)))
    assert list(ds.data_vars) == ["x", "parameter_mass"]
    assert ds["parameter_mass"].values.tolist() == [0.1, 0.25, 0.5]
    assert ds["parameter_mass"].attrs["units"] == "kg"


def test_pairs_of_snapshots_restart_at_the_same_time(read):
    ds = read(table("time,x", [(0, 1), (0.1, 2), (0, 5), (0.1, 6), (0, 7), (0.1, 8)]))
    np.testing.assert_array_equal(ds["x"], [[1, 2], [5, 6], [7, 8]])


def test_exchanged_and_reversed_rows_are_sorted_and_not_split(read):
    t = np.arange(60) * 0.1
    x = np.cos(t)
    order = np.r_[0:30, 31, 30, 32:60]
    for way in (order, np.arange(60)[::-1]):
        ds = read(table("t,x", zip(t[way], x[way], strict=True)))
        np.testing.assert_array_equal(ds["x"], [x])
        assert "the rows of 1 trajectory are sorted by 't'" in ds.attrs["comment"]


def test_restarts_within_a_labelled_trial(read):
    t, x = np.tile(np.arange(12) * 0.1, 3), np.arange(36.0) ** 0.5
    ds = read(table("subject,t,x", zip(["A"] * 24 + ["B"] * 12, t, x, strict=True)))
    assert ds["trajectory_name"].values.tolist() == ["A/1", "A/2", "B"]
    np.testing.assert_array_equal(ds["x"].values.ravel(), x)
    two = read(table("subject,trial,t,x", zip("A" * 24 + "B" * 12, [1] * 12 + [2] * 12 + [1] * 12, t, x, strict=True)))
    assert sorted(two["trajectory_name"].values.tolist()) == ["1/A", "1/B", "2/A"]


def test_repeated_rows_are_left_out_and_others_of_the_same_time_are_not_hidden(read):
    ds = read("t,x\n0,1\n1,2\n1,2\n2,3\n")
    np.testing.assert_array_equal(ds["x"], [[1, 2, 3]])
    assert "1 row that repeated another one left out" in ds.attrs["comment"]
    with pytest.raises(ValueError, match=r"must increase, but line 4 has 1.0 after 1.0 in line 3, with other values"):
        read("t,x\n0,1\n1,2\n1,5\n2,3\n")


def test_a_trial_with_one_sample_is_kept(read):
    ds = read(table("trial,t,x", [("a", 0, 1), ("a", 1, 2), ("b", 0, 9), ("c", 0, 4), ("c", 1, 5)]))
    assert pack(ds).length.tolist() == [2, 1, 2]
    assert ds["x"].values[1, 0] == 9


HEADERS = {
    "angular velocity": ("angular_velocity", "1"),
    "theta [rad]": ("theta", "rad"),
    "omega (deg/s)": ("omega", "degree s-1"),
    "ω [rad s^-1]": ("ω", "rad s-1"),
    "x / m": ("x", "m"),
    "v (m/s)": ("v", "m s-1"),
    "height in cm": ("height", "cm"),
    "a (m/s²)": ("a", "m s-2"),
    "p (kg m^2/s)": ("p", "kg m2 s-1"),
    "brightness [arb. units]": ("brightness", "arb. units"),
    "theta_deg": ("theta_deg", "degree"),
    "x (left eye)": ("x_left_eye", "1"),
    "x[0]": ("x_0", "1"),
}


@pytest.mark.parametrize("header", HEADERS)
def test_units_in_brackets_become_units(read, header):
    name, units = HEADERS[header]
    ds = read(f'"time (s)",{header}\n0,1\n1,3\n')
    assert list(ds.data_vars) == [name]
    assert ds[name].attrs["units"] == units
    assert ds["time"].attrs["units"] == "s"
    chosen = read(f'"time (s)",{header},z\n0,1,5\n1,3,6\n', states=[header, name][1:])  # by the name of the state
    assert list(chosen.data_vars) == [name]


@pytest.mark.parametrize(
    ("header", "unit"),
    [("t/s", "s"), ("Time (ms)", "ms"), ("time_s", "s"), ("t [min]", "min"), ("elapsed time (s)", "s")],
)
def test_times_have_their_units(read, header, unit):
    ds = read(f"x,{header}\n1,0\n2,1\n5,3\n")
    assert ds["time"].attrs["units"] == unit
    np.testing.assert_array_equal(ds["time"], [0, 1, 3])
    assert read(f"x,{header}\n1,0\n2,1\n", time_unit="d")["time"].attrs["units"] == "d"


def test_what_is_no_unit_stays_in_the_name():
    assert unit_of("left") is None
    assert unit_of("") is None
    assert bare("dx/dt") == ("dx/dt", None)
    assert bare("temperature (upper)") == ("temperature (upper)", None)


def test_a_header_in_a_comment(read):
    flat = [(k, *row) for k, block in enumerate(TRIALS.values()) for row in block]
    text = table("%   recorded with a camera\n% trial  time  theta omega", flat, " ")
    assert_both(read(text))
    assert_both(read(table("# trial,time,theta (rad),omega (rad/s)", flat)))
    plain = read("# measured in May, station 7\n0,1,2\n1,3,5\n")
    assert list(plain.data_vars) == ["x1", "x2"]
    assert list(read("# units: m\n0 1\n1 2\n").data_vars) == ["x1"]


def test_dialects_of_instruments(read):
    wanted = [[1.5, 2.0], [3.0, 4.25]]
    for text in (
        "t;x;v\n0,0;1,5;2\n0,1;3;4,25\n",
        "t\tx\tv\n0,0\t1,5\t2,0\n0,1\t3,0\t4,25\n",
        "t x v\n0,0 1,5 2,0\n0,1 3,0 4,25\n",
        "t,x,v,\r\n0.0,1.5,2,\r\n0.1,3,4.25,\r\n",
        "mass A\nt,x,v\n0.0,1.5,2\n0.1,3,4.25\n",
        "t,x,v\n,,\n0.0,1.5,2\n,,\n0.1,3,4.25\n,,\n",
        "\ufefft,x,v\n0.0,1.5,2\n0.1,3,4.25\n",
    ):
        ds = read(text)
        np.testing.assert_array_equal(pack(ds).y[0], wanted)
        np.testing.assert_array_equal(ds["time"], [0, 0.1])
    ds = read("t\tx\tv\n0.0\t1.5\t2\n0.1\t3\t4.25\n", encoding="utf-16")
    np.testing.assert_array_equal(pack(ds).y[0], wanted)
    ds = read("time,x,v\ns,m,m/s\n0.0,1.5,2\n0.1,3,4.25\n")
    np.testing.assert_array_equal(pack(ds).y[0], wanted)
    assert [ds[name].attrs["units"] for name in ("time", "x", "v")] == ["s", "m", "m s-1"]
    with pytest.raises(ValueError, match=r"line 3, column 'v': the cell is empty"):
        read("t,x,v\n0,1,2\n1,3,\n")


def test_columns_that_are_no_states(read):
    k = np.arange(40)
    t, x, v = 0.1 * k, np.cos(0.1 * k), -np.sin(0.1 * k)
    header = ",frame,time,camera,x,v,count,mass (kg)"
    text = table(header, zip(k, 10 * k + 5, t, [2] * 40, x, v, k + 1, [0.25] * 40, strict=True))
    ds = read(text)
    assert list(ds.data_vars) == ["x", "v"]
    np.testing.assert_array_equal(ds["time"], t)
    comment = ds.attrs["comment"]
    assert "columns 'frame' and 'count' count the rows, so they are no states" in comment
    assert "columns 'camera' and 'mass (kg)' never change" in comment
    assert list(read(text, states=["mass", "x"]).data_vars) == ["mass", "x"]  # states= decides


def test_accelerations_and_energies_beside_pairs_are_no_states(read):
    ds = read("t,angle,angular velocity,angular acceleration,E_kin energy\n0,1,2,3,2\n1,2,3,4,5\n2,3,5,5,9\n")
    assert list(ds.data_vars) == ["angle", "angular_velocity"]
    assert "follow from the states" in ds.attrs["comment"]
    alone = read("t,x,acceleration\n0,1,2\n1,3,5\n")  # without a velocity it may be one
    assert list(alone.data_vars) == ["x", "acceleration"]


def test_frames_are_times_where_there_are_no_others(read):
    ds = read(table("x,Frame", [(5, 0), (6, 1), (8, 2)]))
    np.testing.assert_array_equal(ds["time"], [0, 1, 2])
    assert list(ds.data_vars) == ["x"]


def test_a_state_that_rests_is_kept_if_it_is_all_there_is(read):
    assert list(read(table("t,x", [(k, 1) for k in range(20)])).data_vars) == ["x"]


def test_dates_and_trials(read):
    ds = read("run,timestamp,x\n1,2026-01-01T00:00:00,1\n1,2026-01-01T00:00:02,2\n2,2026-01-02T00:00:00,3\n")
    assert pack(ds).length.tolist() == [2, 1]


def test_times_of_day_become_seconds(read):
    ds = read("time,x\n11:59:59.5,1\n12:00:00.25,2\n12:01:00,3\n")
    np.testing.assert_array_equal(np.diff(ds["time"]), [0.75, 59.75])
    assert ds["time"].attrs["units"] == "s"


def test_shuffled_rows_of_labelled_trials_are_sorted_and_not_split(read):
    rng = np.random.default_rng(0)
    label, t = np.repeat(["a", "b", "c"], 50), np.tile(np.arange(50) * 0.1, 3)
    x = np.sin(np.arange(150.0))
    way = rng.permutation(150)
    ds = read(table("id,t,x", zip(label[way], t[way], x[way], strict=True)))
    order = [list("abc").index(name) for name in ds["trajectory_name"].values]
    np.testing.assert_array_equal(ds["x"], x.reshape(3, 50)[order])


def test_particles_of_a_film_by_frames(read):
    frame, particle = np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30)
    x = np.cos(0.1 * frame + particle)
    ds = read(table("frame,particle,x", zip(frame, particle, x, strict=True)))
    np.testing.assert_array_equal(ds["x"], x.reshape(30, 4).T)
    np.testing.assert_array_equal(ds["time"], np.arange(30))


def test_tables_of_pandas_are_read_alike():
    frame = pd.DataFrame(rows(("one", "two")), columns=["Trial", "time (s)", "theta [rad]", "omega (rad/s)"])
    ds = from_dataframe(frame)
    assert_both(ds)
    assert ds["trajectory_name"].values.tolist() == ["one", "two"]
    assert ds["omega"].attrs["units"] == "rad s-1"
    restarted = from_dataframe(pd.DataFrame({"t": np.tile(np.arange(10.0), 2), "x": np.sin(np.arange(20.0))}))
    assert restarted.sizes == {"trajectory": 2, "time": 10}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,x\n0,1\n7,2\n1,3\n", "line 4 has 1.0 after 7.0 in line 3; if the table holds several trajectories"),
        ("trial,t,x\na,0,1\na,1,2\na,1,9\nb,0,1\n", "line 4 of trial a has 1.0 after 1.0 in line 3, with other"),
    ],
)
def test_what_cannot_be_decided_is_an_error(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
