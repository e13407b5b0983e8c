"""The ten checks: the declaration, the functions, and what solvers make of them.

Names, units, references and defaults are all there; functions keep nothing, are finite, compile to the same numbers and
agree with each other; the default experiment runs, with the same bits in any batch, sweeps as separate runs, and bad
starts as statuses.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp import dataset
from dynsamp.kernels.problem import Problem
from dynsamp.metrics.mechanics import derivatives
from dynsamp.models.base import Estimator
from dynsamp.plugins import metrics
from dynsamp.solve import diffusion_values, field_values, scalar_values, solve
from dynsamp.solve.kernel import as_problem
from dynsamp.solve.trial import SlipError, plain, try_out
from dynsamp.system import HamiltonianSystem, MapSystem, ODESystem, SDESystem, System
from dynsamp.words import FAILURES, Facts, Parameter, Status
from dynsamp.workflow import generate
from dynsamp.workflow.starts import sampled_starts

POINTS = 5
AGREEMENT = 1e-6  # of the largest derivative: differences of fourth order reach 1e-11
DRIFT = 1e-8  # of the invariant's size along a trajectory solved to 1e-12
ROUNDING = 1e-13  # of the largest state: an invariant that is zero at all starts
TRAJECTORIES = 4
_Route = Callable[..., tuple[np.ndarray, np.ndarray]]  # (times, y0, theta, ids, seed, threads) -> states, status
COUNT = 9  # odd: the last block of any lane width is padded
STEPS = 20
_ADVICE = "draw from dynsamp.kernels.random keyed by (seed, id, step, draw), and keep nothing between trajectories"


class CheckFailure(AssertionError):
    """A system breaks the contract; the message says where and what to do."""


def require(condition: object, message: str) -> None:
    """Raise CheckFailure with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailure(message)


