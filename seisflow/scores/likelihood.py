"""Scores that are the log-density, or a term of it."""

import torch

from seisflow.scores.base import Feature, Score, channel

NLL = Feature("nll", channel(0))

typicality = Score(
    "typicality", lambda seen: seen.nll, (NLL,), "single", two_sided=True, title="two-sided typicality"
)
"""Deviation of the negative log-density from held-out data, either way.

A flow gives simple inputs (dim, wiped out) a higher density than ordinary ones, so both ends are anomalies.

References
----------
Nalisnick et al., *Detecting out-of-distribution inputs to deep generative models using typicality*, 2019.
"""

nll = Score(
    "nll",
    lambda seen: seen.nll,
    (NLL,),
    "single",
    two_sided=False,
    title="negative log-density against held-out data",
)
"""Only what is less probable than held-out data.

References
----------
Bishop, *Novelty detection and neural network validation*, 1994.
"""

latent = Score(
    "latent",
    lambda seen: torch.cat([seen.total, -seen.prior], 1),
    (Feature("latent", channel(1)),),
    "single",
    two_sided=True,
    title="two-sided density of the latent",
)
"""Density of the latent alone: the log-determinant, which rewards simple inputs, is left out.

References
----------
Kirichenko, Izmailov & Wilson, *Why normalizing flows fail to detect out-of-distribution data*, 2020.
"""
