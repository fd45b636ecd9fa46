"""Patches for Lightning, in an order that depends on the seed and the step alone."""

from collections.abc import Iterator

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler, Subset, default_collate

from seisflow.config import TrainingConfig
from seisflow.io.workers import run_in_order
from seisflow.patches import GridDataset, PatchDataset
from seisflow.patches.images import ImageDataset

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


class RemoteBatches:
    """Batches made by Dask workers, in order, some ahead of what is asked for.

    Items depend on their numbers only, so they are those that this process would make.

    Parameters
    ----------
    patches : PatchDataset or ImageDataset
        Sent to every worker once; each has a cache of panels of its own.
    batches : Batches
    scheduler : str
        Address of a Dask scheduler.
    """

    def __init__(self, patches: PatchDataset | ImageDataset, batches: Batches, scheduler: str) -> None:
        self.patches, self.batches, self.scheduler = patches, batches, scheduler

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in run_in_order(self._make, self.batches, self.scheduler):
            yield {name: torch.tensor(values) for name, values in batch.items()}

    def _make(self, items: list[int]) -> dict[str, NDArray[np.generic]]:
        batch = default_collate([self.patches[i] for i in items])
        return {name: values.numpy() for name, values in batch.items()}


class PatchData(LightningDataModule):
    """Training and held-out patches, or images.

    Parameters
    ----------
    patches : PatchDataset or ImageDataset
    held_out : GridDataset, ImageDataset or None
        None if nothing is held out.
    config : TrainingConfig
    looked_at : int
        Held-out windows of each validation.

    Attributes
    ----------
    scheduler : str or None
        Address of the Dask scheduler whose workers make the training batches.
    """

    scheduler: str | None = None

    def __init__(
        self,
        patches: PatchDataset | ImageDataset,
        held_out: GridDataset | ImageDataset | None,
        config: TrainingConfig,
        looked_at: int = VALIDATION_WINDOWS,
    ) -> None:
        super().__init__()
        self.patches = patches
        self.held_out = held_out
        self.settings = config
        self.looked_at = looked_at

    def train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]] | RemoteBatches:
        trainer = self.trainer
        assert trainer is not None
        batches = Batches(
            self.settings.steps,
            self.settings.batch,
            start=trainer.global_step,
            rank=trainer.global_rank,
            ranks=trainer.world_size,
        )
        if self.scheduler is not None:
            return RemoteBatches(self.patches, batches, self.scheduler)
        workers = self.settings.workers
        return DataLoader(
            self.patches, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0
        )

    def val_dataloader(self) -> DataLoader[dict[str, torch.Tensor]] | list[None]:
        if self.held_out is None:
            return []
        trainer = self.trainer
        assert trainer is not None
        every = max(1, len(self.held_out) // self.looked_at)
        windows = range(0, len(self.held_out), every)
        # every process needs one at least: they wait for each other's mean
        chosen = windows[trainer.global_rank :: trainer.world_size] or windows[:1]
        return DataLoader(Subset(self.held_out, chosen), batch_size=self.settings.batch)
