"""Plain functions as graphs: recorded by running them once, differentiated, and written again as source.

Only source that is emitted from a graph is ever executed. NumPy is all that this room needs.
"""

from dynsamp.kernels.tracing.derived import (
    Halves,
    derived_jacobian,
    derived_motion,
    derived_rhs,
    derived_separable,
    traced_jacobian,
)
from dynsamp.kernels.tracing.graph import Graph, UntraceableError
from dynsamp.kernels.tracing.recording import Trace, trace

__all__ = ["Graph", "Halves", "Trace", "UntraceableError", "derived_jacobian", "derived_motion", "derived_rhs"]
__all__ += ["derived_separable", "trace", "traced_jacobian"]
