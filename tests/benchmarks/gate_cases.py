"""What the gate records: one row a case, of bits, or of error, seconds and coefficients of fits.

Everything goes through the public names of dynsamp, so the same rows run on an older and a newer tree. Models that no
fit stands behind are written here, byte by byte, from a fixed generator: they also say that older files still load.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from problems import PROBLEMS, error_of, fresh_points, points
from snapshot_problems import CASES, DRIVE, driven_trajectories, flow, gradient_error, noisy, trajectories

import dynsamp as ds

__all__ = ["Row", "rows"]

UNCOMPARED = ("history", "dynsamp_version", "created")  # attributes that name a time or a version
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    **dict.fromkeys(("dop853", "tsit5", "taylor", "radau5"), ("lorenz63", {"rtol": 1e-8, "atol": 1e-8})),
    "rk4": ("lorenz63", {"step": 0.01}),
    **dict.fromkeys(
        ("verlet", "yoshida4", "yoshida6", "yoshida8", "kahan_li6", "kahan_li8", "blanes_moan4", "blanes_moan6"),
        ("henon_heiles", {"step": 0.05}),
    ),
    **dict.fromkeys(
        ("implicit_midpoint", "gauss_legendre4", "gauss_legendre6", "gauss_legendre8"),
        ("double_pendulum", {"step": 0.02}),
    ),
    **dict.fromkeys(("euler_maruyama", "milstein", "sri1", "sra1"), ("cessi", {"step": 0.02})),
    "platen_weak": ("heston", {"step": 0.001}),
    "rk4_delay": ("enso_delayed", {"step": 0.05}),
    "map": ("garch", {}),
}


@dataclass
class Row:
    """What was found: hashes must be equal, labels and texts should be, errors and seconds may not grow."""

    bits: dict[str, str] = field(default_factory=dict)
    labels: str = ""
    error: float | None = None
    seconds: list[float] = field(default_factory=list)
    text: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


# ---------------------------------------------------------------------------------------------------------- hashes


def digest(*arrays: Any) -> str:
    """SHA-256 of types, shapes and bytes; of one NaN is every NaN."""
    found = hashlib.sha256()
    for values in arrays:
        array = np.ascontiguousarray(values)
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), np.full((), np.nan, array.dtype), array)
        if array.dtype.kind in "OU":
            array = array.astype("S")
        found.update(f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def of_dataset(data: xr.Dataset) -> Row:
    """Bits of the values, and the attributes as text."""
    names = sorted(map(str, data.variables))
    bits = {name: digest(data[name].values) for name in names}
    attrs = {name: dict(data[name].attrs) for name in names}
    attrs[""] = {key: value for key, value in data.attrs.items() if not _dated(str(key))}
    return Row(bits=bits, labels=json.dumps(attrs, default=str, sort_keys=True))


def _dated(name: str) -> bool:
    return any(part in name for part in ("history", "version", "created", "dynsamp"))


def of_arrays(model: Any) -> str:
    """Hash of the fitted arrays of a model, in the order of their names."""
    found = {item.name: getattr(model, item.name) for item in fields(model)}
    arrays = sorted((name, value) for name, value in found.items() if isinstance(value, np.ndarray))
    return digest(*(value for _, value in arrays))


# ------------------------------------------------------------------------------------------------- systems, methods


def of_system(name: str) -> Row:
    """A short experiment with what the system brings."""
    law = ds.system(name)
    dt = law.dt if law.dt is not None else 0.1
    options: dict[str, Any] = {"derivatives": None}
    signals = {item.name: (dt * np.arange(9), np.linspace(0.0, 1.0, 9)) for item in law.inputs}
    if signals:
        options["inputs"] = signals
    return of_dataset(ds.generate(name, trajectories=5, duration=8 * dt, dt=dt, seed=3, progress=False, **options))


def of_method(method: str) -> Row:
    """The states by one method."""
    name, options = METHODS[method]
    dt = ds.system(name).dt
    return of_dataset(
        ds.generate(
            name, trajectories=9, duration=10 * dt, dt=dt, seed=5, method=method, derivatives=False, progress=False,
            **options,
        )
    )  # fmt: skip


def of_verbs() -> Iterator[tuple[str, Callable[[], Row]]]:
    """The other verbs, and options of generation."""
    pendulum = partial(ds.generate, "pendulum", trajectories=6, duration=2, dt=0.1, seed=1, progress=False)

    def scored() -> Row:
        truth = pendulum(seed=2)
        model = ds.fit(pendulum(), "persistence", progress=False)
        return of_dataset(ds.evaluate(ds.forecast(model, truth, progress=False), truth, model=model))

    def held() -> Row:
        def rhs(t, y, theta, u, dy):  # type: ignore[no-untyped-def]
            dy[0] = -theta[0] * y[0] + u[0] + 0.5 * u[1]

        law = ds.ODESystem(
            name="driven", states=[ds.State("x")], parameters={"k": ds.Parameter(2.0)}, rhs=rhs,
            inputs=[ds.Input("u"), ds.Input("v", hold=True)], duration=2.0, dt=0.1,
        )  # fmt: skip
        signals = {"u": ([0.0, 0.3, 1.1, 2.0], [0.0, 1.0, -1.0, 0.5]), "v": ([0.0, 0.7, 2.0], [1.0, -1.0, 0.0])}
        return of_dataset(ds.generate(law, trajectories=5, inputs=signals, seed=2, progress=False))

    def swept() -> Row:
        return of_dataset(pendulum(trajectories=6, parameters={"length": np.linspace(0.5, 2.0, 6)}))

    def paths() -> Row:
        kernel = ds.system("lorenz63").kernel()
        start, times = np.linspace(1.0, 2.0, 21).reshape(7, 3), np.linspace(0.0, 1.0, 14)
        dense = ds.solve(kernel, times, start, method="tsit5", rtol=1e-6, dense=True)
        summed = ds.solve(kernel, times, start, method="rk4", step=0.01, compensated=True, dtype="float32")
        return Row(bits={"dense": digest(dense.states), "compensated float32": digest(summed.states)})

    kinetic = {"initial": {"q": [0.3, 1.0, 2.0], "p": [0.0, 0.1, 0.2]}, "duration": 12.0}
    yield "generate, noise", lambda: of_dataset(pendulum(noise=0.05))
    yield "generate, swept", swept
    yield "generate, inputs", held
    yield "evaluate", scored
    yield "crossings", lambda: of_dataset(ds.crossings("pendulum", events=["q = 0 rising", "p = 0"], **kinetic))
    yield "crossings, samples", lambda: of_dataset(ds.crossings(pendulum(duration=8), events="q = 0 rising"))
    yield "lyapunov", lambda: of_dataset(ds.lyapunov("lorenz63", [1.0, 2.0, 20.0], duration=20.0, dt=0.5))
    yield "solve, dense and compensated", paths


# ----------------------------------------------------------------------------------- models that no fit stands behind


@dataclass(frozen=True)
class Written:
    """A model file of a fixed generator, and the starts of its forecast."""

    estimator: str
    states: tuple[dict[str, Any], ...]
    plain: dict[str, Any]
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    signals: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Components of the state."""
        return sum(int(np.prod(list(state.get("dims", {}).values()) or [1])) for state in self.states)

    def write(self, path: Path) -> None:
        """The safetensors layout, as `save_model` writes it."""
        blank = {"units": "1", "long_name": "", "standard_name": None, "conjugate": None, "period": None, "dims": {}}
        about = {
            "format": "dynsamp-model", "format_version": 1, "estimator": self.estimator,
            "states": [{**blank, **state} for state in self.states], "fields": self.plain, "facts": self.facts,
            "report": {"chosen": "nothing: drawn"}, "versions": {"dynsamp": "0.1.0"},
        }  # fmt: skip
        header: dict[str, Any] = {"__metadata__": {"dynsamp": json.dumps(about)}}
        end = 0
        for name, array in self.arrays.items():
            begin, end = end, end + array.nbytes
            code = "F64" if array.dtype == np.float64 else "I64"
            header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        buffers = (np.ascontiguousarray(array).tobytes() for array in self.arrays.values())
        path.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *buffers]))


