"""Read a SEG-Y file by TGSAI's `segy` and save what it finds: ``read_by_segy.py FILE ENDIAN OUT.npz``.

It cannot live in one environment with seisflow (it asks for an older pandas), so it runs in its own.
"""

import sys

import numpy as np
from segy import SegyFile
from segy.schema import Endianness
from segy.standards import get_segy_standard

path, endian, out = sys.argv[1:]
spec = get_segy_standard(1.0)
spec.endianness = Endianness(endian)
file = SegyFile(path, spec=spec)
traces = file.trace[:]
headers = {f"header {name}": np.asarray(traces.header[name]) for name in traces.header.dtype.names}
np.savez(out, samples=traces.sample, labels=file.sample_labels, **headers)
