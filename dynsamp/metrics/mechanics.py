"""What mechanics has: energies, the gradient of a Hamiltonian, invariants, power balance, symplectic steps."""

from collections.abc import Callable

import numpy as np

from dynsamp.metrics.base import Record, Score, TrueSystem, metric
from dynsamp.metrics.errors import NO_TRUTH, known, relative, spread, states_of
from dynsamp.models import base
from dynsamp.models.base import Model
from dynsamp.models.learned_energy import ZERO
from dynsamp.models.measured.canonical import canonical_pairs
from dynsamp.solve import Kernel, field_values, scalar_values
from dynsamp.streams import generator
from dynsamp.words import State

FLOOR = 1e-2  # of the root mean square: a start with (almost) no energy does not divide by zero
NORM = "|H| at the start, at least a hundredth of its root mean square over all starts"
RANGE_FLOOR = 1e-2  # of the range over mixed states: an orbit that conserves H does not divide by rounding errors
MIXED = 2000  # states that say how large an invariant usually is
TANGENTS = 20  # states of a trajectory at which a step is judged
SHIFT = np.finfo(float).eps ** (1 / 5)  # of central differences of order 4, relative to the size of a component


def _declared(system: TrueSystem, wanted: str) -> Callable[..., float]:
    """The system's own H."""
    if system.energy is None:
        raise TypeError(f"system {system.name!r} has no hamiltonian, so there is no {wanted}")
    return system.energy


def sizes_of(system: TrueSystem) -> tuple[int, int]:
    """Components and parameters that its functions take."""
    return system.size, len(system.parameters)


def true_energy(system: TrueSystem, record: Record) -> np.ndarray:
    """True energy (trajectory, member, lead_time), NaN where there is no state."""
    return _along(_declared(system, "energy to score"), system, record)


def _along(function: Callable[..., float], system: TrueSystem, record: Record) -> np.ndarray:
    """A function of the system's states (trajectory, member, lead_time), NaN where there is no state."""
    count, members, steps, size = record.y.shape
    y = record.y.reshape(-1, size)
    finite = np.isfinite(y).all(axis=1)
    t = np.repeat(record.clock, members, axis=0).ravel()
    theta = system.theta()
    if record.theta.shape[1]:
        theta = np.repeat(record.theta, members * steps, axis=0)[finite]
    values = np.full(len(y), np.nan)
    values[finite] = scalar_values(function, t[finite], y[finite], theta, sizes_of(system))
    return values.reshape(count, members, steps)


def _relative(energy: np.ndarray) -> np.ndarray:
    """|E - E(start)| over the start's energy; infinite from a failure on."""
    start = energy[..., :1]
    typical = np.sqrt(np.nanmean(start**2)) if np.isfinite(start).any() else 0.0
    scale = np.maximum(np.abs(start), FLOOR * typical)
    error = np.abs(energy - start) / np.where(scale > 0, scale, 1.0)
    return np.where(np.isfinite(error), error, np.inf)


@metric("energy_error", ("trajectory", "member", "lead_time"), needs=("forecast", "system"))
def energy_error(forecast: Record, system: TrueSystem) -> Score:
    """Relative error of the true energy along the forecast.

    Infinite from a failure on.
    """
    return Score(_relative(true_energy(system, forecast)), {"norm": NORM, "failed": "inf"})


@metric("truth_energy_error", ("trajectory", "lead_time"), needs=("truth", "system"))
def truth_energy_error(truth: Record, system: TrueSystem) -> Score:
    """Relative error of the energy along the truth.

    What the solver of the truth adds; a forecast cannot be judged below it. NaN where there is no truth.
    """
    energy = true_energy(system, truth)[:, 0]
    return Score(np.where(np.isfinite(energy), _relative(energy), np.nan), {"norm": NORM, "no_truth": "NaN"})


def _drift(energy: np.ndarray, t: np.ndarray) -> Score:
    """Largest relative error of each trajectory; the median slope in the attributes."""
    error = _relative(energy)
    attrs: dict[str, object] = {
        "norm": NORM,
        "definition": "largest relative error along the forecast",
        "failed": "inf",
    }
    finite = np.isfinite(error).all(axis=-1)
    if finite.any() and np.ptp(t) > 0:
        scale = np.maximum(np.abs(energy[finite][:, :1]), np.finfo(float).tiny)
        slopes = np.polynomial.polynomial.polyfit(t, ((energy[finite] - energy[finite][:, :1]) / scale).T, 1)[1]
        attrs |= {"median_slope": float(np.median(slopes)), "slope": "of (E - E(start)) / |E(start)| over lead time"}
    return Score(error.max(axis=-1), attrs)


