"""
A 3D cube: look, take a part, write it as SEG-Y
===============================================

The part keeps the trace headers, the text header and the binary header of the cube::

    python examples/open_cube.py [CUBE.sgy] [PICTURE.png]
"""

import sys
from pathlib import Path

from seisflow import open_section, plotting
from seisflow.io import create_segy, describe, scan, select


def main(file: str = "f3-sample", picture: str = "cube.png") -> None:
    print(describe(scan(file)))

    cube = open_section(file)  # nothing is read but headers
    first, last = cube["inline"].values[[0, -1]]
    middle = cube["inline"].values[cube.sizes["inline"] // 2]
    print(f"inlines {first} to {last}; taking {middle}")
    part = select(cube, [f"inline={middle}", "time=200:1200"])

    with create_segy(Path(picture).with_suffix(".sgy"), part, overwrite=True, note="one inline") as result:
        for i in range(part.sizes["inline"]):
            result.write((i,), part["amplitude"][i].to_numpy())  # here, samples are read
    print(plotting.save(plotting.draw(part), picture, overwrite=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
