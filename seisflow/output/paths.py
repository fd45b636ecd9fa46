"""Paths of results, and the formats that sections are written in."""

from __future__ import annotations

from pathlib import Path

from seisflow.errors import OutputError

ZARR = (".zarr",)
SEGY = (".sgy", ".segy")


def output_path(output: Path | None, home: Path, stem: str, *, several: bool = False) -> Path:
    """Return where the result of an input goes.

    Parameters
    ----------
    output : Path, optional
        File or folder that the user named; by default ``home``.
    home : Path
        Folder for results that no place was named for.
    stem : str
        Name of the input without its ending.
    several : bool
        Whether there are more inputs, so that ``output`` must be a folder.

    Raises
    ------
    OutputError
        If the ending names no known format.
    """
    if output is None:
        return home / f"{stem}.zarr"
    if output.suffix.lower() in ZARR + SEGY:
        if several:
            raise OutputError(f"{output}: one file for several inputs. Name a folder with -o")
        return output
    if output.suffix and not output.is_dir():
        check_format(output)
    return output / f"{stem}.zarr"


def check_format(path: Path) -> None:
    """Refuse a file whose ending names no format that sections are written in."""
    if path.suffix.lower() not in ZARR + SEGY:
        ending = path.suffix or "no ending"
        raise OutputError(f"{path}: {ending} is no format for a section. Use .zarr, .sgy or .segy")
