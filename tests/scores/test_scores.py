"""Every score is made of exact parts of the log-density, and finds what it is for."""

import copy
import pickle

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import seisflow
from seisflow.calibration.by_depth import JointCalibration
from seisflow.errors import ModelError
from seisflow.models import load_model, save_model
from seisflow.scores import SCORES, ForwardPass, default_score, scores_of
from seisflow.scores.base import Part
from seisflow.scores.joins import LARGEST, joined, tempered
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.section import score, score_panels

FLOW_SCORES = [name for name in SCORES if name not in ("typicality", "nll")]


@pytest.fixture(scope="module")
def model(tiny_run):
    return load_model(tiny_run)


@pytest.fixture(scope="module")
def cube(cube_file):
    return seisflow.open_section(cube_file).load()


@pytest.fixture
def seen(model):
    x = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(x, dtype=torch.bool)
    mask[1, :, :9] = False
    with torch.inference_mode():
        yield ForwardPass(model, x, mask)


def test_the_parts_of_the_levels_sum_to_the_negative_log_density(seen):
    assert seen.parts.shape[1] == seen.model.levels + 2
    torch.testing.assert_close(seen.total, seen.nll, rtol=1e-4, atol=1e-4)


def test_the_first_part_is_that_of_a_gaussian_random_field(seen):
    flow = seen.model
    spectrum = flow.input.rows @ seen.x @ flow.input.columns.T
    variance = (-2 * flow.input.log_scale).exp()
    expected = -torch.distributions.Normal(0, variance.sqrt()).log_prob(spectrum).flatten(1).sum(1)
    torch.testing.assert_close(seen.parts[::2, 0].sum((1, 2)), expected[::2], rtol=1e-4, atol=1e-2)


def test_the_evidence_of_topics_is_that_of_the_prior(seen):
    prior = seen.model.prior
    torch.testing.assert_close(
        seen.topics, prior.responsibilities(seen.z, seen.mask.expand_as(seen.z)), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        (prior.log_topic_weights + seen.evidence.flatten(2).sum(2)).logsumexp(1),
        prior.log_prob(seen.z, seen.mask.expand_as(seen.z)),
        rtol=1e-4,
        atol=1e-2,
    )


@pytest.mark.parametrize("name", SCORES)
def test_every_score_takes_the_log_density_along_and_is_calibrated(seen, model, name):
    chosen = scores_of(model)[name]
    maps = chosen.maps(seen)
    torch.testing.assert_close(maps[:, :1] * seen.mask, seen.nll, rtol=1e-4, atol=1e-4)
    calibrated = CalibratedScore(model, name)
    assert calibrated.calibration.maxima
    assert calibrated.calibration.tail is not None
    if isinstance(calibrated.calibration, JointCalibration):
        assert len(calibrated.calibration.features) == len(chosen.features)


@pytest.mark.parametrize("name", FLOW_SCORES)
def test_a_section_can_be_judged_by_every_score(cube, model, name):
    result = score(cube.isel(inline=[0]), model, score=name)
    known = result["mask"].values
    np.testing.assert_array_equal(np.isfinite(result["anomaly"]), known)
    assert result.attrs["score"] == name
    assert result["anomaly"].attrs["threshold"] > 0
    plain = score(cube.isel(inline=[0]), model)
    np.testing.assert_allclose(result["nll"].values[known], plain["nll"].values[known], atol=2e-3)


def test_combined_sees_a_bright_and_a_wiped_out_zone(cube, model):
    result = score(cube, model, score="combined")["anomaly"]
    elsewhere = result[:, 64:]  # where its widest windows do not see the bright zone
    assert float(result[:, 23:29, 44:52].min()) > 1.5 * float(elsewhere.max())
    dim = cube.copy(deep=True)
    dim["amplitude"][:, 80:100, 50:80] *= 0.02
    again = score(dim, model, score="combined")["anomaly"]
    before, after = (one[:, 87:93, 62:68] for one in (result, again))
    assert float(after.min()) > 1.25 * float(before.max())


def test_a_calibrated_score_travels_to_a_worker(cube, model):
    again = pickle.loads(pickle.dumps(CalibratedScore(model, "combined")))
    first, second = (
        next(score_panels(cube.isel(inline=[0]), calibrated.model, score="combined")).anomaly
        for calibrated in (CalibratedScore(model, "combined"), again)
    )
    np.testing.assert_array_equal(first, second)


def test_calibrations_are_saved_with_the_model(model, tmp_path):
    save_model(model, tmp_path / "copy")
    assert load_model(tmp_path / "copy").card.calibrations == model.card.calibrations


