"""Damaged Zarr, model and run folders, and how a user would use them."""

import json
import shutil
from pathlib import Path

import numpy as np
import xarray as xr
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
    """Folders of the model that ships."""

    def __init__(self, folder: Path) -> None:
        from seisflow.models.storage import DEFAULT_MODEL, find_model

        self.folder = find_model(DEFAULT_MODEL)
        rng = np.random.default_rng(0)
        values = rng.normal(size=(64, 256)).astype(np.float32) * 40
        self.section = xr.Dataset(
            {
                "amplitude": (("trace", "time"), values),
                "trace_mask": ("trace", np.ones(64, bool)),
                "trace_index": ("trace", np.arange(64)),
            },
            {"trace": np.arange(64), "time": ("time", np.arange(256) * 4.0, {"units": "ms"})},
            {"source_file": "made", "source_format": "npy", "quantisation_step": 0.0, "warnings": []},
        )

    def make(self, target: Path, rng: np.random.Generator) -> Path:
        """A copy with card or weights damaged."""
        shutil.copytree(self.folder, target)
        card, weights = target / "config.json", target / "model.safetensors"
        roll = rng.random()
        if roll < 0.7:
            damage_json(card, rng)
        elif roll < 0.85:
            self._damage_header(weights, rng)
        elif roll < 0.95:
            weights.write_bytes(damaged(weights.read_bytes(), rng))
        else:
            damage_place((card, weights)[rng.integers(2)], rng)
        return target

    def _damage_header(self, path: Path, rng: np.random.Generator) -> None:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        head = json.dumps(mutated(json.loads(data[8 : 8 + size]), rng)).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head + data[8 + size :])

    def use(self, path: Path) -> None:
        """Load, describe, generate two patches and score a line."""
        from seisflow.output.generated_files import write_generated
        from seisflow.output.score_files import write_scores
        from seisflow.runs.choose import choose_model

        chosen = choose_model(str(path), "cpu")
        chosen.describe()
        write_generated(chosen.model, 2, path / "new.zarr")
        write_scores(self.section, chosen.model, [path / "map.zarr"])
        for source in chosen.inputs(()):
            source.open()
