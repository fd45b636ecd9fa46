"""Bijections, one small file each."""

from seisflow.flows.actnorm import ActNorm
from seisflow.flows.arctanh import Arctanh
from seisflow.flows.base import Bijection
from seisflow.flows.chain import Chain
from seisflow.flows.coupling import AffineCoupling
from seisflow.flows.fractal import FractalFlow
from seisflow.flows.learned_mask import LearnedMaskCoupling
from seisflow.flows.linear import Invertible1x1
from seisflow.flows.pixels.logistic_ends import LogisticEnds
from seisflow.flows.pixels.pixel_autoregressive import PixelAutoregressive
from seisflow.flows.reversible import Reversible
from seisflow.flows.seismic.lateral_bands import FirstChannels, LateralBands
from seisflow.flows.seismic.trace_autoregressive import TraceAutoregressive
from seisflow.flows.seismic.whitening import SpectralWhitening
from seisflow.flows.squeeze import Squeezed

__all__ = [
    "ActNorm",
    "AffineCoupling",
    "Arctanh",
    "Bijection",
    "Chain",
    "FirstChannels",
    "FractalFlow",
    "Invertible1x1",
    "LateralBands",
    "LearnedMaskCoupling",
    "LogisticEnds",
    "PixelAutoregressive",
    "Reversible",
    "SpectralWhitening",
    "Squeezed",
    "TraceAutoregressive",
]
