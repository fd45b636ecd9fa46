"""Sources of sections and images, so that they can be opened again."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import xarray as xr
from pydantic import AfterValidator, BaseModel, ConfigDict

from seisflow.errors import SeisflowError
from seisflow.io import catalog, open_section, select
from seisflow.io.lines import group_lines
from seisflow.io.options import checked_options
from seisflow.models.provenance import TrainingInput
from seisflow.patches import ZEROS_ARE_DATA, Block, Split

log = logging.getLogger("seisflow")


def path_from_here(path: str) -> str:
    """Path as a user in this folder would write it."""
    given = Path(path)
    try:
        return str(given.relative_to(Path.cwd())) if given.is_absolute() else path
    except ValueError:
        return path


class Source(BaseModel):
    """A file and how it is read.

    Attributes
    ----------
    path : str
        File or Zarr folder.
    more : tuple of str
        Further files that are joined with it to one volume.
    select : tuple of str
        Parts such as ``"inline=10090:10135"``.
    geometry : dict
        Options of `seisflow.open_section`.
    zeros_are_data : bool
        Take mutes and dead traces for measurements instead of masking them.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    more: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    geometry: Annotated[dict[str, Any], AfterValidator(checked_options)] = {}
    zeros_are_data: bool = False

    @property
    def name(self) -> str:
        """File name without its ending; those of the first and the last of several."""
        return "-".join(Path(path).stem for path in self.paths[:: max(1, len(self.more))])

    @property
    def paths(self) -> list[str]:
        """All files that it is made of."""
        return [self.path, *self.more]

    def as_input(self, split: Split, survey: int) -> TrainingInput:
        """Return what a model's card says of it: how it was read, its split, and the number of its survey."""
        facts = {"split": split.model_dump(mode="json"), "survey": survey}
        return cast(TrainingInput, self.model_dump(mode="json") | facts)

    def split(self) -> Split | None:
        """Return the split that the data set card recommends; None for files, and for parts of a data set."""
        if self.path not in catalog.names() or Path(self.path).exists() or self.select:
            return None
        parts = catalog.card(self.path).split
        if parts is None:
            return None
        train, validation = (Block(ranges=parts[name]) for name in ("train", "validation"))
        return Split(train=[train], validation=[validation])

    def open(self) -> xr.Dataset:
        """Open the section, lazily, and cut out the selected part."""
        section = open_section(self.paths if self.more else self.path, **self.geometry)
        if self.select:
            section = select(section, self.select)
        return section.assign_attrs({ZEROS_ARE_DATA: True}) if self.zeros_are_data else section


def join_lines(sources: Sequence[Source]) -> list[Source]:
    """Join sources that are each one line of the same volume to one, and keep the others as they are."""
    if len(sources) < 2 or any(source.geometry.get("line") for source in sources):
        return list(sources)
    by_path = {Path(source.path): source for source in sources}
    joined = []
    for group in group_lines(list(by_path), map(_line_or_none, by_path.values())):
        first, *others = (by_path[path] for path in group)
        if others:
            log.info("%d files are lines of one volume, and joined: %s ...", len(group), group[0].name)
            first = first.model_copy(update={"more": tuple(source.path for source in others)})
        joined.append(first)
    return joined


def _line_or_none(source: Source) -> xr.Dataset | None:
    """Open a source that may be a line of a volume; what is wrong with it is told when it is used."""
    if source.path in catalog.names() or Path(source.path).is_dir():
        return None
    try:
        return open_section(source.path, **source.geometry)
    except SeisflowError:
        return None


class ImageSource(BaseModel):
    """An image data set and where its files are.

    Attributes
    ----------
    path : str
        Its name, one of `seisflow.io.images.names`.
    folder : str, optional
        Folder that holds it; without one it is downloaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    folder: str | None = None

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.path

    @property
    def paths(self) -> list[str]:
        """Paths that the user has named: the folder, if any."""
        return [] if self.folder is None else [self.folder]

    def as_input(self) -> TrainingInput:
        """Return what a model's card says of it."""
        return cast(TrainingInput, self.model_dump(mode="json"))
