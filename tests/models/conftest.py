"""Tiny models, every parameter away from where it starts."""

from typing import Any

import pytest
import torch

from seisflow.config import FlowModelConfig
from seisflow.models import FractalFlowModel, build_fractal_flow


def tiny_config(patch: tuple[int, int] = (16, 8), **flow: Any) -> FlowModelConfig:
    settings = {"levels": 2, "couplings": 2, "squeeze": (2, 2), "subnet": {"width": 6}} | flow
    return FlowModelConfig.model_validate({"data": {"patch": patch}, "flow": settings})


def tiny_model(
    shape: tuple[int, int, int] = (1, 16, 8), *, moved: float = 0.1, seed: int = 0, **flow: Any
) -> FractalFlowModel:
    torch.manual_seed(seed)
    model = build_fractal_flow(shape, tiny_config(shape[1:], **flow).flow).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += moved * torch.randn_like(parameter)
    return model


@pytest.fixture
def make_config() -> Any:
    return tiny_config


@pytest.fixture
def make_model() -> Any:
    return tiny_model
