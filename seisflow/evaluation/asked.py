"""Options of a benchmark, as the command line takes them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """Options of a benchmark.

    Attributes
    ----------
    command : str
        That does it again.
    model : str, optional
        Run folder to make, or model to evaluate.
    config : str, optional
        Preset or file.
    overrides : tuple of str
        ``key=value`` changes of it.
    data : Path, optional
        Folder of the data.
    resize : str, optional
        "bilinear" or "pad".
    max_time : timedelta, optional
        Training time of each model.
    eval_only : bool
        Evaluate ``model`` instead of training one.
    output : Path, optional
        Folder for result objects, pages and pictures.
    seed : int
    overwrite : bool
    """

    command: str
    model: str | None = None
    config: str | None = None
    overrides: tuple[str, ...] = ()
    data: Path | None = None
    resize: str | None = None
    max_time: timedelta | None = None
    eval_only: bool = False
    output: Path | None = None
    seed: int = 0
    overwrite: bool = False
