"""Tangent dynamics: perturbations carried along a trajectory, for Lyapunov exponents.

The state is (y, v_1, ..., v_m): BASE components and COLUMNS vectors of as many. ``flow`` and ``iterates`` put it in
front of the right-hand side or the map, ``by_jacobian`` and ``by_differences`` advance the vectors, and
``orthonormal`` makes them orthonormal again at every saved time.
"""
