"""Callbacks of training: averaged weights, checkpoints, clean interruption."""

import logging
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from seisflow.io.atomic import replaced_file

log = logging.getLogger("seisflow")


class Averaging(WeightAveraging):
    """Exponential moving average of the weights, faster at first so that a short run averages too.

    .. math:: d_n = \\min(d, (n + 1) / (n + 10))
    """

    def __init__(self, decay: float) -> None:
        def average(mean: Tensor, value: Tensor, n: Tensor | int) -> Tensor:
            if not mean.is_floating_point():
                return value
            return mean.lerp(value, 1 - min(decay, (int(n) + 1) / (int(n) + 10)))

        super().__init__(avg_fn=average)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the model, also where a resumed run had no step left to train."""
        self._copy_average_to_current(pl_module)


class SafeStop(Callback):
    """End at the next whole step on Ctrl-C or SIGTERM; a second Ctrl-C ends at once.

    Attributes
    ----------
    received : signal.Signals or None
        What asked this process to stop.
    stopped : bool
        Whether training ended before its last step because some process was asked to.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.stopped = False
        self._previous: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._previous[signum] = signal.signal(signum, self._note)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        # a signal reaches the processes of a data-parallel training at different steps, or just one of them
        asked = trainer.strategy.reduce_boolean_decision(self.received is not None, all=False)
        if asked and trainer.global_step < trainer.max_steps:
            trainer.should_stop = self.stopped = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(signum)
        log.info("%s: stopping after this step (again to stop at once)", self.received.name)

    def _restore(self) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous.clear()


class NoLastLook(Callback):
    """Leaves out the validation that Lightning makes when training is stopped before its last step.

    It would take long after a time limit, or Ctrl-C; calibration looks at all that is held out. Must come
    after what may stop training.
    """

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.should_stop:
            trainer.limit_val_batches = 0


class Checkpoint(Callback):
    """Keep the state of the run in one file, replaced every ``every`` steps and when training ends.

    Must come after `Averaging`, so that the weights and their average are of the same step.
    """

    def __init__(self, path: Path, every: int) -> None:
        self.path = path
        self.every = every

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        last = trainer.should_stop or trainer.global_step == trainer.max_steps
        if last or trainer.global_step % self.every == 0:
            trainer.save_checkpoint(self.path)


class WholeFiles(TorchCheckpointIO):
    """Checkpoints written beside their place and renamed: a kill or a full disk leaves the one before.

    Lightning's own writes to the folder for temporary files, then copies where that is another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Replace the file ``path``, in one step, when the new one is on the disk."""
        with replaced_file(Path(path)) as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:  # as torch tells of a file that takes no more
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from error
                raise
