"""Speed of scoring a file into files, beside that of the bare model on the same windows.

Run with ``pytest tests/benchmarks/bench_score.py``.
"""

import time

import numpy as np
import pytest
import torch

import seisflow
from seisflow.models.section_density import BATCH_CPU
from seisflow.output.score_files import write_scores
from seisflow.patches import cut, panel_index, prepare, read_panel
from seisflow.scoring.tiles import WindowGrid
from seisflow.scoring.windows import spacing

SAMPLE = "f3-sample"


@pytest.fixture(scope="module")
def section():
    return seisflow.open_section(SAMPLE)


@pytest.fixture(scope="module")
def model():
    """The model that ships, of the preset for CPUs."""
    return seisflow.load_model("f3-small")


@pytest.fixture(scope="module")
def windows(section, model):
    """All windows of the section as the model gets them, in batches."""
    size = model.shape[1:]
    every, masks = [], []
    for lead in panel_index(section):
        panel = read_panel(section, lead)
        grid = WindowGrid(panel.shape, size, spacing(size), BATCH_CPU)
        tops, lefts = np.meshgrid(grid.tops, grid.lefts, indexing="ij")
        x, mask = cut(panel, tops.ravel(), lefts.ravel(), size)
        every.append(prepare(x, mask, model.card.scaling, np.random.default_rng(0)))
        masks.append(mask)
    x, mask = (torch.from_numpy(np.concatenate(parts)) for parts in (every, masks))
    return list(zip(x.split(BATCH_CPU), mask.split(BATCH_CPU), strict=True))


def bare(model, windows):
    with torch.inference_mode():
        for x, mask in windows:
            model.log_prob_map(x, mask)


@pytest.mark.benchmark(group="F3 sample, 10 x 250 x 463", min_rounds=3)
def test_bare_model(benchmark, model, windows):
    benchmark(bare, model, windows)


@pytest.mark.benchmark(group="F3 sample, 10 x 250 x 463", min_rounds=3)
@pytest.mark.parametrize("ending", ["zarr", "sgy"])
def test_score_to_files(benchmark, section, model, tmp_path, ending):
    benchmark(write_scores, section, model, [tmp_path / f"map.{ending}"], overwrite=True)


@pytest.mark.parametrize("times", [1, 8], ids=["the sample", "8 times the sample"])
def test_scoring_runs_at_80_percent_of_the_bare_model_or_more(section, model, windows, tmp_path, times):
    """The picture takes the same time for any survey, so on the sample alone it weighs; that is told only."""
    lines = np.tile(np.arange(section.sizes["inline"]), times)
    survey = section.isel(inline=lines).assign_coords(inline=np.arange(1, len(lines) + 1))
    seconds = {"bare": [], "score": []}
    for _ in range(3):
        start = time.perf_counter()
        bare(model, windows * times)
        seconds["bare"].append(time.perf_counter() - start)
        start = time.perf_counter()
        write_scores(survey, model, [tmp_path / "map.zarr"], overwrite=True)
        seconds["score"].append(time.perf_counter() - start)
    alone, whole = (min(taken) for taken in seconds.values())
    print(f"\n{len(lines)} inlines: bare model {alone:.2f} s, score {whole:.2f} s ({alone / whole:.0%})")
    if times > 1:
        assert alone / whole >= 0.8
