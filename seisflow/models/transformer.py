"""The transformer that every level of a fractal generator is."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of the positions so far, each (B, heads, t, width / heads)."""


class Block(nn.Module):
    """Attention, then a multilayer perceptron, each added to the stream (pre-norm).

    Parameters
    ----------
    width, heads : int
        Channels and attention heads.
    branches : int
        What is added to the stream in the whole transformer; each starts as small as keeps the sum's size.
    """

    def __init__(self, width: int, heads: int, branches: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        with torch.no_grad():
            self.join.weight /= branches**0.5
            self.contract.weight /= branches**0.5

    def forward(self, x: Tensor, causal: bool, past: KeysValues | None = None) -> tuple[Tensor, KeysValues]:
        """Return the stream (B, t, width), and the keys and values of ``past`` and of it."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        # with a past there is one new position, and it may look at all
        y = scaled_dot_product_attention(q, k, v, is_causal=causal and past is None)
        x = x + self.join(y.transpose(1, 2).flatten(2))
        x = x + self.contract(gelu(self.expand(self.norm2(x))))
        return x, (k, v)


class Transformer(nn.Module):
    """Map sequences (B, t, width) to ones of the same shape.

    Parameters
    ----------
    length : int
        Longest sequence: number of learned positions.
    width, depth, heads : int
        Channels, blocks, attention heads of a block.
    causal : bool
        Whether a position sees only itself and those before it.
    """

    def __init__(self, length: int, width: int, depth: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.positions = nn.Parameter(0.1 * torch.randn(length, width))
        self.blocks = nn.ModuleList(Block(width, heads, 2 * depth) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x, _ = block(x, self.causal)
        return self.norm(x)


class Stepper:
    """A causal transformer one position at a time, as sampling needs it.

    Parameters
    ----------
    transformer : Transformer
    cached : bool
        Keep the keys and values of earlier positions. Else all are computed anew at every step: the same
        result, slowly.
    """

    def __init__(self, transformer: Transformer, *, cached: bool) -> None:
        self.transformer = transformer
        self.cached = cached
        self.past: list[KeysValues | None] = [None] * len(transformer.blocks)
        self.tokens: list[Tensor] = []

    def __call__(self, token: Tensor) -> Tensor:
        """Output (B, width) of the next position, whose input is ``token`` (B, width)."""
        self.tokens.append(token)
        if not self.cached:
            return self.transformer(torch.stack(self.tokens, 1))[:, -1]
        x = (token + self.transformer.positions[len(self.tokens) - 1])[:, None]
        for i, block in enumerate(self.transformer.blocks):
            x, self.past[i] = block(x, causal=True, past=self.past[i])
        return self.transformer.norm(x)[:, 0]
