"""Inputs of a run that are elsewhere now than when it began."""

from collections.abc import Sequence
from pathlib import Path

from seisflow.errors import DataError
from seisflow.io import catalog
from seisflow.io.files import is_url
from seisflow.runs.sources import Source


def moved_sources(
    sources: Sequence[Source], inputs: Sequence[str | Path] = (), data_root: str | Path | None = None
) -> list[Source]:
    """Return sources with new paths.

    Parameters
    ----------
    sources : sequence of Source
        As the run knows them.
    inputs : sequence of path
        Where files are now; each stands for the one of its name, or for the only one.
    data_root : path, optional
        Folder that holds the files now, in it or in folders below, as they stood below another one before.

    Raises
    ------
    DataError
        If a new path is of no file, stands for none of the run's, or if a file is not below ``data_root``.
    """
    paths = [path for source in sources for path in source.paths]
    places = {path: _below(Path(data_root), path) for path in paths} if data_root is not None else {}
    for given in inputs:
        if not is_url(given) and not Path(given).exists():
            raise DataError(f"{given}: no such file. Where an input of the run is now was expected")
        named = [path for path in paths if Path(path).name == Path(given).name]
        if len(paths) == 1:
            named = paths
        if len(named) != 1:
            known = ", ".join(sorted({Path(path).name for path in paths}))
            found = "several inputs of this name" if named else "no input of this name"
            raise DataError(f"{given}: the run has {found}. One of {known} was expected")
        places[named[0]] = str(given) if is_url(given) else str(Path(given).resolve())
    return [
        source.model_copy(
            update={
                "path": places.get(source.path, source.path),
                "more": tuple(places.get(path, path) for path in source.more),
            }
        )
        for source in sources
    ]


def _below(root: Path, path: str) -> str:
    """Return where a file is below a folder: in folders of its old path or by its name."""
    if is_url(path) or (path in catalog.names() and not Path(path).exists()):
        return path
    if not root.is_dir():
        raise DataError(f"{root}: no such folder. The one that holds the inputs of the run was expected")
    parts = Path(path).parts[1:]
    for begin in range(len(parts)):
        place = root.joinpath(*parts[begin:])
        if place.exists():
            return str(place.resolve())
    found = sorted(root.rglob(Path(path).name))
    if len(found) != 1:
        many = f"{len(found)} files of this name are" if found else "it is not"
        raise DataError(f"{path}: {many} below {root}. One was expected: name its new path as INPUT")
    return str(found[0].resolve())
