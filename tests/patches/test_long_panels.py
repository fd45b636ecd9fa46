"""Panels too long to hold are read in pieces, and those that share chunks together."""

from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr

from seisflow.io import open_section
from seisflow.patches import (
    Block,
    GridDataset,
    PatchDataset,
    areas,
    dataset,
    panels,
)
from seisflow.patches.scaling import AmplitudeScaling

SIZE = (16, 8)

RAW = AmplitudeScaling(std=1.0, step=0.0)  # amplitudes come out as they went in

SCALED = AmplitudeScaling(std=2.0, mean=0.5, step=0.25)


@pytest.fixture
def long_panels(monkeypatch):
    """Panels of more than 4000 samples are long, their pieces have 1600."""
    monkeypatch.setattr(areas, "LONG_SAMPLES", 4000)
    monkeypatch.setattr(areas, "PIECE_SAMPLES", 1600)


@pytest.mark.usefixtures("long_panels")
def test_a_long_line_is_read_in_pieces_and_every_window_lies_in_one(numbered, monkeypatch):
    line = numbered(700, 40)
    block = Block(ranges={"trace": (30, 690), "time": (2, 38)})
    data = PatchDataset([line], [[block]], SIZE, RAW, seed=0, length=3000, flip=False)
    monkeypatch.setattr(data, "fits", False)
    assert {columns.start for _, _, columns in data._panels} == set(range(30, 690 - 7, 1600 // 36))
    firsts = [float(data[i]["x"][0, 0, 0]) - 1 for i in range(3000)]
    traces, times = {int(x // 40) for x in firsts}, {int(x % 40) for x in firsts}
    assert traces <= set(range(30, 690 - 7))
    assert len(traces) > 600
    assert times == set(range(2, 38 - 15))
    starts = [start for _, _, columns in data._panels for start in range(columns.start, columns.stop - 7)]
    assert starts == list(range(30, 690 - 7))
    widths = [panel.shape[1] for panel in data.cache._panels.values()]
    assert max(widths) == 1600 // 36 + 7


def test_a_long_line_has_the_grid_and_the_scale_that_it_has_whole(noisy, monkeypatch):
    line = noisy.isel(inline=10, drop=True).rename(crossline="trace")
    line = xr.concat([line] * 12, "trace")
    block = Block(ranges={"trace": (5, 470)})
    found = []
    for limit in (10**9, 4000):
        monkeypatch.setattr(areas, "LONG_SAMPLES", limit)
        monkeypatch.setattr(areas, "PIECE_SAMPLES", 1600)
        grid = GridDataset([line], [[block]], SIZE, (8, 4), SCALED, seed=1)
        items = [grid[i] for i in range(0, len(grid), 7)]
        found.append((items, AmplitudeScaling.fit([line], [[block]])))
    assert all(
        torch.equal(a[key], b[key]) for a, b in zip(found[0][0], found[1][0], strict=True) for key in "x"
    )
    assert [item["left"] for item in found[0][0]] == [item["left"] for item in found[1][0]]
    assert found[0][1].std == pytest.approx(found[1][1].std, rel=1e-6)


@pytest.mark.parametrize("capacity", [10**9, 16 * 3 * 5 * 40 * 20, 1000])
def test_panels_that_share_chunks_are_read_and_used_together(make_section, tmp_path, monkeypatch, capacity):
    values = np.random.default_rng(0).standard_normal((120, 20, 40)).astype(np.float32)
    section = make_section(values)
    section.drop_attrs().to_zarr(tmp_path / "a.zarr", encoding={"amplitude": {"chunks": (6, 20, 40)}})
    chunked = open_section(tmp_path / "a.zarr")
    monkeypatch.setattr(dataset, "CACHE_BYTES", capacity)
    make = partial(PatchDataset, blocks=[[Block(ranges={"inline": (2, 118)})]], size=SIZE, scaling=RAW)
    plain, data = (make([some], seed=0, length=2000) for some in (section, chunked))
    items = [data[i]["x"] for i in range(2000)]
    together = len(data.cache.together(0, (7,)))
    assert together == {10**9: 6, 1000: 1}.get(capacity, 3)
    if together in (1, 6):  # cached whole, or panel by panel: chunks change nothing
        assert all(torch.equal(x, plain[i]["x"]) for i, x in enumerate(items))
    reads = []
    read = panels.read_panel
    monkeypatch.setattr(panels, "read_panel", lambda *place: reads.append(place[1]) or read(*place))
    again = make([chunked], seed=0, length=2000)
    reads.clear()
    order = np.random.default_rng(1).permutation(2000)
    assert all(torch.equal(again[i]["x"], items[i]) for i in order)
    if together == 3:
        reads.clear()
        for i in range(2000):
            again[i]
        assert len(reads) <= 3 * (2000 / (32 * 3) + 2 * 16)
