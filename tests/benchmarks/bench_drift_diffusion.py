"""Learned drift and diffusion against the truth, against maximum likelihood, and against what the model says of itself.

Run: python tests/benchmarks/bench_drift_diffusion.py [--seeds 3] [--only cir]                             (4 minutes)

Relative errors along fresh states, components in units of their spread; in brackets the true over the reported error.
"ML" are the errors of exact maximum likelihood with the parameters of the law (Ornstein and Uhlenbeck, geometric
Brownian motion, Cox, Ingersoll and Ross), "cubic" those of a regression of increments on cubic polynomials.
"""

import argparse
import os
import time
import zlib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import logging

import numpy as np
from scipy.optimize import minimize
from scipy.stats import ncx2

from dynsamp.models.base import Samples
from dynsamp.models.drift_diffusion import DriftDiffusion
from dynsamp.words import State

CUBE = ("x - x^3", lambda y: y - y**3)
G2 = np.array([[0.5, 0.0], [0.3, 0.4]])


def normal(mean, spread):
    return lambda rng, count: mean + spread * rng.standard_normal((count, np.size(mean)))


def flat(*values):
    return lambda y: np.broadcast_to(np.diag(values), (len(y), len(values), len(values)))


def field(*parts):
    return lambda y: np.stack([part(*y.T) for part in parts], axis=1)


# name: drift, diffusion (state,) or (state, noise), starts, spacing, paths, steps, substeps, spin-up, lowest, highest
# ruff: noqa: E501 - a table
PROBLEMS = {
    "ou 1e4": (lambda y: -2 * (y - 1), lambda y: 0.5 + 0 * y, normal([1.0], 0.25), 0.05, 1, 10000, 20, 0),
    "ou 500": (lambda y: -y, lambda y: 0.7 + 0 * y, normal([0.0], 0.5), 0.1, 1, 500, 20, 0),
    "ou coarse": (lambda y: -3 * y, lambda y: 1 + 0 * y, normal([0.0], 0.4), 0.3, 10, 1000, 100, 0),
    "double well 1e4": (CUBE[1], lambda y: 0.5 + 0 * y, normal([0.0], 0.9), 0.05, 10, 1000, 20, 100),
    "double well 1e5": (CUBE[1], lambda y: 0.5 + 0 * y, normal([0.0], 0.9), 0.01, 100, 1000, 5, 100),
    "double well coarse": (CUBE[1], lambda y: 0.6 + 0 * y, normal([0.0], 0.9), 0.5, 10, 1000, 100, 40),
    "double well, x noise": (CUBE[1], lambda y: np.sqrt(0.1 + 0.2 * y**2), normal([0.0], 0.9), 0.05, 20, 500, 20, 100),
    "cir 1e4": (
        lambda y: 2 * (1 - y),
        lambda y: 0.8 * np.sqrt(np.maximum(y, 0)),
        lambda rng, n: rng.gamma(6.25, 0.16, (n, 1)),
        *(0.05, 10, 1000, 40, 0, 0.0),
    ),
    "cir 1e5": (
        lambda y: 0.5 - y,
        lambda y: 0.9 * np.sqrt(np.maximum(y, 0)),
        lambda rng, n: rng.gamma(1.234, 0.405, (n, 1)),
        *(0.02, 100, 1000, 20, 0, 0.0),
    ),
    "logistic": (lambda y: y * (1 - y), lambda y: 0.3 * y, lambda rng, n: rng.uniform(0.2, 1.5, (n, 1)), 0.1, 20, 500, 20, 0),
    "gbm": (lambda y: 0.1 * y, lambda y: 0.3 * y, lambda rng, n: np.ones((n, 1)), 0.1, 20, 500, 40, 0),
    "gbm, decades": (lambda y: 0.5 * y, lambda y: 0.4 * y, lambda rng, n: np.ones((n, 1)), 0.1, 50, 200, 40, 0),
    "jacobi": (
        lambda y: 1.5 * (0.4 - y),
        lambda y: 0.6 * np.sqrt(np.maximum(y * (1 - y), 0)),
        lambda rng, n: rng.beta(3.3, 5, (n, 1)),
        *(0.05, 10, 1000, 20, 0, 0.0, 1.0),
    ),
    "sine": (lambda y: np.sin(3 * y) - 0.3 * y, lambda y: 0.5 + 0.2 * np.cos(y), normal([0.0], 1.0), 0.05, 20, 1000, 20, 100),
    "three wells": (lambda y: -y * (y * y - 1) * (y * y - 4) / 2, lambda y: 0.7 + 0 * y, normal([0.0], 1.5), 0.02, 20, 1000, 10, 200),
    "correlated": (
        field(lambda x, v: -x + 2 * v, lambda x, v: -2 * x - v),
        lambda y: np.broadcast_to(G2, (len(y), 2, 2)),
        normal([0.0, 0.0], 0.5),
        *(0.05, 10, 1000, 20, 0),
    ),
    "van der pol": (field(lambda x, v: v, lambda x, v: (1 - x * x) * v - x), flat(0.2, 0.4), normal([0.0, 0.0], 1.5), 0.05, 10, 2000, 20, 100),
    "lotka-volterra": (
        field(lambda x, v: x * (1 - v), lambda x, v: v * (x - 1)),
        lambda y: 0.15 * y,
        lambda rng, n: rng.uniform(0.6, 1.5, (n, 2)),
        *(0.05, 20, 200, 20, 0),
    ),
    "fitzhugh-nagumo": (
        field(lambda x, v: 3 * (x - x**3 / 3 - v), lambda x, v: x + 0.5 - 0.5 * v),
        flat(0.4, 0.2),
        normal([0.0, 0.0], 0.8),
        *(0.05, 10, 1000, 20, 50),
    ),
    "langevin": (field(lambda x, v: v, lambda x, v: x - x**3 - 0.5 * v), flat(0.02, 0.6), normal([0.0, 0.0], 0.7), 0.05, 10, 2000, 100, 100),
    "three components": (
        field(lambda x, y, z: -x + y / 2, lambda x, y, z: -2 * y + z, lambda x, y, z: -z / 2 - 0.3 * x),
        flat(0.5, 0.3, 0.4),
        normal([0.0, 0.0, 0.0], 0.4),
        *(0.1, 10, 1000, 20, 0),
    ),
    "gompertz": (
        lambda y: y * (1 - np.log(np.maximum(y, 1e-300))),
        lambda y: 0.5 * y,
        lambda rng, n: np.exp(rng.normal(0, 1.5, (n, 1))),
        *(0.05, 100, 100, 40, 0),
    ),
}  # fmt: skip


