"""Fixtures shared by all tests."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on small tensors threads wait for each other; before torch

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import segyio
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from seisflow.config import Config


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real development data (``segy/``, ``arrays/``, ``images/``); skips where it is absent."""
    folder = Path(os.environ.get("SEISFLOW_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"development data not at {folder} (set SEISFLOW_DATA)")
    return folder


@pytest.fixture(scope="session")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic SEG-Y cube of 4 inlines, 112 crosslines and 96 samples (4 ms), with coordinates.

    Random layers, but for a bright spot at crosslines 21..32 (of 1..112), 160..220 ms, and mutes on top.
    """
    path = tmp_path_factory.mktemp("data") / "cube.sgy"
    write_cube(path, layered_cube())
    return path


@pytest.fixture(scope="session")
def tiny_run(cube_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a tiny flow (patches of 32 x 32), trained for some steps on `cube_file`."""
    from seisflow import training
    from seisflow.patches import Block, Split
    from seisflow.source import Source

    parts = Split(
        train=[Block(ranges={"crossline": (36, 76)})], validation=[Block(ranges={"crossline": (78, 112)})]
    )
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    training.train([Source(path=str(cube_file))], tiny_config(), folder, device="cpu", splits=[parts])
    return folder


def tiny_config() -> "Config":
    """Smallest configuration that trains in seconds."""
    from seisflow.config import load_config

    changes = {
        "data.patch": [32, 32],
        "flow.levels": 2,
        "flow.couplings": 1,
        "flow.subnet.width": 8,
        "flow.prior.topics": 2,
        "training.steps": 30,
        "training.batch": 4,
        "training.warmup": 5,
        "training.validate_every": 30,
    }
    return load_config("seismic-small", [f"{key}={value}" for key, value in changes.items()])


def layered_cube() -> np.ndarray:
    """Amplitudes of `cube_file`, (inline, crossline, time)."""
    noise = np.random.default_rng(0).normal(size=(2, 4, 112, 96))
    layers = gaussian_filter(noise[0], (1, 4, 1)) - gaussian_filter(noise[0], (1, 4, 3))
    cube = 100 * layers / layers.std() + 20 * noise[1]
    cube[:, 20:32, 40:56] *= 6
    cube[:, :, :8] = 0
    return cube.astype(np.float32)


def write_cube(path: Path, values: np.ndarray) -> None:
    """Write (inline, crossline, time) amplitudes by segyio, with coordinates and numbers from 1."""
    segyio.tools.from_array3D(str(path), values, dt=4000)
    with segyio.open(path, "r+") as file:
        for i in range(file.tracecount):
            line, trace = divmod(i, values.shape[1])
            file.header[i] = {
                segyio.TraceField.SourceGroupScalar: -10,
                segyio.TraceField.CDP_X: 10 * (400_000 + 25 * trace),
                segyio.TraceField.CDP_Y: 10 * (6_000_000 + 25 * line),
                segyio.TraceField.FieldRecord: i + 1000,
            }
