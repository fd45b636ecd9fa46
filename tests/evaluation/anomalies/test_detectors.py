"""Baselines see what they are meant to see."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.evaluation.anomalies.detectors import Autoencoder, fit_detectors, rms, semblance, trace_kill

pytest.importorskip("sklearn")


def layers(seed, shape=(160, 80)):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = gaussian_filter(noise, (1, 6)) - gaussian_filter(noise, (4, 6))
    return (smooth / smooth.std()).astype(np.float32)


@pytest.fixture(scope="module")
def detectors():
    return fit_detectors([layers(1), layers(2)], steps=60)


def test_every_baseline_maps_a_panel_and_sees_a_burst(detectors):
    panel = layers(3, (150, 77))
    noisy = panel.copy()
    noisy[60:100, 30:50] += 3 * np.random.default_rng(0).normal(size=(40, 20)).astype(np.float32)
    for name, detector in detectors.items():
        quiet, loud = detector(panel), detector(noisy)
        assert quiet.shape == panel.shape, name
        assert quiet.dtype == np.float32, name
        assert np.isfinite(quiet).all(), name
        inside = np.abs(loud - quiet)[70:90, 35:45].mean()
        assert inside > 0.5 * quiet.std(), name
        assert inside > 5 * np.abs(loud - quiet)[:20, :10].mean(), name


def test_semblance_is_one_for_an_event_that_dips_and_low_for_noise():
    t = np.arange(120)[:, None] - np.arange(60)
    dipping = np.sin(2 * np.pi * t / 24).astype(np.float32)
    assert semblance(dipping)[40:80, 20:40].min() > 0.98
    assert semblance(np.random.default_rng(0).normal(size=(120, 60)).astype(np.float32)).mean() < 0.5


def test_trace_statistics_single_out_dead_and_reversed_traces():
    panel = layers(4)
    for spoil in (0.0, -1.0):
        bad = panel.copy()
        bad[:, 40] *= spoil
        value = trace_kill(bad).mean(0)
        assert value.argmax() == 40


def test_rms_is_the_log_of_the_local_level():
    panel = np.random.default_rng(0).normal(size=(200, 100)).astype(np.float32)
    np.testing.assert_allclose(rms(4 * panel) - rms(panel), np.log(16), atol=0.01)


def test_the_autoencoder_is_fixed_by_its_seed():
    panels = [layers(1)]
    one, two = (Autoencoder(panels, seed=3, steps=3)(panels[0]) for _ in range(2))
    np.testing.assert_array_equal(one, two)
