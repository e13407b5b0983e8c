"""Loops over trajectories, saved times and steps, or over points.

``run`` of a driver takes times (time,), y0 (trajectory, state), theta (1 or trajectory, parameter), out (trajectory,
time, state), status (trajectory,), stop (2,), and begin, end: it integrates trajectories begin <= j < end. stop[0]
becomes nonzero when it should give up; it looks there every stop[1] steps. What it takes beside is in ``NEEDS``.
"""
