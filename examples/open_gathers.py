"""
Pre-stack gathers
=================

Gathers keep their own dimensions: take one, sort it by offset, and cut training patches from all. Without a
file, shots over one reflector are made first::

    python examples/open_gathers.py [GATHERS.sgy] [PICTURE.png]
"""

import sys
from pathlib import Path

import numpy as np
import segyio

from seisflow import open_section, plotting
from seisflow.patches import Block, PatchDataset
from seisflow.patches.scaling import AmplitudeScaling


def make_gathers(path: Path) -> None:
    """Write 6 shots into 96 channels: a reflection at 400 ms, 2000 m/s."""
    time = 0.004 * np.arange(250)
    offsets = -100 - 25 * np.arange(96)
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = 5, 1000 * time, 6 * 96
    with segyio.create(path, spec) as file:
        file.bin.update({segyio.BinField.Interval: 4000})
        for i in range(6 * 96):
            shot, channel = divmod(i, 96)
            arrival = np.hypot(0.4, offsets[channel] / 2000)
            phase = (np.pi * 30 * (time - arrival)) ** 2
            file.trace[i] = ((1 - 2 * phase) * np.exp(-phase)).astype(np.float32)
            file.header[i] = {
                segyio.TraceField.FieldRecord: 101 + shot,
                segyio.TraceField.TraceNumber: 1 + channel,
                segyio.TraceField.offset: int(offsets[channel]),
                segyio.TraceField.TRACE_SAMPLE_INTERVAL: 4000,
            }


def main(file: str = "", picture: str = "gathers.png") -> None:
    path = Path(file or Path(picture).with_suffix(".sgy"))
    if not file:
        make_gathers(path)
    gathers = open_section(path)
    print(", ".join(f"{size} {dim}" for dim, size in gathers.sizes.items()))

    gather = gathers.isel({gathers["amplitude"].dims[0]: 2})
    if "offset" in gather.coords:
        gather = gather.sortby("offset")
        print(f"offsets {gather['offset'].values.min():g} to {gather['offset'].values.max():g} m")
    scaling = AmplitudeScaling.fit([gathers], [[Block()]])
    patches = PatchDataset([gathers], [[Block()]], (64, 32), scaling, seed=0, length=100)
    print(f"a patch: {tuple(patches[0]['x'].shape)}, {patches[0]['mask'].float().mean():.0%} of it valid")
    print(plotting.save(plotting.draw(gather), picture, overwrite=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