def _energy(
    names: str,
    widths: Sequence[int],
    activations: Sequence[str],
    *,
    factored: bool = False,
    terms: Sequence[str] = (),
    seed: int = 0,
) -> tuple[tuple[dict[str, Any], ...], dict[str, Any], dict[str, np.ndarray]]:
    """Bounded orbits: a bowl, and neurons on it. Names such as "q1 q2 p1 p2"; the pairs are those of equal number."""
    rng, order = np.random.default_rng(seed), names.split()
    size, width = len(order), sum(widths)
    q = [order.index(name) for name in order if name.startswith("q")]
    p = [order.index(order[k].replace("q", "p")) for k in q]
    weights = rng.normal(size=(width, size))
    if len(widths) == 2:
        weights[: widths[0], p] = 0.0
        weights[widths[0] :, q] = 0.0
    factors = np.empty((0, 2), np.int64)
    if factored:
        factors = np.full((width, 2), -1)
        factors[::3] = [p[0], p[-1]]
        weights[::3, p] = 0.0
    couplings = 0.1 * rng.normal(size=(size, size))
    if len(widths) == 2:
        couplings[np.ix_(q, p)] = couplings[np.ix_(p, q)] = 0.0
    arrays = {
        "weights": weights, "biases": rng.uniform(-1.0, 1.0, width),
        "coefficients": rng.normal(size=width) * (0.3 / max(width, 1)), "linear": 0.1 * rng.normal(size=size),
        "quadratic": np.eye(size) + 0.5 * (couplings + couplings.T), "centre": 0.1 * rng.normal(size=size),
        "half_width": rng.uniform(0.8, 1.5, size), "pairs": np.array([q, p], np.int64), "factors": factors,
        "term_coefficients": 0.1 * rng.normal(size=len(terms)), "low": np.full(size, -2.0), "high": np.full(size, 2.0),
    }  # fmt: skip
    plain = {
        "widths": list(widths), "activations": list(activations), "offset": 0.25, "terms": list(terms)
    }  # fmt: skip
    states = tuple(
        {"name": name, "conjugate": order[p[q.index(k)]] if k in q else None} for k, name in enumerate(order)
    )
    return states, plain, arrays


