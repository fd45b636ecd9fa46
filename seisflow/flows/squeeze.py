"""Space to channels and back."""

from torch import Tensor

from seisflow.flows.base import Bijection


def squeeze(x: Tensor, factor: tuple[int, int]) -> Tensor:
    """Move each ``fh x fw`` neighbourhood into channels: (B, C, H, W) -> (B, C fh fw, H/fh, W/fw)."""
    b, c, h, w = x.shape
    fh, fw = factor
    return (
        x.reshape(b, c, h // fh, fh, w // fw, fw)
        .permute(0, 1, 3, 5, 2, 4)
        .reshape(b, c * fh * fw, h // fh, w // fw)
    )


def unsqueeze(z: Tensor, factor: tuple[int, int]) -> Tensor:
    """Undo `squeeze`."""
    b, c, h, w = z.shape
    fh, fw = factor
    return (
        z.reshape(b, c // (fh * fw), fh, fw, h, w)
        .permute(0, 1, 4, 2, 5, 3)
        .reshape(b, c // (fh * fw), h * fh, w * fw)
    )


class Squeezed(Bijection):
    """Let a bijection act on the state squeezed by ``factor``, and give the state back in its own shape.

    Each position of the squeezed state holds a whole ``fh x fw`` neighbourhood in its channels, which is
    what makes a channel-wise coupling of a one-channel section possible.

    Parameters
    ----------
    inner : Bijection
        Acts on ``(B, C fh fw, H/fh, W/fw)``.
    factor : (int, int)
        (fh, fw), in samples and traces.

    References
    ----------
    Dinh et al., *Density estimation using Real NVP*, 2017, section 3.6.
    """

    def __init__(self, inner: Bijection, factor: tuple[int, int]) -> None:
        super().__init__()
        self.inner = inner
        self.factor = factor

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det_map = self.inner.forward_elementwise(squeeze(x, self.factor))
        return unsqueeze(z, self.factor), unsqueeze(log_det_map.expand_as(z), self.factor)

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        z, log_det_map, auxiliary = self.inner.forward_training(squeeze(x, self.factor))
        return unsqueeze(z, self.factor), unsqueeze(log_det_map.expand_as(z), self.factor), auxiliary

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = self.inner.inverse(squeeze(z, self.factor))
        return unsqueeze(x, self.factor), log_det

    def initialise(self, x: Tensor) -> Tensor:
        return unsqueeze(self.inner.initialise(squeeze(x, self.factor)), self.factor)