def paths(name, seed):
    drift, diffusion, starts, dt, count, steps, parts, spin, *box = PROBLEMS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    y, saved, h = starts(rng, count), [], dt / parts
    if name.startswith("cir"):  # exact, as near zero steps are not: noncentral chi-squared
        kappa = (drift(np.zeros(1)) - drift(np.ones(1)))[0]
        theta, sigma = drift(np.zeros(1)) / kappa, diffusion(np.ones(1))
        scale = sigma**2 * (1 - np.exp(-kappa * dt)) / (4 * kappa)
        saved = [y]
        for _ in range(steps):
            shift = saved[-1] * np.exp(-kappa * dt) / scale
            saved.append(scale * rng.noncentral_chisquare(4 * kappa * theta / sigma**2, shift))
        return dt, np.stack(saved, axis=1)
    for step in range(-spin, steps + 1):
        saved += [y] if step >= 0 else []
        for _ in range(parts):
            g, noise = diffusion(y), np.sqrt(h) * rng.standard_normal(y.shape)
            y = y + drift(y) * h + (g * noise if g.ndim == 2 else np.einsum("rij,rj->ri", g, noise))
            y = np.clip(y, *[*box, np.inf][:2]) if box else y
    return dt, np.stack(saved, axis=1)


def errors(name, model_drift, model_diffusion, y):
    spread, n = y.std(axis=0), y.shape[1]
    drift, g = PROBLEMS[name][0](y), PROBLEMS[name][1](y)
    g = g[:, :, None] * np.eye(n) if g.ndim == 2 else g
    root = np.linalg.cholesky(g @ np.swapaxes(g, 1, 2) + 1e-14 * np.eye(n)) if n > 1 else g
    gap, miss = (model_drift(y) - drift) / spread, (model_diffusion(y).reshape(root.shape) - root) / spread[:, None]
    size = np.mean((drift / spread) ** 2), np.mean((root / spread[:, None]) ** 2)
    return np.sqrt(np.mean(gap**2) / size[0]), np.sqrt(np.mean(miss**2) / size[1])