def _hamiltonian(*args: Any, **options: Any) -> Written:
    states, plain, arrays = _energy(*args, **options)
    return Written("hamiltonian", states, plain, arrays, {"dt": 0.1, "time_unit": "1"})


def _port(names: str, activation: str, *, inputs: Sequence[str] = (), harmonics: int = 0, **options: Any) -> Written:
    states, plain, arrays = _energy(names, (13,), (activation,), **options)
    size, rng = len(states), np.random.default_rng(7)
    root = 0.3 * rng.normal(size=(size, size))
    arrays |= {
        "dissipation": root @ root.T, "input_matrix": rng.normal(size=(size, len(inputs))),
        "amplitudes": 0.2 * rng.normal(size=(harmonics, size, 2)),
    }  # fmt: skip
    plain |= {"inputs": list(inputs), "frequency": 0.7 if harmonics else 0.0}
    facts: dict[str, Any] = {"dt": 0.1, "time_unit": "1"}
    if inputs:
        facts["inputs"] = {name: {"units": "1", "hold": False} for name in inputs}
    return Written("port-hamiltonian", states, plain, arrays, facts, tuple(inputs))


def _lattice(ends: str, *, separable: bool, differences: bool = False, sites: int = 7) -> Written:
    rng, offsets = np.random.default_rng(11), (-1, 0, 1) if not separable else (0, 1)
    fields = 1 if separable else 2
    parts = [fields * len(offsets)] + ([1] if separable else [])
    if ends == "free" and not (separable and differences):
        parts.append(1 if separable or differences else 2)
    widths = [9, 6, 5][: len(parts)]
    size, width = sum(parts), sum(widths)
    weights, quadratic = np.zeros((width, size)), np.zeros((size, size))
    row = place = 0
    for part, count in zip(parts, widths, strict=True):
        weights[row : row + count, place : place + part] = rng.normal(size=(count, part))
        row, place = row + count, place + part
    np.fill_diagonal(quadratic, 0.8)
    arrays = {
        "weights": weights, "biases": rng.uniform(-1, 1, width), "coefficients": 0.03 * rng.normal(size=width),
        "linear": 0.05 * rng.normal(size=size), "quadratic": quadratic, "constants": rng.normal(size=len(parts)),
        "low": np.full(2 * sites, -2.0), "high": np.full(2 * sites, 2.0),
    }  # fmt: skip
    plain = {
        "stencil": list(offsets), "ends": ends, "separable": separable, "differences": differences, "widths": widths,
        "activations": ["tanh", "sin", "gauss"][: len(parts)],
    }  # fmt: skip
    states = ({"name": "q", "conjugate": "p", "dims": {"site": sites}}, {"name": "p", "dims": {"site": sites}})
    return Written("lattice-hamiltonian", states, plain, arrays, {"dt": 0.1, "time_unit": "1"})


