"""The latent Dirichlet allocation prior of the paper: variance topics over fixed grids of means."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from seisflow.errors import ConfigError
from seisflow.priors.base import MixturePrior, check_topic, choose, gaussian_grid

LOG_SIGMA_RANGE = 2.0  # sigma stays within a factor e^2 of where it starts
PSEUDO_ITEMS = 1.0  # of the whole data, that each cluster gets besides its own
FIT_BLOCK = 16  # items whose posteriors (items, M, D) are held at a time
CONCENTRATION_RANGE = (0.1, 1e4)  # below, Dirichlet draws underflow; above, they no longer vary


class LDAPrior(MixturePrior):
    r"""Q topics, each with its own variances and its own weights of a fixed grid of M means.

    Item by item :math:`\pi \sim Dir(\alpha)`, :math:`q \sim \pi`, and element by element
    :math:`w_{qd} \sim Dir(\beta_{qd})`, :math:`m_d \sim w_{qd}`,
    :math:`z_d \sim \mathcal N(\mu_m, \sigma_{qd}^2)` (Fig. 4). The density is the expected one (Eq. 9),
    exact:

    .. math::
        p(z) = \sum_q \frac{\alpha_q}{\sum_{q'} \alpha_{q'}} \prod_d \sum_m
        \frac{\beta_{qdm}}{\sum_{m'} \beta_{qdm'}} \mathcal N(z_d \mid \mu_m, \sigma_{qd}^2)

    It depends on the *ratios* of alpha and of beta alone. Those are what is learned (as logits); the total
    concentrations :math:`\alpha_0 = \sum \alpha_q` and :math:`\beta_{0q} = \sum_m \beta_{qdm}` leave the
    likelihood unchanged, whatever the data. They are buffers, at first Q and M (Dirichlets that are flat
    when the ratios are equal), and training ends with :meth:`fit_concentration`, which sets them from
    responsibilities.

    Parameters
    ----------
    shape : tuple of int
        Latent shape (C, H, W).
    topics : int
        Number of variance topics Q.
    means : int
        Number of grid means M.
    spread : float
        Half-width of the grid.
    share : {"none", "position"}
        "none": sigma and beta for every element, as in the paper. "position": one set a channel, shared by
        all positions (H W times fewer parameters; for large latents or little data).

    References
    ----------
    Zhang & Ma, *Fractal Flow*, 2025, section 2.3. Blei, Ng & Jordan, *Latent Dirichlet Allocation*, 2003.

    Examples
    --------
    >>> prior = LDAPrior((1, 4, 4), topics=2, means=5)
    >>> z = prior.sample(3, topic=1)
    >>> prior.log_prob(z).shape, prior.responsibilities(z).shape
    (torch.Size([3]), torch.Size([3, 2]))
    """

    grid: Tensor
    log_sigma_start: Tensor
    topic_concentration: Tensor
    mean_concentration: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        topics: int = 4,
        means: int = 7,
        *,
        spread: float = 2.5,
        share: Literal["none", "position"] = "none",
    ) -> None:
        super().__init__(shape, topics)
        if share not in ("none", "position"):
            raise ConfigError(f"prior share {share!r}: not known. Expected 'none' or 'position'")
        self.means = means
        self.share = share
        channels = shape[0]
        positions = shape[1] * shape[2] if share == "none" else 1
        grid, weights, sigma = gaussian_grid(means, spread)
        self.register_buffer("grid", torch.tensor(grid, dtype=torch.get_default_dtype()))
        self.register_buffer("log_sigma_start", torch.tensor(math.log(sigma)))
        self.register_buffer("topic_concentration", torch.tensor(float(topics)))
        self.register_buffer("mean_concentration", torch.full((topics,), float(means)))
        # Equal topics would have equal gradients for ever. This much noise makes them differ by a nat or
        # so over all D elements: apart, but none ahead.
        noise = min(0.1, 1 / math.sqrt(self.size))
        logits = torch.tensor(weights, dtype=torch.get_default_dtype()).clamp_min(1e-6).log()
        start = logits[:, None, None] + noise * torch.randn(topics, means, channels, positions)
        self.mean_logits = nn.Parameter(start)
        self.log_sigma = nn.Parameter(noise * torch.randn(topics, channels, positions))

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """Grid ``(1, M, 1)``, logits of the expected weights ``(Q, M, D)``, log sigma ``(Q, D)``."""
        log_sigma = self.log_sigma_start + LOG_SIGMA_RANGE * torch.tanh(self.log_sigma / LOG_SIGMA_RANGE)
        return self.grid[None, :, None], self._spread_out(self.mean_logits), self._spread_out(log_sigma)

    @property
    def alpha(self) -> Tensor:
        """Dirichlet parameters of the topics, ``(Q,)``."""
        return self.topic_concentration * self.log_topic_weights.exp()

    @property
    def beta(self) -> Tensor:
        """Dirichlet parameters of the grid means, ``(Q, D, M)``."""
        weights = self._spread_out(self.mean_logits.softmax(1))
        return (self.mean_concentration[:, None, None] * weights).transpose(1, 2)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
        *,
        means: Tensor | None = None,
        collapsed: bool = False,
    ) -> Tensor:
        """Draw ``(n, C, H, W)`` as Fig. 4 has it: pi, then q; w, then m; then z.

        Parameters
        ----------
        n : int
            Number of items.
        temperature : float
            Multiplies every sigma; grid means are drawn as ever, so 0 leaves the bare means.
        topic : int, optional
            Variance topic of every item (0-based); by default each draws its own.
        generator : torch.Generator, optional
            On the prior's device; with the same state it gives the same samples.
        means : Tensor, optional
            Mean topic shared by all items: index of a grid mean for every element, int ``(C, H, W)``, for
            instance from :meth:`draw_means` (Fig. 8, bottom).
        collapsed : bool
            Draw q and m by their expected weights instead of by Dirichlet draws. As no pi or w is used
            twice, the samples follow the very same distribution (not the same values), several times
            faster: a Gamma variate for each of n D M weights is most of the cost.

        Raises
        ------
        ConfigError
            If there is no such topic, or ``means`` does not fit.
        """
        assignment = None
        if means is not None:
            if tuple(means.shape) != self.shape or not 0 <= int(means.min()) <= int(means.max()) < self.means:
                raise ConfigError(
                    f"means: shape {tuple(means.shape)}, values {int(means.min())} to {int(means.max())}. "
                    f"Expected grid indices 0 to {self.means - 1} of shape {self.shape}"
                )
            assignment = means.flatten().to(self.grid.device)
        return self._sample(n, temperature, topic, generator, assignment=assignment, collapsed=collapsed)

    @torch.no_grad()
    def draw_weights(self, topic: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw w of ``topic`` from its Dirichlets (Eq. 8): weights of the grid means, ``(C, H, W, M)``."""
        q = torch.tensor([check_topic(topic, self.topics)], device=self.grid.device)
        weights = self._draw_mean_weights(q, self.components()[1].softmax(1), generator)
        return weights[0].t().reshape(*self.shape, self.means)

    @torch.no_grad()
    def draw_means(self, topic: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw a mean topic: a grid index for every element, int64 ``(C, H, W)``, by w and m of ``topic``."""
        weights = self.draw_weights(topic, generator).view(self.size, self.means)
        return choose(weights, generator).view(self.shape)

    @torch.no_grad()
    def fit_concentration(self, z: Tensor) -> None:
        r"""Set the total concentrations from latents ``z`` ``(B, C, H, W)``, B > 1, by moments.

        The likelihood cannot tell them (one draw of q, or of m, is all that each pi and w is seen through),
        so posteriors stand in for the draws: topic responsibilities for pi, and those of the grid means for
        w. A Dirichlet with mean a and total :math:`a_0` has
        :math:`\sum_i Var_i = (1 - \sum_i a_i^2) / (a_0 + 1)`; :math:`\alpha_0`, and one :math:`\beta_0` a
        topic with sums pooled over elements, solve this, kept within 0.1 and 1e4. Crisp posteriors give
        small totals (each draw is nearly one topic, one mean), vague ones large totals.

        Nothing but how much Dirichlet draws vary changes: neither the density nor any single sample's
        distribution does.
        """
        flat = z.flatten(1)
        r = self.responsibilities(z)
        self.topic_concentration.copy_(_total((1 - r.mean(0).square().sum()), r.var(0, correction=0).sum()))
        grid, mean_logits, log_sigma = self.components()
        weight = r / r.sum(0).clamp_min(torch.finfo(r.dtype).tiny)
        for q in range(self.topics):
            mean, second = torch.zeros_like(mean_logits[q]), mean_logits.new_zeros(())
            for x, share in zip(flat.split(FIT_BLOCK), weight[:, q].split(FIT_BLOCK), strict=True):
                scaled = (x[:, None] - grid[0]) / log_sigma[q].exp()
                posterior = (mean_logits[q] - 0.5 * scaled.square()).softmax(1)  # (b, M, D)
                mean += torch.einsum("b,bmd->md", share, posterior)
                second += torch.einsum("b,bmd->", share, posterior.square())
            square = mean.square().sum()
            self.mean_concentration[q] = _total(self.size - square, second - square)

    def _features(self, z: Tensor, items: Tensor | None) -> Tensor:
        """Items; where positions share parameters, each channel's mean posterior of the grid."""
        if self.share == "none":
            return super()._features(z, items)
        blocks = [self._grid_posterior(x) for x in z.flatten(1).split(FIT_BLOCK)]
        return torch.cat([x.unflatten(2, (self.shape[0], -1)).mean(3) for x in blocks]).flatten(1)

    def _start_from(self, z: Tensor, r: Tensor, share: float) -> None:
        """Weights of the grid: the mean posterior of a topic's items, and of one of the whole data."""
        total = z.new_zeros(self.topics, self.means, self.size)
        for x, some in zip(z.split(FIT_BLOCK), r.split(FIT_BLOCK), strict=True):
            total += torch.einsum("bq,bmd->qmd", some, self._grid_posterior(x))
        weights = (total + PSEUDO_ITEMS * total.sum(0) / len(z)) / (r.sum(0) + PSEUDO_ITEMS)[:, None, None]
        weights = weights.unflatten(2, (self.shape[0], -1))
        if self.share == "position":
            weights = weights.mean(3, keepdim=True)
        weights = torch.lerp(self.mean_logits.softmax(1), weights, share)
        self.mean_logits.copy_((weights + 1e-6).log())
        self.log_sigma.mul_(1 - share)

    def _grid_posterior(self, z: Tensor) -> Tensor:
        """Posterior of the grid means ``(B, M, D)`` of latents ``(B, D)``, by the mean of all topics."""
        grid, logits, log_sigma = self.components()
        return (logits.mean(0) - 0.5 * ((z[:, None] - grid[0]) / log_sigma.mean(0).exp()).square()).softmax(1)

    def _spread_out(self, parameter: Tensor) -> Tensor:
        """``(..., C, positions)`` to ``(..., D)``."""
        _, height, width = self.shape
        return parameter.expand(*parameter.shape[:-1], height * width).flatten(-2)

    def _draw_topic_weights(self, n: int, generator: torch.Generator | None) -> Tensor:
        return _dirichlet(self.alpha.expand(n, -1), generator)

    def _draw_mean_weights(self, q: Tensor, weights: Tensor, generator: torch.Generator | None) -> Tensor:
        beta = self.mean_concentration[q, None, None] * weights[q]
        return _dirichlet(beta.transpose(1, 2), generator).transpose(1, 2)

    def extra_repr(self) -> str:
        """Settings in ``print(prior)``."""
        return f"shape={self.shape}, topics={self.topics}, means={self.means}, share={self.share}"


def _dirichlet(concentration: Tensor, generator: torch.Generator | None) -> Tensor:
    """Dirichlet draws along the last dim, in double: Gamma variates of small shape underflow in single."""
    return torch._sample_dirichlet(concentration.double().contiguous(), generator)


def _total(spread: Tensor, variance: Tensor) -> Tensor:
    """Solve ``variance = spread / (total + 1)`` for the total, within the usable range."""
    low, high = CONCENTRATION_RANGE
    return (spread / variance.clamp_min(torch.finfo(variance.dtype).tiny) - 1).clamp(low, high)
