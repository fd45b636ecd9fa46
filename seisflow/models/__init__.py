"""What can be trained: models by name, and how they are stored."""

from seisflow.models.base import Model, ModelCard
from seisflow.models.fractal_flow import FractalFlowModel
from seisflow.models.storage import build_model, load_model, save_model

__all__ = ["FractalFlowModel", "Model", "ModelCard", "build_model", "load_model", "save_model"]
