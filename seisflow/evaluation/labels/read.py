"""An interpreter's labels: a volume that is not zero where something was picked, or a table of picks."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.io import open_section
from seisflow.patches import layout, section_name
from seisflow.regular import read_text

Labels = NDArray[np.bool_]

JOINED = "name"
"""Column of a table of picks: consecutive ones of the same name in a panel are joined by straight lines."""


def read_labels(path: str | Path, like: xr.Dataset, **geometry: Any) -> Labels:
    """Read the labels of a section.

    Parameters
    ----------
    path : str or Path
        A volume of the shape of the section that is not zero where something was picked (SEG-Y, Zarr, npy),
        or a table (``.csv``) of picks: a column for every dim of the section by its name, with its labels, or
        ``sample`` for the vertical one, with positions from 0; and maybe ``name``: see `JOINED`.
    like : xr.Dataset
        The section, or its map.
    **geometry
        How to open a volume: see `seisflow.open_section`.

    Returns
    -------
    ndarray of bool, (..., lateral, vertical)
        Of the shape of the section; True where something was picked.

    Raises
    ------
    DataError
        If the labels do not fit the section, or there are none.
    """
    path = Path(path)
    labels = _picked(path, like) if path.suffix.lower() == ".csv" else _volume(path, like, geometry)
    if not labels.any():
        raise DataError(f"{path}: no labels. Expected values other than 0 where something was picked")
    return labels


def _volume(path: Path, like: xr.Dataset, geometry: dict[str, Any]) -> Labels:
    shape = tuple(like.sizes[dim] for dim in _dims(like))
    if path.suffix.lower() == ".npy":  # labels need no sample interval, which open_section asks for
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: no readable .npy array ({error})") from error
    else:
        section = open_section(path, **geometry)
        names = [str(name) for name in section.data_vars if section[name].ndim == len(shape)]
        name = "amplitude" if "amplitude" in names else next(iter(names), "amplitude")
        values = section[name].values
    if values.shape != shape:
        expected = " x ".join(f"{size} ({dim})" for dim, size in zip(_dims(like), shape, strict=True))
        raise DataError(
            f"{path}: labels of shape {' x '.join(map(str, values.shape))}. Expected {expected}, as the map "
            f"{section_name(like)} has"
        )
    if values.dtype.kind not in "biuf":
        raise DataError(f"{path}: labels of type {values.dtype}. Real numbers were expected")
    labels: Labels = np.nan_to_num(values) != 0
    return labels


def _picked(path: Path, like: xr.Dataset) -> Labels:
    dims = _dims(like)
    try:
        text = read_text(path, encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), skipinitialspace=True))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: no readable table ({error})") from error
    columns = [str(name).strip() for name in (rows[0] if rows else {})]
    named = [dim if dim in columns else "sample" for dim in dims[-1:]]
    wanted = [*dims[:-1], *named]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(
            f"{path}: columns {', '.join(columns) or 'none'}. Expected {', '.join(wanted)} in the first line"
        )
    labels = np.zeros([like.sizes[dim] for dim in dims], bool)
    before: tuple[str, NDArray[np.int64]] | None = None
    for number, row in enumerate(rows, start=2):
        place = np.array([_position(path, number, row, name, dim, like)
                          for name, dim in zip(wanted, dims, strict=True)])  # fmt: skip
        name = (row.get(JOINED) or "").strip()
        points = [place]
        if name and before is not None and before[0] == name and (before[1][:-2] == place[:-2]).all():
            points = _line(before[1], place)
        for point in points:
            labels[tuple(point)] = True
        before = name, place
    return labels


def _position(path: Path, number: int, row: dict[str, str], name: str, dim: str, like: xr.Dataset) -> int:
    try:
        value = float(row[name])
        if not math.isfinite(value):
            raise ValueError("not finite")
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}, line {number}: {name} {row[name]!r}. Expected a number") from error
    size = like.sizes[dim]
    at = round(value) if name == "sample" else _nearest(like[dim].values, value)
    if not 0 <= at < size:
        first, last = (0, size - 1) if name == "sample" else like[dim].values[[0, -1]]
        raise DataError(f"{path}, line {number}: {name} {value:g}. Expected {first:g} to {last:g}")
    return at


def _nearest(labels: NDArray[Any], value: float) -> int:
    """Position of the label nearest to a value; -1 if it lies beyond half a step outside."""
    at = int(np.abs(labels - value).argmin())
    step = abs(float(labels[1] - labels[0])) if len(labels) > 1 else 1.0
    return at if abs(float(labels[at]) - value) <= step / 2 else -1


def _line(first: NDArray[np.int64], last: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions on the straight line between two picks of one panel."""
    count = int(np.abs(last - first).max()) + 1
    return list(np.linspace(first, last, count).round().astype(np.int64))


def _dims(like: xr.Dataset) -> Sequence[str]:
    dims = layout(like)
    return (*dims.lead, dims.lateral, dims.vertical)
