"""Exact probability densities of seismic sections with Fractal Flows.

Examples
--------
>>> import seisflow
>>> section = seisflow.open_section("f3-sample").isel(inline=[9])
>>> result = seisflow.score(section, "f3-small")
>>> bool(abs(result.anomaly).max() > result.anomaly.threshold)
True
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seisflow.api import denoise, fill, list_models, plot, score, train, write_segy
    from seisflow.generation.sections import generate
    from seisflow.io import ingest, open_section, scan
    from seisflow.models import load_model

__version__ = "0.1.0"
__all__ = [
    "denoise",
    "fill",
    "generate",
    "ingest",
    "list_models",
    "load_model",
    "open_section",
    "plot",
    "scan",
    "score",
    "train",
    "write_segy",
]

# Threads of GNU OpenMP spin for milliseconds while they wait for each other. Where other work wants the
# cores, the thread that they wait for does not run meanwhile: on a loaded machine sampling took 15 times as
# long. Read when PyTorch loads; see docs/decisions/speed.md.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Where each public name lives. They are imported when first used: torch and xarray take seconds to
# load, and `seisflow --help` needs neither.
_HOMES = {
    "denoise": ".api",
    "fill": ".api",
    "generate": ".generation",
    "ingest": ".io",
    "list_models": ".api",
    "load_model": ".models",
    "open_section": ".io",
    "plot": ".api",
    "scan": ".io",
    "score": ".api",
    "train": ".api",
    "write_segy": ".api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
