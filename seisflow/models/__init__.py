"""Models: densities that can be trained, their construction and their storage."""

from seisflow.models.base import Model
from seisflow.models.build import build_fractal_flow, build_model
from seisflow.models.card import ModelCard
from seisflow.models.fractal_ar import FractalAR
from seisflow.models.fractal_flow import FractalFlowModel
from seisflow.models.fractal_mar import FractalMAR
from seisflow.models.storage import load_model, save_model

__all__ = [
    "FractalAR",
    "FractalFlowModel",
    "FractalMAR",
    "Model",
    "ModelCard",
    "build_fractal_flow",
    "build_model",
    "load_model",
    "save_model",
]
