"""The fractal recursion: a flow step, a cut into blocks, and the same flow again at half the size."""

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

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det_map, _ = self.trace(x)
        return z, log_det_map

    def trace(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """As `forward_elementwise`, with the state after each level, each in the shape of ``x``."""
        z, log_det_map = self.step.forward_elementwise(x)
        states = [z]
        if self.inner is not None:
            blocks, inner_share, inner_states = self.inner.trace(cut(z))
            z, log_det_map = join(blocks), log_det_map + join(inner_share.expand_as(blocks))
            states += [join(state) for state in inner_states]
        return z, log_det_map, states

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if self.inner is None:
            return self.step.inverse(z)
        blocks, block_log_det = self.inner.inverse(cut(z))
        x, log_det = self.step.inverse(join(blocks))
        return x, log_det + block_log_det.reshape(len(z), 4).sum(1)

    def initialise(self, x: Tensor) -> Tensor:
        z = self.step.initialise(x)
        return z if self.inner is None else join(self.inner.initialise(cut(z)))
