"""The model as Lightning sees it: one step, its optimiser, its learning rate."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import Timer
from torch import Tensor

from seisflow.config import TrainingConfig
from seisflow.errors import TrainingError
from seisflow.flows import LearnedMaskCoupling
from seisflow.models import Model

BAD_STEPS = 20
"""Non-finite steps in a row after which training gives up."""
FINAL_RATE = 0.02
"""Learning rate at the end, as a part of the highest."""

MASKS_UNTIL = 0.2
"""Part of the training after which learned masks stay as they are."""


class FlowModule(LightningModule):
    """Maximum likelihood for a model.

    Parameters
    ----------
    model : Model
        Already initialised from data.
    config : TrainingConfig
        Optimiser and its schedule.
    """

    bad_steps: Tensor

    def __init__(self, model: Model, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self.settings = config
        self.register_buffer("bad_steps", torch.zeros(2, dtype=torch.int64))  # in all, in a row

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.model.parameters(),
            lr=self.settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=self.settings.weight_decay,
        )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        progress = self._progress()
        if progress < MASKS_UNTIL:
            for part in self.model.modules():
                if isinstance(part, LearnedMaskCoupling):
                    part.choose()
        rate = self.settings.learning_rate * self._rate(progress)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss, nll = self.model.loss(batch["x"], batch["mask"], self.settings.l2, self.settings.transport)
        self.log("train/nats_per_dim", nll, prog_bar=True)
        self.log("train/bits_per_dim", nll / math.log(2), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss * self._weight(batch["mask"]) if self.trainer.world_size > 1 else loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        size = int(batch["mask"].sum()) * batch["x"].shape[1]
        nll = -self.model.log_prob(batch["x"], batch["mask"]).sum() / max(size, 1)
        self.log("held_out/nats_per_dim", nll, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("held_out/bits_per_dim", nll / math.log(2), batch_size=size, sync_dist=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Leave a step out whose gradient is not finite: clipping would spread it to every weight."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        finite = bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients)))
        self.bad_steps[1] = 0 if finite else self.bad_steps[1] + 1
        if finite:
            return
        self.bad_steps[0] += 1
        if self.bad_steps[1] >= BAD_STEPS:
            raise TrainingError(
                f"step {self.global_step}: {BAD_STEPS} steps in a row had a loss that is not finite. "
                f"Expected a finite one: lower training.learning_rate (now {self.settings.learning_rate:g}) "
                f"or flow.max_log_scale, or look at the amplitudes with `seisflow scan`"
            )
        optimizer.zero_grad(set_to_none=True)

    def _weight(self, mask: Tensor) -> Tensor:
        """Weight that makes the mean over processes one over all valid samples of the step."""
        valid = mask.sum().float()
        return valid / self.trainer.strategy.reduce(valid.clone(), reduce_op="mean").clamp_min(1)

    def _progress(self) -> float:
        """Part of the training that is done, by steps or by time, whichever ends sooner."""
        progress = self.global_step / self.settings.steps
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Timer) and callback._duration is not None:
                elapsed = callback.time_elapsed() / callback._duration
                # one clock for all processes: with rates of their own, their weights would part
                progress = max(progress, self.trainer.strategy.broadcast(elapsed))
        return min(progress, 1.0)

    def _rate(self, progress: float) -> float:
        """Learning rate as a part of the highest: linear warm-up, then a cosine over steps or time."""
        warm = min(1.0, (self.global_step + 1) / (self.settings.warmup + 1))
        return warm * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * progress)))
