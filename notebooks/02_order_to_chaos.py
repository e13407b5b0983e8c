# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From order to chaos
#
# A mechanical system is one function, its energy $H(q, p)$. Here it is learned from snapshots of motion: states at
# even times, no derivatives, and nothing said about forces or masses. First of a pendulum, whose motion is known in
# closed form; then of a star in a galaxy, the system of Hénon and Heiles (1964), whose orbits are regular at low
# energy and chaotic at high energy. A model of such a system cannot be judged by how far its forecasts follow the
# truth. What it has to get right is which orbits are regular and which are not, and how fast the chaotic ones part.

# %%
import numpy as np

import dynsamp as ds

# %% [markdown]
# ## A pendulum from snapshots
#
# `derivatives=False` leaves out the derivatives that a true system could give. What remains is what a camera sees
# twenty times a second. The fit compares the flow of the learned energy over one interval with the next snapshot.

# %%
train = ds.generate("pendulum", trajectories=32, derivatives=False, seed=1)
model = ds.fit(train, seed=1)
print(model.summary())

# %% [markdown]
# The forecasts below run five times longer than the training data. The faint lines are lines of equal learned energy
# (`energy_map` computes them on a grid): orbits follow them.

# %%
truth = ds.generate("pendulum", trajectories=16, duration=50, seed=2)
forecast = ds.forecast(model, truth)
ds.plot.phase(forecast, truth, energy=ds.energy_map(model, over=truth))

# %% [markdown]
# A pendulum is the slower the wider it swings. The period is measured on each orbit, and so is its error:

# %%
names = ["gradient_error", "amplitude", "period_error", "symplecticity_defect", "energy_drift"]
scores = ds.evaluate(forecast, truth, model=model, metrics=names)
print(f"error of the learned gradient:   {float(scores['gradient_error']):.0e}  (relative)")
print(f"largest symplecticity defect:    {float(scores['symplecticity_defect'].max()):.0e}")
for k in np.argsort(scores["amplitude"].values)[::5]:
    amplitude, error = float(scores["amplitude"][k]), float(scores["period_error"][k, 0])
    print(f"amplitude {np.degrees(amplitude):4.0f}°: relative error of the period {error:+.0e}")

# %% [markdown]
# `ds.plot.animate(forecast, truth, path="pendulum.gif")` makes a film of the two pendulums side by side.
#
# ## A star in a galaxy
#
# $H = (p_x^2 + p_y^2 + x^2 + y^2) / 2 + x^2 y - y^3 / 3$. Below $E = 1/6$ all orbits stay in a triangle. Again the
# model sees snapshots only, of 64 orbits at all kinds of energies.

# %%
train = ds.generate("henon_heiles", trajectories=64, derivatives=False, seed=1)
star = ds.fit(train, seed=1)
truth = ds.generate("henon_heiles", trajectories=16, duration=100, seed=2)
scores = ds.evaluate(ds.forecast(star, truth), truth, model=star)
print(f"error of the learned H: {float(scores['hamiltonian_error']):.0e}  (relative)")

# %% [markdown]
# ## Poincaré sections
#
# Whenever a star passes $x = 0$ with $p_x > 0$, its $y$ and $p_y$ are marked. A regular orbit lies on a torus, and
# marks a curve; a chaotic one scatters over an area. With a fixed energy, $y$ and $p_y$ say where an orbit starts,
# because $p_x$ follows from them.


# %%
def starts(energy, count=8):
    """States with x = 0, p_x > 0 and the given energy, (count, 4)."""
    rng = np.random.default_rng(0)
    y, py = rng.uniform(-0.5, 0.95, 1000), rng.uniform(-0.55, 0.55, 1000)
    square = 2 * energy - py**2 - y**2 + 2 * y**3 / 3
    inside = np.flatnonzero(square > 0)[:count]
    return np.stack([0 * y, y, np.sqrt(np.maximum(square, 0)), py], axis=1)[inside]


energies = {"E = 1/12": 1 / 12, "E = 1/8": 1 / 8, "E = 1/6": 1 / 6}
sections = {
    label: [ds.crossings(source, starts(energy), "x = 0 rising", duration=1200) for source in ("henon_heiles", star)]
    for label, energy in energies.items()
}
ds.plot.section(sections)

# %% [markdown]
# Each colour is an orbit. At $E = 1/12$ there are curves only (other starts would find thin chaotic layers between
# them). At $E = 1/8$ islands stand in a chaotic sea, and at $E = 1/6$ little but the sea is left. The model, below, has
# the same curves, islands and seas as the truth, above. In the sea the points themselves differ: there the smallest
# error grows exponentially.
#
# ## How fast do neighbours part?
#
# The largest Lyapunov exponent is the rate. Of regular orbits it is zero, and a finite run of length $T$ gives
# something of the order of $\log(T)/T$, here less than 0.01. Standard errors allow for correlation in time; they do not
# know of islands to which a chaotic orbit may stick for longer than the run.

# %%
print(f"{'':10}{'true system':>28}{'learned':>28}   chaotic orbits of 8, and the largest exponent of all")
for label, energy in energies.items():
    row = f"{label:10}"
    for source in ("henon_heiles", star):
        spectrum = ds.lyapunov(source, starts(energy), exponents=1, duration=1000)
        exponent, error = spectrum["lyapunov_exponent"].values[:, 0], spectrum["standard_error"].values[:, 0]
        k = int(exponent.argmax())
        row += f"{np.sum(exponent > 0.01):>12}, {exponent[k]:.3f} ± {error[k]:.3f}"
    print(row)

# %% [markdown]
# ## Energy over a long time
#
# Along the forecast of a learned Hamiltonian the learned energy must stay, for it is solved by a symplectic method, and
# the true energy must stay near, if what was learned is right. Either of them alone would mean little. Here both stay
# better than along the truth, whose solver is not symplectic.

# %%
long = ds.generate("henon_heiles", trajectories=4, initial=starts(1 / 8, 4), duration=1000, seed=3)
forecast = ds.forecast(star, long)
ds.plot.energy(ds.energies(forecast, model=star), ds.energies(long, model=star))

# %% [markdown]
# The same orbits as sections, now taken from the saved trajectories: their distance (sliced Wasserstein, in standard
# deviations) beside that between two halves of the truth, which is what chance alone makes.

# %%
score = ds.evaluate(forecast, long, metrics=["section_distance"])["section_distance"]
print(f"distance of the sections: {float(score.median()):.2f}, between halves of the truth: {score.attrs['floor']:.2f}")

# %% [markdown]
# ## Where next
#
# - `ds.fit(train.isel(time=slice(20)))` learns from less: see how much is enough.
# - `double_pendulum` and `elastic_pendulum` show the same way from order to chaos; `ds.plot.animate` shows them move.
# - With friction and forces, `ds.PortHamiltonianNetwork()` learns the energy, and beside it what takes and gives it;
#   the score `power_balance` says whether the split explains the data.
