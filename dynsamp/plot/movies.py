"""Moving pictures: the true motion beside the learned one, as a GIF or MP4 file.

What moves are rods, a spring, or a point in the plane, found from the states of one trajectory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from dynsamp.dataset import facts, state_list
from dynsamp.files import explained, named, replaced
from dynsamp.models.measured.names import is_angle
from dynsamp.plot.canvas import COLOURS, FAINT, TRUTH, axis_label, lay_out, panels
from dynsamp.plot.extracts import called, component, matching, positions, series
from dynsamp.plot.trajectories import portrait_pair
from dynsamp.words import State

FASTEST = 50.0  # frames a second that a GIF can show: its clock ticks in hundredths
LONGEST = 10.0  # seconds of film, unless asked for
TAIL = 1.5  # seconds of film
COILS = 12
COLOURS_OF_GIF = 64
LOOKED_AT = 60  # frames, before the colours are chosen
DPI = 100


@dataclass(frozen=True)
class _Joints:
    """What moves, over time."""

    kind: str  # "rods", "spring" or "point"
    times: np.ndarray  # (time,)
    joints: np.ndarray  # (joint, time, 2); the first of rods and springs is the pivot
    labels: tuple[str, str]  # of the axes

    @property
    def reach(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top of all that is ever there."""
        flat = self.joints.reshape(-1, 2)
        flat = flat[np.isfinite(flat).all(axis=1)]
        (left, bottom), (right, top) = flat.min(axis=0), flat.max(axis=0)
        return float(left), float(right), float(bottom), float(top)


