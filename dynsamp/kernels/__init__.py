"""Compiled code: NumPy and Numba only, arrays in, arrays out.

A method (``solvers/``) is a formula, a driver (``drivers/``) is a loop; ``jit.specialise`` joins copies of both, and of
what stands between them (``parts/``), with the functions of one system, and keeps the result compiled on disk. What
they call each other is in ``slots.py``. Nothing here checks its input: ``dynsamp.solve`` does.
"""
