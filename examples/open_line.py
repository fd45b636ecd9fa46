"""
A 2D line whose traces start at different times
===============================================

seisflow puts the traces on one time axis and masks the rest. Without a file, a crooked line is made first,
with coordinates and CDP numbers::

    python examples/open_line.py [LINE.sgy] [PICTURE.png]
"""

import sys
from pathlib import Path

import numpy as np
import segyio

from seisflow import open_section, plotting


def make_line(path: Path) -> None:
    """Write 200 traces of dipping layers along a bend; those after the bend start 200 ms later."""
    time = 0.004 * np.arange(300)
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = 5, 1000 * time, 200
    with segyio.create(path, spec) as file:
        file.bin.update({segyio.BinField.Interval: 4000})
        for i in range(200):
            delay = 0 if i < 120 else 200
            layers = np.sin(2 * np.pi * (25 * (time + delay / 1000) + i / 40))
            file.trace[i] = (layers * np.exp(-time)).astype(np.float32)
            easting, northing = 25 * min(i, 120), 25 * max(0, i - 120)
            file.header[i] = {
                segyio.TraceField.CDP: 1001 + i,
                segyio.TraceField.CDP_X: 430_000 + easting,
                segyio.TraceField.CDP_Y: 6_480_000 + northing,
                segyio.TraceField.DelayRecordingTime: delay,
                segyio.TraceField.TRACE_SAMPLE_INTERVAL: 4000,
            }


def main(file: str = "", picture: str = "line.png") -> None:
    path = Path(file or Path(picture).with_suffix(".sgy"))
    if not file:
        make_line(path)
    line = open_section(path)
    for warning in line.attrs["warnings"]:
        print(f"{path.name}: {warning}")
    if "cdp_x" in line.coords:
        steps = np.hypot(np.diff(line["cdp_x"]), np.diff(line["cdp_y"]))
        print(f"{line.sizes['trace']} traces along {steps.sum() / 1000:.2f} km")
    print(f"{line['amplitude'].isnull().mean().item():.1%} of the samples lie outside their traces")
    print(plotting.save(plotting.draw(line), picture, overwrite=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
