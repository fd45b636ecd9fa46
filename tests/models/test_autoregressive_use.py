"""Fractal autoregressive models in use: saved, trained, scored, configured."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import seisflow
from seisflow.calibration.by_depth import Calibration
from seisflow.config import AutoregressiveConfig, load_config, parse_config
from seisflow.errors import ConfigError
from seisflow.models import FractalAR, ModelCard, build_model, load_model, save_model
from seisflow.patches import Block, Panel, Split, prepare
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import Source
from seisflow.scoring.windows import score_panel
from seisflow.training import train

TINY = {"width": 8, "depth": 1, "head": 4, "values": 3}


def make(kind: type = FractalAR, shape=(1, 8, 8), parts=((4, 4), (2, 2)), seed=0, **changes: Any):
    """Tiny model whose parameters are all away from where they start."""
    torch.manual_seed(seed)
    config = AutoregressiveConfig.model_validate(TINY | {"parts": parts, "limit": 2.0} | changes)
    model = kind(shape, config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def data(n, shape=(1, 8, 8), seed=1):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["fractal-ar", "fractal-mar"])
def test_a_loaded_model_is_the_saved_one(name, tmp_path):
    group = TINY | {"parts": [(4, 4), (2, 2)], "values": 16}
    config = parse_config({"model": name, "data": {"patch": (8, 8)}, "autoregressive": group}, "tiny")
    torch.manual_seed(0)
    model, x = build_model(config).eval(), data(2).float()
    model.initialise(0.5 * x)
    assert bool(model.bins.low != -5)
    model.card = ModelCard(
        config=config,
        scaling=AmplitudeScaling(std=2.0),
        calibration=Calibration(
            smoothing=(8, 4), depth=[0.0], quantiles=[[0.0, 1.0, 2.0, 3.0, 4.0]], maxima=[1.0], held_out=True
        ),
    )
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert type(loaded) is type(model)
    with torch.no_grad():
        assert torch.equal(loaded.log_prob(x), model.log_prob(x))
    assert torch.equal(*(m.sample(2, generator=seeded()) for m in (model, loaded)))


def test_the_score_of_windows_that_do_not_overlap_sums_to_their_log_prob():
    model, scaling = make().float(), AmplitudeScaling(std=3.0)
    panel = Panel(3 * data(1, (16, 8))[0].float().numpy(), np.random.default_rng(0).random((16, 8)) > 0.2)
    nll = score_panel(panel, model, scaling, stride=(8, 8), seed=5)
    x = prepare(panel.amplitude, panel.mask, scaling, np.random.default_rng(5)).reshape(2, 1, 8, 8)
    with torch.no_grad():
        log_prob = model.log_prob(torch.from_numpy(x), torch.from_numpy(panel.mask.reshape(2, 1, 8, 8)))
    assert np.nansum(nll) == pytest.approx(-float(log_prob.sum()), rel=1e-5)
    assert np.array_equal(np.isfinite(nll), panel.mask)


@pytest.mark.parametrize("name", ["fractal-ar", "fractal-mar"])
def test_it_trains_scores_and_generates_by_the_ordinary_ways(name, cube_file, tmp_path):
    changes = {
        "data.patch": [32, 32],
        "autoregressive.parts": [[8, 8], [4, 4]],
        "autoregressive.width": 16,
        "autoregressive.depth": 1,
        "training.steps": 6,
        "training.validate_every": 6,
    }
    if name == "fractal-mar":
        changes["autoregressive.rounds"] = 3
    config = load_config(name, [f"{key}={value}" for key, value in changes.items()])
    parts = Split(
        train=[Block(ranges={"crossline": (36, 76)})], validation=[Block(ranges={"crossline": (78, 112)})]
    )
    run = train([Source(path=str(cube_file))], config, tmp_path / "run", device="cpu", splits=[parts])
    assert run.bad_steps == 0
    model = seisflow.load_model(tmp_path / "run")
    assert model.card.provenance["held_out_nats_per_dim"] < 2
    result = seisflow.score(seisflow.open_section(cube_file), model)
    assert bool(np.isfinite(result["anomaly"].values[result["mask"].values]).all())
    made = seisflow.generate(model, 3)
    assert made["amplitude"].shape == (3, 32, 32)
    assert 10 < float(made["amplitude"].std()) < 1000


REFUSED = {
    "parts that do not fit": (
        {"data.patch": [20, 64]},
        r"16 x 16 does not divide .* 20 x 64.*here \[4, 16\]",
    ),
    "finer parts that do not fit": ({"autoregressive.parts": [[16, 16], [5, 4]]}, r"5 x 4 does not divide"),
    "a width too many": ({"autoregressive.width": [64] * 4}, r"one for each of 3 levels"),
    "a negative depth": ({"autoregressive.depth": -1}, r"one number, or one for each of 3 levels"),
    "a width of half a head": ({"autoregressive.width": 24}, r"multiples of head = 16"),
    "an unknown key": ({"autoregressive.widths": 24}, r"there is no such key"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_configuration_is_refused_in_one_line(changes, message):
    with pytest.raises(ConfigError, match=message) as refused:
        build_model(load_config("fractal-ar", [f"{key}={value}" for key, value in changes.items()]))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("preset", ["seismic", "seismic-small"])
@pytest.mark.parametrize("name", ["fractal-ar", "fractal-mar"])
def test_setting_the_model_alone_is_enough(preset, name):
    model = build_model(load_config(preset, [f"model={name}"]))
    assert model.shape == (1, 256, 64)
    assert [level.transformer.positions.shape[0] - model.is_bound for level in model.levels] == [64, 16]
    assert model.values.transformer.positions.shape[0] == 16


PUBLISHED = {  # Table 1 of the paper and its likelihood table, for 64 x 64 x 3
    "full length": ([], [1024], [32], 29845),
    "two levels": ([(1, 1)], [1024, 128], [32, 3], 5516),
    "three levels": ([(4, 4), (1, 1)], [1024, 512, 128], [32, 8, 3], 438),
}


@pytest.mark.parametrize(("parts", "width", "depth", "gflops"), PUBLISHED.values(), ids=PUBLISHED)
def test_operations_are_those_published(parts, width, depth, gflops):
    config = AutoregressiveConfig(parts=parts, width=width, depth=depth, head=64, input="pixels")
    with torch.device("meta"), torch.no_grad():
        model = FractalAR((3, 64, 64), config)
        model.requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            model.log_prob_map(torch.empty(1, 3, 64, 64))
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflops, rel=0.03)