def _flow(activation: str, *, size: int = 3, stencil: Sequence[int] | None = None, fields: int = 1) -> Written:
    rng, width = np.random.default_rng(13), 21
    inputs, outputs = (size, size) if stencil is None else (len(stencil) * fields, fields)
    arrays = {
        "centre": 0.1 * rng.normal(size=inputs), "constant": 0.01 * rng.normal(size=outputs),
        "linear": 0.05 * rng.normal(size=(outputs, inputs)), "weights": rng.normal(size=(width, inputs)),
        "biases": rng.uniform(-1, 1, width), "coefficients": 0.01 * rng.normal(size=(outputs, width)),
    }  # fmt: skip
    plain = {"dt": 0.1, "activation": activation, "stencil": None if stencil is None else list(stencil)}
    states: tuple[dict[str, Any], ...] = tuple({"name": f"x{k}"} for k in range(size))
    if stencil is not None:
        states = tuple({"name": f"x{k}", "dims": {"site": 11}} for k in range(fields))
    count = size if stencil is None else 11 * fields
    arrays |= {"low": np.full(count, -2.0), "high": np.full(count, 2.0)}
    return Written("flow-map", states, plain, arrays, {"dt": 0.1, "time_unit": "1"})


def _diffusion(size: int) -> Written:
    rng, pairs, neurons = np.random.default_rng(17), size * (size + 1) // 2, 9
    drift = np.concatenate([np.zeros((size, 1)), -np.eye(size)], axis=1)
    covariance = np.zeros((pairs, 1 + size + pairs))
    covariance[:, 0] = [0.3 if i == k else 0.05 for i in range(size) for k in range(i + 1)]
    free = 0.03 * rng.normal(size=(neurons, 1 + 2 * size + pairs))
    free[:, : 1 + size] = rng.normal(size=(neurons, 1 + size))
    theta = np.concatenate(
        [0.1 * rng.normal(size=size), np.full(size, 1e-3), drift.ravel(), covariance.ravel(), free.ravel()]
    )
    arrays = {"theta": theta, "low": np.full(size, -3.0), "high": np.full(size, 3.0)}
    states = tuple({"name": f"x{k}"} for k in range(size))
    return Written("drift-diffusion", states, {"dt": 0.1}, arrays, {"dt": 0.1, "time_unit": "1"})


def _regression(widths: Sequence[int], activation: str) -> Written:
    rng, below = np.random.default_rng(19), [3, *widths]
    weights = [rng.normal(size=m * n) / np.sqrt(n) for n, m in zip(below, widths, strict=False)]
    arrays = {
        "weights": np.concatenate(weights), "biases": rng.uniform(-1, 1, sum(widths)), "centre": rng.normal(size=3),
        "shift": rng.normal(size=3), "half_width": rng.uniform(0.5, 2.0, 3), "offset": rng.normal(size=2),
        "linear": rng.normal(size=(2, 3)), "coefficients": rng.normal(size=(2, widths[-1])),
    }  # fmt: skip
    plain = {"targets": ["f", "g"], "widths": list(widths), "activation": activation}
    return Written("sampled-network", tuple({"name": f"x{k}"} for k in range(3)), plain, arrays, {})


def _null(estimator: str) -> Written:
    rng, size = np.random.default_rng(23), 2
    a, b, matrix = rng.normal(size=size), 0.1 * rng.normal(size=size), -0.1 * np.eye(size)
    arrays, plain = {
        "persistence": ({}, {}),
        "climatology": ({"mean": a, "spread": np.abs(b)}, {}),
        "linear": ({"mean": a, "constant": b, "matrix": matrix}, {"dt": 0.1}),
        "random-walk": ({"mean_rate": a, "volatility": np.abs(b)}, {}),
    }[estimator]
    arrays |= {"low": np.full(size, -9.0), "high": np.full(size, 9.0)}
    return Written(estimator, ({"name": "x"}, {"name": "y"}), plain, arrays, {"dt": 0.1, "time_unit": "1"})


