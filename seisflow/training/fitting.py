"""A patch that fits the sections at hand, where the preset's is too large for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import xarray as xr

from seisflow.config import Config, DataConfig, FlowModelConfig
from seisflow.errors import ConfigError, DataError
from seisflow.models import build_model
from seisflow.patches import layout, split
from seisflow.patches.splits import power_of_two

log = logging.getLogger("seisflow")
ENOUGH = 0.5
"""Share of the data that patches have to fit in."""
LEAST = (16, 8)
"""Samples and traces below which patches show nothing of geology."""


def fits(section: xr.Dataset, data: DataConfig) -> bool:
    """Whether a section fills a patch as far as training asks for, and can be split."""
    dims = layout(section)
    height, width = data.patch
    filled = min(section.sizes[dims.vertical], height) * min(section.sizes[dims.lateral], width)
    if filled < data.min_valid * height * width:
        return False
    try:
        split(section, data.patch, data.validation, data.gap)
    except DataError:
        return False
    return True


def with_fitting_patch(config: Config, sections: Sequence[xr.Dataset]) -> Config:
    """Return a configuration whose patches fit in half of the data, the given one if its do; say so."""
    samples = [int(section["amplitude"].size) for section in sections]

    def enough(patch: tuple[int, int]) -> bool:
        data = config.data.model_copy(update={"patch": patch, "min_valid": 1.0 if patch != config.data.patch
                                              else config.data.min_valid})  # fmt: skip
        pairs = zip(sections, samples, strict=True)
        return sum(n for section, n in pairs if fits(section, data)) >= ENOUGH * sum(samples)

    if enough(config.data.patch):
        return config
    tall, wide = config.data.patch
    heights = [1 << k for k in range(power_of_two(tall, tall).bit_length())]
    widths = [1 << k for k in range(power_of_two(wide, wide).bit_length())]
    patches = [(h, w) for h in heights for w in widths if h >= LEAST[0] and w >= LEAST[1]]
    # the largest; of equal ones, that of the shape nearest to the preset's
    patches.sort(key=lambda patch: (-patch[0] * patch[1], abs(patch[0] / patch[1] - tall / wide)))
    for patch in patches:
        if enough(patch) and (fitted := _with_patch(config, patch)) is not None:
            log.info(
                "patches of %d samples x %d traces, as the sections are too small for %d x %d (others: "
                "--set data.patch=[SAMPLES,TRACES])",
                *patch,
                tall,
                wide,
            )
            return fitted
    return config


def _with_patch(config: Config, patch: tuple[int, int]) -> Config | None:
    """Return the configuration for a smaller patch, with fewer levels if they do not fit; None if none do."""
    data = config.data.model_copy(update={"patch": patch})
    if isinstance(config, FlowModelConfig):
        levels = range(config.flow.levels, 0, -1)
        flows = (config.flow.model_copy(update={"levels": count}) for count in levels)
        candidates: Iterable[Config] = (
            config.model_copy(update={"data": data, "flow": flow}) for flow in flows
        )
    else:
        candidates = [config.model_copy(update={"data": data})]
    return next((one for one in candidates if _builds(one)), None)


def _builds(config: Config) -> bool:
    try:
        build_model(config)
    except ConfigError:
        return False
    return True
