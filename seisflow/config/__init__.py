"""The configuration of a run: the keys of presets, of ``--set``, and of stored models."""

from seisflow.config.autoregressive import AutoregressiveConfig
from seisflow.config.flow import FlowConfig, PriorConfig, SubnetConfig
from seisflow.config.model import AutoregressiveModelConfig, Config, FlowModelConfig, as_stored
from seisflow.config.presets import load_config, parse_config, parse_stored_config, preset_names
from seisflow.config.training import DataConfig, TrainingConfig

__all__ = [
    "AutoregressiveConfig",
    "AutoregressiveModelConfig",
    "Config",
    "DataConfig",
    "FlowConfig",
    "FlowModelConfig",
    "PriorConfig",
    "SubnetConfig",
    "TrainingConfig",
    "as_stored",
    "load_config",
    "parse_config",
    "parse_stored_config",
    "preset_names",
]
