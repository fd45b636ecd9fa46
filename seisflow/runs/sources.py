"""Sources of sections and images, so that they can be opened again."""

from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import BaseModel, ConfigDict

from seisflow.io import catalog, open_section, select
from seisflow.patches import ZEROS_ARE_DATA, Block, Split


class Source(BaseModel):
    """A file and how it is read.

    Attributes
    ----------
    path : str
        File or Zarr folder.
    select : tuple of str
        Parts such as ``"inline=10090:10135"``.
    geometry : dict
        Options of `seisflow.open_section`.
    zeros_are_data : bool
        Take mutes and dead traces for measurements instead of masking them.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    select: tuple[str, ...] = ()
    geometry: dict[str, Any] = {}
    zeros_are_data: bool = False

    @property
    def name(self) -> str:
        """File name without its ending."""
        return Path(self.path).stem

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
        section = open_section(self.path, **self.geometry)
        if self.select:
            section = select(section, self.select)
        return section.assign_attrs({ZEROS_ARE_DATA: True}) if self.zeros_are_data else section


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
