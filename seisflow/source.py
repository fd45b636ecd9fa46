"""Where a section comes from, so that it can be opened again."""

from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import BaseModel, ConfigDict

from seisflow.io import open_section, select
from seisflow.patches import ZEROS_ARE_DATA


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

    def open(self) -> xr.Dataset:
        """Open the section, lazily, and cut out the selected part."""
        section = open_section(self.path, **self.geometry)
        if self.select:
            section = select(section, self.select)
        return section.assign_attrs({ZEROS_ARE_DATA: True}) if self.zeros_are_data else section
