"""What can be trained: models by name, and how they are stored."""

from seisflow.models.base import Model
from seisflow.models.card import ModelCard
from seisflow.models.fractal_ar import FractalAR
from seisflow.models.fractal_flow import FractalFlowModel
from seisflow.models.fractal_mar import FractalMAR
from seisflow.models.storage import build_model, load_model, save_model

__all__ = [
    "FractalAR",
    "FractalFlowModel",
    "FractalMAR",
    "Model",
    "ModelCard",
    "build_model",
    "load_model",
    "save_model",
]
