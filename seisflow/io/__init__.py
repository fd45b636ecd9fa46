"""Seismic files in, sections out, and results back into files."""

from seisflow.io.find import find_files
from seisflow.io.scan import ScanReport, describe, scan
from seisflow.io.section import open_section, select
from seisflow.io.segy.write import SegyWriter, create_segy
from seisflow.io.zarr.ingest import Ingested, ingest
from seisflow.io.zarr.write import ZarrWriter, create_zarr, write_zarr

__all__ = [
    "Ingested",
    "ScanReport",
    "SegyWriter",
    "ZarrWriter",
    "create_segy",
    "create_zarr",
    "describe",
    "find_files",
    "ingest",
    "open_section",
    "scan",
    "select",
    "write_zarr",
]
