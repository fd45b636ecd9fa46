"""Choice of the device to compute on."""

import logging
import os
from dataclasses import dataclass
from typing import Literal

import torch

from seisflow.errors import ConfigError
from seisflow.subnets.precision import has_bf16

log = logging.getLogger("seisflow")


@dataclass(frozen=True)
class Hardware:
    """Devices in Lightning's words.

    Attributes
    ----------
    accelerator : str
        "cpu", "cuda" or "mps".
    devices : int or list of int
        How many processes (cpu), or which cards.
    """

    accelerator: str
    devices: int | list[int]

    @classmethod
    def choose(cls, device: str | None = None) -> "Hardware":
        """Read a ``--device``: None takes all CUDA cards, else Apple's GPU, else the CPU.

        ``cuda`` is every card, ``cuda:1`` or ``cuda:0,2`` these; ``cpu:2`` trains in two processes.

        Raises
        ------
        ConfigError
            If there is no such device.
        """
        if device is None:
            if torch.cuda.is_available():
                return cls("cuda", list(range(torch.cuda.device_count())))
            return cls("mps", 1) if torch.backends.mps.is_available() else cls("cpu", 1)
        kind, _, which = device.partition(":")
        numbers = [int(part) for part in which.split(",")] if _is_numbers(which) else []
        if kind not in ("cpu", "cuda", "mps") or (which and not numbers) or (kind == "mps" and which):
            raise ConfigError(f"--device {device}: not known. Expected cpu, cpu:2, cuda, cuda:0,1 or mps")
        if kind == "cpu":
            return cls("cpu", max(numbers[0], 1) if numbers else 1)
        if kind == "mps":
            if not torch.backends.mps.is_available():
                raise ConfigError("--device mps: this machine has none. Pass --device cpu")
            return cls("mps", 1)
        present = torch.cuda.device_count()
        if not present or any(number >= present for number in numbers):
            raise ConfigError(f"--device {device}: this machine has {present} CUDA cards. Pass --device cpu")
        return cls("cuda", numbers or list(range(present)))

    @property
    def count(self) -> int:
        """Number of processes, over all nodes of a launcher such as torchrun or SLURM."""
        here = self.devices if isinstance(self.devices, int) else len(self.devices)
        return max(here, int(os.environ.get("WORLD_SIZE", 1)))

    @property
    def strategy(self) -> str:
        """Lightning's name for how the processes work together."""
        return "ddp" if self.count > 1 else "auto"

    @property
    def device(self) -> torch.device:
        """The first device, for what runs in one process."""
        return torch.device(self.accelerator, self.devices[0] if isinstance(self.devices, list) else 0)

    def subnet_dtype(self, precision: Literal["auto", "fp32", "bf16"]) -> torch.dtype:
        """Resolve a ``training.precision``: "auto" is bfloat16 where the hardware multiplies it natively."""
        if precision == "auto":
            return torch.bfloat16 if has_bf16(self.accelerator) else torch.float32
        if precision == "bf16" and not has_bf16(self.accelerator):
            log.warning(
                "training.precision = bf16: this %s does not multiply bfloat16, and emulating it takes some "
                "ten times as long. Pass --set training.precision=auto, which is float32 here",
                self.accelerator,
            )
        return torch.bfloat16 if precision == "bf16" else torch.float32


def is_first_process() -> bool:
    """Whether this is the only process, or the first of a data-parallel training (set by its launcher)."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))


def _is_numbers(text: str) -> bool:
    return all(part.isdigit() for part in text.split(",")) and bool(text)
