"""
Fault maps beside picks
=======================

Where ``SEISFLOW_DATA`` holds sections of the Great South Basin with an interpreter's picks
(``labelled/gsb``), a model learns all of them for a minute, without the picks, and the map of a section is
compared with those. Anywhere else the fault is one that we make in a line of the F3 sample, where the small
model that ships knows what is normal.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

import seisflow
from seisflow import plotting
from seisflow.evaluation.labels.evaluate import evaluate_labels
from seisflow.models import Model

folder = Path(os.environ.get("SEISFLOW_DATA", "")) / "labelled" / "gsb"
temporary = tempfile.TemporaryDirectory()  # gone at exit
aside = Path(temporary.name)


def great_south_basin() -> tuple[xr.Dataset, np.ndarray, Model]:
    """Section 2700, its picks, and a model of all sections."""
    sections = sorted(path for path in folder.glob("*.npy") if "_faults" not in path.name)
    model = seisflow.train(sections, aside / "run", max_time=60).model
    return seisflow.open_section(folder / "crl_2700.npy"), np.load(folder / "crl_2700_faults.npy"), model


def made_fault() -> tuple[xr.Dataset, np.ndarray, Model]:
    """A line of F3, thrown by 12 ms along a steep plane, and where that is."""
    section = seisflow.open_section("f3-sample").isel(inline=[4]).load()
    amplitude = section["amplitude"].values[0]
    trace, sample = np.mgrid[: amplitude.shape[0], : amplitude.shape[1]]
    plane = 90 + sample // 20
    beyond = trace >= plane
    section["amplitude"].values[0] = np.where(beyond, np.roll(amplitude, 3, axis=1), amplitude)
    return section, (trace == plane)[None], seisflow.load_model("f3-small")


section, picks, model = great_south_basin() if folder.is_dir() else made_fault()
result = seisflow.score(section, model)
print(plotting.save(plotting.draw(result), "fault-map.png", overwrite=True))

# %%
# As many samples are marked as are labelled once picks are widened by two traces. Green is what the map
# finds, red what it misses. What nobody picked is not always wrong.

result.to_zarr(aside / "map.zarr", consolidated=False)
np.save(aside / "picks.npy", picks)
report = evaluate_labels(aside / "map.zarr", aside / "picks.npy")
print(report.table())
print(plotting.save(report.figure, "fault-picks.png", overwrite=True))
