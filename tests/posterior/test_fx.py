"""Traces are predicted from those beside them, never from themselves."""

import numpy as np

from seisflow.posterior.fx import FOLDS, ORDER, SIZE, around, fx_prediction


def plane_waves(traces, samples=100):
    """Two dipping harmonics, which a filter of two traces predicts without an error."""
    time, place = np.arange(samples)[:, None], np.arange(traces)
    return (np.cos(0.3 * time - 0.2 * place) + np.sin(0.5 * time + 0.35 * place)).astype(np.float32)


def everywhere(x):
    return np.ones(x.shape, bool)


def test_plane_waves_are_predicted_from_neighbours_at_any_distance():
    x = plane_waves(80)
    for distance in (1, 2):
        found, usable = fx_prediction(x, everywhere(x), distance=distance)
        assert usable.all()
        assert (found - x)[20:-20].std() < 0.1 * x.std()


def test_noise_of_a_trace_is_not_in_its_prediction():
    """White noise cannot be predicted; a filter that had seen the trace itself would find a part of it."""
    x = np.random.default_rng(0).standard_normal((400, 128)).astype(np.float32)
    found, _ = fx_prediction(x, everywhere(x))
    assert abs(np.sum(found * x) / np.sum(x * x)) < 0.01


def test_a_part_of_a_panel_is_predicted_as_in_the_whole():
    traces = 500
    x = plane_waves(traces) + np.random.default_rng(1).standard_normal((100, traces)).astype(np.float32)
    whole, _ = fx_prediction(x, everywhere(x))
    own = slice(230, 260)
    read = around(own, traces)
    assert read.stop - read.start < traces
    part, usable = fx_prediction(x[:, read], everywhere(x[:, read]), first=read.start, traces=traces)
    inside = slice(own.start - read.start, own.stop - read.start)
    assert usable[:, inside].all()
    np.testing.assert_array_equal(part[:, inside], whole[:, own])


def test_predictions_from_unknown_samples_are_not_usable():
    x = plane_waves(64)
    known = everywhere(x)
    known[40:, 30] = False
    _, usable = fx_prediction(np.where(known, x, np.float32(0)), known)
    assert usable[:40].all()
    assert not usable[40:, 30 - ORDER : 31 + ORDER].any()
    assert usable[40:, : 30 - ORDER].all()


def test_too_few_traces_are_not_predicted():
    for traces in (1, 2 * ORDER):
        x = plane_waves(traces)
        assert not fx_prediction(x, everywhere(x))[1].any()
    x = plane_waves(2 * ORDER + 1)
    assert fx_prediction(x, everywhere(x))[1].all()


def test_windows_hold_every_fold():
    assert SIZE[1] >= 2 * FOLDS
