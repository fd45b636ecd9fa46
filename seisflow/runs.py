"""Where runs live: ``runs/<name>``, and ``runs/latest`` that points to the last one."""

from __future__ import annotations

import os
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from seisflow.errors import ModelError

if TYPE_CHECKING:
    from seisflow.training import Run

ROOT = Path("runs")
LATEST = ROOT / "latest"
_CHOSEN = (
    "SEISFLOW_RUN"  # tells the other processes of a data-parallel training which folder the first one took
)


def new(name: str) -> Path:
    """Folder for a new run: ``runs/<name>-<first free number>``."""
    if _CHOSEN in os.environ:
        return Path(os.environ[_CHOSEN])
    taken = {path.name for path in ROOT.glob(f"{name}-*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{name}-{n}" not in taken)
    os.environ[_CHOSEN] = str(ROOT / f"{name}-{number}")
    return ROOT / f"{name}-{number}"


def latest() -> Path:
    """Folder of the last run.

    Raises
    ------
    ModelError
        If nothing has been trained in this folder.
    """
    if not LATEST.exists():
        raise ModelError(
            f"{LATEST}: no run in this folder. Name one with -o, or train first: seisflow train INPUT"
        )
    return Path(os.path.normpath(ROOT / LATEST.readlink())) if LATEST.is_symlink() else LATEST


def set_latest(folder: Path) -> None:
    """Point ``runs/latest`` to ``folder``; the link is replaced in one step."""
    ROOT.mkdir(exist_ok=True)
    aside = ROOT / f".latest-{os.getpid()}"
    aside.symlink_to(os.path.relpath(folder.resolve(), ROOT.resolve()), target_is_directory=True)
    aside.replace(LATEST)


def summary(run: Run) -> str:
    """One sentence on a finished run."""
    text = f"{run.steps} steps in {run.seconds:.0f} s"
    card = run.model.card
    if card is not None:
        for kind in ("held_out", "training"):
            value = card.provenance.get(f"{kind}_nats_per_dim")
            if value is not None:
                rate = f"{value:.3f} nats/dim" if card.images is None else f"{value / log(2):.3f} bits/dim"
                text += f", {rate} {'on held-out data' if kind == 'held_out' else 'in training'}"
    if run.bad_steps:
        text += f", {run.bad_steps} non-finite steps left out"
    return text
