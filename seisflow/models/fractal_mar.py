"""FractalMAR: the same recursion with masked parts, in any order, instead of the next part."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seisflow.config import AutoregressiveConfig
from seisflow.models.fractal_ar import Choose, FractalGenerator, Size, cut, paste
from seisflow.models.transformer import Transformer

RATE_MEAN, RATE_STD = 1.0, 0.25
"""Mean and standard deviation of the part masked in training: a normal distribution cut to [0, 1]."""
ORDER_SEED = 0
"""Seed of the order in which `FractalMAR.log_prob` takes the parts: one for all patches, every time."""


class FractalMAR(FractalGenerator):
    r"""Parts of a block in random order, some in each round, given all of the rounds before.

    `log_prob` and `log_prob_map` are a **bound**, not the log-density: with orders :math:`\sigma` drawn at
    random for each level,

    .. math:: \log P(k) = \log E_\sigma P(k \mid \sigma) \ge E_\sigma \log P(k \mid \sigma)

    and what they give is the right side, estimated by one order that is always the same, for as many rounds
    as sampling takes. The parts of one round do not see each other, so more rounds give a closer bound.
    """

    is_bound = True
    config_name = "fractal-mar"

    batches: Tensor

    def __init__(self, shape: tuple[int, int, int], config: AutoregressiveConfig) -> None:
        super().__init__(shape, config, MaskedParts, conditions=5)
        self.register_buffer("batches", torch.tensor(0))  # trained on; masks of a resumed run follow from it

    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0, transport: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mean negative log-density of samples that random masks hide, in nats, twice."""
        generator = torch.Generator().manual_seed(int(self.batches))
        self.batches += 1
        reached = []

        def hidden_conditionals(k: Tensor) -> Tensor:
            values, was_hidden = self._train(k, self.start.expand(len(k), -1), 0, generator)
            reached.append(was_hidden)
            return values

        share = self._shares(x, hidden_conditionals)
        valid = mask & reached[0]
        nll = -(share * valid).sum() / valid.sum().clamp_min(1)
        return nll, nll.detach()

    def _train(
        self, k: Tensor, condition: Tensor, i: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the values that are hidden at every level, 0 elsewhere; which these are."""
        if i == len(self.levels):
            return self.values.conditionals(k, condition), torch.ones_like(k, dtype=torch.bool)
        parts = cut(k, self.config.parts[i])
        hidden = _random_mask(parts.shape[0], parts.shape[1], generator).to(k.device)
        conditions = self.levels[i](self.bins.normalised(parts).flatten(2), condition, hidden)
        inner, reached = self._train(parts[hidden], conditions[hidden], i + 1, generator)
        values = inner.new_zeros(parts.shape).index_put(hidden.nonzero(as_tuple=True), inner)
        chosen = torch.zeros_like(parts, dtype=torch.bool)
        chosen[hidden] = reached
        return paste(values, k.shape), paste(chosen, k.shape)

    def conditionals(self, k: Tensor) -> Tensor:
        """Log-probability of each value given the rounds before; their sum is the bound."""
        generator = torch.Generator().manual_seed(ORDER_SEED)
        return self._conditionals(k, self.start.expand(len(k), -1), 0, generator)

    def _conditionals(self, k: Tensor, condition: Tensor, i: int, generator: torch.Generator) -> Tensor:
        if i == len(self.levels):
            return self.values.conditionals(k, condition)
        parts = cut(k, self.config.parts[i])
        seen = self.bins.normalised(parts).flatten(2)
        out = torch.zeros(parts.shape, dtype=condition.dtype, device=k.device)
        hidden = torch.ones(parts.shape[:2], dtype=torch.bool, device=k.device)
        order = _orders(1, hidden.shape[1], generator).to(k.device)
        for shown in rounds(hidden, order, self.config.rounds):
            conditions = self.levels[i](seen, condition, hidden)
            index = shown.nonzero(as_tuple=True)
            inner = self._conditionals(parts[index], conditions[index], i + 1, generator)
            out = out.index_put(index, inner.to(out.dtype))
            hidden = hidden & ~shown
        return paste(out, k.shape)

    def draw(self, given: Tensor, choose: Choose, generator: torch.Generator | None, cached: bool) -> Tensor:
        return self._draw(given, self.start.expand(len(given), -1), choose, generator, cached, 0)

    def _draw(
        self,
        given: Tensor,
        condition: Tensor,
        choose: Choose,
        generator: torch.Generator | None,
        cached: bool,
        i: int,
    ) -> Tensor:
        if i == len(self.levels):
            return self.values.draw(given, condition, choose, cached)
        parts = cut(given, self.config.parts[i])
        hidden = (parts < 0).flatten(2).any(2)
        order = _orders(hidden.shape[0], hidden.shape[1], generator).to(given.device)
        for shown in rounds(hidden, order, self.config.rounds):
            conditions = self.levels[i](self.bins.normalised(parts).flatten(2), condition, hidden)
            parts[shown] = self._draw(parts[shown], conditions[shown], choose, generator, cached, i + 1)
            hidden = hidden & ~shown
        return paste(parts, given.shape)


class MaskedParts(nn.Module):
    """A level of FractalMAR: from a condition and the parts that are not hidden to conditions of all.

    A part gets its own vector and those of its neighbours above, right, below and left; zeros at the border.
    """

    def __init__(self, grid: Size, features: int, outer: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.grid = grid
        self.condition = nn.Linear(outer, width)
        self.embed = nn.Linear(features, width)
        self.hidden = nn.Parameter(0.1 * torch.randn(width))
        self.transformer = Transformer(1 + math.prod(grid), width, depth, heads, causal=False)

    def forward(self, parts: Tensor, condition: Tensor, hidden: Tensor) -> Tensor:
        """Map (B, T, features), (B, outer) and (B, T) to (B, T, 5 x width)."""
        tokens = torch.where(hidden[:, :, None], self.hidden, self.embed(parts))
        out = self.transformer(torch.cat([self.condition(condition)[:, None], tokens], 1))[:, 1:]
        around = nn.functional.pad(out.unflatten(1, self.grid), (0, 0, 1, 1, 1, 1))
        middle, left, right = around[:, 1:-1, 1:-1], around[:, 1:-1, :-2], around[:, 1:-1, 2:]
        top, bottom = around[:, :-2, 1:-1], around[:, 2:, 1:-1]
        return torch.cat([middle, top, right, bottom, left], -1).flatten(1, 2)


def rounds(hidden: Tensor, order: Tensor, count: int) -> Iterator[Tensor]:
    r"""Hidden parts (B, T) that each round unmasks, by a cosine schedule and at least one a round.

    After round s of S there remain :math:`\lfloor n \cos(\pi s / 2 S) \rfloor` of n parts. Those that come
    first in ``order``, permutations (B, T) or (1, T), are unmasked first; with as many rounds as parts, each
    has a round of its own.
    """
    order = order.expand_as(hidden)
    # the how manieth hidden part of its item each is
    rank = torch.empty_like(order).scatter(1, order, hidden.gather(1, order).cumsum(1) - 1)
    total = hidden.sum(1, keepdim=True)
    remaining = total
    for s in range(1, count + 1):
        scheduled = (total * math.cos(math.pi / 2 * s / count)).floor().long()
        after = torch.minimum(remaining - 1, scheduled).clamp_min(0) if s < count else 0 * total
        now = hidden & (rank >= total - remaining) & (rank < total - after)
        if not bool(now.any()):
            return
        yield now
        remaining = after


def _orders(items: int, parts: int, generator: torch.Generator | None) -> Tensor:
    device = None if generator is None else generator.device
    return torch.rand(items, parts, generator=generator, device=device).argsort(1)


def _random_mask(items: int, parts: int, generator: torch.Generator) -> Tensor:
    """Hide a random number of the parts of each item, (B, T): at least one."""
    rate = nn.init.trunc_normal_(torch.empty(items, 1), RATE_MEAN, RATE_STD, 0.0, 1.0, generator=generator)
    rank = _orders(items, parts, generator).argsort(1)
    return rank < (parts * rate).round().clamp_min(1)
