"""Splitting methods of separable Hamiltonian systems: kicks and drifts."""
