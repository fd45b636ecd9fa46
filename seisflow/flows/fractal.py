"""The fractal recursion: a flow step, a cut into blocks, and the same flow again at half the size."""

from typing import NamedTuple

from torch import Tensor

from seisflow.flows.base import Bijection


def cut(x: Tensor) -> Tensor:
    """Cut each item into quarters and fold them into the batch: (B, C, H, W) -> (4B, C, H/2, W/2)."""
    b, c, h, w = x.shape
    return x.reshape(b, c, 2, h // 2, 2, w // 2).permute(0, 2, 4, 1, 3, 5).reshape(4 * b, c, h // 2, w // 2)


def join(blocks: Tensor) -> Tensor:
    """Undo `cut`."""
    b, c, h, w = blocks.shape
    return blocks.reshape(b // 4, 2, 2, c, h, w).permute(0, 3, 1, 4, 2, 5).reshape(b // 4, c, 2 * h, 2 * w)


class Level(NamedTuple):
    """A level of the recursion, on the way from data to latent.

    Attributes
    ----------
    state : Tensor
        State after its step, (B, C, H, W).
    log_det_map : Tensor
        Elementwise log-determinant of the step, (B, C, H, W).
    auxiliary : Tensor or None
        Auxiliary loss of the step in training, (B,).
    """

    state: Tensor
    log_det_map: Tensor
    auxiliary: Tensor | None


def _joined(levels: list[Level]) -> list[Level]:
    """Levels of blocks as those of the items that were cut into them."""
    return [
        Level(
            join(level.state),
            join(level.log_det_map),
            None if level.auxiliary is None else level.auxiliary.unflatten(0, (-1, 4)).sum(1),
        )
        for level in levels
    ]


class FractalFlow(Bijection):
    r"""One flow step on the whole state, then a smaller flow of the same kind on each of its blocks.

    .. math::
        F_{H W} = \operatorname{join} \circ F_{H W / 4} \circ \operatorname{cut} \circ f_{H W}

    All blocks of a level share their parameters and pass through as one batch. From data to latent
    the recursion runs coarse to fine, in sampling back.

    Parameters
    ----------
    steps : list of Bijection
        One for each level, coarsest first; the n-th acts on blocks of size ``H / 2^n x W / 2^n``.

    References
    ----------
    Fractal Flow paper (arXiv 2508.19750), section 2.4; nearest relative: Kruse et al., *HINT:
    Hierarchical Invertible Neural Transport*, 2021.
    """

    def __init__(self, steps: list[Bijection]) -> None:
        super().__init__()
        self.step = steps[0]
        self.inner = FractalFlow(steps[1:]) if len(steps) > 1 else None

    @property
    def levels(self) -> int:
        """Number of levels."""
        return 1 if self.inner is None else 1 + self.inner.levels

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det_map = self.step.forward_elementwise(x)
        if self.inner is None:
            return z, log_det_map
        blocks, inner_log_det = self.inner.forward_elementwise(cut(z))
        return join(blocks), log_det_map + join(inner_log_det.expand_as(blocks))

    def trace(self, x: Tensor) -> list[Level]:
        """State after each level, coarsest first, with the log-determinant of its step."""
        z, log_det_map = self.step.forward_elementwise(x)
        levels = [Level(z, log_det_map.expand_as(z), None)]
        return levels if self.inner is None else levels + _joined(self.inner.trace(cut(z)))

    def trace_training(self, x: Tensor) -> list[Level]:
        """As `trace`, by `Bijection.forward_training` of each step."""
        z, log_det_map, auxiliary = self.step.forward_training(x)
        levels = [Level(z, log_det_map.expand_as(z), auxiliary)]
        return levels if self.inner is None else levels + _joined(self.inner.trace_training(cut(z)))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if self.inner is None:
            return self.step.inverse(z)
        blocks, block_log_det = self.inner.inverse(cut(z))
        x, log_det = self.step.inverse(join(blocks))
        return x, log_det + block_log_det.reshape(len(z), 4).sum(1)

    def initialise(self, x: Tensor) -> Tensor:
        z = self.step.initialise(x)
        return z if self.inner is None else join(self.inner.initialise(cut(z)))
