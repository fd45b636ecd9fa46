"""Densities of the latent space: where a flow ends, and where sampling starts.

A prior of latent shape (C, H, W) offers ``log_prob(z) -> (B,)``, ``log_prob_map(z)`` that sums to it,
``responsibilities(z) -> (B, Q)`` (each takes a bool ``mask`` too) and
``sample(n, temperature, topic, generator) -> (n, C, H, W)``.
"""

from seisflow.priors.gaussian import GaussianPrior
from seisflow.priors.kat import KATPrior
from seisflow.priors.lda import LDAPrior

__all__ = ["GaussianPrior", "KATPrior", "LDAPrior"]
