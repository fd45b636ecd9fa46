"""Identity of sections: of one kind and one survey, by sampling, headers and amplitudes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisflow.patches.areas import evenly
from seisflow.patches.panels import layout, panel_index, read_panel, section_name

STACKED = ("inline", "crossline", "trace")
"""Dims of stacked sections; others are those of gathers."""
PROBES = 8
"""Panels whose amplitudes are looked at."""
MOST_TRACES = 2048
ALIKE = 2.0
"""Ratio of standard deviations from which on amplitudes are not of one survey."""
SHARED_WORDS = 0.5
"""Share of the text headers' words that those of one survey have in common."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Identity:
    """Identity of a section, as far as a model of it cares.

    Attributes
    ----------
    name : str
        File name.
    domain, interval, unit : str, float, str
        Vertical axis.
    kind : str
        "stack" or "gathers".
    std, step : float
        Standard deviation of some amplitudes (0 if there are none), and the step of their quantisation.
    words : frozenset of str
        Words of the text header, without numbers.
    box : (float, float, float, float) or None
        Least and largest easting and northing.
    digest : str
        Of the sizes and of these amplitudes: the same for the same data under another name or in another
        format.
    """

    name: str
    domain: str
    interval: float
    unit: str
    kind: str
    std: float
    step: float
    words: frozenset[str]
    box: Box | None
    digest: str = ""

    @classmethod
    def of(cls, section: xr.Dataset) -> Identity:
        """Look at a section: its headers, and the amplitudes of a few panels."""
        dims = layout(section)
        axis = section[dims.vertical]
        interval = float(axis[1] - axis[0]) if axis.size > 1 else 1.0
        std, digest = _amplitudes(section)
        stack = all(dim in STACKED for dim in (*dims.lead, dims.lateral))
        return cls(
            name=section_name(section),
            domain=dims.vertical,
            interval=interval,
            unit=str(axis.attrs.get("units", "")),
            kind="stack" if stack else "gathers",
            std=std,
            step=float(section.attrs.get("quantisation_step", 0.0)),
            words=header_words(str(section.attrs.get("text_header", ""))),
            box=_box(section),
            digest=digest,
        )

    @property
    def sampling(self) -> str:
        """Kind and vertical axis in words."""
        kind = "stacks in " if self.kind == "stack" else "gathers in "
        return f"{kind}{self.domain}, every {self.interval:g} {self.unit}".rstrip()

    def shares_model(self, other: Identity) -> bool:
        """Whether one model can learn both: same domain, sample interval and kind."""
        same = self.domain == other.domain and self.kind == other.kind
        return same and bool(np.isclose(self.interval, other.interval, rtol=0.01))

    def is_twin(self, other: Identity) -> bool:
        """Whether both are the same data, under two names or in two formats."""
        return self.digest == other.digest and self.shares_model(other)

    def same_survey(self, other: Identity) -> bool:
        """Whether both may be scaled together: they share a model, their amplitudes and their headers."""
        if not self.shares_model(other) or not self.std or not other.std:
            return False
        return 1 / ALIKE < self.std / other.std < ALIKE and self.same_headers(other)

    def same_headers(self, other: Identity) -> bool:
        """Whether headers tell of one place or processing; true where one of them tells nothing."""
        if self.box and other.box and _overlap(self.box, other.box):
            return True
        if not self.words or not other.words:
            return not (self.box and other.box)
        return len(self.words & other.words) >= SHARED_WORDS * len(self.words | other.words)


def header_words(text: str) -> frozenset[str]:
    """Words of a text header, lower case and without numbers, line labels and what all headers say."""
    lines = (re.sub(r"^C ?\d+", "", line) for line in text.splitlines())
    return frozenset(word for line in lines for word in re.findall(r"[a-z]{3,}", line.lower()))


def _amplitudes(section: xr.Dataset) -> tuple[float, str]:
    """Standard deviation and digest of the amplitudes of some panels."""
    leads = panel_index(section)
    traces = section.sizes[layout(section).lateral]
    first = max(traces - MOST_TRACES, 0) // 2
    squares = count = 0.0
    total = 0.0
    digest = hashlib.blake2b(repr(section["amplitude"].shape).encode(), digest_size=16)
    for k in evenly(len(leads), PROBES):
        panel = read_panel(section, leads[k], slice(first, min(first + MOST_TRACES, traces)))
        digest.update(np.where(panel.mask, panel.amplitude, np.float32(0)).tobytes())
        values = panel.amplitude[panel.mask].astype(np.float64)
        count += values.size
        total += values.sum()
        squares += (values**2).sum()
    std = float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0))) if count else 0.0
    return std, digest.hexdigest()


def _box(section: xr.Dataset) -> Box | None:
    ends: list[float] = []
    for name in ("cdp_x", "cdp_y"):
        if name not in section.coords:
            return None
        values: Any = section[name].values
        if not np.isfinite(values).any() or not np.nanmax(np.abs(values)) > 0:
            return None
        ends += [float(np.nanmin(values)), float(np.nanmax(values))]
    return ends[0], ends[1], ends[2], ends[3]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] <= b[1] and b[0] <= a[1] and a[2] <= b[3] and b[2] <= a[3]
