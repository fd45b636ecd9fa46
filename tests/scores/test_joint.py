"""Breaks as plane-wave destruction leaves them, and the p-values that the default score joins."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import expon

import seisflow
from seisflow.calibration.extremes import SAMPLE_P, shares_exceed, surprise
from seisflow.errors import ModelError
from seisflow.models import load_model
from seisflow.scores import default_score, scores_of
from seisflow.scores.joins import joined
from seisflow.scores.plane_waves import BREAKS, dip, plane_wave_residual
from seisflow.scores.spectrum import SMOOTH, second_difference_power, with_spectrum
from seisflow.scoring.calibrated import CalibratedScore


def layers(slope, fault=None, throw=4.0, noise=0.05):
    """Plane layers (160, 90) of some dip in samples a trace, cut by a fault at a trace."""
    rng = np.random.default_rng(0)
    t, x = np.mgrid[:160, :90].astype(float)
    trace = gaussian_filter(rng.normal(size=900), 2.0)
    place = t - slope * x + 400 + (0 if fault is None else throw * (x >= fault))
    section = np.interp(place, np.arange(900), trace / trace.std())
    return (section + noise * rng.normal(size=section.shape)).astype(np.float32)


def residual(section):
    everything = section != 0
    return BREAKS(with_spectrum(section[None], everything), everything)[20:-20]


@pytest.mark.parametrize("slope", [-1.5, -0.4, 0.0, 0.7, 2.0])
def test_the_dip_is_that_of_plane_layers(slope):
    found = dip(layers(slope, noise=0.0))[30:-30, 20:-20]
    assert np.median(found) == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_what_layers_leave_is_little_whatever_their_dip_and_a_fault_much(slope):
    plain, cut = (residual(layers(slope, fault)).mean(0) for fault in (None, 45))
    assert cut[44:46].min() > plain[10:80].max() + 1
    assert abs(int(cut[5:-5].argmax()) + 5 - 44.5) <= 1
    assert np.abs(cut[10:36] - plain[10:36]).max() < 0.5


def test_masked_samples_break_nothing_off():
    section = layers(0.0)
    plain = residual(section).mean(0)
    section[:, 40:50] = 0
    maps = with_spectrum(section[None], section != 0)
    left = BREAKS(maps, section != 0)[20:-20]
    assert np.isnan(left[:, 42:48]).all()
    known = np.isfinite(left).any(0)
    assert np.nanmean(left[:, known], axis=0)[20:50].max() < plain.max() + 1


def test_a_part_of_a_line_leaves_what_the_whole_does_to_the_bit():
    section = np.tile(layers(0.5), (1, 4))
    whole = plane_wave_residual(np.repeat(section[None], 4, 0))
    part = plane_wave_residual(np.repeat(section[None, :, 80:], 4, 0))
    np.testing.assert_array_equal(part[:, 60:], whole[:, 140:])


def test_surprise_is_minus_the_logarithm_of_the_share_beyond():
    values = np.random.default_rng(0).exponential(size=400_000).astype(np.float32)
    exceeded = shares_exceed([values, np.full(5, np.nan, np.float32)])
    assert len(exceeded) == len(SAMPLE_P)
    at = np.array([0.7, 2.0, 5.0, 9.0, 14.0], np.float32)  # the last two beyond what was kept
    np.testing.assert_allclose(surprise(at, exceeded), -np.log(expon.sf(at)), rtol=0.15)
    assert np.isnan(surprise(np.array([np.nan], np.float32), exceeded)).all()
    rising = surprise(np.linspace(0, 30, 200, dtype=np.float32), exceeded)
    assert (np.diff(rising) >= 0).all()


def test_surprise_of_a_constant_map_is_finite():
    exceeded = shares_exceed([np.zeros(100, np.float32)])
    assert np.isfinite(surprise(np.array([0, 1, 100], np.float32), exceeded)).all()


def test_the_default_is_the_joint_score_where_the_model_is_calibrated_for_it(tiny_run):
    model = load_model(tiny_run)
    assert default_score(model) == "joint"
    card = model.card
    kept = {name: one for name, one in card.calibrations.items() if name != "joint"}
    model.card = card.model_copy(update={"calibrations": kept})
    assert default_score(model) == "typicality"
    stale = card.calibrations["joint"].model_copy(update={"terms": []})
    model.card = card.model_copy(update={"calibrations": kept | {"joint": stale}})
    with pytest.raises(ModelError, match="no calibration for the score joint"):
        CalibratedScore(model, "joint")


def test_the_joint_score_is_calibrated_for_what_combined_is(tiny_run):
    model = load_model(tiny_run)
    joint, base = (model.card.calibrations[name] for name in ("joint", "combined"))
    assert joint.features[: len(base.features)] == base.features
    assert len(joint.terms) == len(scores_of(model)["joint"].parts) == 9
    assert joint.learned.inputs == 2 * len(joint.features)
    offered = scores_of(model)
    assert offered["joint"].reach >= offered["combined"].reach


def test_the_highest_of_features_on_different_grids_is_on_the_finest():
    fine, coarse = np.zeros((8, 3), np.float32), np.full((2, 3), 2, np.float32)
    fine[5] = 5
    found = joined([fine, coarse], "highest", steps=(4, 16))
    np.testing.assert_array_equal(found, np.maximum(fine, 2))
    alone = joined([-3 * fine, coarse], "largest", steps=(4, 16))
    np.testing.assert_array_equal(alone, np.where(fine > 0, -15, 2))


def test_the_lowest_is_told_with_its_sign_turned():
    deviations = [np.array([[-3.0, 1.0]], np.float32), np.array([[-1.0, 2.0]], np.float32)]
    np.testing.assert_array_equal(joined(deviations, "lowest"), [[3.0, -1.0]])
    np.testing.assert_array_equal(joined(deviations[:1], "lowest"), [[3.0, -1.0]])


@pytest.mark.parametrize("samples", [1, 2, 160])
def test_smoothness_is_that_of_the_second_difference_in_time(samples):
    section = layers(0.5)[:samples]
    maps = with_spectrum(section[None], section != 0)
    expected = np.diff(np.pad(section, ((1, 1), (0, 0)), "reflect").astype(float), 2, axis=0) ** 2
    np.testing.assert_allclose(second_difference_power(maps), expected, rtol=1e-4, atol=1e-6)


def test_a_dim_spot_is_smooth_and_a_bright_one_is_not(tiny_run):
    parts = scores_of(load_model(tiny_run))["joint"].parts
    (smooth,) = (part.score for part in parts if part.score.join == "lowest")
    assert smooth.trend
    assert not smooth.two_sided

    def smoothness(factor):
        section = layers(0.5)
        section[:, 30:60] *= factor
        everything = section != 0
        return SMOOTH(with_spectrum(section[None], everything), everything)[60:100, 40:50]

    assert (smoothness(0.3) - smoothness(1)).max() < -1
    assert (smoothness(3) - smoothness(1)).min() > 1


def test_the_latent_is_judged_in_windows_that_combined_has(tiny_run):
    offered = scores_of(load_model(tiny_run))
    shared = {feature.measured for feature in offered["combined"].features}
    (latent,) = (part.score for part in offered["joint"].parts if part.score.name == "latent in windows")
    assert {feature.measured for feature in latent.features} < shared
    assert len({feature.window for feature in latent.features}) == len(latent.features) == 4
    assert not latent.two_sided
    assert latent.trend is None


def test_a_section_is_judged_by_the_joint_score_unless_another_is_named(tiny_run, cube_file):
    section = seisflow.open_section(cube_file).isel(inline=[0])
    result = seisflow.score(section, tiny_run)
    assert result.attrs["score"] == "joint"
    assert result["anomaly"].attrs["two_sided"] == 0
    assert float(result["anomaly"][0, 20:32, 40:55].max()) > float(result["anomaly"][0, 60:].median())
