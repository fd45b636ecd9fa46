"""Find seismic files: those of a folder, and those of a pattern."""

from collections.abc import Iterable
from pathlib import Path

from seisflow.errors import DataError

_SUFFIXES = {
    *(".sgy", ".segy", ".seg-y", ".seg", ".su", ".zarr", ".npy", ".nc", ".nc4", ".seisnc"),
    *(".mseed", ".miniseed", ".sac", ".sg2", ".seg2", ".gse", ".gse2"),
}

_PACKED = {".gz", ".bz2", ".xz", ".zst", ".zip"}  # found, so that it is told how to unpack them


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return files as they are, the seismic files of folders (and folders in them), and what patterns match.

    Raises
    ------
    DataError
        If a folder or pattern has none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir() and path.suffix.lower() != ".zarr" and not _is_zarr(path):
            files = _in_folder(path)
        elif not path.exists() and any(sign in str(path) for sign in "*?["):
            anchor = Path(path.anchor)
            files = sorted(anchor.glob(str(path.relative_to(anchor))))
        else:
            files = [path]
        if not files:
            raise DataError(f"{path}: no seismic files. Some ending in .sgy, .su, .zarr, ... were expected")
        found += files
    return found


def _in_folder(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        packed = path.suffix.lower() in _PACKED and path.with_suffix("").suffix.lower() in _SUFFIXES
        if packed or path.suffix.lower() in _SUFFIXES:
            found.append(path)
        elif path.is_dir():
            found += _in_folder(path)
    return found


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("zarr.json", ".zgroup", ".zarray", ".zmetadata"))
