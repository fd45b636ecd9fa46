"""Bijections one after another."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from seisflow.flows.base import Bijection


def add_losses(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Sum of auxiliary losses, of which either may be none."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


class Chain(Bijection):
    r"""Composition of bijections that keep the number of elements in place.

    .. math:: z = f_n \circ \dots \circ f_1 (x), \qquad \log|\det J| = \sum_i \log|\det J_i|

    Parameters
    ----------
    bijections : iterable of Bijection
        In the order from data to latent. All must send a state to one of the same shape, so that
        the elementwise log-determinants add up.
    """

    def __init__(self, bijections: Iterable[Bijection]) -> None:
        super().__init__()
        self.bijections: Sequence[Bijection] = nn.ModuleList(bijections)  # type: ignore[assignment]

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(1, 1, 1, 1)
        for bijection in self.bijections:
            x, log_det_map = bijection.forward_elementwise(x)
            total = total + log_det_map
        return x, total

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        total, auxiliary = x.new_zeros(1, 1, 1, 1), None
        for bijection in self.bijections:
            x, log_det_map, loss = bijection.forward_training(x)
            total = total + log_det_map
            auxiliary = add_losses(auxiliary, loss)
        return x, total, auxiliary

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        log_det = z.new_zeros(len(z))
        for bijection in reversed(self.bijections):
            z, part = bijection.inverse(z)
            log_det = log_det + part
        return z, log_det

    def initialise(self, x: Tensor) -> Tensor:
        for bijection in self.bijections:
            x = bijection.initialise(x)
        return x

    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """As `Bijection.backprop`, from the last bijection to the first; each state lives for one of them."""
        found: list[tuple[Tensor | None, ...]] = []
        for bijection in reversed(self.bijections):
            z, grad_z, grads = bijection.backprop(z, grad_z, grad_log_det)
            found.append(grads)
        return z, grad_z, tuple(grad for grads in reversed(found) for grad in grads)
