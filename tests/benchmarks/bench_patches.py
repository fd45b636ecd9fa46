"""Speed of the way from a section to patches and back, beside plain copies of the same bytes.

Run with ``pytest tests/benchmarks/bench_patches.py``.
"""

import time

import numpy as np
import pytest
import segyio
import xarray as xr

import seisflow
from seisflow.patches import (
    Block,
    OverlapAdd,
    PatchDataset,
    cut,
    panel_index,
    prepare,
    read_panel,
    valid_windows,
    window_grid,
)
from seisflow.patches.scaling import AmplitudeScaling

LINES, TRACES, SAMPLES = 61, 202, 850
SIZE = (256, 64)
SCALING = AmplitudeScaling(std=1.0)


@pytest.fixture(scope="module")
def section():
    amplitude = np.random.default_rng(0).standard_normal((LINES, TRACES, SAMPLES)).astype(np.float32)
    amplitude[:, :, :12] = 0  # a mute
    amplitude[np.abs(amplitude) < 0.003] = 0  # zero crossings
    return xr.Dataset(
        {
            "amplitude": (("inline", "crossline", "time"), amplitude),
            "trace_mask": (("inline", "crossline"), np.ones((LINES, TRACES), bool)),
        }
    )


@pytest.fixture(scope="module")
def windows(section):
    panel = read_panel(section, (3,))
    tops, lefts = window_grid(panel.shape, SIZE, (128, 32))
    return panel, tops, lefts, *cut(panel, tops, lefts, SIZE)


@pytest.mark.benchmark(group="one panel in memory, 850 x 202")
def test_transposed_copy(benchmark, section):
    panel = section["amplitude"].values[3]
    benchmark(lambda: np.array(panel.T, order="C"))


@pytest.mark.benchmark(group="one panel in memory, 850 x 202")
def test_read_panel(benchmark, section):
    benchmark(read_panel, section, (3,))


@pytest.mark.benchmark(group="one panel in memory, 850 x 202")
def test_valid_windows(benchmark, windows):
    benchmark(valid_windows, windows[0].mask, SIZE, SIZE[0] * SIZE[1] // 2)


@pytest.mark.benchmark(group="36 windows of 256 x 64")
def test_cut(benchmark, windows):
    benchmark(cut, *windows[:3], SIZE)


@pytest.mark.benchmark(group="36 windows of 256 x 64")
def test_prepare(benchmark, windows):
    benchmark(prepare, *windows[3:], SCALING, np.random.default_rng(0))


@pytest.mark.benchmark(group="36 windows of 256 x 64")
def test_overlap_add(benchmark, windows):
    panel, tops, lefts, x, mask = windows
    benchmark(OverlapAdd(panel.shape, SIZE).add, tops, lefts, x[:, 0], mask[:, 0])


@pytest.mark.benchmark(group="36 windows of 256 x 64")
def test_36_random_items(benchmark, section):
    data = PatchDataset([section], [[Block()]], SIZE, SCALING, seed=0, length=1_000_000)
    indices = iter(range(0, 1_000_000, 36))

    def batch():
        start = next(indices)
        return [data[i] for i in range(start, start + 36)]

    benchmark(batch)


@pytest.fixture(scope="module")
def segy_file(section, tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "cube.sgy"
    segyio.tools.from_array3D(str(path), section["amplitude"].values, dt=4000)
    return path


def test_segy_to_patches_runs_at_60_percent_of_segyio_or_more(segy_file):
    cube = seisflow.open_section(segy_file)
    grid = window_grid((SAMPLES, TRACES), SIZE, SIZE)

    def read():
        with segyio.open(segy_file) as file:
            return file.trace.raw[:]

    def patches():
        for lead in panel_index(cube):
            cut(read_panel(cube, lead), *grid, SIZE)

    seconds = {read: [], patches: []}
    for _ in range(9):
        for job, taken in seconds.items():
            start = time.perf_counter()
            job()
            taken.append(time.perf_counter() - start)
    raw, whole = (min(taken) for taken in seconds.values())  # the least disturbed by other processes
    mib = LINES * TRACES * SAMPLES * 4 / 2**20
    print(f"\nsegyio raw {mib / raw:.0f} MiB/s, to patches {mib / whole:.0f} MiB/s ({raw / whole:.0%})")
    assert raw / whole >= 0.6
