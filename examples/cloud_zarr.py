"""
SEG-Y to Zarr in the cloud, and one line back
=============================================

Any URL that fsspec knows will do, such as ``s3://bucket/survey.zarr`` with s3fs installed. The one here
lives in memory, so that the script runs anywhere::

    python examples/cloud_zarr.py [CUBE.sgy] [PICTURE.png] [URL]
"""

import sys

import fsspec

from seisflow import open_section, plotting
from seisflow.io import ingest, select


def main(file: str = "f3-sample", picture: str = "cloud.png", url: str = "memory://survey.zarr") -> None:
    done = ingest(file, url, overwrite=True)
    print(f"{done.output}: chunks {done.chunks} in {done.slabs} shards")
    fs, root = fsspec.core.url_to_fs(url)
    print(f"{sum(fs.sizes(fs.find(root))) / 1e6:.1f} MB in {len(fs.find(root))} objects")

    survey = open_section(url)
    dim = str(survey["amplitude"].dims[0])
    line = select(survey, [f"{dim}={survey[dim].values[0]}"])
    print(plotting.save(plotting.draw(line), picture, overwrite=True))


if __name__ == "__main__":  # worker processes import this file, and must not run it
    main(*sys.argv[1:])
