"""Fixtures shared by all tests."""

import gzip
import os
import shutil
import struct
import tempfile

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="seisflow-tests-")  # of the key that signs inputs
os.environ.setdefault("OMP_NUM_THREADS", "1")  # on small tensors threads wait for each other; before torch

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import segyio
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from seisflow.config import Config


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave scripts beside the tests alone, which ``--doctest-modules`` would import."""
    name = collection_path.name
    if collection_path.suffix != ".py" or "benchmarks" in collection_path.parts:
        return None
    return None if name.startswith("test_") or name == "conftest.py" else True


def pytest_unconfigure() -> None:
    """Delete the folder made above."""
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def few_copies() -> None:
    """Let the default score learn from few disturbed copies: tests calibrate often."""
    from seisflow.scoring import learning

    learning.COPIES, learning.LEAST_COPIES = 8, 4


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
    from seisflow.runs.sources import Source

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
        "training.denoiser_steps": 0,
    }
    return load_config("seismic-small", [f"{key}={value}" for key, value in changes.items()])


@pytest.fixture
def few_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with an MNIST of 64 + 24 images: bright disks of random place and size."""
    from seisflow.io import images

    counts = {"train": 64, "test": 24}
    real = images.card
    monkeypatch.setattr(
        images, "card", lambda name: real(name).model_copy(update={"counts": counts, "sha256": {}})
    )
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "images" / "mnist"
    folder.mkdir(parents=True)
    for stem, count in zip(("train", "t10k"), counts.values(), strict=True):
        rows, columns = np.mgrid[:28, :28]
        centre, radius = rng.uniform(8, 20, (2, count, 1, 1)), rng.uniform(3, 7, (count, 1, 1))
        distance = np.hypot(rows - centre[0], columns - centre[1])
        pixels = np.clip(255 * (radius - distance + 0.5), 0, 255).astype(np.uint8)
        labels = (radius[:, 0, 0] > 5).astype(np.uint8)
        for kind, values in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
            packed = gzip.compress(head + values.tobytes())
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(packed)
    return tmp_path / "data"


def tiny_image_config(model: str = "fractal-flow", steps: int = 6, **data: object) -> "Config":
    """Smallest configuration for 32 x 32 pixels."""
    from seisflow.config import parse_config

    pixels = {"input": "pixels"}
    groups = {
        "flow": {
            "levels": 2,
            "couplings": 1,
            "squeeze": (2, 2),
            "mixing_init": "random",
            "subnet": {"width": 4, "depth": 1},
            "prior": {"topics": 2, "means": 3},
        },
        "autoregressive": {"parts": [(8, 8)], "width": 16, "depth": 1},
    }
    group = "flow" if model == "fractal-flow" else "autoregressive"
    more = {"rounds": 2} if model == "fractal-mar" else {}
    return parse_config(
        {
            "model": model,
            "data": {"patch": (32, 32), "flip": False, "validation": 0.25} | data,
            group: groups[group] | pixels | more,
            "training": {"steps": steps, "batch": 8, "warmup": 2, "validate_every": 3, "precision": "fp32"},
        },
        "tiny",
    )


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
