"""Random and grid datasets: the same items everywhere, no leaks, clear refusals."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from seisflow.errors import ConfigError, DataError
from seisflow.patches import (
    Block,
    GridDataset,
    PatchDataset,
    cut,
    dataset,
    prepare,
    read_panel,
    split,
)
from seisflow.patches.scaling import AmplitudeScaling

SIZE = (16, 8)

RAW = AmplitudeScaling(std=1.0, step=0.0)  # amplitudes come out as they went in

SCALED = AmplitudeScaling(std=2.0, mean=0.5, step=0.25)


@pytest.fixture
def big(monkeypatch):
    """Make every survey too big to be cached whole."""
    monkeypatch.setattr(dataset, "CACHE_BYTES", 1)


def same(a, b):
    return all(torch.equal(a[key], b[key]) for key in ("x", "mask"))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("shape", [(24, 40, 60), (5, 60, 50), (70, 50), (3, 90), (4, 2, 40, 60)])
def test_no_sample_of_a_training_window_is_held_out(numbered, shape, large, request):
    if large:
        request.getfixturevalue("big")
    section = numbered(*shape)
    parts = split(section, SIZE)
    allowed = section["amplitude"].isel(parts.train[0].slices).values
    data = PatchDataset([section], [parts.train], SIZE, RAW, seed=1, length=300, min_valid=0.2)
    for item in data:
        assert np.isin(item["x"][item["mask"]].numpy(), allowed).all()
    grid = GridDataset([section], [parts.validation], SIZE, (8, 4), RAW, seed=1)
    held_out = section["amplitude"].isel(parts.validation[0].slices).values
    seen = np.concatenate([item["x"][item["mask"]].numpy() for item in grid])
    assert set(seen.tolist()) == set(held_out.ravel().tolist())
    assert not np.isin(seen, allowed).any()


@pytest.mark.parametrize("large", [False, True])
def test_an_item_depends_on_seed_and_index_only(noisy, large, request):
    if large:
        request.getfixturevalue("big")

    def make(seed=5, length=700):
        return PatchDataset([noisy], [[Block()]], SIZE, SCALED, seed=seed, length=length)

    forward, shuffled = make(), pickle.loads(pickle.dumps(make(length=900)))
    order = np.random.default_rng(0).permutation(700)
    items = {i: shuffled[i] for i in order.tolist()}
    assert all(same(forward[i], items[i]) for i in range(700))
    assert not same(make(seed=6)[0], forward[0])
    assert not same(forward[0], forward[1])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_make_the_items_of_the_main_process(noisy, context):
    data = PatchDataset([noisy], [[Block()]], SIZE, SCALED, seed=5, length=24)
    loader = DataLoader(data, batch_size=4, num_workers=2, multiprocessing_context=context)
    batches = list(loader)
    assert batches[0]["x"].shape == (4, 1, *SIZE)
    joined = torch.cat([batch["x"] for batch in batches])
    assert torch.equal(joined, torch.stack([data[i]["x"] for i in range(24)]))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("min_valid", [0.1, 0.5, 0.85])
def test_windows_are_usable_enough_and_masked_samples_hold_the_fill(noisy, min_valid, large, request):
    if large:
        request.getfixturevalue("big")
    data = PatchDataset([noisy], [[Block()]], SIZE, SCALED, seed=5, length=400, min_valid=min_valid)
    fill = []
    for item in data:
        assert item["x"].shape == item["mask"].shape == (1, *SIZE)
        assert (item["x"].dtype, item["mask"].dtype) == (torch.float32, torch.bool)
        assert item["x"].is_contiguous()
        assert item["mask"].is_contiguous()
        assert torch.isfinite(item["x"]).all()
        assert item["mask"].float().mean() >= min_valid
        fill.append(item["x"][~item["mask"]])
    fill = torch.cat(fill)
    assert len(fill) > 200
    assert float(fill.std()) == pytest.approx(0.1, rel=0.15)
    assert float(fill.mean()) == pytest.approx(0, abs=0.02)


def test_every_usable_window_is_drawn_about_as_often(numbered):
    section = numbered(3, 10, 18)
    section["trace_mask"][1, :9] = False  # a panel with few windows
    section["trace_mask"][2] = False  # and one with none
    data = PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=4000, flip=False, min_valid=1.0)
    firsts, counts = np.unique([float(item["x"][0, 0, 0]) for item in data], return_counts=True)
    expected = [1 + left * 18 + top for left in range(3) for top in range(3)]
    assert firsts.tolist() == expected
    assert counts.min() > 0.8 * 4000 / 9
    assert counts.max() < 1.2 * 4000 / 9


def test_panels_are_weighted_by_their_windows(make_section):
    amplitude = np.random.default_rng(0).standard_normal((2, 30, 16)).astype(np.float32)
    amplitude[1] += 1000
    section = make_section(amplitude)
    section["trace_mask"][0, 10:] = False  # 3 windows against 23
    data = PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=2000, min_valid=1.0)
    share = np.mean([float(item["x"].mean()) < 500 for item in data])
    assert share == pytest.approx(3 / 26, abs=0.03)


def test_flip_and_polarity_take_half_of_the_patches(make_section):
    amplitude = np.arange(1, 9, dtype=np.float32)[:, None] * np.linspace(1, 2, 16, dtype=np.float32)
    data = {
        polarity: PatchDataset(
            [make_section(amplitude)], [[Block()]], SIZE, RAW, seed=0, length=400, polarity=polarity
        )
        for polarity in (False, True)
    }
    flipped = [abs(float(item["x"][0, 0, 0])) > abs(float(item["x"][0, 0, -1])) for item in data[False]]
    assert 0.4 < np.mean(flipped) < 0.6
    assert all((item["x"] > 0).all() for item in data[False])
    assert 0.4 < np.mean([bool((item["x"] < 0).all()) for item in data[True]]) < 0.6
    plain = PatchDataset([make_section(amplitude)], [[Block()]], SIZE, RAW, seed=0, length=20, flip=False)
    np.testing.assert_array_equal(plain[3]["x"][0], amplitude.T)


def test_mask_turns_with_the_samples(noisy):
    amplitudes = {float(v) for v in noisy["amplitude"].values.ravel() if v not in (0, 3) and np.isfinite(v)}
    for item in PatchDataset([noisy], [[Block()]], SIZE, RAW, seed=0, length=50):
        assert {float(v) for v in item["x"][item["mask"]]} <= amplitudes


def test_a_big_survey_reads_few_panels_at_a_time(numbered, big, monkeypatch):
    read = []
    monkeypatch.setattr(
        "seisflow.patches.panels.read_panel",
        lambda s, lead, *columns: read.append(lead) or read_panel(s, lead, *columns),
    )
    section = numbered(500, 12, 20)
    data = PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=10_000)
    assert len(read) == 64
    read.clear()
    for i in range(2048):
        data[i]
    assert len(read) <= (2048 // 512 + 1) * 16
    assert len(set(read)) > 40


def test_a_slot_serves_32_windows_of_one_panel(numbered, big):
    section = numbered(500, 12, 20)
    data = PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=4096)
    panels = [int((data[i]["x"].min() - 1) // 240) for i in range(0, 4096, 16)]
    runs = np.diff(np.flatnonzero(np.diff(panels, prepend=-1)), append=len(panels))
    assert set(runs.tolist()) <= {32, 64}


def test_a_panel_without_windows_is_drawn_again(make_section, big):
    amplitude = np.random.default_rng(0).standard_normal((640, 8, 16)).astype(np.float32)
    amplitude[1::2] = np.nan  # half of the panels are empty, most of them not counted
    amplitude[:, :, 0] = np.arange(640)[:, None]
    data = PatchDataset([make_section(amplitude)], [[Block()]], SIZE, RAW, seed=0, length=1000)
    panels = {int(data[i]["x"][0, 0, 0]) for i in range(0, 1000, 7)}
    assert len(panels) > 10
    assert all(panel % 2 == 0 for panel in panels)


def test_a_block_narrower_than_a_patch_is_padded(numbered):
    section = numbered(30, 40)
    block = Block(ranges={"trace": (4, 10)})
    item = PatchDataset([section], [[block]], SIZE, RAW, seed=0, length=1, flip=False)[0]
    assert item["mask"][0, :, :6].all()
    assert not item["mask"][0, :, 6:].any()
    assert np.isin(item["x"][item["mask"]].numpy(), section["amplitude"].values[4:10]).all()


def test_several_sections_of_different_shapes_are_mixed(numbered, make_section):
    line = make_section(-np.arange(1, 2001, dtype=np.float32).reshape(40, 50))
    cube = numbered(6, 20, 30)
    blocks = [[Block()], [Block()]]
    data = PatchDataset([line, cube], blocks, SIZE, RAW, seed=0, length=300)
    share = np.mean([float(item["x"].mean()) < 0 for item in data])
    assert share == pytest.approx(35 * 33 / (35 * 33 + 6 * 15 * 13), abs=0.1)
    grid = GridDataset([line, cube], blocks, SIZE, SIZE, RAW, seed=0)
    batches = list(DataLoader(grid, batch_size=7))
    assert sum(len(batch["x"]) for batch in batches) == len(grid) == 20 + 6 * 6
    leads = torch.cat([batch["lead"] for batch in batches])
    assert leads[:20, 0].tolist() == [-1] * 20
    assert leads[20:, 0].tolist() == [k for k in range(6) for _ in range(6)]


def test_grid_items_are_the_windows_at_their_place(noisy):
    blocks = [
        Block(ranges={"inline": (2, 4), "crossline": (5, 30), "time": (10, 50)}),
        Block(ranges={"inline": (20, 21)}),
    ]
    grid = GridDataset([noisy], [blocks], SIZE, (12, 5), SCALED, seed=3)
    assert len(grid) == 2 * 3 * 5 + 1 * 5 * 8
    places = [(item["section"], *item["lead"].tolist(), item["top"], item["left"]) for item in grid]
    assert places[:6] == [
        (0, 2, 10, 5),
        (0, 2, 10, 10),
        (0, 2, 10, 15),
        (0, 2, 10, 20),
        (0, 2, 10, 22),
        (0, 2, 22, 5),
    ]
    assert len(set(places)) == len(grid)
    for index in (0, 17, 31, 69):
        item = grid[index]
        x, mask = cut(read_panel(noisy, item["lead"].tolist()), item["top"], item["left"], SIZE)
        expected = prepare(x[0], mask[0], SCALED, np.random.default_rng([3, index]))
        np.testing.assert_array_equal(item["x"], expected)
        np.testing.assert_array_equal(item["mask"], mask[0])


def test_indices_out_of_range_raise(numbered):
    section = numbered(30, 40)
    data = PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=3)
    grid = GridDataset([section], [[Block()]], SIZE, SIZE, RAW, seed=0)
    for items in (data, grid):
        for index in (-1, len(items)):
            with pytest.raises(IndexError):
                items[index]


def test_prepare_scales_dithers_and_fills(make_section):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 1, 16, 8)).astype(np.float32)
    mask = rng.random(x.shape) < 0.9
    before = x.copy()
    out = prepare(x, mask, SCALED, np.random.default_rng(1))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(out, prepare(x, mask, SCALED, np.random.default_rng(1)))
    dither = out[mask] - (x[mask] - 0.5) / 2
    assert np.abs(dither).max() <= 0.125 + 1e-6
    assert dither.std() == pytest.approx(0.25 / np.sqrt(12), rel=0.05)
    assert dither.mean() == pytest.approx(0, abs=0.005)
    assert out[~mask].std() == pytest.approx(0.1, rel=0.1)


def hopeless(make_section, kind):
    amplitude = np.random.default_rng(0).standard_normal((6, 20, 40)).astype(np.float32)
    if kind == "short":
        return make_section(
            amplitude[:, :3]
        ), "panels of 40 samples x 3 traces are too short.*data.patch=.16,2."
    if kind == "zero":
        return make_section(amplitude * 0), "all amplitudes are zero"
    if kind == "nan":
        return make_section(amplitude * np.nan), "no finite amplitude"
    if kind == "dead":
        return make_section(np.ones_like(amplitude)), "only dead traces"
    amplitude[:, ::2] = 0
    amplitude[:, 1::4, :30] = 0
    return make_section(amplitude), "no place among 40 samples x 20 traces.*data.patch=.8,4."


@pytest.mark.parametrize("kind", ["short", "zero", "nan", "dead", "holes"])
def test_without_a_usable_window_one_line_says_why(make_section, kind):
    section, message = hopeless(make_section, kind)
    with pytest.raises(DataError, match=message) as error:
        PatchDataset([section], [[Block()]], SIZE, RAW, seed=0, length=3)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("line12.sgy: ")


def test_an_empty_grid_or_a_stride_with_holes_is_refused(numbered):
    with pytest.raises(DataError, match="too short"):
        GridDataset([numbered(30, 40)], [[]], SIZE, SIZE, RAW, seed=0)
    with pytest.raises(ConfigError, match="stride"):
        GridDataset([numbered(30, 40)], [[Block()]], SIZE, (17, 8), RAW, seed=0)
