"""A network that sees, at each pixel, only those before it in reading order."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalConv(nn.Module):
    """Convolution of ``size`` columns that sees the rows above and what is to the left in its own row.

    Parameters
    ----------
    in_channels, out_channels : int
    size : int
        Odd; ``size // 2 + 1`` rows and ``size`` columns.
    sees_itself : bool
        Whether the position itself is seen.
    """

    mask: Tensor

    def __init__(self, in_channels: int, out_channels: int, size: int, *, sees_itself: bool) -> None:
        super().__init__()
        self.reach = size // 2
        like = nn.Conv2d(in_channels, out_channels, (self.reach + 1, size))
        self.weight, self.bias = like.weight, like.bias
        mask = torch.ones(self.reach + 1, size)
        mask[-1, self.reach + sees_itself :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, H, W)`` to ``(B, Cout, H, W)``."""
        padded = F.pad(x, (self.reach, self.reach, self.reach, 0))
        return F.conv2d(padded, self.weight * self.mask, self.bias)


class CausalCNN(nn.Module):
    r"""Residual convolutions over earlier pixels.

    .. math::
        h_0 = (1 + a_{ij}) \odot (A_0 \ast x) + b_{ij}, \qquad
        h_n = h_{n-1} + A_n \ast \operatorname{relu}(h_{n-1}), \qquad
        y_c = C_c \operatorname{relu}(h_N + W_c\, x_{<c})

    with a learned gain and offset for each position, for images (:math:`a = b = 0` without). The :math:`A_n`
    have three columns. Channels of the same pixel are seen through :math:`W_c`, in their order. The output
    starts at zero.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of the elements to be described.
    outputs : int
        Numbers for each of them.
    width, depth : int
        Channels, and the number of the :math:`A_n`.
    size : int
        Columns of :math:`A_0`.
    extra_channels : int
        Channels of the input after these C, which only :math:`A_0` sees.
    context_channels, context_reach : int
        Channels of a second input, the context, which depends on earlier elements alone. A convolution that
        sees the position itself, and ``context_reach`` columns to either side, adds to :math:`h_0`.
    positions : bool
        Whether positions have a gain and an offset.

    References
    ----------
    van den Oord et al., *Pixel Recurrent Neural Networks*, 2016, section 3.
    """

    within_mask: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        width: int,
        depth: int,
        size: int = 7,
        extra_channels: int = 0,
        context_channels: int = 0,
        context_reach: int = 0,
        positions: bool = True,
    ) -> None:
        super().__init__()
        channels, rows, columns = shape
        self.shape = shape
        self.first = CausalConv(channels + extra_channels, width, size, sees_itself=False)
        self.context = _context_conv(context_channels, width, context_reach) if context_channels else None
        self.register_load_state_dict_pre_hook(_rename_known)
        # channels last, as the states that they meet
        self.gain = nn.Parameter(torch.zeros(rows, columns, width)) if positions else None
        self.offset = nn.Parameter(torch.zeros(rows, columns, width)) if positions else None
        self.inner = nn.ModuleList(CausalConv(width, width, 3, sees_itself=True) for _ in range(depth))
        self.within = nn.Conv2d(channels, channels * width, 1, bias=False) if channels > 1 else None
        earlier = torch.ones(channels, channels).tril(-1).repeat_interleave(width, 0)[..., None, None]
        self.register_buffer("within_mask", earlier, persistent=False)
        self.last = nn.Conv2d(channels * width, channels * outputs, 1, groups=channels)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Map ``(B, C + extra, H, W)`` and the context ``(B, context, H, W)`` to ``(B, C outputs, H, W)``."""
        h = self.first(x.contiguous(memory_format=torch.channels_last))
        if self.context is not None and context is not None:
            h = h + self.context(context)
        if self.gain is not None and self.offset is not None:
            gain, offset = (part.to(h.dtype).movedim(2, 0) for part in (1 + self.gain, self.offset))
            h = torch.addcmul(offset, h, gain)
        for conv in self.inner:
            h = h + conv(F.relu(h))
        return self.outputs_of(h, x)

    def outputs_of(self, h: Tensor, x: Tensor | None = None) -> Tensor:
        """Outputs at positions with the hidden state ``h``; of ``x`` earlier channels are seen."""
        if self.within is not None and x is not None:
            within = F.conv2d(x[:, : self.shape[0]], self.within.weight * self.within_mask)
            h = h.repeat(1, self.shape[0], 1, 1) + within
        if self.within is None and h.shape[2:] == (1, 1):
            # of one position: a product of matrices costs a fraction of a convolution
            return F.linear(F.relu(h[..., 0, 0]), self.last.weight[..., 0, 0], self.last.bias)[
                ..., None, None
            ]
        return self.last(F.relu(h))


def _context_conv(channels: int, width: int, reach: int) -> nn.Conv2d:
    return nn.Conv2d(channels, width, (1, 2 * reach + 1), padding=(0, reach), bias=False)


def _rename_known(network: CausalCNN, state_dict: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Read weights of older versions, in which the convolution of the context was called known."""
    if f"{prefix}known.weight" in state_dict:
        state_dict[f"{prefix}context.weight"] = state_dict.pop(f"{prefix}known.weight")


