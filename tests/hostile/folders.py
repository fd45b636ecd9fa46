"""Damaged Zarr, model and run folders, and how a user would use them."""

import json
import shutil
from pathlib import Path

import numpy as np
import yaml
from conftest import cube, segy_bytes, whole_numbers
from mutations import damage_json, damage_place, damaged, mutated

import seisflow
from seisflow.io import create_segy, ingest, open_section, scan, write_zarr


class Zarrs:
    """Data sets by seisflow, by xarray in versions 2 and 3, with segysak's names."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        path = folder / "a.sgy"
        path.write_bytes(
            segy_bytes(
                whole_numbers((12, 20)),
                cube([10, 11, 12], [1, 2, 3, 4]) | {181: np.arange(12), 185: np.arange(12) * 2},
            )
        )
        ingest(path, folder / "ingested.zarr", workers=1, crs="EPSG:23031")
        section = open_section(path)
        write_zarr(section, folder / "written.zarr")
        plain = section.drop_attrs().assign(amplitude=section["amplitude"].load())
        plain["time"].attrs["units"] = "ms"
        for version in (2, 3):
            plain.to_zarr(folder / f"plain{version}.zarr", zarr_format=version)
        names = {"inline": "iline", "crossline": "xline", "time": "twt", "amplitude": "data"}
        renamed = plain.rename(names).assign_attrs(d3_domain="TWT", text="C 1")
        renamed.to_zarr(folder / "segysak.zarr", zarr_format=2)
        path.unlink()
        self.kinds = sorted(folder.iterdir())

    def make(self, target: Path, rng: np.random.Generator) -> Path:
        """A copy with one to three files damaged."""
        path = target / "a.zarr"
        shutil.copytree(self.kinds[rng.integers(len(self.kinds))], path)
        for _ in range(rng.choice([1, 1, 2, 3])):
            files = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
            described = [f for f in files if f.name in ("zarr.json", ".zarray", ".zattrs", ".zmetadata")]
            roll = rng.random()
            file = (described or files)[rng.integers(len(described or files))]
            if roll < 0.65 and described:
                damage_json(file, rng)
            elif roll < 0.9:
                file = files[rng.integers(len(files))]
                file.write_bytes(damaged(file.read_bytes(), rng))
            else:
                damage_place(file, rng)
        return path

    def use(self, path: Path) -> None:
        """Scan, read, draw, and write as SEG-Y and Zarr again."""
        from seisflow import plotting

        report = scan(path)
        seisflow.io.describe(report)
        section = open_section(path)
        plotting.draw(section)
        with create_segy(path.with_name("b.sgy"), section) as file:
            for lead in np.ndindex(*section["amplitude"].shape[:-2]):
                file.write(lead, section["amplitude"][lead].to_numpy())
        write_zarr(section, path.with_name("b.zarr"))


class Models:
    """Run folders of a tiny model."""

    def __init__(self, folder: Path) -> None:
        from seisflow import training
        from seisflow.config import load_config
        from seisflow.runs.sources import Source

        folder.mkdir()
        self.folder = folder / "run"
        path = folder / "line.npy"
        np.save(path, np.random.default_rng(0).normal(size=(160, 128)).astype(np.float32))
        changes = {
            "data.patch": [32, 32],
            "flow.levels": 2,
            "flow.couplings": 1,
            "flow.squeeze": [4, 4],
            "flow.bands.count": 1,
            "flow.subnet.width": 8,
            "training.steps": 2,
            "training.batch": 2,
            "training.warmup": 1,
            "training.validate_every": 2,
            "training.denoiser_steps": 0,
        }
        config = load_config("seismic-small", [f"{key}={value}" for key, value in changes.items()])
        source = Source(path=str(path), geometry={"dt": 4.0})
        training.train([source], config, self.folder, device="cpu")
        self.section = source.open()

    def make(self, target: Path, rng: np.random.Generator) -> Path:
        """A copy with card, weights, record, configuration or checkpoint damaged."""
        shutil.copytree(self.folder, target)
        files = [target / name for name in ("config.json", "model.safetensors")]
        self.resumes = bool(rng.random() < 0.3)
        if self.resumes:
            files = [target / name for name in ("run.json", "config.yaml", "checkpoint.ckpt")]
        file = files[rng.integers(len(files))]
        roll = rng.random()
        if roll < 0.05:
            damage_place(file, rng)
        elif file.suffix == ".json":
            damage_json(file, rng)
        elif file.suffix == ".yaml":
            file.write_text(yaml.safe_dump(mutated(yaml.safe_load(file.read_text()), rng)))
        elif file.suffix == ".safetensors" and roll < 0.7:
            self._damage_header(file, rng)
        else:
            file.write_bytes(damaged(file.read_bytes(), rng))
        return target

    def _damage_header(self, path: Path, rng: np.random.Generator) -> None:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        head = json.dumps(mutated(json.loads(data[8 : 8 + size]), rng)).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head + data[8 + size :])

    def use(self, path: Path) -> None:
        """Load, describe, generate two patches and score a line; or train a step more."""
        from seisflow import training
        from seisflow.output.generated_files import write_generated
        from seisflow.output.score_files import write_scores
        from seisflow.runs.choose import choose_model

        if self.resumes:
            training.resume(path, steps=3, device="cpu")
            return
        chosen = choose_model(str(path), "cpu")
        chosen.describe()
        write_generated(chosen.model, 2, path / "new.zarr")
        write_scores(self.section, chosen.model, [path / "map.zarr"])
        for source in chosen.inputs(()):
            source.open()
