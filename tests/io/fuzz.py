"""Damage files in many ways, scan each, and tell what came of it.

Run as a script, in a process whose memory is limited to 1 GB: ``python fuzz.py HEADERS OTHERS SEED`` makes so
many files with changed headers and so many truncated or random ones, and prints JSON.
"""

import json
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from seisflow.errors import SeisflowError
from seisflow.io import open_section, scan

sys.path.insert(0, str(Path(__file__).parent))
from conftest import cube, segy_bytes, whole_numbers

LIMIT = 2**30
SECONDS = 20
FIELDS = {
    "cube": cube([10, 11, 12], [1, 2, 3, 4]) | {181: np.arange(12), 185: np.arange(12) * 3, 71: -10},
    "gathers": cube([3, 4, 5], [1, 2, 3, 4], 9, 13) | {37: np.tile([-4, -3, -2, -1], 3)},
    "line": {21: np.arange(101, 113), 73: np.arange(12) * 10, 77: np.arange(12) * 20},
}
# First byte and length of the header fields that decide how a file is read.
DECISIVE = ((3217, 2), (3221, 2), (3225, 2), (3255, 2), (3269, 4), (3273, 8), (3297, 4), (3501, 2), (3503, 2))
DECISIVE += ((3505, 2), (3507, 4), (3513, 8), (3521, 8), (3529, 4))
IN_TRACES = ((71, 2), (109, 2), (115, 2), (117, 2), (189, 4), (193, 4), (9, 4), (21, 4), (37, 4), (215, 2))
EXTREME = (0, 1, 2, 0x7F, 0x80, 0xFF)


def good_file(rng):
    """Return the bytes of a valid SEG-Y file of a random kind."""
    return segy_bytes(
        whole_numbers((12, 20)),
        FIELDS[str(rng.choice(list(FIELDS)))],
        code=int(rng.choice([1, 2, 3, 5, 6, 7, 8])),
        endian=str(rng.choice(["big", "little"])),
        encoding=str(rng.choice(["ebcdic", "ascii"])),
        revision=[(0, 0), (1, 0), (2, 0), (2, 1)][rng.integers(4)],
    )


def changed_headers(rng):
    """Return a file with some header bytes changed, and its suffix."""
    data = bytearray(good_file(rng))
    size = (len(data) - 3600) // 12
    for _ in range(rng.integers(1, 5)):
        first, length = DECISIVE[rng.integers(len(DECISIVE))]
        value = (
            bytes(rng.choice(EXTREME, length).astype(np.uint8)) if rng.random() < 0.5 else rng.bytes(length)
        )
        data[first - 1 : first - 1 + length] = value
    for _ in range(rng.integers(0, 40)):
        first, length = IN_TRACES[rng.integers(len(IN_TRACES))]
        place = 3600 + int(rng.integers(12)) * size + first - 1
        data[place : place + length] = rng.bytes(length)
    for _ in range(rng.integers(0, 30)):
        data[rng.integers(3600)] = rng.integers(256)
    return (bytes(data[3600:]), ".su") if rng.random() < 0.15 else (bytes(data), ".sgy")


def cut_or_random(rng):
    """Return a truncated file or noise, and a suffix that some reader takes for its own."""
    suffix = str(rng.choice([".sgy", "", ".su", ".npy", ".nc", ".mseed", ".sac", ".sg2", ".gse2", ".xyz"]))
    kind = rng.integers(4)
    if kind == 0:
        data = good_file(rng)
        return data[: rng.integers(len(data))], suffix
    if kind == 1:
        return rng.bytes(int(rng.integers(30_000))), suffix
    noise = bytearray(rng.bytes(int(rng.integers(3800, 30_000))))
    if kind == 2:  # with a likely sample format and count
        noise[3220:3226] = bytes([0, rng.integers(200), 0, 0, 0, rng.integers(1, 9)])
    else:  # with the first bytes of some other format
        starts = (
            b"\x93NUMPY\x01\0",
            b"CDF\x01",
            b"\x89HDF\r\n\x1a\n",
            b"\x55\x3a\1\0",
            b"000001D ",
            b"WID2 ",
        )
        start = starts[rng.integers(len(starts))]
        noise[: len(start)] = start
    return bytes(noise), suffix


def outcome(path):
    """Scan and read a file: "read", "refused", or what went wrong."""
    try:
        report = scan(path, dt=4.0) if path.suffix == ".npy" else scan(path)
        if report.problem is None:
            amplitude = open_section(path, **({"dt": 4.0} if path.suffix == ".npy" else {}))["amplitude"]
            amplitude[(0,) * (amplitude.ndim - 2)].to_numpy()
    except SeisflowError as error:
        return "refused" if "\n" not in str(error) else f"more than one line: {error}"
    except BaseException:  # whatever gets out is what this looks for
        return traceback.format_exc()
    return "read"


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} s")


def main(headers, others, seed):
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    signal.signal(signal.SIGALRM, too_long)
    warnings.simplefilter("ignore")
    found, failures, slowest = Counter(), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(headers + others):
            rng = np.random.default_rng([seed, number])
            data, suffix = changed_headers(rng) if number < headers else cut_or_random(rng)
            path = Path(folder) / f"file{suffix}"
            path.write_bytes(data)
            begin = time.perf_counter()
            signal.alarm(SECONDS)
            said = outcome(path)
            signal.alarm(0)
            slowest = max(slowest, time.perf_counter() - begin)
            path.unlink()
            found[said if said in ("read", "refused") else "failed"] += 1
            if said not in ("read", "refused"):
                failures.append({"seed": [seed, number], "suffix": suffix, "said": said})
    print(json.dumps({"found": found, "failures": failures, "slowest": slowest, "peak_mb": peak_mb()}))


def peak_mb():
    """Return the most memory this process has held, in MB.

    From the kernel's account of the process image: Linux lets ``ru_maxrss`` start from that of the process
    that started this one, which may hold a whole test session.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
