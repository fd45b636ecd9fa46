"""Mixed precision that ends where a subnet ends."""

from typing import Any

import torch
from torch import Tensor, nn


class MixedPrecision(nn.Module):
    """Run a subnet in ``dtype`` and give its output back in the precision of the stream.

    Scales and shifts enter an exact sum over ten thousands of samples; only what computes them may be
    coarse (a bfloat16 stream loses the round trip: 0.12 against 1.7e-6).

    Attributes
    ----------
    dtype : torch.dtype
        float32 leaves the subnet alone; bfloat16 runs it under autocast.
    """

    def __init__(self, subnet: nn.Module) -> None:
        super().__init__()
        self.subnet = subnet
        self.dtype = torch.float32

    def forward(self, x: Tensor, *more: Any) -> Tensor:
        if self.dtype == torch.float32:
            return self.subnet(x, *more)
        with torch.autocast(x.device.type, dtype=self.dtype):
            return self.subnet(x, *more).to(x.dtype)


def has_bf16(kind: str) -> bool:
    """Whether the hardware of a kind of device, such as cpu or cuda, multiplies bfloat16 natively."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and torch.cpu._is_avx512_bf16_supported()
