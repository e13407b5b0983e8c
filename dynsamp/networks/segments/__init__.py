"""Learning through the flow: a field must map every segment of a trajectory onto itself.

=============  ========================================================================================================
learned_field  the field as it is known now, and what of it is unknown: energy, dissipation, inputs, a force
snapshots      trajectories, their segments and noise; linear equations without a flow, where a fit starts from
collocation    solutions over short spans, and how they depend on the field and on their starts
shooting       segments as equations: pairs that meet in the middle, longer ones with a free initial state
learning       the linear fit, then rounds of Gauss and Newton's method while they gain
defects        long lattices, whose Jacobians are too large: differences, corrected by solutions
=============  ========================================================================================================
"""
