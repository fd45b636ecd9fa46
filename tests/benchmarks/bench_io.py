"""Reading speed, beside segyio's raw read of the same file.

Run with ``pytest tests/benchmarks/bench_io.py``.
"""

import time

import numpy as np
import pytest
import segyio

from seisflow.io import create_zarr, open_section, scan
from seisflow.patches import cut, panel_index, read_panel, window_grid

INLINES, CROSSLINES, SAMPLES = 100, 250, 1000
BYTES = INLINES * CROSSLINES * SAMPLES * 4
FORMATS = {"IBM": 1, "IEEE": 5, "int16": 3}


@pytest.fixture(scope="module", params=FORMATS)
def file(request, tmp_path_factory):
    """A cube of 100 MB as float32, written by segyio."""
    path = tmp_path_factory.mktemp("segy") / f"{request.param}.sgy"
    spec = segyio.spec()
    spec.sorting, spec.format = 2, FORMATS[request.param]
    spec.samples = np.arange(SAMPLES) * 4.0
    spec.ilines, spec.xlines = np.arange(INLINES) + 1, np.arange(CROSSLINES) + 1
    panel = np.random.default_rng(0).integers(-9999, 9999, (CROSSLINES, SAMPLES)).astype(np.float32)
    with segyio.create(path, spec) as segy:
        for i in range(INLINES):
            segy.trace[i * CROSSLINES : (i + 1) * CROSSLINES] = panel
            for x in range(CROSSLINES):
                segy.header[i * CROSSLINES + x] = {189: i + 1, 193: x + 1, 117: 4000, 115: SAMPLES}
        segy.bin[segyio.BinField.Interval] = 4000
    return path


def raw_read(path):
    """Sequential read of all samples by segyio, a panel at a time."""
    with segyio.open(path, ignore_geometry=True) as segy:
        for first in range(0, segy.tracecount, CROSSLINES):
            segy.trace.raw[first : first + CROSSLINES]


def raw_read_at_once(path):
    with segyio.open(path, ignore_geometry=True) as segy:
        segy.trace.raw[:]


def read_panels(path):
    """Open, and read all samples a panel at a time."""
    section = open_section(path)
    for i in range(INLINES):
        section.variables["amplitude"][i].to_numpy()


def read_patches(path):
    """Open, read and mask all panels, and cut them into patches that cover them once."""
    section = open_section(path)
    for lead in panel_index(section):
        panel = read_panel(section, lead)
        tops, lefts = window_grid(panel.shape, (256, 64), (256, 64))
        cut(panel, tops, lefts, (256, 64))


@pytest.mark.benchmark(group="read")
@pytest.mark.parametrize("read", [raw_read, raw_read_at_once, read_panels, read_patches])
def test_read(benchmark, file, read):
    benchmark.extra_info["bytes"] = BYTES
    benchmark.pedantic(read, args=(file,), rounds=7, warmup_rounds=1)


def test_panels_are_read_at_60_percent_of_segyio_or_more(file):
    ratio = ratio_of_speeds(read_panels, raw_read, file)
    print(f"{file.stem}: open_section -> panels at {ratio:.2f} of segyio's raw read")
    assert ratio >= 0.6


def ratio_of_speeds(ours, theirs, path):
    """Best of seven alternating runs each, so that what else the machine does weighs on both."""
    times = {ours: [], theirs: []}
    for _ in range(7):
        for read in (ours, theirs):
            start = time.perf_counter()
            read(path)
            times[read].append(time.perf_counter() - start)
    return min(times[theirs]) / min(times[ours])


@pytest.mark.benchmark(group="scan")
def test_scan(benchmark, file):
    benchmark.pedantic(scan, args=(file,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="zarr")
def test_write_zarr(benchmark, file, tmp_path):
    section = open_section(file)
    panel = section["amplitude"][0].to_numpy()

    def write():
        with create_zarr(tmp_path / "out.zarr", section, {"amplitude": {}}, overwrite=True) as store:
            for i in range(INLINES):
                store.write("amplitude", (i,), panel)

    benchmark.pedantic(write, rounds=3)
