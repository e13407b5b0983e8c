"""Implicit methods, and the equations that they share."""
