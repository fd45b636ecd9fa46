"""What is probable given what was recorded: missing traces filled, incoherent noise attenuated."""

from seisflow.posterior.denoising import denoise
from seisflow.posterior.filling import fill

__all__ = ["denoise", "fill"]
