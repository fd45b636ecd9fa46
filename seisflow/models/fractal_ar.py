"""FractalAR: a generator whose parts are generators of the same kind, each part given those before it."""

import math
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from seisflow.config import AutoregressiveConfig
from seisflow.errors import ConfigError
from seisflow.models.base import Model
from seisflow.models.bins import Bins
from seisflow.models.transformer import Stepper, Transformer

AT_ONCE_CPU, AT_ONCE_GPU = 1024, 16384
"""Blocks evaluated together: as many as a cache holds, or as attention kernels take."""

Size = tuple[int, int]
Choose = Callable[[Tensor], Tensor]
"""Draws values (B,) from logits (B, values)."""


class FractalGenerator(Model):
    r"""Base of FractalAR and FractalMAR: values of amplitudes, levels, and the density they make.

    Level i cuts its block into parts, all of one size, and turns them into one condition vector each. Parts
    are folded into the batch, and are the blocks of level i + 1. The last level takes the values of its block
    one after the other, under a softmax.

    Amplitudes are cut into 256 bins, and the density within a bin is `Bins`: of the log-density of a sample,
    :math:`\log P(k) - \log w`, the first part is learned.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of a patch.
    config : AutoregressiveConfig
        Sizes of parts, widths and depths.
    level : callable
        Makes a level that gives each part of its grid ``conditions`` vectors of its width.
    conditions : int

    Raises
    ------
    ConfigError
        If parts do not divide their blocks.

    References
    ----------
    Li, Sun, Fan & He, *Fractal Generative Models*, 2025 (arXiv 2502.17437).
    """

    is_bound: bool
    """Whether `log_prob` is a lower bound of the log-density, instead of exact."""

    config_name: str

    def __init__(
        self,
        shape: tuple[int, int, int],
        config: AutoregressiveConfig,
        level: Callable[..., nn.Module],
        conditions: int,
    ) -> None:
        super().__init__(shape)
        self.config = config
        self.dtype = torch.float32
        self.bins = Bins(config.values, config.limit, pixels=config.input == "pixels")
        channels, *block = shape
        widths, depths = config.widths(), config.depths()
        self.start = nn.Parameter(0.1 * torch.randn(widths[0]))
        self.levels = nn.ModuleList()
        outer = widths[0]
        for part, width, depth in zip(config.parts, widths, depths, strict=False):
            grid = _grid((block[0], block[1]), part, config)
            features = channels * math.prod(part)
            self.levels.append(level(grid, features, outer, width, depth, width // config.head))
            block, outer = list(part), conditions * width
        length, heads = channels * math.prod(block), widths[-1] // config.head
        self.values = Values(length, config.values, outer, widths[-1], depths[-1], heads)

    @abstractmethod
    def conditionals(self, k: Tensor) -> Tensor:
        """Log-probability of each value (B, C, H, W) given those generated before it."""

    @abstractmethod
    def draw(self, given: Tensor, choose: Choose, generator: torch.Generator | None, cached: bool) -> Tensor:
        """Draw the values of ``given`` (B, C, H, W) that are negative; the others are kept."""

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set the range of the values and, as the first guess of all of them, their frequencies."""
        self.bins.fit(x)
        counts = torch.bincount(self.bins.index(x).flatten(), minlength=self.bins.count) + 1
        self.values.head.bias.copy_((counts / counts.sum()).log())
        self.values.head.weight.zero_()

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, (B,); with a ``mask`` (B, 1, H, W), that of the unmasked samples' shares."""
        return self.log_prob_map(x, mask).flatten(1).sum(1)

    def log_prob_map(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density of each sample given those before it, (B, 1, H, W); sums to `log_prob`."""
        share = self._shares(x, self.conditionals)
        return (share if mask is None else share * mask).sum(1, keepdim=True)

    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0, transport: float = 0.0) -> tuple[Tensor, Tensor]:
        """Negative log-density in nats a valid sample, twice; without steps, the weights have no effect."""
        valid = mask.expand_as(x)
        nll = -(self._shares(x, self.conditionals) * valid).sum() / valid.sum().clamp_min(1)
        return nll, nll.detach()

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
        cached: bool = True,
    ) -> Tensor:
        """Draw n patches, (n, C, H, W).

        Parameters
        ----------
        temperature : float
            Divides the logits; 0 takes the most probable value of each sample.
        topic : None
            These models have none.
        cached : bool
            Keep keys and values between steps; False is slow and gives the same.
        """
        if topic is not None:
            raise ConfigError(f"topic {topic}: a {self.config_name} has none. Leave the topic out")
        x = torch.zeros(n, *self.shape, device=self.device, dtype=self.start.dtype)
        nothing = torch.zeros_like(x[:, :1], dtype=torch.bool)
        return self.fill(x, nothing, temperature=temperature, generator=generator, cached=cached)

    @torch.inference_mode()
    def fill(
        self,
        x: Tensor,
        known: Tensor,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        cached: bool = True,
    ) -> Tensor:
        """Draw what is missing of patches (B, C, H, W); where ``known`` (B, 1, H, W), x is kept as it is.

        A sample is drawn given what comes before it in the order of generation, known or drawn.
        """
        self._check(x)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=x.device, dtype=x.dtype)

        def choose(logits: Tensor) -> Tensor:
            if temperature == 0:
                return logits.argmax(-1)
            total = (logits.to(x.dtype) / temperature).softmax(-1).cumsum(-1)
            # scaled by the last sum, which rounding keeps from being 1
            return torch.searchsorted(total, uniform(len(total), 1) * total[:, -1:])[:, 0].clamp_max(
                self.bins.count - 1
            )

        given = torch.where(known, self.bins.index(x), -1)
        with self._precision():
            k = self.draw(given, choose, generator, cached)
        u = 0.5 + min(temperature, 1.0) * (uniform(*x.shape) - 0.5)
        return torch.where(known, x, self.bins.place(k, u))

    def compute_in(self, dtype: torch.dtype) -> None:
        """Let the transformers compute in float32 or bfloat16; log-probabilities stay float32."""
        self.dtype = dtype

    def _shares(self, x: Tensor, conditionals: Callable[[Tensor], Tensor]) -> Tensor:
        """Log-density of each value, (B, C, H, W)."""
        self._check(x)
        k = self.bins.index(x)
        with self._precision():
            log_probability = conditionals(k)
        return log_probability + self.bins.log_density(x, k)

    def _some(self, count: int) -> list[slice]:
        """Blocks to evaluate together, of so many."""
        size = AT_ONCE_CPU if self.device.type == "cpu" else AT_ONCE_GPU
        return [slice(first, first + size) for first in range(0, count, size)]

    def _precision(self) -> AbstractContextManager[object]:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def _check(self, x: Tensor) -> None:
        if x.shape[1:] != self.shape:
            raise ConfigError(
                f"patch of shape {tuple(x.shape[1:])}: the model takes {self.shape} (channel, time, trace)"
            )


class FractalAR(FractalGenerator):
    r"""Parts in raster order, each given those before it, at every level: an exact likelihood.

    .. math:: \log P(k) = \sum_j \log P(k_j \mid k_{<j})

    with j over all values, in the order of the recursion: down to the last level before the next part.
    """

    is_bound = False
    config_name = "fractal-ar"

    def __init__(self, shape: tuple[int, int, int], config: AutoregressiveConfig) -> None:
        super().__init__(shape, config, CausalParts, conditions=1)

    def conditionals(self, k: Tensor) -> Tensor:
        return self._conditionals(k, self.start.expand(len(k), -1), 0)

    def _conditionals(self, k: Tensor, condition: Tensor, i: int) -> Tensor:
        if i == len(self.levels):
            return self.values.conditionals(k, condition)
        parts = cut(k, self.config.parts[i])
        conditions = self.levels[i](self.bins.normalised(parts).flatten(2), condition)
        blocks, given = parts.flatten(0, 1), conditions.flatten(0, 1)
        inner = [self._conditionals(blocks[some], given[some], i + 1) for some in self._some(len(blocks))]
        return paste(torch.cat(inner).view(parts.shape), k.shape)

    def draw(self, given: Tensor, choose: Choose, generator: torch.Generator | None, cached: bool) -> Tensor:
        return self._draw(given, self.start.expand(len(given), -1), choose, cached, 0)

    def _draw(self, given: Tensor, condition: Tensor, choose: Choose, cached: bool, i: int) -> Tensor:
        if bool((given >= 0).all()):
            return given
        if i == len(self.levels):
            return self.values.draw(given, condition, choose, cached)
        level = self.levels[i]
        assert isinstance(level, CausalParts)
        step = Stepper(level.transformer, cached=cached)
        token, drawn = level.condition(condition), []
        for part in cut(given, self.config.parts[i]).unbind(1):
            drawn.append(self._draw(part, step(token), choose, cached, i + 1))
            token = level.embed(self.bins.normalised(drawn[-1]).flatten(1))
        return paste(torch.stack(drawn, 1), given.shape)


class CausalParts(nn.Module):
    """A level of FractalAR: from a condition and parts to the condition of each part."""

    def __init__(self, grid: Size, features: int, outer: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.condition = nn.Linear(outer, width)
        self.embed = nn.Linear(features, width)
        self.transformer = Transformer(math.prod(grid), width, depth, heads, causal=True)

    def forward(self, parts: Tensor, condition: Tensor) -> Tensor:
        """Map (B, T, features) and (B, outer) to (B, T, width); the last part conditions none."""
        first = self.condition(condition)[:, None]
        return self.transformer(torch.cat([first, self.embed(parts[:, :-1])], 1))


class Values(nn.Module):
    """The last level: values of a block in raster order, channels within pixels, under a softmax."""

    def __init__(self, length: int, values: int, outer: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.condition = nn.Linear(outer, width)
        self.embed = nn.Embedding(values, width)
        self.transformer = Transformer(length, width, depth, heads, causal=True)
        self.head = nn.Linear(width, values)
        with torch.no_grad():
            self.embed.weight.copy_(_waves(values, width))

    def conditionals(self, k: Tensor, condition: Tensor) -> Tensor:
        """Log-probability of each value (B, C, h, w) given those before it and the condition (B, outer)."""
        order = k.movedim(1, -1)
        sequence = order.flatten(1)
        tokens = torch.cat([self.condition(condition)[:, None], self.embed(sequence[:, :-1])], 1)
        logits = self.head(self.transformer(tokens)).to(condition.dtype)
        return -_cross_entropy(logits, sequence).view(order.shape).movedim(-1, 1)

    def draw(self, given: Tensor, condition: Tensor, choose: Choose, cached: bool) -> Tensor:
        """Draw the values of ``given`` (B, C, h, w) that are negative."""
        order = given.movedim(1, -1)
        step = Stepper(self.transformer, cached=cached)
        token, drawn = self.condition(condition), []
        for known in order.flatten(1).unbind(1):
            value = choose(self.head(step(token)))
            drawn.append(torch.where(known >= 0, known, value))
            token = self.embed(drawn[-1])
        return torch.stack(drawn, 1).view(order.shape).movedim(-1, 1)


def cut(k: Tensor, size: Size) -> Tensor:
    """Cut (B, C, H, W) into parts (B, T, C, h, w), row by row."""
    parts = k.unflatten(3, (-1, size[1])).unflatten(2, (-1, size[0]))
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def paste(parts: Tensor, shape: torch.Size) -> Tensor:
    """Undo `cut`: parts (B, T, C, h, w) to (B, C, H, W) of ``shape``."""
    rows, columns = shape[2] // parts.shape[3], shape[3] // parts.shape[4]
    return parts.unflatten(1, (rows, columns)).permute(0, 3, 1, 4, 2, 5).reshape(shape)


def _grid(block: Size, part: Size, config: AutoregressiveConfig) -> Size:
    if block[0] % part[0] or block[1] % part[1]:
        fits = [math.gcd(block[0], part[0]), math.gcd(block[1], part[1])]
        raise ConfigError(
            f"autoregressive.parts = {[list(size) for size in config.parts]}: {part[0]} x {part[1]} does not "
            f"divide a block of {block[0]} x {block[1]}. Pass parts that do, here {fits}, or another patch"
        )
    return block[0] // part[0], block[1] // part[1]


def _cross_entropy(logits: Tensor, k: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits.flatten(0, 1), k.flatten(), reduction="none").view(k.shape)


def _waves(values: int, width: int) -> Tensor:
    """Embedding (values, width) to start from, alike for values that are near: waves of many lengths."""
    frequency = torch.logspace(math.log10(0.5 / values), math.log10(0.25), -(-width // 2))
    phase = 2 * math.pi * torch.arange(values)[:, None] * frequency
    return torch.cat([phase.sin(), phase.cos()], 1)[:, :width]
