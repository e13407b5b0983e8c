"""SIMD across trajectories; ``README.md`` of this folder says how."""

from dynsamp.kernels.simd.arithmetic import any_lane, fma, polynomial, select, splat

__all__ = ["any_lane", "fma", "polynomial", "select", "splat"]
