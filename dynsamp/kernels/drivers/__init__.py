"""Loops: over trajectories, saved times and steps, or over points. Each module has one entry, ``run``."""
