import numpy as np
import pytest
import torch
from scipy import stats

from seisflow.priors import GaussianPrior


def test_log_prob_is_that_of_scipy():
    z = torch.randn(4, 2, 3, 5, dtype=torch.float64)
    expected = stats.norm.logpdf(z.numpy())
    prior = GaussianPrior((2, 3, 5))
    np.testing.assert_allclose(prior.log_prob_map(z).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(prior.log_prob(z).numpy(), expected.sum((1, 2, 3)), atol=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_temperature_is_the_standard_deviation_of_samples(temperature):
    z = GaussianPrior((1, 16, 16)).sample(200, temperature, generator=torch.Generator().manual_seed(0))
    assert float(z.std()) == pytest.approx(temperature, rel=0.02)


def test_has_nothing_to_learn():
    assert not list(GaussianPrior((1, 2, 2)).parameters())
    assert not GaussianPrior((1, 2, 2)).state_dict()
