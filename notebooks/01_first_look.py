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
# # A first look at dynsamp
#
# dynsamp learns how a system moves from examples of its motion, and then forecasts it. Its networks are **sampled, not
# trained**: the weights of the hidden neurons are drawn at random, guided by the data, and only the last layer is
# computed, by one least-squares problem. There are no epochs and no learning rate; a fit takes seconds on a CPU.
#
# Everything is done with four verbs:
#
#     generate  ->  fit  ->  forecast  ->  evaluate
#
# This notebook uses them on a pendulum, and then on data of your own.

# %%
import tempfile
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

import dynsamp as ds

# %% [markdown]
# ## Generate
#
# Some systems are built in (`ds.systems()` lists them). `generate` draws starts at random and solves the equations of
# motion. The result is an xarray Dataset: one variable for each state variable, with units, over `trajectory` and
# `time`.

# %%
train = ds.generate("pendulum", trajectories=32, seed=1)
train

# %% [markdown]
# ## Fit
#
# The pendulum is a Hamiltonian system, so what is learned is its energy $H(q, p)$, from the states and their
# derivatives alone. The summary says what was chosen, why, and what it cost.

# %%
model = ds.fit(train, seed=1)
print(model.summary())

# %% [markdown]
# ## Forecast
#
# The truth starts from other states, which the model has not seen, and runs for longer than the training data. The
# forecast starts from the first states of the truth.

# %%
truth = ds.generate("pendulum", trajectories=16, duration=50, seed=2)
forecast = ds.forecast(model, truth)

ds.plot.phase(forecast, truth)

# %% [markdown]
# In the phase portrait the forecast (coloured) lies on the truth (the wide grey lines), and the orbits are closed: a
# learned Hamiltonian, solved by a symplectic method, neither gains nor loses energy for good. The same along time, for
# one trajectory:

# %%
ds.plot.time_series(forecast, truth, trajectory=3)

# %% [markdown]
# ## Evaluate
#
# How good is it? The scores are a Dataset too. The pendulum's true energy is known, so it can be computed along the
# forecast; it should not change. The truth has an energy error of its own, that of its solver.

# %%
scores = ds.evaluate(forecast, truth, model=model)
print(f"error of the learned H:     {float(scores['hamiltonian_error']):.1e}  (relative)")
print(f"largest error of the energy: {float(scores['energy_drift'].median()):.1e}  (relative, median forecast)")

ds.plot.energy_error(scores)

# %% [markdown]
# The error of the forecast oscillates but does not grow, as it should with a symplectic solver. It is far larger than
# that of the learned H, so it comes from the steps of the solver: `ds.forecast(..., step=0.01)` makes it smaller.
#
# ## Your own data
#
# Data come as arrays, a pandas DataFrame, or a file (`ds.from_dataframe`, `ds.from_csv`, `ds.open_dataset`). Here are
# trajectories of a van der Pol oscillator as plain arrays: a system that dynsamp has never heard of. All that it is
# told are the names and units.

# %%
times = np.arange(0, 12, 0.05)
starts = np.random.default_rng(1).uniform([-3, -3], [3, 3], size=(30, 2))


def van_der_pol(_, y):
    return [y[1], (1 - y[0] ** 2) * y[1] - y[0]]


arrays = [solve_ivp(van_der_pol, (0, 12), start, t_eval=times, rtol=1e-9, atol=1e-9).y.T for start in starts]
data = ds.from_arrays(np.stack(arrays), times, names=["x", "v"], units=["m", "m s-1"], time_unit="s")

# %% [markdown]
# Without a system, and with evenly spaced samples, `fit` learns a *flow map*: the step from one sample to the next. The
# last five trajectories are kept apart to judge it by.

# %%
seen, unseen = data.isel(trajectory=slice(25)), data.isel(trajectory=slice(25, None))
oscillator = ds.fit(seen, seed=1)
prediction = ds.forecast(oscillator, unseen)
skill = ds.evaluate(prediction, unseen, model=oscillator)
print(f"typical error: {float(skill['nrmse'].median()):.1e} standard deviations")

ds.plot.phase(prediction, unseen)

# %% [markdown]
# A forecast of the future starts from the last state of the data:

# %%
future = ds.forecast(oscillator, unseen, start="last", duration=20)
ds.plot.time_series(future, unseen)

# %% [markdown]
# ## Keep the model
#
# A model is one file. It holds numbers and text only, so a file from someone else cannot run code on your machine.

# %%
path = Path(tempfile.mkdtemp()) / "oscillator.model"
ds.save_model(oscillator, path)
again = ds.load_model(path)
repeated = ds.forecast(again, unseen)
print(f"{path.stat().st_size / 1000:.0f} kB; same forecast: {bool((repeated['x'] == prediction['x']).all())}")

# %% [markdown]
# ## Where next
#
# - `ds.run("lorenz63")` and `ds.run("ou")` do all four verbs for a chaotic and for a stochastic system;
#   `ds.plot.figures(...)` draws what suits them.
# - On the command line, `dynsamp run pendulum` does the same and writes a page to open in a browser; `dynsamp compare
#   pendulum` sets sampling beside iterative training.
# - `examples/own_csv.py` starts from a CSV file, `examples/own_system.py` from equations of your own.
# - `plugins/README.md` says how to make a system that others find by its name.
