"""Bijections, one small file each."""

from seisflow.flows.actnorm import ActNorm
from seisflow.flows.arctanh import Arctanh
from seisflow.flows.bands import FirstChannels, LateralBands
from seisflow.flows.base import Bijection
from seisflow.flows.bells import Bells
from seisflow.flows.chain import Chain
from seisflow.flows.coupling import AffineCoupling
from seisflow.flows.fractal import FractalFlow
from seisflow.flows.linear import Invertible1x1
from seisflow.flows.raster import RasterMixture
from seisflow.flows.reversible import Reversible
from seisflow.flows.squeeze import Squeezed
from seisflow.flows.traces import TraceMixture
from seisflow.flows.whitening import SpectralWhitening

__all__ = [
    "ActNorm",
    "AffineCoupling",
    "Arctanh",
    "Bells",
    "Bijection",
    "Chain",
    "FirstChannels",
    "FractalFlow",
    "Invertible1x1",
    "LateralBands",
    "RasterMixture",
    "Reversible",
    "SpectralWhitening",
    "Squeezed",
    "TraceMixture",
]
