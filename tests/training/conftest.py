"""Tiny runs: a minute of F3, patches of 16 x 16, a flow of a thousand parameters."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seisflow import training
from seisflow.config import FlowModelConfig
from seisflow.runs.sources import Source
from seisflow.training import calibration, finish

SAMPLE = resources.files("seisflow.datasets") / "f3-sample.sgy"
PART = ("inline=1:2", "crossline=1:128", "time=0:508")


def tiny_config(steps: int = 12, *, validation: float = 0.2, **settings: Any) -> FlowModelConfig:
    return FlowModelConfig.model_validate(
        {
            "data": {"patch": (16, 16), "validation": validation},
            "flow": {
                "levels": 2,
                "couplings": 1,
                "squeeze": (2, 2),
                "subnet": {"width": 4, "depth": 1},
                "prior": {"topics": 2, "means": 3},
            },
            "training": {
                "steps": steps,
                "batch": 4,
                "warmup": 3,
                "validate_every": 4,
                "precision": "fp32",
            }
            | settings,
        }
    )


@pytest.fixture(scope="session")
def source() -> Source:
    return Source(path=str(SAMPLE), select=PART)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures and no calibration: half the time of a tiny run."""
    monkeypatch.setattr(finish, "draw_run", lambda *_: None)
    monkeypatch.setattr(calibration, "calibrate_run", lambda *_, **__: None)


@pytest.fixture
def fit(source: Source, tmp_path: Path, plain: None) -> Any:
    """Train a tiny run in a folder of the given name."""

    def train(name: str = "run", steps: int = 12, *, seed: int = 0, **settings: Any) -> training.Run:
        options = {k: settings.pop(k) for k in ("max_time", "overwrite", "device", "splits") if k in settings}
        options.setdefault("device", "cpu")
        return training.train([source], tiny_config(steps, **settings), tmp_path / name, seed=seed, **options)

    return train


@pytest.fixture(scope="session")
def finished(source: Source, tmp_path_factory: pytest.TempPathFactory) -> training.Run:
    """Return a run of 12 steps, with all that a run leaves."""
    return training.train([source], tiny_config(), tmp_path_factory.mktemp("runs") / "whole", device="cpu")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def state(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoint.ckpt", weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Whether two nested states are equal, bit by bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
