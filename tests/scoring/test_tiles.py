"""How the work is shared out changes no score: tiles, slabs and workers give the maps of the whole."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

import seisflow
from seisflow.errors import ConfigError
from seisflow.io import ingest, write_zarr
from seisflow.models import load_model
from seisflow.output.score_files import write_scores
from seisflow.patches import Panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import SCORES
from seisflow.scoring import section as section_scoring
from seisflow.scoring import tiles
from seisflow.scoring.section import score
from seisflow.scoring.tiles import WindowGrid, noisy, slabs, widened

SIZE, STRIDE = (32, 32), (16, 16)


@pytest.fixture(scope="module")
def model(tiny_run):
    return load_model(tiny_run)


def line_of(traces, samples=80):
    """A 2-D line with a mute, missing traces and a bright spot."""
    noise = np.random.default_rng(0).normal(size=(traces, samples))
    values = (300 * gaussian_filter(noise, (4, 1))).astype(np.float32)
    values[:, :5] = 0
    values[70:73] = np.nan
    values[traces // 2 : traces // 2 + 20, 30:50] *= 5
    return xr.Dataset(
        {"amplitude": (("trace", "time"), values), "trace_mask": (("trace",), np.isfinite(values[:, 0]))},
        coords={"trace": np.arange(traces), "time": 4.0 * np.arange(samples)},
    )


@pytest.mark.parametrize(("batch", "width"), [(4, 50), (4, 61), (7, 300), (16, 90)])
def test_a_line_in_tiles_has_the_maps_of_the_whole_to_the_bit(model, monkeypatch, batch, width):
    line = line_of(700)
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", batch)
    whole = score(line, model)
    monkeypatch.setattr(tiles, "TILE_SAMPLES", 80 * width)
    widths = []
    read = section_scoring.read_panel

    def reading(section, lead, columns, **options):
        widths.append(columns.stop - columns.start)
        return read(section, lead, columns, **options)

    monkeypatch.setattr("seisflow.scoring.section.read_panel", reading)
    xr.testing.assert_identical(score(line, model), whole)
    assert len(widths) == -(-700 // width)
    assert max(widths) <= width + 2 * (tiles.NOISE_TRACES + 16 + 3 * SIZE[1])


@pytest.mark.parametrize("name", sorted(set(SCORES) - {"typicality"}))
def test_every_score_of_a_line_in_tiles_is_that_of_the_whole(model, monkeypatch, name):
    line = line_of(400)
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", 4)
    whole = score(line, model, score=name)
    monkeypatch.setattr(tiles, "TILE_SAMPLES", 80 * 90)
    xr.testing.assert_identical(score(line, model, score=name), whole)


@pytest.mark.parametrize("ending", ["zarr", "sgy"])
def test_files_of_a_line_in_tiles_are_those_of_the_whole(model, tmp_path, monkeypatch, ending):
    line = line_of(300)
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", 4)
    done = partial(write_scores, line, model)
    whole = done([tmp_path / f"whole.{ending}"])
    monkeypatch.setattr(tiles, "TILE_SAMPLES", 80 * 70)
    reports = []
    tiled = done([tmp_path / f"tiled.{ending}"], report=lambda *count: reports.append(count))
    found, expected = (seisflow.open_section(tmp_path / f"{name}.{ending}") for name in ("tiled", "whole"))
    xr.testing.assert_equal(found, expected)
    assert tiled.nats_per_dim == pytest.approx(whole.nats_per_dim, rel=1e-6)
    assert (tiled.scored, tiled.count) == (whole.scored, whole.count)
    assert reports[-1] == (1, 1)


def test_runs_that_reach_into_some_traces_cover_them():
    grid = WindowGrid((80, 700), SIZE, STRIDE, batch=4)
    for start in range(0, 700, 37):
        columns = slice(start, min(start + 50, 700))
        lefts = np.concatenate(grid.runs(columns))
        reaching = grid.lefts[(grid.lefts < columns.stop) & (grid.lefts + SIZE[1] > columns.start)]
        assert set(reaching) <= set(lefts)
        around = grid.around(columns)
        assert around.start <= lefts.min()
        assert around.stop >= lefts.max() + SIZE[1]
        assert around.start % tiles.NOISE_TRACES == 0


def test_noise_belongs_to_the_place():
    values = np.random.default_rng(0).normal(size=(20, 700)).astype(np.float32)
    panel = Panel(values, values > -1)
    scaling = AmplitudeScaling(std=1.0)
    whole = noisy(panel, 0, scaling, (3, 1)).amplitude
    part = noisy(panel.crop(slice(None), slice(256, 700)), 256, scaling, (3, 1)).amplitude
    np.testing.assert_array_equal(part, whole[:, 256:])
    assert not np.array_equal(noisy(panel, 0, scaling, (3, 2)).amplitude, whole)


@pytest.mark.parametrize("chunk", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("batch", [1, 16, 128])
def test_slabs_hold_every_panel_once_and_share_no_chunk(chunk, batch):
    shape = (3, 37, 64, 80)
    section = xr.Dataset(
        {"amplitude": (("shot", "inline", "crossline", "time"), np.zeros(shape, np.float32))}
    )
    section["amplitude"].encoding["preferred_chunks"] = {"inline": chunk, "crossline": 16}
    found = slabs(section, WindowGrid((80, 64), SIZE, STRIDE, batch))
    assert [tile.lead for slab in found for tile in slab] == list(np.ndindex(3, 37))
    chunks = [{(*tile.lead[:-1], tile.lead[-1] // chunk) for tile in slab} for slab in found]
    assert sum(map(len, chunks)) == len(set.union(*chunks))
    assert all(slab[-1].closes for slab in found)


def test_tiles_are_of_whole_chunks(monkeypatch):
    monkeypatch.setattr(tiles, "TILE_SAMPLES", 80 * 100)
    line = line_of(700)
    line["amplitude"].encoding["preferred_chunks"] = {"trace": 48}
    found = [slab[0].columns for slab in slabs(line, WindowGrid((80, 700), SIZE, STRIDE, 4))]
    assert [(part.start, part.stop) for part in found] == [(i, min(i + 96, 700)) for i in range(0, 700, 96)]


def test_a_halo_ends_with_the_panel():
    assert widened(slice(10, 90), 16, 100) == slice(0, 100)


def test_panels_that_share_chunks_are_read_at_once(cube_file, model, tmp_path, monkeypatch):
    cube = seisflow.open_section(cube_file)
    cube.load().to_zarr(tmp_path / "cube.zarr", encoding={"amplitude": {"chunks": (4, 32, 96)}})
    chunked = seisflow.open_section(tmp_path / "cube.zarr")
    assert tiles.chunk_size(chunked, "inline") == 4
    leads = []
    read = section_scoring.read_panel

    def reading(section, lead, columns, **options):
        assert isinstance(section.variables["amplitude"]._data, np.ndarray)
        leads.append(lead)
        return read(section, lead, columns, **options)

    monkeypatch.setattr("seisflow.scoring.section.read_panel", reading)
    found = score(chunked, model)
    monkeypatch.setattr("seisflow.scoring.section.read_panel", read)
    assert leads == [(0,), (1,), (2,), (3,)]
    for name in ("nll", "anomaly", "amplitude"):
        np.testing.assert_array_equal(found[name], score(cube, model)[name])


def same_maps(found, expected):
    for name in ("amplitude", "nll", "anomaly", "mask"):
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.fixture(scope="module")
def cluster():
    """Two workers, reached by the address of their scheduler, which is what `--scheduler` gives."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        yield cluster.scheduler_address


