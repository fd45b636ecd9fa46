"""Lines of a survey by what they are for: training, calibration, development, test."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from seisflow.errors import DataError
from seisflow.io import select
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import layout, section_name

GAP = 2
"""Lines left out between calibration, development and test."""
SHARES = {"development": 0.15, "test": 0.4}
"""Shares of the lines not trained on; the rest calibrates."""


@dataclass(frozen=True)
class Lines:
    """Positions of lines (of a 2D line: of traces) along `shared_dim`, by what they are for."""

    train: list[int]
    calibration: list[int]
    development: list[int]
    test: list[int]


def shared_dim(section: xr.Dataset) -> str:
    """Dim whose positions are shared out: the first leading one; the lateral one of a 2D line."""
    dims = layout(section)
    return dims.lead[0] if dims.lead else dims.lateral


def share_out(section: xr.Dataset, trained: tuple[int, int], width: int = 1) -> Lines:
    """Cut what comes after the trained lines, or before if more does, into calibration, development and test.

    Parameters
    ----------
    section : xr.Dataset
        A survey with lines along its first dim, or one 2D line.
    trained : (int, int)
        First line (or trace) trained on and the one after the last.
    width : int
        Traces of a patch: on a 2D line gaps are wider, and no part is narrower.

    Raises
    ------
    DataError
        If fewer than ten lines, or four patches of a 2D line, are left.
    """
    dim, single = shared_dim(section), not layout(section).lead
    count = section.sizes[dim]
    turned = trained[0] > count - trained[1]
    end = count - trained[0] if turned else trained[1]
    gap, least = (width + 1, 4 * width) if single else (GAP, 10)
    first = end + max(gap, 4)
    left = count - first - 2 * gap
    if left < least:
        what = f"traces, beside gaps of {gap}," if single else "lines"
        raise DataError(
            f"{section_name(section)}: {max(left, 0)} of {count} {what} are left beside those the model was "
            f"trained on. Expected {least} or more to calibrate and test on: train with --select on fewer"
            + (", or with narrower patches" if single else "")
        )
    test, development = (round(SHARES[part] * left) for part in ("test", "development"))
    development = max(development, width if single else 0)
    middle = count - test - gap - development
    spans = [(first, middle - gap), (middle, middle + development), (count - test, count)]
    if turned:
        spans = [(count - stop, count - start) for start, stop in spans]
    return Lines(list(range(*trained)), *(list(range(*span)) for span in spans))


def trained_lines(section: xr.Dataset, model: Model) -> tuple[int, int]:
    """First line, or trace of a 2D line, that a model was trained on, and the one after the last."""
    dim = shared_dim(section)
    labels = section[dim].values.tolist()
    first, last = len(labels), 0
    for item in section_card(model).inputs:
        seen = select(section, item["select"])[dim].values
        for block in item["split"]["train"]:
            start, stop = block["ranges"].get(dim, (0, len(seen)))
            first = min(first, labels.index(seen[start]))
            last = max(last, labels.index(seen[stop - 1]) + 1)
    return first, last
