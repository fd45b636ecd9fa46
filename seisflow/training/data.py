"""Patches for Lightning, in an order that depends on the seed and the step alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, Subset, default_collate

from seisflow.config import Config
from seisflow.io.workers import run_in_order
from seisflow.models import Model, ModelCard
from seisflow.patches import GridDataset, PatchDataset
from seisflow.patches.images import ImageDataset
from seisflow.training.plan import LeftOut
from seisflow.training.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INITIAL_PATCHES = 512
"""Training patches, at least, that a run offers to set whitening and scales from."""


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


class TrainingData(LightningDataModule, ABC):
    """Training and held-out patches of a run, and all that depends on whether they are sections or images.

    Attributes
    ----------
    record : Record
        Start of the run, from which the same patches can be made again.
    config : Config
    patches : PatchDataset or ImageDataset
        Training patches; that of number i depends on the seed and on i alone.
    held_out : GridDataset, ImageDataset or None
        None if nothing is held out. Both are there after `read`.
    left_out : sequence of LeftOut
        Files that are not trained on.
    scheduler : str or None
        Address of the Dask scheduler whose workers make the training batches.
    """

    looked_at: int
    """Held-out patches of each validation during training, evenly taken."""
    patches: PatchDataset | ImageDataset
    held_out: GridDataset | ImageDataset | None
    left_out: Sequence[LeftOut] = ()
    scheduler: str | None = None

    def __init__(self, record: Record, config: Config) -> None:
        super().__init__()
        self.record = record
        self.config = config

    @abstractmethod
    def read(self) -> None:
        """Read or count what there is, and make ``patches`` and ``held_out``.

        Raises
        ------
        DataError
            If there is nothing to train on, or files cannot be read.
        """

    @abstractmethod
    def overview(self) -> Iterator[str]:
        """Lines of at most 60 columns on what is learned and what is left out."""

    @abstractmethod
    def card(self) -> ModelCard:
        """Card of a model that has learned these data, without provenance and calibration."""

    @abstractmethod
    def evaluation_seconds(self, model: Model) -> tuple[float, float]:
        """Estimate the time that `evaluate` takes, and the least that it may take."""

    @abstractmethod
    def evaluate(
        self, model: Model, folder: Path, seconds: float | None = None, *, calibrate: bool = True
    ) -> None:
        """Measure a trained model on what is held out, or on training patches, and store it in its card.

        Parameters
        ----------
        model : Model
            With a card.
        folder : Path
            Run folder, for messages.
        seconds : float, optional
            Time it should take; where that is short, less is measured, and that is said.
        calibrate : bool
            Make the statistics by which a model of sections judges others.
        """

    @abstractmethod
    def measured_on(self, card: ModelCard) -> str:
        """Data that the likelihood in the card was measured on, in words."""

    @abstractmethod
    def gallery(self, model: Model) -> Figure:
        """Draw samples of a model beside training patches."""

    def first(self, count: int) -> Tensor:
        """Return the first training patches, (count, C, H, W)."""
        return torch.stack([self.patches[i]["x"] for i in range(count)])

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]] | RemoteBatches:
        trainer, training = self.trainer, self.config.training
        assert trainer is not None
        batches = Batches(
            training.steps,
            training.batch,
            start=trainer.global_step,
            rank=trainer.global_rank,
            ranks=trainer.world_size,
        )
        if self.scheduler is not None:
            return RemoteBatches(self.patches, batches, self.scheduler)
        workers = training.workers
        return DataLoader(
            self.patches, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0
        )

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]] | list[None]:
        if self.held_out is None:
            return []
        trainer = self.trainer
        assert trainer is not None
        every = max(1, len(self.held_out) // self.looked_at)
        windows = range(0, len(self.held_out), every)
        # every process needs one at least: they wait for each other's mean
        chosen = windows[trainer.global_rank :: trainer.world_size] or windows[:1]
        return DataLoader(Subset(self.held_out, chosen), batch_size=self.config.training.batch)
