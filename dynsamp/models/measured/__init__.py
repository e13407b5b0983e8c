"""What becomes of measured samples before a fit.

- `canonical`: the door of estimators of an energy. Velocities where positions alone were measured, continuous angles,
  canonical pairs; then the gradients of H, or the trajectories, that are fitted.
- `increments`: between consecutive samples, which one-step models learn from.
- `names`: what names of states say.
- `angles`: angles that were recorded within one turn.
- `velocities`: of positions, by splines.
- `diagnosis`: whether the data look like those of a Hamiltonian system.
"""