def test_a_model_of_an_older_version_says_how_to_add_what_it_lacks(cube, model, tiny_run):
    old = load_model(tiny_run)
    old.card = model.card.model_copy(update={"calibrations": {}})
    score(cube.isel(inline=[0]), old)
    with pytest.raises(ModelError, match=r"no calibration for the score levels.*train --resume"):
        score(cube, old, score="levels")
    with pytest.raises(ModelError, match="score colour: the model does not offer it"):
        score(cube, old, score="colour")


def test_a_calibration_of_other_features_is_refused(model):
    old = load_model_with(model, features=model.card.calibrations["combined"].features[:-1])
    with pytest.raises(ModelError, match=r"no calibration for the score combined as it is now.*--resume"):
        CalibratedScore(old, "combined")


def load_model_with(model, features):
    stale = model.card.calibrations["combined"].model_copy(update={"features": features})
    other = copy.copy(model)
    other.card = model.card.model_copy(
        update={"calibrations": {**model.card.calibrations, "combined": stale}}
    )
    return other


def test_a_tempered_square_goes_on_smoothly_and_rises():
    a = np.linspace(-60, 60, 481, dtype=np.float32)
    square = tempered(a, 1.5)
    near = np.abs(a) <= 1.5
    np.testing.assert_allclose(square[near], a[near] ** 2, rtol=1e-6)
    assert (np.diff(square[(a >= 0) & (a <= LARGEST)]) > 0).all()
    slope = np.diff(square) / np.diff(a)
    assert np.abs(np.diff(slope)).max() < 0.51  # as 2 a inside, so no corner where it bends
    assert square[a == 40] == pytest.approx(1.5**2 * (1 + 2 * np.log(40 / 1.5)), rel=1e-5)
    np.testing.assert_array_equal(tempered(a), np.clip(a, -LARGEST, LARGEST) ** 2)


def test_a_part_counts_from_where_it_is_rare(model):
    surprise, before = (
        np.array([0.0, 1.0, 3.0, 3.0, 3.0], np.float32),
        np.array([5, 5, 5, 0.5, 0], np.float32),
    )
    part = Part(scores_of(model)["combined"], weight=2.0, beyond=1.0)
    np.testing.assert_allclose(part.of(surprise, before), [0, 0, 4, 4, 4])
    gated = Part(scores_of(model)["combined"], weight=2.0, beyond=1.0, gate=3.0)
    np.testing.assert_allclose(gated.of(surprise, before), [0, 0, 4, 0.5, 0])
    limited = Part(scores_of(model)["combined"], weight=2.0, beyond=1.0, most=1.5, tail=0.2)
    np.testing.assert_allclose(limited.of(surprise, before), [0, 0, 3.1, 3.1, 3.1], rtol=1e-6)


def test_a_calibration_by_other_numbers_is_refused(model):
    for name in ("combined", "joint"):
        stale = model.card.calibrations[name].model_copy(update={"recipe": ""})
        other = copy.copy(model)
        other.card = model.card.model_copy(update={"calibrations": {**model.card.calibrations, name: stale}})
        with pytest.raises(ModelError, match=f"no calibration for the score {name} as it is now"):
            CalibratedScore(other, name)
    assert default_score(other) == "typicality"


def test_joining():
    deviations = np.array([[[1.0, -3.0]], [[-2.0, 2.0]]], np.float32)
    np.testing.assert_array_equal(joined(deviations, "single"), [[1, -3]])
    np.testing.assert_array_equal(joined(deviations, "largest"), [[-2, -3]])
    np.testing.assert_array_equal(joined(deviations, "highest"), [[1, 2]])
    np.testing.assert_allclose(joined(deviations, "rms"), np.sqrt([[2.5, 6.5]]), rtol=1e-6)
    weighted = joined(iter(deviations), "rms", weights=[1, 2])
    np.testing.assert_allclose(weighted, np.sqrt([[(1 + 2 * 4) / 3, (9 + 2 * 4) / 3]]), rtol=1e-6)
    with pytest.raises(ValueError, match="shorter"):
        joined(deviations, "rms", weights=[1])
    np.testing.assert_allclose(
        joined(deviations, "density", precision=[[1, 0], [0, 1]]), joined(deviations, "rms"), rtol=1e-6
    )
    correlated = joined(deviations, "density", precision=np.linalg.inv([[1, 0.9], [0.9, 1]]).tolist())
    assert (correlated > joined(deviations, "rms")).all()  # against the usual sign of each other


def test_the_command_line_offers_the_scores_there_are():
    from seisflow.cli.score import command

    offered = next(param.type.choices for param in command.params if param.name == "score")
    assert tuple(offered) == SCORES
    assert CliRunner().invoke(command, ["--score", "colour"]).exit_code == 2
