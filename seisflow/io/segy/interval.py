"""The sample interval: as given, or as the headers say, which differ, or mistake the unit."""

from dataclasses import replace
from typing import TYPE_CHECKING

from seisflow.errors import DataError

if TYPE_CHECKING:
    from seisflow.io.segy.layout import Layout

_LARGEST = 2**15 - 1  # us; the field was signed before revision 1
_ROUND = (125, 100)  # us; intervals of recorders are multiples of one of these
_MILLI = (1, 2, 3, 4, 5, 6, 8)  # us that no survey has, and ms that many have
_LARGEST_LENGTH = 50  # thousandths of a unit of depth up to which whole units are meant


def with_interval(
    layout: "Layout", dt: float | None, binary: float, trace: float, strict: bool, *, certain: bool = False
) -> "Layout":
    """Settle the sample interval.

    Parameters
    ----------
    layout : Layout
    dt : float or None
        As given, in ms (m for depth).
    binary, trace : float
        What the binary and the first trace header say, in us (thousandths of a unit of depth); 0 for nothing.
    strict : bool
        Refuse what would otherwise be a warning.
    certain : bool
        Believe the binary header, whatever the trace header says.

    Raises
    ------
    DataError
        If nothing gives an interval, or with ``strict``, if headers differ.
    """
    field = trace if not binary or (not certain and trace and _rank(trace) > _rank(binary)) else binary
    told = field / 1000
    layout = replace(layout, interval=float(dt or told), told_interval=told)
    if layout.interval == 0:
        raise DataError(
            f"{layout.path}: the sample interval is 0 in the binary and the trace header. "
            "It must be known: pass dt in ms (--dt 4)"
        )
    if dt is not None:
        return layout
    if binary and trace and trace != binary:
        found = f"sample interval {binary:g} us in the binary header, {trace:g} us in the first trace header"
        if strict:
            raise DataError(f"{layout.path}: {found}. They must agree: pass dt in ms (--dt)")
        layout = layout.warn(f"{found}: {told:g} {layout.unit} is used; if that is wrong, pass dt (--dt)")
    is_depth = layout.domain == "depth"
    if (field in _MILLI and not certain) or (
        is_depth and 0 < field <= _LARGEST_LENGTH and field == int(field)
    ):
        found = f"sample interval {field:g} where headers hold thousandths of a {layout.unit}"
        if strict:
            raise DataError(f"{layout.path}: {found}. A likely interval was expected: pass dt in ms (--dt)")
        layout = replace(layout, interval=float(field)).warn(
            f"{found}: {field:g} {layout.unit} is used; if that is wrong, pass dt (--dt {told:g})"
        )
    return layout


def _rank(field: float) -> tuple[bool, bool]:
    """Order intervals by how likely they are."""
    return field <= _LARGEST, any(field % unit == 0 for unit in _ROUND)