@dataclass(frozen=True)
class Call:
    """One function of a system with what it expects."""

    name: str
    function: Callable[..., Any]
    shape: tuple[int, ...] = ()  # of the output array; () where a number is returned
    part: slice | None = None  # components of y that it receives; None: all
    inputs: int = -1  # number of external signals u, -1 where it takes none
    delays: int = 0  # number of delayed states z
    noise: int = 0  # number of standard normals xi, or of marks z of a jump
    uniform: bool = False  # they are uniforms

    def __call__(self, t: float, y: np.ndarray, theta: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Result at one point; ``fill`` is what the output holds before."""
        arguments: list[Any] = [t, y if self.part is None else y[self.part], theta]
        if self.inputs >= 0:
            arguments.append(np.zeros(self.inputs))
        if self.delays:
            arguments.append(np.tile(y, (self.delays, 1)))  # a past that equals the present
        if self.noise:
            arguments.append(np.linspace(0.0 if self.uniform else -1.0, 1.0, self.noise + 2)[1:-1])
        out, function = np.full(self.shape, fill), plain(self.function)
        with np.errstate(all="ignore"):  # compiled code does not warn either
            if not self.shape:
                return np.asarray(function(*arguments), dtype=float)
            function(*arguments, out)
        return out


def vector_calls(system: System) -> list[Call]:
    """The functions that fill an array: right-hand side, drift and diffusion, step, jacobian."""
    n, half = system.size, system.size // 2
    u = len(system.inputs) or -1
    calls = []
    if isinstance(system, HamiltonianSystem) and system.velocity is not None and system.force is not None:
        calls.append(Call("velocity", system.velocity, (half,), slice(half, None)))
        calls.append(Call("force", system.force, (half,), slice(half), u))
    elif isinstance(system, ODESystem | HamiltonianSystem) and system.rhs is not None:
        delays = len(system.delays) if isinstance(system, ODESystem) else 0
        calls.append(Call("rhs", system.rhs, (n,), inputs=u, delays=delays))
    elif isinstance(system, SDESystem) and system.drift is not None and system.diffusion is not None:
        shape = (n,) if system.noise == "diagonal" else (n, system.noise)
        calls.append(Call("drift", system.drift, (n,), inputs=u))
        calls.append(Call("diffusion", system.diffusion, shape, inputs=u))
        if system.jump is not None:
            uniform = system.mark_law == "uniform"
            calls.append(Call("jump", system.jump, (n,), inputs=u, noise=system.marks, uniform=uniform))
    elif isinstance(system, MapSystem) and system.step is not None:
        calls.append(Call("step", system.step, (n,), inputs=u, noise=system.noise))
    if system.jacobian is not None:
        calls.append(Call("jacobian", system.jacobian, (n, n), inputs=u))
    return calls


def scalar_calls(system: System) -> list[Call]:
    """The functions that return a number: energy, diagnostics, invariants."""
    calls = [Call(name, function) for name, function in {**system.diagnostics, **system.invariants}.items()]
    if isinstance(system, SDESystem) and system.intensity is not None and not system.inputs:
        calls.append(Call("intensity", system.intensity))
    if isinstance(system, HamiltonianSystem | ODESystem) and system.hamiltonian is not None:
        calls.insert(0, Call("hamiltonian", system.hamiltonian))
    return calls


def vector_field(system: System) -> Callable[[float, np.ndarray, np.ndarray], np.ndarray]:
    """The right-hand side, drift or step as one function of (t, y, theta)."""
    parts = [call for call in vector_calls(system) if call.name not in ("diffusion", "jump", "jacobian")]
    return lambda t, y, theta: np.concatenate([call(t, y, theta) for call in parts])


def starts(system: System, count: int, seed: int) -> np.ndarray:
    """Default starts (trajectory, component)."""
    assert system.initial is not None  # the constructor filled it
    return sampled_starts(system.initial, system.states, np.arange(count, dtype=np.int64), seed)


def check_declaration(system: System, *, seed: int = 0) -> None:
    """The declaration is complete and can be written into files."""
    missing = [*_undocumented(system), *_without_units(system)]
    require(not missing, f"the declaration lacks {'; '.join(missing)}")
    for name, parameter in system.parameters.items():
        require(name.isidentifier(), f"parameter {name!r} is no identifier; use letters, digits and _")
        value = parameter.value if isinstance(parameter, Parameter) else parameter
        require(np.isfinite(value), f"the default of parameter {name!r} is {value}; give a finite number")
    require(system.dt <= system.duration, f"dt = {system.dt:g} exceeds duration = {system.duration:g}; shorten it")
    require(system.spin_up >= 0, f"spin_up is {system.spin_up:g}; it cannot be negative")
    _json(system)
    _experiment(system, seed)
    require(
        system.estimator is None or isinstance(system.estimator, Estimator),
        f"estimator= is {system.estimator!r}; give an Estimator with its knobs, such as dynsamp.FlowMap()",
    )
    unknown = [name for name in system.metrics or () if name not in metrics()]
    require(not unknown, f"metrics= names {unknown}, which no plugin registers; there are: {', '.join(metrics())}")


def _undocumented(system: System) -> list[str]:
    lacks = []
    if not system.title.strip() or "\n" in system.title:
        lacks.append("a title of one line (title=)")
    if not system.references or not all(isinstance(text, str) and text.strip() for text in system.references):
        lacks.append("a reference for equations and values (references=)")
    lacks += [f"a long_name of state {state.name!r}" for state in system.states if not state.long_name.strip()]
    return lacks


def _without_units(system: System) -> list[str]:
    named: Sequence[tuple[str, object]] = [
        *((f"state {state.name!r}", state.units) for state in system.states),
        *((f"parameter {name!r}", p.units) for name, p in system.parameters.items() if isinstance(p, Parameter)),
        *((f"input {signal.name!r}", signal.units) for signal in system.inputs),
        ("time (time_unit=)", system.time_unit),
    ]
    lacks = [what for what, units in named if not (isinstance(units, str) and units.strip())]
    return [f"units of {what} ('1' where there are none)" for what in lacks]


def _json(system: System) -> None:
    facts = system.facts()
    require(isinstance(facts, Facts), "facts() must return Facts; write replace(super().facts(), other={...})")
    try:
        json.dumps(facts.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailure(f"facts() is not JSON ({error}); use numbers, strings, lists and dicts") from error


def _experiment(system: System, seed: int) -> None:
    try:
        y0 = starts(system, 5, seed)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailure(f"initial= gives no starts: {error}") from error
    require(np.isfinite(y0).all(), "initial= gives starts that are not finite; check the bounds or the function")
    same = np.array_equal(y0[:3], starts(system, 3, seed))
    require(same, "initial= gives other starts when asked again; draw from the generator that it receives alone")


def check_pure(system: System, *, seed: int = 0) -> None:
    """Functions write every component, leave y and theta alone, and give the same result again."""
    theta, points = system.theta(), starts(system, POINTS, seed)
    span, t = np.array([0.0, system.duration]), np.zeros(POINTS)
    try:  # as every solver does before it compiles them
        problem = as_problem(system.kernel(), system.size, POINTS, signals(system, span), None)
        try_out(problem, t, points, jacobian=True, strict=True)
        for call in scalar_calls(system):
            try_out(Problem({"scalar": call.function}, theta[None], system.size), t, points)
    except SlipError as slip:
        raise CheckFailure(str(slip)) from slip
    for y in points:
        for call in [*vector_calls(system), *scalar_calls(system)]:
            _check_pure(call, y, theta)


def _check_pure(call: Call, y: np.ndarray, theta: np.ndarray) -> None:
    own_y, own_theta = y.copy(), theta.copy()
    try:
        first = call(0.0, own_y, own_theta)
        second = call(0.0, own_y, own_theta, fill=1e30)
    except IndexError as error:
        expected = f" of shape {call.shape}" if call.shape else ""
        raise CheckFailure(f"{call.name} writes outside its output{expected}, or reads outside y: {error}") from error
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise CheckFailure(f"{call.name} raises {type(error).__name__} ({error}) at y = {y.tolist()}") from error
    changed = [label for label, a, b in (("y", own_y, y), ("theta", own_theta, theta)) if not np.array_equal(a, b)]
    require(not changed, f"{call.name} changes {' and '.join(changed)}; write into its last argument only")
    again = (first == second) | (np.isnan(first) & np.isnan(second))
    if not np.all(again):
        where = ", ".join(str(k) for k in np.argwhere(~again)[0])
        raise CheckFailure(
            f"{call.name} does not decide component {where or 'value'} itself; assign every component of the output"
            " (not +=), and draw no random numbers"
        )


def check_finite(system: System, *, seed: int = 0) -> None:
    """Functions are finite at the default starts."""
    theta = system.theta()
    for y in starts(system, POINTS, seed):
        for call in [*vector_calls(system), *scalar_calls(system)]:
            values = call(0.0, y, theta)
            said = f"{call.name} is {values.tolist()} at the default start {y.tolist()}; move initial= into the domain"
            require(np.isfinite(values).all(), said)


def check_compiles(system: System, *, seed: int = 0) -> None:
    """Compiled functions agree with plain Python."""
    try:
        pairs = _plain_and_compiled(system, seed)
    except TypeError as error:
        raise CheckFailure(str(error)) from error
    for name, expected, compiled in pairs:
        require(
            compiled.shape == expected.shape
            and np.allclose(compiled, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()),
            f"{name} is {compiled[0].tolist()} when compiled, but {expected[0].tolist()} in plain Python; functions and"
            " what they call must not depend on state outside their arguments",
        )


def _plain_and_compiled(system: System, seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Results of each function, as (name, plain, compiled) over a few points."""
    theta, y = system.theta(), starts(system, POINTS, seed)
    t = np.zeros(POINTS)
    kernel, field, pairs = system.kernel(), vector_field(system), []
    expected = np.stack([field(0.0, row, theta) for row in y])
    if isinstance(system, MapSystem):
        if not system.inputs:
            stepped = solve(kernel, [0.0, system.dt], y, seed=seed).states[:, 1]
            pairs.append(("step", stepped if system.noise else expected, stepped))  # noise exists compiled only
    elif not system.inputs:
        pairs.append(("the right-hand side", expected, field_values(kernel, t, y, theta)))
        for call in (call for call in vector_calls(system) if call.name == "diffusion"):
            expected = np.stack([call(0.0, row, theta) for row in y])
            pairs.append((call.name, expected, diffusion_values(kernel, t, y, theta)))
    for call in scalar_calls(system):
        expected = np.stack([call(0.0, row, theta) for row in y])
        pairs.append((call.name, expected, scalar_values(call.function, t, y, theta)))
    return pairs


def check_derivatives(system: System, *, seed: int = 0) -> None:
    """Hamilton's equations follow from the hamiltonian, and the jacobian from the right-hand side."""
    y, theta = starts(system, POINTS, seed), system.theta()
    field = vector_field(system)
    if isinstance(system, HamiltonianSystem) and system.hamiltonian is not None:
        hamiltonian, half = Call("hamiltonian", system.hamiltonian), system.size // 2
        gradient = _slopes(lambda x: hamiltonian(0.0, x, theta), y)
        wanted = np.concatenate([gradient[:, half:], -gradient[:, :half]], axis=1)
        given = np.stack([field(0.0, x, theta) for x in y])
        _agree("the equations of motion", given, wanted, "(dH/dp, -dH/dq) of hamiltonian; one of them has a slip")
    for call in (call for call in vector_calls(system) if call.name == "jacobian"):
        given, wanted = np.stack([call(0.0, x, theta) for x in y]), _slopes(lambda x: field(0.0, x, theta), y)
        _agree("jacobian", given, wanted, "the derivatives of the right-hand side: jac[i, j] = d rhs[i] / d y[j]")


def _slopes(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Derivatives (point, ..., component) of a function of one state, by differences."""
    size = np.maximum(np.abs(points), np.ptp(points, axis=0) / 2)
    steps = 1e-3 * np.where(size > 0, size, 1.0)
    return derivatives(lambda states: np.stack([function(y) for y in states]), points, steps)


def _agree(what: str, given: np.ndarray, wanted: np.ndarray, source: str) -> None:
    largest = np.abs(wanted).max(axis=0)
    error = np.abs(given - wanted)
    bad = ~(error <= AGREEMENT * (largest + 1e-3 * largest.max()) + 1e-12)
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        raise CheckFailure(
            f"component {', '.join(map(str, where[1:]))} of {what} is {given[where]:.9g}, but differences give"
            f" {wanted[where]:.9g}; it must be {source}"
        )


def check_conserves(system: System, *, seed: int = 0) -> None:
    """The hamiltonian and the invariants stay constant along trajectories."""
    conserved = {**system.invariants}
    if isinstance(system, HamiltonianSystem) and system.hamiltonian is not None and not system.inputs:
        conserved["hamiltonian"] = system.hamiltonian
    if not conserved or system.kind == "sde":
        return
    times = np.arange(min(round(system.duration / system.dt), 200) + 1) * system.dt
    options: dict[str, Any] = {"method": "dop853", "rtol": 1e-12, "atol": 1e-12} if system.smooth else {}
    y0 = starts(system, POINTS, seed)
    states = solve(system.kernel(), times, y0, inputs=signals(system, times), seed=seed, **options).states
    for name, function in conserved.items():
        flat = np.tile(times, POINTS)
        values = scalar_values(function, flat, states.reshape(-1, system.size), system.theta()).reshape(POINTS, -1)
        drift = np.abs(values - values[:, :1]).max()
        size = np.abs(values).max() or 1.0
        require(
            drift <= DRIFT * size + ROUNDING * np.abs(states).max(),
            f"{name} changes by {drift:.3g} of {size:.3g} within {times[-1]:g} time units of an accurate solution; it"
            " is no invariant of these equations",
        )


def check_generates(system: System, *, seed: int = 0) -> None:
    """The default experiment gives finite states with good status, in the schema."""
    inputs = {signal.name: (np.array([0.0, system.duration]), np.zeros(2)) for signal in system.inputs} or None
    data = generate(system, trajectories=TRAJECTORIES, seed=seed, inputs=inputs, progress=False)
    dataset.validate(data)
    count = round(system.duration / system.dt) + 1
    for state in system.states:
        shape, wanted = data[state.name].shape, (TRAJECTORIES, count, *state.dims.values())
        require(shape == wanted, f"generated {state.name!r} has shape {shape}, expected {wanted}")
    failed = np.flatnonzero(data["status"].values != 0)
    if failed.size:
        meanings = str(data["status"].attrs.get("flag_meanings", "")).split()
        code = int(data["status"].values[failed[0]])
        status = meanings[code] if code < len(meanings) else code
        raise CheckFailure(
            f"trajectory {failed[0]} of the default experiment ends as {status}; shorten dt or move initial="
        )
    for state in system.states:
        require(np.isfinite(data[state.name].values).all(), f"generated {state.name!r} is not finite everywhere")


def _routes(system: System) -> list[tuple[str, _Route]]:
    """How a system makes trajectories: the solver, and its own generate= where it has one."""

    def solved(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        how: dict[str, Any] = {"method": "dop853"} if system.smooth else {}  # as `generate` does
        if not system.smooth and system.kind != "map":
            how["step"] = system.solver_step
        how |= {"ids": ids, "seed": seed, "threads": threads, "inputs": signals(system, times)}
        solution = solve(system.kernel(theta), times, y0, **how)
        return solution.states, solution.status

    def own(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, _threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        assert system.generate is not None
        rows = np.broadcast_to(theta, (len(ids), theta.shape[-1]))
        result = system.generate(times, y0, rows, ids, seed)
        good = isinstance(result, tuple | list) and len(result) == 2
        require(good, f"generate= must return (states, status), got {type(result).__name__}")
        return np.asarray(result[0]), np.asarray(result[1])

    return [("the solver", solved)] + ([("generate=", own)] if system.generate is not None else [])


def signals(system: System, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """External signals at rest, as `solve` takes them."""
    if not system.inputs:
        return None
    return times[[0, -1]], np.zeros((1, 2, len(system.inputs)))


def check_batches(system: System, *, seed: int = 0) -> None:
    """A trajectory has the same bits whatever else is computed with it, on any number of threads."""
    times, y0, theta = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed), system.theta()
    ids, some = np.arange(COUNT, dtype=np.int64), np.array([7, 2, 5])
    for name, route in _routes(system):
        states, status = route(times, y0, theta, ids, seed, 1)
        require(
            states.shape == (COUNT, len(times), system.size) and status.shape == (COUNT,),
            f"{name} returns states {states.shape} and status {status.shape}, expected"
            f" {(COUNT, len(times), system.size)} and {(COUNT,)}",
        )
        threaded = route(times, y0, theta, ids, seed, 2)[0]
        require(_same(states, threaded), f"{name} gives other bits on two threads; {_ADVICE}")
        batch = route(times, y0[some], theta, ids[some], seed, 1)[0]
        require(_same(states[some], batch), f"{name} gives other bits for ids {some.tolist()} alone; {_ADVICE}")


def check_sweeps(system: System, *, seed: int = 0) -> None:
    """Parameters swept over trajectories give the bits of separate runs."""
    if not system.parameters:
        return
    times, y0 = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed)
    factors = 1 + 0.01 * np.linspace(-1, 1, COUNT)[:, None]
    theta, ids = np.ascontiguousarray(system.theta() * factors), np.arange(COUNT, dtype=np.int64)
    for name, route in _routes(system):
        swept = route(times, y0, theta, ids, seed)[0]
        for k in (0, COUNT // 2, COUNT - 1):
            alone = route(times, y0[k : k + 1], theta[k], ids[k : k + 1], seed)[0]
            require(
                _same(swept[k : k + 1], alone),
                f"{name} with swept parameters differs from a separate run for trajectory {k}; use theta's row of the"
                " trajectory",
            )


def check_survives(system: System, *, seed: int = 0) -> None:
    """Starts that are NaN, infinite or huge get a status, raise nothing, and harm no other trajectory."""
    times, good, theta = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed), system.theta()
    bad = good.copy()
    bad[1], bad[3], bad[4], bad[6] = np.nan, np.inf, 1e300, -1e300
    ids = np.arange(COUNT, dtype=np.int64)
    for name, route in _routes(system):
        states, status = route(times, good, theta, ids, seed)
        try:
            with_bad, bad_status = route(times, bad, theta, ids, seed)
        except Exception as error:  # whatever a system's functions may raise
            raise CheckFailure(
                f"{name} raises {type(error).__name__} ({error}) for starts that are not finite; return a status"
            ) from error
        invalid = [Status(int(code)) for code in bad_status[[1, 3]]]
        require(
            invalid == [Status.INVALID_INPUT] * 2,
            f"{name} gives {invalid[0].name} and {invalid[1].name} to NaN and infinite starts, expected INVALID_INPUT",
        )
        failed = np.isin(bad_status, FAILURES)
        said = f"{name} returns values that are not finite for a trajectory with status OK; record a failure"
        require(np.isfinite(with_bad[~failed]).all(), said)
        others = np.array([0, 2, 5, 7, 8])
        same = _same(states[others], with_bad[others]) and np.array_equal(status[others], bad_status[others])
        require(same, f"{name} changes good trajectories when others of the batch are bad; keep them apart")


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


checks: tuple[Callable[..., None], ...] = (
    check_declaration,
    check_pure,
    check_finite,
    check_derivatives,
    check_compiles,
    check_conserves,
    check_generates,
    check_batches,
    check_sweeps,
    check_survives,
)
"""The ten checks, each ``check(system, *, seed=0)``; what does not apply to a system passes."""