class Walk:
    """Evaluate a `CausalCNN` pixel by pixel, in reading order, in the cost of about one evaluation.

    What rows above add to a convolution is known when a row begins, and added up for all of its pixels at
    once; each input is taken to those on its right as soon as it is seen.

    Parameters
    ----------
    network : CausalCNN
    items : int
        Size of the batch.
    """

    def __init__(self, network: CausalCNN, items: int) -> None:
        self.network = network
        self._convolutions = [
            RunningConvolution(conv.weight * conv.mask, conv.bias, network.shape[2], items)
            for conv in (network.first, *network.inner)
            if isinstance(conv, CausalConv)
        ]

    def hidden(self, i: int, j: int, context: Tensor | None = None) -> Tensor:
        """Hidden state at row i and column j, ``(B, width, 1, 1)``, by what `see` was told before.

        ``context`` is what the network's convolution made of the context there, ``(B, width)``.
        """
        if j == 0:
            for convolution in self._convolutions:
                convolution.begin_row()
        first, *inner = self._convolutions
        h, gain, offset = first.sums[j], self.network.gain, self.network.offset
        if context is not None:
            h = h + context
        if gain is not None and offset is not None:
            h = torch.addcmul(offset[i, j], h, 1 + gain[i, j])
        for convolution in inner:
            convolution.see(F.relu(h), j)
            h = h + convolution.sums[j]
        return h[..., None, None]

    def see(self, x: Tensor, j: int) -> None:
        """Take notice of the input ``(B, C + extra)`` at column j."""
        self._convolutions[0].see(x, j)


class RunningConvolution:
    """A causal convolution of an image that is told pixel by pixel, in reading order.

    Parameters
    ----------
    kernel : Tensor
        ``(out, in, rows, 2 reach + 1)``, zero at what is not seen.
    bias : Tensor or None
        ``(out,)``.
    columns, items : int
        Width of the image, and size of the batch.

    Attributes
    ----------
    sums : Tensor
        Outputs of this row ``(W + reach, B, out)``, of what was seen; those beyond its end nobody asks for.
    """

    sums: Tensor

    def __init__(self, kernel: Tensor, bias: Tensor | None, columns: int, items: int) -> None:
        self.columns, self.reach = columns, kernel.shape[3] // 2
        self.bias = kernel.new_zeros(len(kernel)) if bias is None else bias.to(kernel)
        taps = kernel.permute(2, 3, 1, 0)
        self.above = taps[:-1].contiguous()
        # from a position to those that see it in its own row, itself first
        self.right = taps[-1, : self.reach + 1].flip(0).contiguous()
        shape = (columns + 2 * self.reach, items, kernel.shape[1])
        self.rows = [kernel.new_zeros(shape) for _ in range(kernel.shape[2])]

    def begin_row(self) -> None:
        """Go to the next row: what those above add to its outputs is added up at once."""
        oldest, *rows = self.rows
        items, channels = oldest.shape[1:]
        self.sums = self.bias.repeat(self.columns + self.reach, items, 1)
        sums = self.sums[: self.columns].view(-1, len(self.bias))
        for row, kernel in zip(rows, self.above, strict=True):
            for column, weight in enumerate(kernel):
                sums.addmm_(row[column : column + self.columns].view(-1, channels), weight)
        self.rows = [*rows, oldest.zero_()]

    def see(self, x: Tensor, j: int) -> None:
        """Add what ``x``, ``(B, in)`` at column j, gives to the outputs there and on its right."""
        self.rows[-1][j + self.reach] = x
        self.sums[j : j + self.reach + 1].baddbmm_(x.expand(self.reach + 1, -1, -1), self.right)
