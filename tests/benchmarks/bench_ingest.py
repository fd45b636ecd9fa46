"""A cube of 2 GB in IBM floats: convert it to Zarr, scan it, read it, and cut random patches from it.

Run with ``SEISFLOW_PEERS=peers/bin/python pytest -s tests/benchmarks/bench_ingest.py``; the Python named
there has multidimio and segysak. Everything is timed in one run, with the load of the machine beside it.
SEISFLOW_BENCH_GB sets another size, SEISFLOW_RESULTS a folder for the numbers (results/io.json) and a table.
"""

import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import segyio
import xbatcher
from scipy.ndimage import gaussian_filter1d

from seisflow.io import ingest, open_section, scan
from seisflow.patches import Block, PatchDataset, cut, read_panel
from seisflow.patches.scaling import AmplitudeScaling

CROSSLINES, SAMPLES = 500, 1000
GB = float(os.environ.get("SEISFLOW_BENCH_GB", "2"))
INLINES = int(GB * 1e9 / (CROSSLINES * SAMPLES * 4))
PEERS = os.environ.get("SEISFLOW_PEERS")
SIZE = (256, 64)
PER_PANEL = 32


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Folder with ``cube.sgy``: smooth noise, coordinates, numbers from 1 at bytes 189 / 193."""
    folder = tmp_path_factory.mktemp("big")
    noise = gaussian_filter1d(np.random.default_rng(0).standard_normal((CROSSLINES, SAMPLES)), 3, axis=1)
    panel = (1000 * noise / noise.std()).astype(np.float32)
    spec = segyio.spec()
    spec.sorting, spec.format, spec.samples = 2, 1, np.arange(SAMPLES) * 4.0
    spec.ilines, spec.xlines = np.arange(INLINES) + 1, np.arange(CROSSLINES) + 1
    with segyio.create(folder / "cube.sgy", spec) as file:
        file.bin.update({3217: 4000, 3501: 256, 3503: 1})
        for i in range(INLINES):
            first = i * CROSSLINES
            file.trace[first : first + CROSSLINES] = np.roll(panel, 7 * i, axis=0)
            for x in range(CROSSLINES):
                place = {181: 43_300_000 + 1250 * x, 185: 647_700_000 + 1250 * i, 71: -100}
                file.header[first + x] = {189: i + 1, 193: x + 1, 115: SAMPLES, 117: 4000} | place
    yield folder
    for path in folder.iterdir():
        subprocess.run(["rm", "-rf", str(path)], check=True)


def timed(job):
    """Return seconds and the load average before."""
    load = os.getloadavg()[0]
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin, load


def run_and_watch(command):
    """Run a command; return seconds, load before, and the most memory that it and its children held, in MB.

    Shared pages count once (PSS).
    """
    load, begin, peak = os.getloadavg()[0], time.perf_counter(), 0
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    while process.poll() is None:
        peak = max(peak, memory_of(process))
        try:
            process.wait(0.5)
        except psutil.TimeoutExpired:
            continue
    said = process.stderr.read().decode()
    assert process.returncode == 0, said[-2000:]
    return time.perf_counter() - begin, load, peak / 1e6


def memory_of(process):
    total = 0
    try:
        for part in [process, *process.children(recursive=True)]:
            try:
                total += part.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total


def record(metric, value, **more):
    """Print a number, and put it among those of the folder that SEISFLOW_RESULTS names, for example docs."""
    print(f"{metric}: {value:.4g}", ", ".join(f"{key} {item:.4g}" for key, item in more.items()))
    if not (folder := os.environ.get("SEISFLOW_RESULTS")):
        return
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    entry = {
        "experiment": "io",
        "dataset": f"generated cube, {GB:g} GB, IBM floats",
        "protocol": "tests/benchmarks/bench_ingest.py, one run, file in the page cache",
        "model": None,
        "parameters": None,
        "metric": metric,
        "value": round(value, 3),
        "seed": 0,
        "seconds": round(value, 3) if metric.endswith("(s)") else None,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, shared with other work",
        "commit": commit,
        "command": "pytest -s tests/benchmarks/bench_ingest.py",
        "date": datetime.date.today().isoformat(),
    } | {key: round(item, 2) for key, item in more.items()}
    path = Path(folder) / "results" / "io.json"
    others = json.loads(path.read_text()) if path.exists() else []
    entries = [other for other in others if other["metric"] != metric] + [entry]
    path.write_text(json.dumps(entries, indent=1) + "\n")
    (Path(folder) / "io-benchmarks.md").write_text(page(entries))


def page(entries):
    """Return all numbers as a table."""
    rows = [
        f"| {one['metric']} | {one['value']:,} | {one.get('peak_mb', '')} | {one.get('load', '')} |"
        for one in entries
    ]
    last = entries[-1]
    head = ["# Reading, scanning and converting", "", "| what | value | peak memory (MB) | load before |"]
    tail = ["", f"{last['dataset']}; {last['protocol']}. {last['machine']}; commit {last['commit'][:12]}."]
    made = ["", f"Made by `SEISFLOW_RESULTS=docs SEISFLOW_PEERS=... {last['command']}`."]
    return "\n".join([*head, "| --- | --: | --: | --: |", *rows, *tail, *made, ""])


def test_ingest_is_three_times_multidimio_in_less_than_1_gb(big):
    file = str(big / "cube.sgy")
    own = [
        sys.executable,
        "-m",
        "seisflow.cli.main",
        "ingest",
        file,
        "-o",
        str(big / "own.zarr"),
        "--overwrite",
    ]
    seconds, load, peak = run_and_watch(own)
    record("ingest (s)", seconds, load=load, peak_mb=peak)
    assert peak < 1000
    if PEERS is None:
        pytest.skip("SEISFLOW_PEERS names no Python with multidimio and segysak")
    script = str(Path(__file__).parent / "peers_ingest.py")
    theirs = {}
    for name in ("multidimio", "segysak"):
        theirs[name], load, peak = run_and_watch([PEERS, script, name, file, str(big / f"{name}.zarr")])
        record(f"ingest by {name} (s)", theirs[name], load=load, peak_mb=peak)
        subprocess.run(["rm", "-rf", str(big / f"{name}.zarr")], check=True)
    again, load, _ = run_and_watch(own)  # after them, for what else the machine did meanwhile
    record("ingest again (s)", again, load=load)
    ratio = theirs["multidimio"] / ((seconds + again) / 2)
    record("ingest, times as fast as multidimio", ratio)
    record("ingest, times as fast as segysak", theirs["segysak"] / ((seconds + again) / 2))
    assert ratio >= 3


def test_scan_takes_seconds(big):
    seconds, load = timed(lambda: scan(big / "cube.sgy"))
    record("scan (s)", seconds, load=load)
    assert seconds < 10


def test_panels_are_read_at_80_percent_of_segyio_or_more(big):
    """All panels in order; both open the file once before."""
    file = big / "cube.sgy"
    section = open_section(file)

    def own():
        for i in range(INLINES):
            section.variables["amplitude"][i].to_numpy()

    def raw():
        with segyio.open(file, ignore_geometry=True) as segy:
            for i in range(INLINES):
                segy.trace.raw[i * CROSSLINES : (i + 1) * CROSSLINES]

    times = {own: [], raw: []}
    for _ in range(3):
        for read, taken in times.items():
            taken.append(timed(read)[0])
    ratio = min(times[raw]) / min(times[own])
    record("read all panels (s)", min(times[own]))
    record("read all panels by segyio, raw (s)", min(times[raw]))
    record("read, times as fast as segyio", ratio)
    assert ratio >= 0.8


def test_random_patches_are_5_times_xbatcher(big):
    """From the same Zarr: by xbatcher, as plain windows, by panels as training reads them, and whole items.

    Training takes 32 random windows of a random panel while it is in memory; an item is also masked, scaled,
    flipped and dithered.
    """
    if not (big / "own.zarr").exists():
        ingest(big / "cube.sgy", big / "own.zarr")
    section = open_section(big / "own.zarr")
    rng = np.random.default_rng(0)
    batches = xbatcher.BatchGenerator(
        section["amplitude"], {"inline": 1, "crossline": SIZE[1], "time": SIZE[0]}, preload_batch=False
    )
    chosen = rng.integers(len(batches), size=300)
    tops, lefts = rng.integers(SAMPLES - SIZE[0], size=3200), rng.integers(CROSSLINES - SIZE[1], size=3200)
    lines = rng.integers(INLINES, size=300)
    variable = section.variables["amplitude"]
    data = PatchDataset([section], [[Block()]], SIZE, AmplitudeScaling(std=1000.0), seed=0, length=10**6)
    steps = iter(range(0, 10**6, 3200))

    def by_xbatcher():
        for i in chosen:
            batches[int(i)].to_numpy()

    def windows():
        for i, x, t in zip(lines, lefts, tops, strict=False):
            variable[i, x : x + SIZE[1], t : t + SIZE[0]].to_numpy()

    def by_panels():
        for first, line in zip(range(0, 3200, PER_PANEL), lines, strict=False):
            part = slice(first, first + PER_PANEL)
            cut(read_panel(section, (int(line),)), tops[part], lefts[part], SIZE)

    def items():
        first = next(steps)
        for i in range(first, first + 3200):
            data[i]

    rates = {}
    for job, count in ((by_xbatcher, 300), (windows, 300), (by_panels, 3200), (items, 3200)):
        rates[job] = max(count / timed(job)[0] for _ in range(3))
        record(f"patches a second, {job.__name__.replace('_', ' ')}", rates[job], load=os.getloadavg()[0])
    record("patches, times as fast as xbatcher", rates[by_panels] / rates[by_xbatcher])
    assert rates[by_panels] >= 5 * rates[by_xbatcher]
