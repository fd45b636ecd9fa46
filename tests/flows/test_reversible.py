"""Recomputing states instead of storing them changes the memory of training and nothing else."""

import pytest
import torch

from seisflow.config import FlowConfig
from seisflow.flows import Chain, Reversible, Squeezed
from seisflow.models import build_fractal_flow


def trained(*, recompute, couplings=3, width=8, shape=(1, 32, 16), autoregressive=0, mask="halves"):
    """Model with weights as after some training, the same for either way of going back."""
    torch.manual_seed(0)
    config = {"levels": 2, "couplings": couplings, "squeeze": (4, 2), "reversible": recompute, "mask": mask}
    config["bands"] = {"count": 4, "couplings": couplings, "autoregressive": {"width": autoregressive}}
    config["subnet"] = {"kind": "cnn", "width": width, "depth": 2}
    model = build_fractal_flow(shape, FlowConfig(**config))
    model.initialise(torch.randn(32, *shape))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


def gradient(model, x):
    """Of the loss with a mask and the L2 terms, as one vector; the loss."""
    mask = torch.ones(len(x), 1, *x.shape[2:], dtype=torch.bool)
    mask[:, :, :3] = False
    loss, _ = model.loss(x, mask, 0.1)
    loss.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), loss.detach()


@pytest.mark.parametrize("autoregressive", [0, 6])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_gradients_are_those_of_autograd(dtype, tolerance, autoregressive):
    x = torch.randn(4, 1, 32, 16, dtype=dtype)
    models = (trained(recompute=r, autoregressive=autoregressive).to(dtype) for r in (False, True))
    stored, recomputed = (gradient(model, x) for model in models)
    assert (recomputed[0] - stored[0]).norm() <= tolerance * stored[0].norm()
    torch.testing.assert_close(recomputed[1], stored[1])


def test_gradients_with_learned_masks_are_those_of_autograd():
    x = torch.randn(4, 1, 32, 16, dtype=torch.float64)
    models = (trained(recompute=r, mask="learned").double() for r in (False, True))
    stored, recomputed = (gradient(model, x) for model in models)
    assert (recomputed[0] - stored[0]).norm() <= 1e-10 * stored[0].norm()


def test_gradients_in_mixed_precision_are_as_near_as_its_rounding():
    x = torch.randn(4, 1, 32, 16)
    exact, _ = gradient(trained(recompute=False), x)
    errors = []
    for recompute in (False, True):
        model = trained(recompute=recompute)
        model.compute_in(torch.bfloat16)
        errors.append(float((gradient(model, x)[0] - exact).norm() / exact.norm()))
    assert errors[0] > 1e-4  # subnets did run in bfloat16
    assert errors[1] < 2 * errors[0]


def test_what_the_forward_pass_keeps_does_not_grow_with_the_number_of_couplings():
    def kept(couplings, recompute):
        model = trained(recompute=recompute, couplings=couplings)
        weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        total: dict[int, int] = {}

        def see(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                total[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(see, lambda tensor: tensor):
            model.log_prob(torch.randn(8, 1, 32, 16)).sum()
        return sum(total.values())

    assert kept(16, True) < 1.05 * kept(4, True)
    assert kept(16, False) > 3 * kept(4, False)


def test_a_model_saved_with_one_way_loads_with_the_other():
    stored, recomputed = (trained(recompute=r) for r in (False, True))
    recomputed.load_state_dict(stored.state_dict())
    chains = [module.inner for module in recomputed.modules() if isinstance(module, Squeezed)]
    assert chains
    assert all(type(chain) is Reversible for chain in chains)
    assert not any(type(m.inner) is not Chain for m in stored.modules() if isinstance(m, Squeezed))


@pytest.mark.parametrize("reversible", [False, True], ids=["stored", "recomputed"])
@pytest.mark.parametrize("autoregressive", [0, 6], ids=["couplings alone", "after the trace step"])
def test_the_gradient_with_respect_to_the_data_needs_no_trainable_parameter(reversible, autoregressive):
    model = trained(recompute=reversible, autoregressive=autoregressive).double()
    x = torch.randn(2, 1, 32, 16, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(model.log_prob(x).sum(), x)[0]
    model.requires_grad_(False)
    model.log_prob(x).sum().backward()
    torch.testing.assert_close(x.grad, expected, rtol=1e-9, atol=1e-9)
    step, direction = 1e-5, torch.randn_like(x)
    with torch.no_grad():
        ends = [model.log_prob(x + sign * step * direction).sum() for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step)
    torch.testing.assert_close((x.grad * direction).sum(), slope, rtol=1e-5, atol=0)


def test_frozen_parameters_get_no_gradient_and_the_others_theirs():
    x = torch.randn(2, 1, 32, 16)
    whole, half = (trained(recompute=True) for _ in range(2))
    gradient(whole, x)
    for n, parameter in enumerate(half.parameters()):
        parameter.requires_grad_(n % 2 == 0)
    mask = torch.ones(2, 1, 32, 16, dtype=torch.bool)
    mask[:, :, :3] = False
    half.loss(x, mask, 0.1)[0].backward()
    for n, (parameter, full) in enumerate(zip(half.parameters(), whole.parameters(), strict=True)):
        if n % 2:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, full.grad)
