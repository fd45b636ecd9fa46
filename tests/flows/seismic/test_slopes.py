"""Slopes continue plane waves, and trust noise less."""

import pytest
import torch
import torch.nn.functional as F

from seisflow.flows.seismic.slopes import Slopes

DOUBLE = torch.float64


def plane_wave(slope, noise=0.0):
    """24 traces of 96 samples whose signal comes ``slope`` samples later on each."""
    torch.manual_seed(0)
    signal = F.conv1d(torch.randn(1, 1, 400, dtype=DOUBLE), torch.hann_window(9, dtype=DOUBLE)[None, None])[
        0, 0
    ]
    traces = torch.stack([signal[150 - slope * i :][:96] for i in range(24)])[None] / signal.std()
    return traces + noise * torch.randn(traces.shape, dtype=DOUBLE)


@pytest.mark.parametrize("slope", [-5, 0, 3])
def test_slopes_continue_a_plane_wave(slope):
    u = plane_wave(slope)
    predicted, misfit = Slopes(8, 8).double()(u)
    assert predicted.shape == (1, 25, 96)
    assert misfit.shape == (1, 25, 12)
    inside = slice(24, 72)  # further out, what comes was not on the trace before
    error = (predicted[:, 2:-1] - u[:, 2:])[..., inside]
    assert float(error.square().mean().detach()) < 0.1
    assert float(misfit[:, 2:, 3:9].mean().detach()) < 0.1
    assert not predicted[:, 0].any()
    assert (misfit[:, :2] == 1).all()


def test_slopes_trust_noise_less():
    clean, noisy, nothing = (
        float(Slopes(8, 8).double()(u)[1][:, 2:, 3:9].mean().detach())
        for u in (plane_wave(2), plane_wave(2, 0.5), plane_wave(2, 50.0))
    )
    assert clean < 0.1 < noisy < 0.5 < nothing < 1.5


def test_slopes_of_a_trace_need_the_four_before_it():
    u = torch.randn(2, 9, 32, dtype=DOUBLE)
    slopes = Slopes(8, 4).double()
    for whole, part in zip(slopes(u), slopes(u[:, -4:]), strict=True):
        torch.testing.assert_close(part[:, -1], whole[:, -1])
    assert not torch.equal(slopes(u)[0][:, -1], slopes(u[:, -3:])[0][:, -1])