@metric("energy_drift", ("trajectory", "member"), needs=("forecast", "system"))
def energy_drift(forecast: Record, system: TrueSystem) -> Score:
    """Largest relative error of the true energy along the forecast.

    A learned H conserved and the true one not, or the reverse, means nothing: see ``model_energy_drift``.
    """
    return _drift(true_energy(system, forecast), forecast.t)


@metric("model_energy_drift", ("trajectory", "member"), needs=("forecast", "model"))
def model_energy_drift(forecast: Record, model: Model) -> Score:
    """Largest relative error of the learned energy along the forecast."""
    return _drift(learned_energy(model, forecast.y), forecast.t)


@metric("hamiltonian_error", (), needs=("truth", "model", "system"))
def hamiltonian_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the learned Hamiltonian.

    In L2 over the states of the truth. Of a model whose constant was given (``reference``), with it; else up to an
    additive constant, and both have their mean removed. The attribute ``norm`` says which.
    """
    function = _declared(system, "energy to score")
    t, y, theta = states_of(truth, system)
    learned, exact = learned_energy(model, y), scalar_values(function, t, y, theta, sizes_of(system))
    said = str(getattr(model, "report", {}).get("constant", ZERO))
    given = said.startswith("H is ") and not said.startswith(ZERO)
    if not given:
        learned, exact = learned - learned.mean(), exact - exact.mean()
    how = "with the constant that was given" if given else "both without their mean"
    return relative(learned, exact, f"L2 over the truth's states, {how}")


def learned_energy(model: Model, y: np.ndarray) -> np.ndarray:
    """Learned energy of states (..., component)."""
    if not isinstance(model, base.HasEnergy):
        raise ValueError(f"a {type(model).__name__} has no energy(); learn a HamiltonianNetwork")
    return np.asarray(model.energy(y), dtype=float)


@metric("gradient_error", (), needs=("truth", "model", "system"))
def gradient_error(truth: Record, model: Model, system: TrueSystem) -> Score:
    """Relative error of the gradient of the learned Hamiltonian.

    In L2 over the states of the truth: |g - grad H| / |grad H|, where every derivative dH/dy_i counts times the
    standard deviation of y_i, so that all have the units of energy. Offsets of H do not matter.
    """
    if not isinstance(model, base.HasGradient):
        raise TypeError(f"a {type(model).__name__} has no gradient(); this score is for learned Hamiltonians")
    t, y, theta = states_of(truth, system)
    scale = spread(truth)
    norm = "L2 over the truth's states, each derivative times the standard deviation of its component"
    learned = np.asarray(model.gradient(y), dtype=float)
    return relative(learned * scale, energy_gradient(system, t, y, theta) * scale, norm)


def pairs_of(states: tuple[State, ...], model: Model | None = None) -> np.ndarray:
    """Components of q and of p (2, dof): those that a model was fitted with, else what the states say."""
    return np.asarray(model.pairs) if isinstance(model, base.HasPairs) else canonical_pairs(states)[0]


def energy_gradient(system: TrueSystem, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Gradient of the system's H (point, component) at times (point,) and states.

    Of a HamiltonianSystem from its equations of motion, dH/dq = -p' and dH/dp = q'; where friction or forces act, from
    the traced Hamiltonian, or by central differences of order 4 where it cannot be traced.
    """
    from dynsamp.kernels.tracing import UntraceableError, derived_rhs

    hamiltonian = _declared(system, "gradient to compare with")
    try:
        if system.kind == "hamiltonian" and not system.inputs:
            kernel = system.kernel()
        else:
            rhs = derived_rhs(hamiltonian, system.size, len(system.parameters))
            size, parameters = sizes_of(system)
            kernel = Kernel("field", (rhs,), system.theta(), size=size, parameters=parameters)
    except UntraceableError:
        return _differences(system, t, y, theta)
    field = field_values(kernel, t, y, theta)
    half = y.shape[1] // 2  # a system's states are all q, then all p
    return np.concatenate([-field[:, half:], field[:, :half]], axis=1)


