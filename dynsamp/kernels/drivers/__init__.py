"""Loops over trajectories, saved times and steps, or over points.

``run`` of a driver takes times (time,), y0 (trajectory, state), theta (1 or trajectory, parameter), out (trajectory,
time, state), status (trajectory,), stop (1,), nonzero to give up, and begin, end: it integrates trajectories
begin <= j < end. What it takes beside is in ``NEEDS``.
"""
