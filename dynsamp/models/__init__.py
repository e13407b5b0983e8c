"""Estimators and fitted models, one family a file; loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynsamp.models.base import Estimator as Estimator
    from dynsamp.models.base import Model as Model
    from dynsamp.models.base import Samples as Samples
    from dynsamp.models.drift_diffusion import DriftDiffusion as DriftDiffusion
    from dynsamp.models.flow_map import FlowMap as FlowMap
    from dynsamp.models.hamiltonian import HamiltonianModel as HamiltonianModel
    from dynsamp.models.hamiltonian import HamiltonianNetwork as HamiltonianNetwork
    from dynsamp.models.lattice_hamiltonian import LatticeHamiltonian as LatticeHamiltonian
    from dynsamp.models.lattice_hamiltonian import LatticeHamiltonianModel as LatticeHamiltonianModel
    from dynsamp.models.null import Climatology as Climatology
    from dynsamp.models.null import Linear as Linear
    from dynsamp.models.null import Persistence as Persistence
    from dynsamp.models.null import RandomWalk as RandomWalk
    from dynsamp.models.port_hamiltonian import PortHamiltonianModel as PortHamiltonianModel
    from dynsamp.models.port_hamiltonian import PortHamiltonianNetwork as PortHamiltonianNetwork
    from dynsamp.models.sampled_network import SampledNetwork as SampledNetwork
    from dynsamp.models.sampled_network import SampledNetworkModel as SampledNetworkModel
    from dynsamp.models.schema import Above as Above
    from dynsamp.models.schema import Array as Array
    from dynsamp.models.schema import Items as Items

_HOME = {
    "base": ("Estimator", "Model", "Samples"),
    "drift_diffusion": ("DriftDiffusion",),
    "flow_map": ("FlowMap",),
    "hamiltonian": ("HamiltonianModel", "HamiltonianNetwork"),
    "lattice_hamiltonian": ("LatticeHamiltonian", "LatticeHamiltonianModel"),
    "null": ("Climatology", "Linear", "Persistence", "RandomWalk"),
    "port_hamiltonian": ("PortHamiltonianModel", "PortHamiltonianNetwork"),
    "sampled_network": ("SampledNetwork", "SampledNetworkModel"),
    "schema": ("Above", "Array", "Items"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'dynsamp.models' has no attribute {name!r}")
    value = getattr(import_module(f"dynsamp.models.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
