"""The preset for seismic patches keeps its exactness in float32, and beside bfloat16."""

import pytest
import torch

from seisflow.config import load_config
from seisflow.models import build_model


def band_limited(n, height, width):
    """Patches like seismic: little but noise beyond a tenth of the wavenumbers."""
    spectrum = torch.fft.rfft2(torch.randn(n, 1, height, width, generator=torch.Generator().manual_seed(0)))
    k = torch.fft.fftfreq(height)[:, None].abs() + torch.fft.rfftfreq(width)
    x = torch.fft.irfft2(spectrum * torch.exp(-((k / 0.1) ** 2)), s=(height, width))
    return x / x.std() + torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) / 32


@pytest.fixture(scope="module")
def seismic_small():
    """Return the preset, initialised and moved as training would, and patches for it."""
    torch.manual_seed(0)
    model, x = build_model(load_config("seismic-small")).eval(), band_limited(24, 256, 64)
    model.initialise(x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return model, x[:2]


@pytest.mark.parametrize(
    ("dtype", "limit", "typical", "relative"),
    [(torch.float32, 1e-4, 1e-5, 1e-6), (torch.bfloat16, 5e-2, 4e-3, 5e-4)],
    ids=["float32", "bfloat16 subnets"],
)
def test_a_seismic_patch_comes_back(seismic_small, dtype, limit, typical, relative):
    """With bfloat16 subnets an error of 1e-6 in the stream may round to another input, and so to 1e-3.

    The worst of 32,768 samples depends on the weights' seed: 0.006 to 0.016 over ten, 0.0015 to 0.0024 in
    the root mean square; the log-determinants differ by 3e-5 to 1.4e-4.
    """
    model, x = seismic_small
    model.compute_in(dtype)
    with torch.inference_mode():
        z, log_det = model.encode(x)
        back, back_log_det = model.decode(z)
    assert z.dtype == log_det.dtype == back.dtype == torch.float32
    assert float((back - x).abs().max()) < limit
    assert float((back - x).square().mean().sqrt()) < typical
    torch.testing.assert_close(back_log_det, -log_det, rtol=relative, atol=0)


def test_bfloat16_subnets_leave_stream_and_log_prob_in_float32(seismic_small):
    model, x = seismic_small
    seen = []
    hooks = [m.register_forward_hook(lambda m, a, out: seen.append(out.dtype)) for m in model.modules()
             if type(m).__name__ == "Conv2d"]  # fmt: skip
    values = {}
    for dtype in (torch.float32, torch.bfloat16):
        model.compute_in(dtype)
        with torch.inference_mode():
            values[dtype] = model.log_prob(x)
            assert {state.dtype for state in model.steps(x)} == {torch.float32}
    for hook in hooks:
        hook.remove()
    assert set(seen) == {torch.float32, torch.bfloat16}
    assert values[torch.bfloat16].dtype == torch.float32
    torch.testing.assert_close(values[torch.bfloat16], values[torch.float32], rtol=0.02, atol=0)


def test_map_of_a_seismic_patch_sums_to_log_prob_in_float32(seismic_small):
    model, x = seismic_small
    model.compute_in(torch.float32)
    with torch.inference_mode():
        torch.testing.assert_close(
            model.log_prob_map(x).double().sum((1, 2, 3)), model.log_prob(x).double(), rtol=1e-5, atol=0
        )
