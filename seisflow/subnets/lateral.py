"""A network that sees, at each trace, only that one and those before it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LateralCNN(nn.Module):
    r"""Residual convolutions over a trace, its neighbours in time and the traces before it.

    .. math::
        h_0 = A \ast x, \qquad h_{n+1} = h_n + A_n \ast \operatorname{relu}(h_n), \qquad
        y = C \ast \operatorname{relu}(h_N)

    A sees five traces, the :math:`A_n` three, each up to and with the one it stands at; C sees one. All see
    three positions in time. The output starts at zero.

    Parameters
    ----------
    in_channels, out_channels : int
    width, depth : int
        Channels, and the number of the :math:`A_n`.
    """

    def __init__(self, in_channels: int, out_channels: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, (3, 5), padding=(1, 0))
        self.inner = nn.ModuleList(nn.Conv2d(width, width, 3, padding=(1, 0)) for _ in range(depth))
        self.last = nn.Conv2d(width, out_channels, (3, 1), padding=(1, 0))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, past: list[Tensor] | None = None) -> Tensor:
        """``(B, Cin, H, W)`` to ``(B, Cout, H, W)``.

        Parameters
        ----------
        x : Tensor
            All traces of a state, or the next ones of it.
        past : list of Tensor, optional
            What a call with the traces before has left; an empty list where there are none. Left
            as the next call needs it: traces one by one cost as much as all at once.
        """
        past = [] if past is None else past
        h = self._convolve(0, self.first, x, past)
        for n, conv in enumerate(self.inner, start=1):
            h = h + self._convolve(n, conv, F.relu(h), past)
        return self.last(F.relu(h))

    def _convolve(self, n: int, conv: nn.Module, x: Tensor, past: list[Tensor]) -> Tensor:
        assert isinstance(conv, nn.Conv2d)
        reach = conv.kernel_size[1] - 1
        if n == len(past):
            past.append(x.new_zeros(*x.shape[:3], reach))
        seen = torch.cat((past[n], x), 3)
        past[n] = seen[..., -reach:]
        return conv(seen)
