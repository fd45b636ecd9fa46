"""The mask of a coupling is learned straight through, and stays when nobody chooses any more."""

import torch
from torch import nn

from seisflow.flows import AffineCoupling, LearnedMaskCoupling


def linear_coupling(channels=4, **options):
    torch.manual_seed(0)
    return LearnedMaskCoupling(nn.Conv2d(channels, 2 * channels, 1), channels, **options).double()


def test_it_starts_as_the_coupling_of_halves_with_the_same_network():
    x = torch.randn(5, 4, 3, 2, dtype=torch.float64)
    for swap in (False, True):
        learned = linear_coupling(swap=swap)
        fixed, moved = (slice(2, 4), slice(0, 2)) if swap else (slice(0, 2), slice(2, 4))
        rows = [*range(4)[moved], *range(4, 8)[moved]]
        subnet = nn.Conv2d(2, 4, 1).double()
        subnet.weight.data = learned.subnet.weight.data[rows][:, fixed]
        subnet.bias.data = learned.subnet.bias.data[rows]
        halves = AffineCoupling(subnet, 4, swap=swap)
        for one, other in zip(learned(x), halves(x), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_as_many_channels_condition_as_in_a_coupling_of_halves():
    assert int(linear_coupling(5).mask.sum()) == 3
    assert int(linear_coupling(5, swap=True).mask.sum()) == 3


def test_logits_have_the_gradient_of_a_soft_mask():
    flow, x = linear_coupling(), torch.randn(5, 4, 3, 2, dtype=torch.float64)
    z, log_det = flow(x)
    (z.square().sum() - log_det.sum()).backward()

    soft = flow.mask.double().requires_grad_()
    raw, shift = flow.subnet(soft * x).chunk(2, 1)
    log_scale = (1 - soft) * 2 * torch.tanh(raw / 2)
    loss = (x * log_scale.exp() + (1 - soft) * shift).square().sum() - log_scale.sum()
    (expected,) = torch.autograd.grad(loss, soft)
    sigma = torch.sigmoid(flow.logits.detach())
    torch.testing.assert_close(flow.logits.grad, expected.flatten() * sigma * (1 - sigma))


def test_the_mask_follows_the_logits_only_when_chosen_anew():
    flow, x = linear_coupling(), torch.randn(2, 4, 3, 2, dtype=torch.float64)
    before = flow(x)[0]
    flow.logits.data = -flow.logits.data
    assert torch.equal(flow(x)[0], before)
    flow.choose()
    assert flow.mask.flatten().tolist() == [False, False, True, True]
    assert not torch.equal(flow(x)[0], before)
