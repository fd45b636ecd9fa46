"""Posterior of a section given its recorded traces: missing traces filled, incoherent noise attenuated."""

from seisflow.posterior.denoising import denoise
from seisflow.posterior.filling import fill

__all__ = ["denoise", "fill"]