def likeliest(name, dt, y):
    """Exact maximum likelihood, where there is one: drift and diffusion."""
    now, ahead = y[:, :-1].ravel(), y[:, 1:].ravel()
    if name.startswith("gbm"):
        steps = np.log(ahead / now)
        var = steps.var() / dt
        return (lambda y: (steps.mean() / dt + var / 2) * y), (lambda y: np.sqrt(var) * y)
    if name.startswith("ou"):
        slope, shift = np.polyfit(now, ahead, 1)
        rate = -np.log(slope) / dt
        var = np.var(ahead - slope * now - shift) * 2 * rate / (1 - slope**2)
        return (lambda y: rate * (shift / (1 - slope) - y)), (lambda y: np.sqrt(var) + 0 * y)
    if name.startswith("cir"):
        now, ahead = np.maximum(now, 1e-9), np.maximum(ahead, 1e-9)

        def cost(logs):
            kappa, theta, sigma = np.exp(logs)
            c = 2 * kappa / (sigma**2 * (1 - np.exp(-kappa * dt)))
            q = 2 * kappa * theta / sigma**2
            return -np.sum(ncx2.logpdf(2 * c * ahead, 2 * q, 2 * c * now * np.exp(-kappa * dt)) + np.log(2 * c))

        start = np.log([1.0, now.mean(), np.std((ahead - now) / np.sqrt(now * dt))])
        kappa, theta, sigma = np.exp(minimize(cost, start, method="Nelder-Mead", options={"maxfev": 250}).x)
        return (lambda y: kappa * (theta - y)), (lambda y: sigma * np.sqrt(y))
    return None


def cubic(dt, y):
    now, change = y[:, :-1].ravel(), np.diff(y, axis=1).ravel()
    drift = np.polyfit(now, change / dt, 3)
    square = np.polyfit(now, (change - dt * np.polyval(drift, now)) ** 2 / dt, 3)
    return (lambda y: np.polyval(drift, y)), (lambda y: np.sqrt(np.maximum(np.polyval(square, y), 0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of the names of problems")
    options = parser.parse_args()
    logging.getLogger("dynsamp").setLevel(logging.ERROR)
    ratios = []
    for name in (name for name in PROBLEMS if options.only in name):
        for seed in range(options.seeds):
            (dt, y), (_, fresh) = paths(name, seed), paths(name, seed + 1000)
            n = y.shape[2]
            fresh = fresh.reshape(-1, n)[:: max(1, fresh.size // n // 5000)]
            states = tuple(State(label) for label in "xyz"[:n])
            samples = Samples(t=np.tile(dt * np.arange(y.shape[1]), (len(y), 1)), y=y, states=states)
            start = time.process_time()
            model = DriftDiffusion().fit(samples, seed=seed)
            spent = time.process_time() - start
            true = errors(name, model.drift, model.diffusion, fresh)
            ratios += (own := [true[k] / model.report["error"][key] for k, key in enumerate(("drift", "diffusion"))])
            line = (
                f"{name:22s} drift {true[0]:.3f} ({own[0]:5.2f}) diffusion {true[1]:.4f} ({own[1]:5.2f}) {spent:5.2f} s"
            )
            for label, found in {"ML": likeliest(name, dt, y), "cubic": cubic(dt, y) if n == 1 else None}.items():
                if found:
                    line += "  {} {:.3f} {:.4f}".format(label, *errors(name, *found, fresh))
            print(f"{line}  {model.formula}"[:230], flush=True)
    known = np.abs(np.log(ratios))
    print(f"{len(known)} errors: {np.mean(known < np.log(3)):.0%} within 3, {np.sum(known > np.log(10))} beyond 10")


if __name__ == "__main__":
    main()
