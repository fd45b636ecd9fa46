"""Trace after trace: causal, exact, begun by least squares."""

import math

import numpy as np
import torch
from torch import nn

from seisflow.flows import (
    TraceAutoregressive,
)
from seisflow.flows.seismic import trace_autoregressive as traces

DOUBLE = torch.float64


def test_a_sample_depends_on_those_before_it_alone():
    flow = TraceAutoregressive((2, 3, 4), width=4, depth=2, components=2).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.4)
    x = torch.randn(1, 2, 3, 4, dtype=DOUBLE)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v)[0], x)[0, :, :, :, 0]
    # trace by trace, and down each of them: two samples at each of three positions
    ordered = jacobian.permute(2, 1, 0, 5, 4, 3).reshape(24, 24)
    assert not ordered.triu(1).any()
    assert (ordered.diagonal() > 0).all()
    assert (ordered[:, 0] != 0).sum() > 18


def test_traces_start_from_the_weighted_least_squares_that_numpy_finds():
    """Each sample weighted by one over the root mean square of those that are seen before it."""
    torch.manual_seed(0)
    x = torch.randn(8, 2, 12, 20, dtype=DOUBLE).cumsum(3)
    flow = TraceAutoregressive((2, 12, 20), width=4, depth=0, components=2).double()
    flow.initialise(x)
    along = flow.slopes(x.permute(0, 3, 2, 1).flatten(2))[0][:, :-1].reshape(8, 20, 12, 2).detach().numpy()
    along = np.pad(along.transpose(0, 3, 1, 2), ((0, 0), (0, 0), (0, 0), (1, 1)))
    padded = np.pad(x.numpy().transpose(0, 1, 3, 2), ((0, 0), (0, 0), (2, 0), (2, 2)))
    power = np.pad((x.numpy() ** 2).mean(1).transpose(0, 2, 1), ((0, 0), (12, 0), (2, 2)))
    weight = np.exp(-np.arange(12, -1, -1) / 4)[:, None] * np.ones(5)
    weight[-1, 2:] = 0
    known = np.pad(np.ones((20, 12)), ((12, 0), (2, 2)))
    before = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)
    rows, continued, wanted = [], [], []
    for j in range(20):
        for t in range(12):
            patch, there = padded[:, :, j : j + 3, t : t + 5], known[j : j + 13, t : t + 5]
            strength = (weight * power[:, j : j + 13, t : t + 5]).sum((1, 2)) + 0.01
            amplitude = np.minimum(np.sqrt(strength / ((weight * there).sum() + 0.01)), 30)[:, None]
            rows.append(np.where(before, patch, 0).reshape(8, -1) / amplitude)
            continued.append(along[:, :, j, t : t + 3].reshape(8, -1) / amplitude)
            wanted.append(x.numpy()[:, :, t, j] / amplitude)
    outside, own = np.concatenate(rows), np.concatenate(wanted)
    outside = outside[:, np.tile(before.ravel(), 2)]
    for c in range(2):
        design = np.hstack((outside, np.concatenate(continued), own[:, :c]))
        ridge = 1e-4 * (design**2).sum(0).mean()
        stacked = np.vstack((design, math.sqrt(ridge) * np.eye(design.shape[1])))
        expected, *_ = np.linalg.lstsq(stacked, np.append(own[:, c], np.zeros(design.shape[1])), rcond=None)
        found = flow.linear.weight[c][:, torch.as_tensor(before)].detach().numpy().ravel()
        np.testing.assert_allclose(found, expected[:24], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            flow.along[c].detach().numpy().ravel(), expected[24:30], rtol=1e-6, atol=1e-9
        )
        np.testing.assert_allclose(flow.within[c, :c].detach().numpy(), expected[30:], rtol=1e-6, atol=1e-9)


def test_training_puts_noise_into_a_part_of_contexts_and_keeps_their_power():
    torch.manual_seed(0)
    y = torch.randn(300, 4, 16, 32) * torch.linspace(0.2, 3, 32)
    noisy = traces._with_noise(y, 1 / 3)
    changed = (noisy != y).flatten(1).any(1)
    assert 0.25 < float(changed.float().mean()) < 0.42
    power, before = noisy[changed].square().mean((0, 1, 2)), y[changed].square().mean((0, 1, 2))
    torch.testing.assert_close(power, before, rtol=0.15, atol=0)
    torch.testing.assert_close(traces._with_noise(y[100:110], 1 / 3), noisy[100:110])


def test_traces_keep_their_exactness_where_amplitudes_are_far_off():
    flow = TraceAutoregressive((2, 4, 5), width=4, depth=1, components=3).double()
    x = 1e3 * torch.randn(2, 2, 4, 5, dtype=DOUBLE)
    z, log_det = flow(x)
    back, inverse_log_det = flow.inverse(z)
    torch.testing.assert_close(back, x, rtol=1e-9, atol=0)
    torch.testing.assert_close(inverse_log_det, -log_det, rtol=1e-9, atol=0)


def test_traces_that_are_recomputed_have_the_same_gradient_and_keep_less():
    flow = TraceAutoregressive((2, 8, 6), width=16, depth=3, components=2).double()
    torch.nn.init.normal_(flow.subnet.subnet.last.weight, std=0.1)
    x = torch.randn(3, 2, 8, 6, dtype=DOUBLE)
    found, kept = [], []
    for flow.recompute in (False, True):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: (sizes.append(tensor.nbytes), tensor)[1], lambda tensor: tensor
        ):
            z, log_det, _ = flow.forward_training(x)
        found.append(torch.autograd.grad(z.square().sum() - log_det.sum(), list(flow.parameters())))
        kept.append(sum(sizes))
    for stored, again in zip(*found, strict=True):
        torch.testing.assert_close(again, stored, rtol=1e-12, atol=1e-12)
    assert kept[1] < 0.7 * kept[0]