FOUR, MIXED = "q1 q2 p1 p2", "q1 p1 q2 p2"
TERMS = ("cos(q1)", "q1**2 * q2", "exp(-(q2 - q1))", "1 / sqrt(4 + q1**2 + q2**2)", "tanh(p1) * log(3 + p2**2)")
WRITTEN: dict[str, Callable[[], Written]] = {
    **{f"hamiltonian, {name}": partial(_hamiltonian, FOUR, (13,), (name,)) for name in ("tanh", "sin", "gauss")},
    "hamiltonian, mixed order": partial(_hamiltonian, MIXED, (13,), ("sin",)),
    "hamiltonian, factors": partial(_hamiltonian, FOUR, (13,), ("sin",), factored=True),
    "hamiltonian, terms": partial(_hamiltonian, FOUR, (13,), ("tanh",), terms=TERMS),
    "hamiltonian, factors, terms": partial(_hamiltonian, MIXED, (13,), ("gauss",), factored=True, terms=TERMS),
    "hamiltonian, no neurons": partial(_hamiltonian, FOUR, (0,), ("tanh",), terms=TERMS[:3]),
    "hamiltonian, separable": partial(_hamiltonian, FOUR, (13, 7), ("sin", "tanh")),
    "hamiltonian, separable, terms": partial(_hamiltonian, FOUR, (13, 7), ("gauss", "gauss"), terms=TERMS[:4]),
    "hamiltonian, one dof": partial(_hamiltonian, "q p", (17,), ("tanh",)),
    "port-hamiltonian": partial(_port, FOUR, "tanh"),
    "port-hamiltonian, force": partial(_port, "q p", "sin", harmonics=2),
    "port-hamiltonian, inputs": partial(_port, MIXED, "gauss", inputs=("u", "v")),
    "port-hamiltonian, all": partial(_port, FOUR, "tanh", inputs=("u",), harmonics=1, factored=True, terms=TERMS[:2]),
    "lattice, periodic": partial(_lattice, "periodic", separable=False),
    "lattice, periodic, separable": partial(_lattice, "periodic", separable=True),
    "lattice, fixed, separable": partial(_lattice, "fixed", separable=True),
    "lattice, free": partial(_lattice, "free", separable=False),
    "lattice, free, separable, differences": partial(_lattice, "free", separable=True, differences=True),
    **{f"flow map, {name}": partial(_flow, name) for name in ("sin", "gauss", "softplus")},
    "flow map, stencil": partial(_flow, "sin", stencil=(-2, -1, 0, 1)),
    "flow map, stencil of two": partial(_flow, "tanh", stencil=(0, 1, -1), fields=2),
    "drift-diffusion, one": partial(_diffusion, 1),
    "drift-diffusion, two": partial(_diffusion, 2),
    "sampled network": partial(_regression, (21,), "tanh"),
    "sampled network, two layers": partial(_regression, (17, 9), "sin"),
    "sampled network, relu": partial(_regression, (17, 9), "relu"),
    **{name: partial(_null, name) for name in ("persistence", "climatology", "linear", "random-walk")},
}
BY_DEFAULT = ("hamiltonian, tanh", "hamiltonian, separable")  # their implicit and splitting methods compile for long
EVALUATORS = (
    "energy", "gradient", "hessian", "vector_field", "jacobian", "step", "step_jacobian", "drift", "diffusion",
    "values", "energy_density", "dissipated_power",
)  # fmt: skip


def written(name: str, folder: Path) -> Path:
    """The file of a model that is written by hand; it stays."""
    path = folder / f"{name.replace(', ', '-').replace(' ', '_')}.model"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        WRITTEN[name]().write(path)
    return path


def of_written(name: str, folder: Path) -> Row:
    """Forecast and arrays of a model that was written."""
    about, path = WRITTEN[name](), written(name, folder)
    quick = about.estimator.endswith("hamiltonian") and name not in BY_DEFAULT
    return of_model(ds.load_model(path), about.signals, **({"method": "rk4", "step": 0.05} if quick else {}))


def of_model(model: Any, signals: Sequence[str] = (), **solver: Any) -> Row:
    """Forecast, and what the model says of arrays of states."""
    size = sum(state.size for state in model.states)
    y = 0.5 * np.random.default_rng(29).uniform(-1.0, 1.0, (37, size))
    if size == len(getattr(model, "low", ())):
        y = model.low + (model.high - model.low) * (0.5 + 0.5 * y)
    bits = {}
    for name in EVALUATORS:
        evaluator = getattr(model, name, None)
        if callable(evaluator):
            bits[name] = digest(evaluator(y))
    row = Row(bits=bits)
    if hasattr(model, "values"):  # a regression has no time
        return row
    options = dict(solver)
    if signals:
        options["inputs"] = {name: ([0.0, 1.0, 2.0], [0.0, 1.0, -0.5]) for name in signals}
    if getattr(model, "stochastic", False):
        options["members"] = 3
    forecast = ds.forecast(model, y[:11], duration=2.0, dt=0.1, seed=4, progress=False, **options)
    found = of_dataset(forecast)
    return Row(bits={**bits, **{f"forecast {key}": value for key, value in found.bits.items()}}, labels=found.labels)


