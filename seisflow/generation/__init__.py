"""Synthetic sections and images drawn from a model."""

from seisflow.generation.batches import generate_batches
from seisflow.generation.images import generate_images
from seisflow.generation.sections import generate

__all__ = ["generate", "generate_batches", "generate_images"]