def test_two_workers_score_as_one_process(cube_file, model, tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", 2)
    cube = seisflow.open_section(cube_file)
    assert len(slabs(cube, WindowGrid((96, 112), SIZE, STRIDE, 2))) > 1
    one = write_scores(cube, model, [tmp_path / "one.zarr"])
    two = write_scores(cube, model, [tmp_path / "two.zarr"], scheduler=cluster)
    same_maps(*(seisflow.open_section(tmp_path / name) for name in ("two.zarr", "one.zarr")))
    assert two.anomalies == one.anomalies


def test_a_scheduler_that_is_not_there_is_told_and_leaves_nothing(cube_file, model, tmp_path, monkeypatch):
    monkeypatch.setattr("seisflow.io.workers._CONNECT_SECONDS", 1)
    cube = seisflow.open_section(cube_file)
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler"):
        write_scores(cube, model, [tmp_path / "map.zarr"], scheduler="tcp://127.0.0.1:1")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["segy", "ingested", "chunks of 4 lines", "line in tiles"])
def test_two_worker_processes_score_as_one(cube_file, model, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", 2)
    path = cube_file
    if kind == "ingested":
        ingest(cube_file, path := tmp_path / "cube.zarr")
    elif kind == "chunks of 4 lines":
        encoding = {"amplitude": {"chunks": (4, 32, 96)}}
        seisflow.open_section(cube_file).load().to_zarr(path := tmp_path / "cube.zarr", encoding=encoding)
    elif kind == "line in tiles":
        write_zarr(line_of(700), path := tmp_path / "line.zarr")
        monkeypatch.setattr(tiles, "TILE_SAMPLES", 80 * 100)
    section = seisflow.open_section(path)
    write_scores(section, model, [tmp_path / "two.zarr"], workers=2)
    same_maps(seisflow.open_section(tmp_path / "two.zarr"), score(section, model))
