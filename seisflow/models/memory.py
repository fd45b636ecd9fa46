"""Least memory that a configuration takes, estimated before anything of it is built."""

import math
import os

from seisflow.config import Config, FlowModelConfig
from seisflow.errors import ConfigError

_MOST_LAYERS = 10_000
_FLOAT = 4  # bytes
_GIB = 2**30


def parameters(config: Config) -> int:
    """Fewest parameters that a model of ``config`` can have; the true number is up to a few times that."""
    if isinstance(config, FlowModelConfig):
        flow, subnet = config.flow, config.flow.subnet
        couplings = sum(flow.couplings_by_level())
        taps = 9 if subnet.kind == "cnn" else 1
        mixing = (config.data.channels * math.prod(flow.squeeze)) ** 2 if flow.use_1x1 else 0
        prior = flow.prior.topics if flow.prior.kind != "gaussian" and flow.prior.share == "none" else 0
        step = flow.bands.autoregressive
        count = couplings * ((subnet.depth - 1) * subnet.width**2 * taps + mixing)
        return (
            count + prior * config.data.channels * math.prod(config.data.patch) + step.depth * step.width**2
        )
    shape = config.autoregressive
    levels = zip(shape.widths(), shape.depths(), strict=True)
    return sum(8 * depth * width**2 for width, depth in levels) + shape.values * shape.widths()[-1]


def activations(config: Config) -> int:
    """Fewest numbers that a training step on one patch keeps at a time."""
    size = config.data.channels * math.prod(config.data.patch)
    if isinstance(config, FlowModelConfig):
        flow = config.flow
        if flow.subnet.kind != "cnn":
            return size
        kept = 1 if flow.reversible else flow.couplings_by_level()[0] * flow.subnet.depth
        return size // math.prod(flow.squeeze) * flow.subnet.width * kept + size
    return size * config.autoregressive.widths()[-1]


def layers(config: Config) -> int:
    """Layers of a model of ``config``, of couplings alone where there are such."""
    if isinstance(config, FlowModelConfig):
        return sum(config.flow.couplings_by_level()) * config.flow.subnet.depth
    return sum(config.autoregressive.depths())


def check_memory(config: Config, batch: int = 1) -> None:
    """Refuse a configuration that this machine cannot hold, or that would take an hour to build.

    Parameters
    ----------
    config : Config
    batch : int
        Patches at a time.

    Raises
    ------
    ConfigError
        With the estimate, and what there is.
    """
    if (count := layers(config)) > _MOST_LAYERS:
        raise ConfigError(
            f"the configuration has {count} layers. {_MOST_LAYERS} at most were expected: "
            "lower levels, couplings or depth"
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for what, size, remedy in (
        ("its weights", parameters(config), "lower width, depth, couplings or squeeze"),
        ("one training step", batch * activations(config), "lower training.batch, data.patch or width"),
    ):
        if size * _FLOAT > memory:
            raise ConfigError(
                f"{what} would take {size * _FLOAT / _GIB:.0f} GiB at least, this machine has "
                f"{memory / _GIB:.0f}: {remedy}"
            )