# -------------------------------------------------------------------------------------------------------------- fits


@dataclass(frozen=True)
class Fit:
    """A fit of data of a seed: data, estimator, and the error of what was learned."""

    data: Callable[[int], Any]
    estimator: Any
    error: Callable[[Any, int], float]
    seeds: int = 2


def measured(case: Fit, seeds: int, compiled: bool) -> Row:
    """Median error and the CPU seconds of each seed; hashes of the fitted arrays."""
    errors, seconds, bits, text = [], [], {}, ""
    if compiled:  # what is imported or compiled late is no part of a fit
        ds.fit(case.data(0), case.estimator, seed=0, progress=False)
    for seed in range(min(seeds, case.seeds)):
        data = case.data(seed)
        begin = time.process_time()
        model = ds.fit(data, case.estimator, seed=seed, progress=False)
        seconds.append(time.process_time() - begin)
        errors.append(case.error(model, seed))
        bits[f"seed {seed}"] = of_arrays(model)
        chosen = {key: model.report.get(key) for key in ("activation", "width", "scale")}
        text = text or ", ".join(f"{key} {value}" for key, value in chosen.items() if value is not None)
    return Row(bits=bits, error=float(statistics.median(errors)), seconds=seconds, text=text)


def _names(size: int) -> list[str]:
    return [f"{kind}{k + 1}" for kind in "qp" for k in range(size // 2)]


def _published(name: str, **knobs: Any) -> Fit:
    problem = PROBLEMS[name]
    origin = np.zeros((1, 2 * problem.dof))

    def data(seed: int) -> xr.Dataset:
        y = points(problem, seed)
        gradient = problem.gradient(y)
        dy = np.concatenate([gradient[:, problem.dof :], -gradient[:, : problem.dof]], axis=1)
        return ds.from_points(y, dy, names=_names(y.shape[1]), canonical=True)

    def error(model: Any, seed: int) -> float:
        test = fresh_points(problem, seed)
        return error_of(model.energy(test), problem.energy(test), constant=True)

    reference = (origin[0].tolist(), float(problem.energy(origin)[0]))
    return Fit(data, ds.HamiltonianNetwork(reference=reference, **knobs), error, seeds=5)


def _pairs(name: str, count: int, **knobs: Any) -> Fit:
    case = CASES[name]

    def data(seed: int) -> xr.Dataset:
        times = np.array([0.0, case.dt])
        y = flow(case.field, case.points(seed, count), times)
        return ds.from_arrays(y, times, names=_names(y.shape[2]), canonical=True)

    def error(model: Any, seed: int) -> float:
        return gradient_error(model.gradient, case, case.points(100_000 + seed, 5000))

    return Fit(data, ds.HamiltonianNetwork(**knobs), error)


def _noisy(name: str, level: float, **knobs: Any) -> Fit:
    case, shape = CASES[name], (12, 100)

    def data(seed: int) -> xr.Dataset:
        y = noisy(trajectories(case, seed, *shape), level, seed)
        return ds.from_arrays(y, 0.1 * np.arange(shape[1]), names=_names(y.shape[2]), canonical=True)

    def error(model: Any, seed: int) -> float:
        clean = trajectories(case, seed, *shape)
        return gradient_error(model.gradient, case, clean.reshape(-1, clean.shape[2]))

    return Fit(data, ds.HamiltonianNetwork(**knobs), error)


def _driven(level: float, **knobs: Any) -> Fit:
    def data(seed: int) -> xr.Dataset:
        y = noisy(driven_trajectories(seed, 20, 100), level, seed)
        return ds.from_arrays(y, 0.1 * np.arange(y.shape[1]), names=["q", "p"], canonical=True)

    def error(model: Any, seed: int) -> float:
        return float(abs(model.dissipation[1, 1] / DRIVE["friction"] - 1))

    return Fit(data, ds.PortHamiltonianNetwork(force="periodic", **knobs), error)


def _forecast_error(name: str, estimator: Any, train: Mapping[str, Any], test: Mapping[str, Any]) -> Fit:
    def data(seed: int) -> xr.Dataset:
        return ds.generate(name, seed=100 + seed, progress=False, **train)

    def error(model: Any, seed: int) -> float:
        truth = ds.generate(name, seed=900 + seed, progress=False, derivatives=False, **test)
        found = ds.forecast(model, truth, progress=False)
        states = [state.name for state in model.states]
        difference = np.concatenate([(found[key] - truth[key]).values.ravel() for key in states])
        return float(np.linalg.norm(difference) / np.linalg.norm([truth[key].values.ravel() for key in states]))

    return Fit(data, estimator, error)


def _reversion() -> Fit:
    law = {"kappa": 2.0, "sigma": 0.3}

    def data(seed: int) -> xr.Dataset:
        return ds.generate("ou", trajectories=40, duration=8.0, dt=0.01, seed=seed, progress=False)

    def error(model: Any, seed: int) -> float:
        x = np.linspace(-0.2, 0.2, 9)[:, None]
        return float(np.abs(np.abs(model.diffusion(x)) / law["sigma"] - 1).max() + np.abs(model.drift(x) + 2 * x).max())

    return Fit(data, ds.DriftDiffusion(), error)


def _ready(name: str) -> Any:
    return ds.system(name).estimator


def fits() -> dict[str, tuple[bool, Callable[[], Fit]]]:
    """By name: whether it is among the quick ones, and the fit."""
    periodic = {"periodic": {"q": 2 * np.pi}}
    angles = {"periodic": {"q1": 2 * np.pi, "q2": 2 * np.pi}, "quadratic_in_p": True}
    derivatives = {"derivatives": False}
    return {
        **{
            f"published, {name}": (name in ("pendulum-small", "henon-heiles"), partial(_published, name))
            for name in PROBLEMS
        },
        **{
            f"published, {name}, separable": (name == "lotka-volterra-2", partial(_published, name, separable=True))
            for name in ("pendulum-large", "lotka-volterra-2", "lotka-volterra-5", "henon-heiles", "steep-15")
        },
        "published, double-pendulum, symmetries": (
            False, partial(_published, "double-pendulum", symmetries=("parity", "time-reversal"))
        ),
        "published, double-pendulum, angles": (False, partial(_published, "double-pendulum", **angles)),
        "published, pendulum-small, their method": (
            False, partial(_published, "pendulum-small", published=True, width=200, sampler="uniform")
        ),
        "published, henon-heiles, terms": (
            False, partial(_published, "henon-heiles", terms=("q1**2 * q2", "q2**3"), width=100)
        ),
        "snapshots, pendulum": (True, partial(_pairs, "pendulum", 2000)),
        "snapshots, pendulum, separable": (False, partial(_pairs, "pendulum", 2000, separable=True)),
        "snapshots, henon-heiles, separable": (False, partial(_pairs, "henon-heiles", 2000, separable=True)),
        "snapshots, lotka-volterra, tolerance": (False, partial(_pairs, "lotka-volterra", 2000, tolerance=1e-6)),
        "noise, pendulum, 1 %": (False, partial(_noisy, "pendulum", 0.01)),
        "noise, pendulum, 10 %, separable": (True, partial(_noisy, "pendulum", 0.1, separable=True)),
        "noise, henon-heiles, 1 %": (False, partial(_noisy, "henon-heiles", 0.01)),
        "driven, separable": (True, partial(_driven, 0.0, separable=True, **periodic)),
        "driven, 1 %": (False, partial(_driven, 0.01, **periodic)),
        "lattice, chain": (
            True,
            partial(
                _forecast_error, "spring_chain", ds.LatticeHamiltonian(), {"trajectories": 16, **derivatives},
                {"trajectories": 4, "duration": 10.0},
            ),
        ),
        "lattice, derivatives": (
            False,
            partial(
                _forecast_error, "spring_chain", ds.LatticeHamiltonian(), {"trajectories": 8},
                {"trajectories": 4, "duration": 10.0},
            ),
        ),
        "flow map, lorenz63": (
            True,
            partial(
                _forecast_error, "lorenz63", ds.FlowMap(), {"trajectories": 1, "duration": 20.0, **derivatives},
                {"trajectories": 8, "duration": 4.0},
            ),
        ),
        "flow map, lorenz63, noise": (
            False,
            partial(
                _forecast_error, "lorenz63", ds.FlowMap(),
                {"trajectories": 4, "duration": 10.0, "noise": 0.01, **derivatives},
                {"trajectories": 8, "duration": 1.0},
            ),
        ),
        "flow map, lorenz96, stencil": (
            False,
            partial(
                _forecast_error, "lorenz96", _ready("lorenz96"), {"trajectories": 4, "duration": 10.0, **derivatives},
                {"trajectories": 4, "duration": 1.0},
            ),
        ),
        "drift-diffusion, ou": (True, _reversion),
        "regression of derivatives": (
            False,
            partial(_regressed, ds.SampledNetwork(width=300)),
        ),
        "regression, two layers": (False, partial(_regressed, ds.SampledNetwork(width=(200, 100)))),
    }  # fmt: skip


def _regressed(estimator: Any) -> Fit:
    problem = PROBLEMS["henon-heiles"]

    def data(seed: int) -> xr.Dataset:
        y = points(problem, seed, 3000)
        return ds.from_points(y, problem.gradient(y), names=_names(4))

    def error(model: Any, seed: int) -> float:
        test = fresh_points(problem, seed, 3000)
        truth = problem.gradient(test)
        return float(np.linalg.norm(model.values(test) - truth) / np.linalg.norm(truth))

    return Fit(data, estimator, error)


KEPT: dict[str, Callable[[], Any]] = {  # fits of a second whose models are kept: later trees forecast with the same
    "hamiltonian": lambda: ds.fit(_swings(), ds.HamiltonianNetwork(), progress=False),
    "hamiltonian, separable, periodic": lambda: ds.fit(
        _swings(), ds.HamiltonianNetwork(separable=True, periodic={"q": 2 * np.pi}), progress=False
    ),
    "hamiltonian, quadratic in p": lambda: ds.fit(
        _swings(), ds.HamiltonianNetwork(quadratic_in_p=True), progress=False
    ),
    "port-hamiltonian": lambda: ds.fit(
        ds.generate("driven_pendulum", trajectories=8, duration=10.0, seed=1, progress=False), progress=False
    ),
    "lattice-hamiltonian": lambda: ds.fit(
        ds.generate("spring_chain", trajectories=8, seed=1, progress=False), ds.LatticeHamiltonian(), progress=False
    ),
    "flow-map": lambda: ds.fit(
        ds.generate("lorenz63", trajectories=1, duration=10.0, seed=1, progress=False), progress=False
    ),
    "drift-diffusion": lambda: ds.fit(
        ds.generate("ou", trajectories=8, duration=4.0, seed=1, progress=False), progress=False
    ),
    "linear": lambda: ds.fit(_swings(), ds.Linear(), progress=False),
}


def _swings() -> xr.Dataset:
    return ds.generate("pendulum", trajectories=12, duration=4.0, dt=0.1, seed=1, progress=False)


def of_kept(name: str, folder: Path) -> Row:
    """Forecast of a fitted model that was kept; the first recording fits it."""
    path = folder / f"fitted-{name.replace(', ', '-').replace(' ', '_')}.model"
    if not path.exists():
        ds.save_model(KEPT[name](), path)
    return of_model(ds.load_model(path))


# -------------------------------------------------------------------------------------------------------------- rows


def rows(folder: Path, quick: bool) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Every row: its name, and what finds it."""
    for law in ds.systems():
        name = law if isinstance(law, str) else law.name
        yield f"system: {name}", partial(of_system, name)
    for method in METHODS:
        yield f"method: {method}", partial(of_method, method)
    for name, call in of_verbs():
        yield f"verb: {name}", call
    for name in WRITTEN:
        yield f"model: {name}", partial(of_written, name, folder)
    for name in KEPT:
        yield f"kept: {name}", partial(of_kept, name, folder)
    warm: set[str] = set()
    for name, (short, case) in fits().items():
        if short or not quick:
            yield f"fit: {name}", partial(_fit, name, case, 1 if quick else 5, warm)


def _fit(name: str, case: Callable[[], Fit], seeds: int, warm: set[str]) -> Row:
    made = case()
    kind = name.split(",")[0] if is_dataclass(made.estimator) else name
    row = measured(made, seeds, kind not in warm)
    warm.add(kind)
    return row
