"""Make datasets/f3-sample.sgy: a small piece of the F3 survey, as int8 SEG-Y.

The array comes with the source distribution of the Python package bruges (0.5.4, folder docs/data). The
same array gives the same bytes.

    python examples/make_f3_sample.py ARRAY.npy datasets/f3-sample.sgy
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.io import create_segy

SHAPE = (10, 250, 463)
LEVELS = 127  # the array holds the whole numbers -127 to 127, divided by this
INTERVAL_MS = 4.0
INT8 = 8
TEXT = """\
F3 sample: 10 inlines x 250 crosslines x 463 samples every 4 ms, time
Survey: F3, offshore Netherlands, post-stack 3D, with a gas chimney
Credit: dGB Earth Sciences / TerraNubis, terranubis.com, F3 Netherlands
Licence: CC BY-SA 3.0, creativecommons.org/licenses/by-sa/3.0

Inline and crossline numbers are NOT the survey's: they only count the
traces of this piece, 1 to 10 and 1 to 250. Coordinates are not known.
The first sample is put at 0 ms; its true time is not known.

Amplitudes: whole numbers -127 to 127 without a unit, as they came.
Changes: cut from the survey, scaled and quantised before it came to us;
from an array of -1 to 1 to int8 here. Values are otherwise untouched.

Inline: bytes 189-192 and 9-12   Crossline: bytes 193-196 and 21-24
Sample format: 8 (int8)   Byte order: big-endian   Text: EBCDIC"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("array", type=Path)
    parser.add_argument("segy", type=Path)
    arguments = parser.parse_args()

    values = np.load(arguments.array)
    levels = np.rint(values * LEVELS)
    if values.shape != SHAPE or not np.allclose(levels / LEVELS, values, rtol=0, atol=1e-6):
        raise SystemExit(f"{arguments.array}: {values.shape} array. The F3 piece of bruges was expected")

    lines = TEXT.split("\n")
    lines += [""] * (38 - len(lines)) + ["SEG Y REV1", "END TEXTUAL HEADER"]
    section = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), levels.astype(np.float32))},
        coords={
            "inline": np.arange(1, SHAPE[0] + 1),
            "crossline": np.arange(1, SHAPE[1] + 1),
            "time": ("time", INTERVAL_MS * np.arange(SHAPE[2]), {"units": "ms"}),
        },
        attrs={"text_header": "\n".join(f"C{i:02d} {line}" for i, line in enumerate(lines, 1))},
    )
    with create_segy(arguments.segy, section, sample_format=INT8, overwrite=True) as file:
        for i, panel in enumerate(section["amplitude"].to_numpy()):
            file.write((i,), panel)
    written = arguments.segy.read_bytes()
    print(f"{arguments.segy}: {len(written)} bytes, md5 {hashlib.md5(written).hexdigest()}")


if __name__ == "__main__":
    main()