def motion(data: xr.Dataset, place: int, lengths: Mapping[str, float] | None = None) -> _Joints:
    """Of one trajectory; of several members the first.

    One angle is a pendulum, two are a double pendulum, a length and an angle an elastic one, as are the positions of a
    system of that name. All else is a point in the plane of its first two coordinates, or of a coordinate and its
    momentum.
    """
    states = state_list(data)
    coordinates = [state for state in states if state.conjugate and not state.dims]
    if not coordinates:
        coordinates = [state for state in states[: (len(states) + 1) // 2] if not state.dims]
    angles = [state for state in coordinates if state.units == "rad" or (state.units == "1" and is_angle(state.name))]
    known = {key: float(value) for key, value in facts(data).parameters.items() if isinstance(value, int | float)}
    sizes = {**known, **(lengths or {})}
    time = series(data, coordinates[0].name if coordinates else str(states[0].name), place)[0]

    def values(state: State) -> np.ndarray:
        return np.asarray(series(data, state.name, place)[1][0])

    pivot = np.zeros((time.size, 2))
    if coordinates and len(angles) == len(coordinates) <= 2:
        joints = [pivot]
        for k, state in enumerate(angles):
            length = sizes.get(f"length{k + 1}", sizes.get("length", 1.0))
            joints.append(joints[-1] + length * _hanging(values(state)))
        return _Joints("rods", time, np.stack(joints), ("", ""))
    if len(coordinates) == 2 and len(angles) == 1:
        radius = next(state for state in coordinates if state not in angles)
        bob = values(radius)[:, None] * _hanging(values(angles[0]))
        return _Joints("spring", time, np.stack([pivot, bob]), ("", ""))
    if len(coordinates) >= 2 and not angles:
        pair = (coordinates[0].name, coordinates[1].name)
    else:
        pair = portrait_pair(data)
    points = np.stack([series(data, name, place)[1][0] for name in pair], axis=-1)
    if "elastic_pendulum" in str(data.attrs.get("system", "")):
        return _Joints("spring", time, np.stack([pivot, points]), ("", ""))
    x, y = (axis_label(component(data, name), name, width=28) for name in pair)
    return _Joints("point", time, points[None], (x, y))


def _hanging(angle: np.ndarray) -> np.ndarray:
    """Unit vectors (time, 2) at angles from the downward vertical."""
    return np.stack([np.sin(angle), -np.cos(angle)], axis=-1)


def animate(
    forecast: xr.Dataset,
    truth: xr.Dataset | None = None,
    *,
    path: str | Path,
    trajectory: int = 0,
    fps: float = 25.0,
    speed: float = 1.0,
    duration: float | None = None,
) -> Path:
    """Film of one trajectory, the truth beside the forecast.

    Angles are pendulums (one or two rods), a length with an angle an elastic pendulum; everything else is a point in
    the plane of two states, with a fading tail.

    Parameters
    ----------
    forecast : Dataset
        Or any other trajectories. Of several members the first is shown.
    truth : Dataset, optional
        Its trajectory is found by id.
    path : path
        To write, whole or not at all: .gif, or .mp4 where ffmpeg is installed.
    trajectory : int
        Which one, counted from 0.
    fps : float
        Frames a second, at most 50 in a GIF.
    speed : float
        Units of time a second of film.
    duration : float, optional
        How much of the trajectory, in its unit of time; by default what fits into 10 seconds.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    ValueError
        For another ending of the name, a missing ffmpeg, or a trajectory that does not exist.
    """
    path = named(path)
    _check(path, fps, speed)
    (place,) = positions(forecast, [trajectory])
    shown = [(called(forecast) if truth is not None else "", COLOURS[0], motion(forecast, place))]
    if truth is not None:
        shown.insert(0, ("truth", TRUTH, motion(truth, matching(truth, forecast, place))))
    figure = Figure(figsize=(0.4 + 3.3 * len(shown), 3.7), dpi=DPI, layout="constrained")
    scenes = [
        Scene(ax, film, title, colour, _limits([film for *_, film in shown]))
        for ax, (title, colour, film) in zip(panels(figure, len(shown), columns=len(shown)), shown, strict=True)
    ]
    unit = str(forecast["time"].attrs.get("units", "1"))
    start, end = shown[-1][2].times[[0, -1]]
    length = min(float(end - start), LONGEST * speed) if duration is None else min(float(end - start), duration)
    moments = start + np.arange(int(length * fps / speed) + 1) * speed / fps
    suffix = "" if unit == "1" else f" {unit}"
    with explained("write", path), replaced(path) as part:
        frames = _frames(figure, scenes, moments, suffix, speed)
        if path.suffix.lower() == ".gif":
            _write_gif(part, frames, fps)
        else:
            _write_mp4(part, figure, frames, fps)
    return path


def _check(path: Path, fps: float, speed: float) -> None:
    from matplotlib.animation import FFMpegWriter

    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise ValueError(f"cannot write {path.name!r}: a film is a .gif or a .mp4")
    if suffix == ".mp4" and not FFMpegWriter.isAvailable():
        raise ValueError(f"cannot write {path.name!r}: there is no ffmpeg on this machine; write a .gif, or install it")
    if not 0 < fps <= (FASTEST if suffix == ".gif" else 240):
        raise ValueError(f"fps must be positive and at most 50 in a GIF, got {fps:g}")
    if not speed > 0:
        raise ValueError(f"speed must be positive, got {speed:g}")


class Scene:
    """One panel: its artists, which follow the motion."""

    def __init__(self, ax: Axes, film: _Joints, title: str, colour: str, limits: tuple[float, ...]) -> None:
        self.ax, self.film = ax, film
        left, right, bottom, top = limits
        ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=film.labels[0], ylabel=film.labels[1])
        ax.set_title(title, fontsize="medium")
        if film.kind != "point":
            ax.set_aspect("equal")
            ax.axis("off")
            ax.plot(0, 0, marker="s", color=FAINT, markersize=5)
        self.tail = LineCollection([], linewidths=1.8, capstyle="butt")
        self.colour = np.array(to_rgba(colour))
        ax.add_collection(self.tail, autolim=False)
        (self.body,) = ax.plot([], [], "-", color=FAINT, linewidth=1.6, solid_joinstyle="round")
        (self.masses,) = ax.plot([], [], "o", color=colour, markersize=11 if film.kind != "point" else 7)
        self.clock = ax.text(0.02, 0.98, "", transform=ax.transAxes, verticalalignment="top", fontsize="small")
        for artist in self.artists:
            artist.set_animated(True)

    @property
    def artists(self) -> tuple[LineCollection | Line2D | Text, ...]:
        """All that moves, the hindmost first."""
        return self.tail, self.body, self.masses, self.clock

    def show(self, moment: float, past: np.ndarray) -> None:
        """Move to a time; ``past`` are the times of the tail."""
        joints = self._at(np.array([moment]))[:, 0]
        if self.film.kind == "rods":
            self.body.set_data(*joints.T)
        elif self.film.kind == "spring":
            self.body.set_data(*_coiled(joints[0], joints[1]).T)
        bobs = joints if self.film.kind == "point" else joints[1:]
        self.masses.set_data(*bobs.T)
        trace = self._at(past)[-1]
        pieces = np.stack([trace[:-1], trace[1:]], axis=1)
        colours = np.tile(self.colour, (len(pieces), 1))
        colours[:, 3] = np.linspace(0.0, 0.7, len(pieces)) ** 1.5
        self.tail.set_segments(list(pieces))
        self.tail.set_color(list(map(tuple, colours)))

    def _at(self, moments: np.ndarray) -> np.ndarray:
        """Joints (joint, moment, 2) between the samples; nowhere after a failure."""
        times, joints = self.film.times, self.film.joints
        found = [[np.interp(moments, times, joint[:, k]) for k in (0, 1)] for joint in joints]
        return np.moveaxis(np.array(found), 1, 2)


def _coiled(pivot: np.ndarray, bob: np.ndarray) -> np.ndarray:
    """Corners (corner, 2) of a spring."""
    along = bob - pivot
    length = float(np.hypot(*along)) or 1.0
    across = np.array([-along[1], along[0]]) / length
    share = np.concatenate([[0.0, 0.08], np.linspace(0.12, 0.88, 2 * COILS), [0.92, 1.0]])
    side = np.concatenate([[0.0, 0.0], np.tile([1.0, -1.0], COILS), [0.0, 0.0]])
    width = 0.12 / (1 + length)  # a longer spring is thinner
    return np.asarray(pivot + share[:, None] * along + width * side[:, None] * across)


def _limits(films: list[_Joints]) -> tuple[float, float, float, float]:
    """Of all panels alike, with some air; around the pivot where there is one."""
    left, right, bottom, top = np.array([film.reach for film in films]).T
    x0, x1, y0, y1 = left.min(), right.max(), bottom.min(), top.max()
    if films[0].kind != "point":
        half = 1.15 * max(abs(x0), abs(x1), 0.5 * (y1 - y0), 0.3)
        middle = 0.5 * (y0 + y1)
        return -half, half, middle - half, middle + half
    x, y = 0.08 * (x1 - x0), 0.08 * (y1 - y0)
    return float(x0 - x), float(x1 + x), float(y0 - y), float(y1 + y)


def _frames(
    figure: Figure, scenes: list[Scene], moments: np.ndarray, suffix: str, speed: float
) -> Iterator[np.ndarray]:
    """Pixels (row, column, 3) of each frame; what stands still is drawn once."""
    canvas = FigureCanvasAgg(figure)
    lay_out(figure)
    canvas.draw()  # type: ignore[no-untyped-call] # nor have the others below stubs
    still = canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
    digits = max(0, min(2, 2 - int(np.floor(np.log10(speed)))))
    for moment in moments:
        canvas.restore_region(still)  # type: ignore[no-untyped-call]
        past = np.linspace(max(moments[0], moment - TAIL * speed), moment, 60)
        scenes[0].clock.set_text(f"t = {moment:.{digits}f}{suffix}")
        for scene in scenes:
            scene.show(float(moment), past)
            for artist in scene.artists:
                scene.ax.draw_artist(artist)
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    from PIL import Image

    first = [Image.fromarray(frame) for frame in islice(frames, LOOKED_AT)]
    palette = first[-1].quantize(COLOURS_OF_GIF)  # by then the tail has all its shades
    every = chain(first, (Image.fromarray(frame) for frame in frames))
    reduced = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in every]
    # the clock of a GIF ticks in hundredths of a second: frames take turns so that the film keeps time
    ends = np.round(100 * np.arange(1, len(reduced) + 1) / fps).astype(int)
    lasting = [int(10 * each) for each in np.diff(ends, prepend=0)]
    reduced[0].save(path, format="GIF", save_all=True, append_images=reduced[1:], duration=lasting, loop=0)


def _write_mp4(path: Path, figure: Figure, frames: Iterator[np.ndarray], fps: float) -> None:
    from matplotlib.animation import FFMpegWriter

    width, height = figure.get_size_inches()
    screen = Figure(figsize=(float(width), float(height)), dpi=DPI)
    picture = screen.figimage(next(frames))
    writer = FFMpegWriter(fps=max(1, round(fps)))
    with writer.saving(screen, str(path), DPI):
        writer.grab_frame()
        for frame in frames:
            picture.set_data(frame)
            writer.grab_frame()
