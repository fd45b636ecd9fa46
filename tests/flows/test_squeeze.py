"""Space to channels and back."""

import pytest
import torch

from seisflow.flows.squeeze import squeeze, unsqueeze


@pytest.mark.parametrize(("shape", "factor"), [((1, 8, 4), (2, 2)), ((3, 6, 4), (3, 1)), ((2, 4, 4), (4, 4))])
def test_squeeze_gathers_neighbourhoods_and_back(shape, factor):
    x = torch.randn(2, *shape)
    z = squeeze(x, factor)
    fh, fw = factor
    assert z.shape == (2, shape[0] * fh * fw, shape[1] // fh, shape[2] // fw)
    assert sorted(z[0, :, 0, 0].tolist()) == sorted(x[0, :, :fh, :fw].flatten().tolist())
    assert torch.equal(unsqueeze(z, factor), x)
