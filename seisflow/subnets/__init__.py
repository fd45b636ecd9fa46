"""The networks inside couplings, chosen by name: ``cnn``, ``mlp``, ``kan``."""

from seisflow.subnets.build import build_subnet
from seisflow.subnets.precision import MixedPrecision

__all__ = ["MixedPrecision", "build_subnet"]
