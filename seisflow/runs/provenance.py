"""Provenance of a number: machine, versions, commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

CODE = (":/", ":(top,exclude)docs")
"""Files of a checkout that decide a result."""


def machine() -> str:
    """Processor, cores, threads in use, and the GPU if there is one."""
    text = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{text}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else text


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {name: version(name) for name in ("seisflow", "torch", "numpy")}


def commit() -> str | None:
    """Git commit of a source checkout, with "+" if it was changed since; None for an installed package.

    Documentation does not count, as benchmarks write their results there.
    """
    here = Path(__file__).parent
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name, cwd=here)  # of seisflow, not of its user
        head = _git("rev-parse", "--short=12", "HEAD", cwd=here)
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", *CODE, cwd=here)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()
