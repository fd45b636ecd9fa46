"""Damage what seisflow reads besides SEG-Y, use it, and tell what came of it.

Run as a script, in a process whose memory is limited: ``PYTHONPATH=tests/io python tests/hostile/fuzz.py KIND
COUNT SEED`` makes so many damaged Zarr folders (``zarr``), model folders (``model``), or configurations
(``config``), and prints JSON. A fourth number repeats that one alone.
"""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from folders import Models, Zarrs

from configs import Configs
from seisflow.errors import SeisflowError

LIMIT = 2**30
SECONDS = 20  # of the processor
KINDS = {"zarr": Zarrs, "model": Models, "config": Configs}


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} s")


def outcome(use, made):
    """Use what was made: "read", "refused", or what went wrong."""
    try:
        use(made)
    except SeisflowError as error:
        said = str(error)
        return "refused" if said.isprintable() else f"not one line of printable signs: {said!r}"
    except BaseException:  # whatever gets out is what this looks for
        return traceback.format_exc()
    return "read"


def peak_mb():
    """Return the most memory that this process has held, in MB, and start to count anew."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    Path("/proc/self/clear_refs").write_text("5")
    return peak


def main(kind, count, seed, only=None):
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, too_long)
    signal.signal(signal.SIGALRM, too_long)
    found, failures, slowest, peak = Counter(), [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        kinds = KINDS[kind](Path(folder) / "good")
        base = peak_mb()
        resource.setrlimit(resource.RLIMIT_DATA, (3 * LIMIT, 3 * LIMIT))
        for number in range(count) if only is None else [only]:
            rng = np.random.default_rng([seed, number])
            made = kinds.make(Path(folder) / "made", rng)
            begin = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(10 * SECONDS)  # where something waits for ever
            said = outcome(kinds.use, made)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            slowest = max(slowest, time.process_time() - begin)
            most = peak_mb()
            if said in ("read", "refused") and most > 1000:
                said = f"{most:.0f} MB, where {base:.0f} do for what is whole"
            peak = max(peak, most)
            shutil.rmtree(Path(folder) / "made", ignore_errors=True)
            found[said if said in ("read", "refused") else "failed"] += 1
            if said not in ("read", "refused"):
                failures.append({"number": number, "said": said})
    print(json.dumps({"found": found, "failures": failures, "slowest": slowest, "peak_mb": peak}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