def _differences(system: TrueSystem, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    hamiltonian = _declared(system, "gradient")
    shift = SHIFT * np.maximum(y.std(axis=0), np.maximum(1e-3 * np.abs(y).max(axis=0), 1e-12))
    sizes = sizes_of(system)
    return derivatives(lambda moved: scalar_values(hamiltonian, t, moved, theta, sizes), y, np.tile(shift, (len(y), 1)))


def derivatives(function: Callable[[np.ndarray], np.ndarray], y: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Central differences of order 4 of values (point, ...), along a last axis more; shifts (point, component)."""
    columns = []
    for k, by in enumerate(shift.T):
        values = []
        for steps in (-2, -1, 1, 2):
            moved = y.copy()
            moved[:, k] += steps * by
            values.append(np.asarray(function(moved), dtype=float))
        slope = values[0] - 8 * values[1] + 8 * values[2] - values[3]
        columns.append((slope.T / (12 * by)).T)
    return np.stack(columns, axis=-1)


@metric("invariant_drift", ("trajectory", "member", "invariant"), needs=("forecast", "truth", "system"))
def invariant_drift(forecast: Record, truth: Record, system: TrueSystem) -> Score:
    """Largest change of each invariant along the forecast.

    max |I(t) - I(start)| over the typical size of I: its root mean square over the starts or, where that is larger, the
    median of |I| over states made of components of the truth's states that do not belong together. So an invariant
    which is zero on all orbits, such as the total momentum, has a size too. Infinite from a failure on.
    """
    functions = system.invariants
    if not functions:
        raise ValueError(f"system {system.name!r} declares no invariants besides its energy")
    mixed, own = _mixed(truth, system)
    drift = np.full((*forecast.y.shape[:2], len(functions)), np.inf)
    typical = {}
    for k, (name, function) in enumerate(functions.items()):
        paths = _along(function, system, forecast)
        start = paths[..., :1]
        among = np.median(np.abs(scalar_values(function, np.zeros(len(mixed)), mixed, own, sizes_of(system))))
        here = float(np.sqrt(np.mean(start[np.isfinite(start)] ** 2))) if np.isfinite(start).any() else 0.0
        typical[name] = max(float(among), here)
        change = np.abs(paths - start).max(axis=-1) / (typical[name] or 1.0)
        drift[..., k] = np.where(np.isfinite(change), change, np.inf)
    attrs = {
        "norm": "root mean square over the starts, or median of |I| over mixed states of the truth, the larger",
        "typical_size": typical,
        "largest": {name: float(drift[..., k].max()) for k, name in enumerate(functions)},
        "failed": "inf",
    }
    return Score(drift, attrs, {"invariant": list(functions)})


def _mixed(truth: Record, system: TrueSystem) -> tuple[np.ndarray, np.ndarray]:
    """States whose components come from different states of the truth, and parameters."""
    trajectory, step = np.nonzero(known(truth))
    if not len(step):
        raise ValueError(NO_TRUTH)
    picked = generator(0, "mixtures").integers(len(step), size=(MIXED, truth.y.shape[-1]))
    columns = [truth.y[trajectory[rows], 0, step[rows], k] for k, rows in enumerate(picked.T)]
    theta = truth.theta[trajectory[picked[:, 0]]] if truth.theta.shape[1] else system.theta()
    return np.stack(columns, axis=1), theta


@metric("power_balance", ("trajectory", "lead_time"), needs=("truth", "model"))
def power_balance(truth: Record, model: Model) -> Score:
    """Residual of the learned power balance along the truth.

    |H(t) - H(start) + ∫ dissipated - ∫ supplied power| over the range of the learned H along all of the truth. The
    powers are the model's ``dissipated_power(y)`` and ``supplied_power(y, t, u)``, zero of a model without them; their
    integrals are those of splines of degree 5 through the samples (degree 3 or 1 with few of them), which is also
    the error that remains of an exact model. The smallest eigenvalue of a learned dissipation matrix R, never negative
    in a passive system, is an attribute. NaN where there is no truth.
    """
    there = np.logical_and.accumulate(known(truth), axis=1)  # an integral ends at a gap
    if not there.any():
        raise ValueError(NO_TRUTH)
    y = truth.y[:, 0]
    values = np.full(there.shape, np.nan)
    for k, row in enumerate(there):
        if row.any():
            power = _net_power(model, y[k, row], truth.clock[k, row], None if truth.u is None else truth.u[k, row])
            h = learned_energy(model, y[k, row])
            values[k, row] = np.abs(h - h[0] + _integral(truth.t[row], power))
    flat = y[there]
    order = generator(0, "mixtures")
    mixed = np.stack([order.permutation(column) for column in flat.T], axis=1)
    scale = max(*(float(share * np.ptp(learned_energy(model, at))) for share, at in ((1, flat), (RANGE_FLOOR, mixed))))
    attrs: dict[str, object] = {
        "norm": "range of the learned H over the truth's states, at least a hundredth of that over mixed states",
        "quadrature": "splines of degree 5 through the samples",
        "no_truth": "NaN",
    }
    if isinstance(model, base.HasDissipation):
        r = np.asarray(model.dissipation)
        attrs["smallest_eigenvalue_of_R"] = float(np.linalg.eigvalsh(0.5 * (r + r.T)).min())
    return Score(values / (scale or 1.0), attrs)


def _net_power(model: Model, y: np.ndarray, t: np.ndarray, u: np.ndarray | None) -> np.ndarray:
    """Energy lost a unit of time (time,): dissipated minus supplied."""
    power = np.zeros(len(y))
    if isinstance(model, base.HasDissipatedPower):
        power = power + np.asarray(model.dissipated_power(y))
    if isinstance(model, base.HasSuppliedPower):
        power = power - np.asarray(model.supplied_power(y, t) if u is None else model.supplied_power(y, t, u))
    return power


def _integral(t: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Integral from the first time on (time,)."""
    from scipy.interpolate import make_interp_spline

    degree = min(5, len(t) - 1)
    if degree < 1 or not power.any():
        return np.zeros(len(t))
    spline = make_interp_spline(t, power, k=degree - (degree + 1) % 2).antiderivative()
    return np.asarray(spline(t) - spline(t[0]))


@metric("symplecticity_defect", ("trajectory",), needs=("truth", "model"))
def symplecticity_defect(truth: Record, model: Model) -> Score:
    """Symplecticity defect of the learned step.

    Frobenius norm of M^T J M - J, M the Jacobian of the model's map over one step of the data, J the canonical
    structure: zero where and only where the step is symplectic; the largest over the states of a trajectory (20 of
    them). M is the model's ``step_jacobian`` (of a flow map, its ``jacobian``), else central differences of order 4
    of ``step``, good to about 1e-12. Infinite where the step fails.
    Hairer, Lubich and Wanner (2006), Geometric Numerical Integration, section VI.2.
    """
    if not isinstance(model, base.HasStep):
        raise TypeError(f"a {type(model).__name__} has no step(), so there is no map to score")
    pairs = pairs_of(truth.states, model)
    structure = np.zeros((pairs.size, pairs.size))
    structure[pairs[0], pairs[1]], structure[pairs[1], pairs[0]] = 1.0, -1.0
    there = known(truth)
    values = np.full(len(there), np.nan)
    how = ""
    for k, row in enumerate(there):
        steps = np.flatnonzero(row)
        if len(steps):
            y = truth.y[k, 0, steps[:: -(-len(steps) // TANGENTS)]]
            tangent, how = _jacobian(model, y, _spacing(model, truth.t))
            defect = np.swapaxes(tangent, 1, 2) @ structure @ tangent - structure
            size = np.linalg.norm(defect, axis=(1, 2))
            values[k] = np.where(np.isfinite(size), size, np.inf).max()
    if not how:
        raise ValueError(NO_TRUTH)
    attrs = {"norm": "Frobenius, in the units of the states", "jacobian": how, "failed": "inf", "no_truth": "NaN"}
    return Score(values, attrs)


def _spacing(model: Model, t: np.ndarray) -> tuple[float, ...]:
    """Step to ask for: none of a model that knows that of its data, else the spacing of the truth."""
    if model.facts.dt:
        return ()
    if len(t) < 2:
        raise ValueError("neither the model nor the truth has a time step")
    return (float(np.median(np.diff(t))),)


def _jacobian(model: base.HasStep, y: np.ndarray, dt: tuple[float, ...]) -> tuple[np.ndarray, str]:
    """Jacobians (point, component, component) of the step, and where they come from."""
    if isinstance(model, base.HasStepJacobian):
        return np.asarray(model.step_jacobian(y, *dt)), "the model's own"
    is_map = not isinstance(model, base.HasVectorField)
    if is_map and isinstance(model, base.HasJacobian):  # that of the step
        return np.asarray(model.jacobian(y)), "the model's own"
    shift = SHIFT * np.maximum(np.abs(y), 1e-2 * np.abs(y).max(axis=1, keepdims=True) + 1e-12)
    return derivatives(lambda moved: model.step(moved, *dt), y, shift), "central differences of order 4"
