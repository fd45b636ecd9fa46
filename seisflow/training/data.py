"""Patches for Lightning, in an order that depends on the seed and the step alone."""

from collections.abc import Iterator

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler, Subset

from seisflow.config import TrainingConfig
from seisflow.patches import GridDataset, PatchDataset

VALIDATION_WINDOWS = 128
"""Windows looked at in each validation during training, evenly taken from the held-out blocks."""


class Batches(Sampler[list[int]]):
    """Item numbers for each step from ``start`` on; every rank takes its own part of a batch.

    A resumed run asks for the items it has not seen, whatever the number of workers.
    """

    def __init__(self, steps: int, batch: int, *, start: int = 0, rank: int = 0, ranks: int = 1) -> None:
        self.steps, self.batch, self.start = steps, batch, start
        self.rank, self.ranks = rank, ranks

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.steps):
            first = step * self.batch
            yield list(range(first + self.rank, first + self.batch, self.ranks))


class PatchData(LightningDataModule):
    """Training and held-out patches.

    Parameters
    ----------
    patches : PatchDataset
    held_out : GridDataset or None
        None if nothing is held out.
    config : TrainingConfig
    """

    def __init__(self, patches: PatchDataset, held_out: GridDataset | None, config: TrainingConfig) -> None:
        super().__init__()
        self.patches = patches
        self.held_out = held_out
        self.settings = config

    def train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]]:
        trainer = self.trainer
        assert trainer is not None
        batches = Batches(
            self.settings.steps,
            self.settings.batch,
            start=trainer.global_step,
            rank=trainer.global_rank,
            ranks=trainer.world_size,
        )
        workers = self.settings.workers
        return DataLoader(
            self.patches, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0
        )

    def val_dataloader(self) -> DataLoader[dict[str, torch.Tensor]] | list[None]:
        if self.held_out is None:
            return []
        trainer = self.trainer
        assert trainer is not None
        every = max(1, len(self.held_out) // VALIDATION_WINDOWS)
        windows = range(0, len(self.held_out), every)
        # every process needs one at least: they wait for each other's mean
        chosen = windows[trainer.global_rank :: trainer.world_size] or windows[:1]
        return DataLoader(Subset(self.held_out, chosen), batch_size=self.settings.batch)
