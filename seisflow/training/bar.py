"""Progress of a training: step, loss, held-out likelihood, speed, time left."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from seisflow import progress


class TrainingBar(Callback):
    """A bar on a terminal, lines elsewhere; of the first process only.

    Parameters
    ----------
    steps : int
        Steps in all.
    timer : Callback, optional
        Lightning's, whose limit may end training earlier.
    """

    def __init__(self, steps: int, timer: Any = None) -> None:
        self.steps = steps
        self.timer = timer
        self._stack = ExitStack()
        self._since = (0.0, 0)
        self._text = "first step"
        self._share = 0.0
        self._show: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self._since = (time.monotonic(), trainer.global_step)
        self._stack.enter_context(progress.telling())
        if progress.is_shown():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = BarColumn(bar_width=16), TextColumn("{task.description}")
            shown = self._stack.enter_context(
                Progress(*columns, console=Console(stderr=True), transient=True)
            )
            task = shown.add_task(self._text, total=1.0)
            self._show = lambda share: shown.update(task, completed=share, description=self._text)
        else:
            self._stack.enter_context(progress.lines(lambda: self._text))

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._update(trainer)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if trainer.is_global_zero:
            of = int(sum(trainer.num_val_batches))
            self._tell(f"step {trainer.global_step}/{self.steps}, validating: {batch_idx + 1} of {of}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._update(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stack.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stack.close()

    def _update(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        began, first = self._since
        speed = max(trainer.global_step - first, 1) / max(time.monotonic() - began, 1e-9)
        left = (self.steps - trainer.global_step) / speed
        done = trainer.global_step / self.steps
        remaining = None if self.timer is None else self.timer.time_remaining()
        if remaining is not None:
            left = min(left, max(remaining, 0.0))
            passed = self.timer.time_elapsed()
            done = max(done, passed / max(passed + max(remaining, 0.0), 1e-9))
        values = trainer.callback_metrics
        words = [f"step {trainer.global_step}/{self.steps}"]
        for key, name in (("train/nats_per_dim", "nats/dim"), ("held_out/nats_per_dim", "held out")):
            if key in values:
                words.append(f"{name} {float(values[key]):.3f}")
        # a narrow terminal cuts off what comes last
        words += [f"{progress.clock(left)} left", f"{speed:.2f} steps/s"]
        self._share = min(done, 1.0)
        self._tell(", ".join(words))

    def _tell(self, text: str) -> None:
        self._text = text
        if self._show is not None:
            self._show(self._share)
