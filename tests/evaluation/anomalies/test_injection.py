"""Injected anomalies obey the physics they are named after, and their masks cover what they change."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.evaluation.anomalies.injection import KINDS, SEVERITIES, Host, estimate_wavelet, inject
from seisflow.evaluation.anomalies.injection.base import CHANGED, compare, convolve, delay, reflectivity_of
from seisflow.evaluation.anomalies.injection.geology import attenuate
from seisflow.evaluation.anomalies.injection.reflectivity import follow
from seisflow.evaluation.anomalies.injection.waves import hyperbola, rotate

INTERVAL = 0.004


def ricker(frequency=30.0, samples=31):
    t = (np.arange(samples) - samples // 2) * INTERVAL
    a = (np.pi * frequency * t) ** 2
    return (1 - 2 * a) * np.exp(-a)


@pytest.fixture(scope="module")
def host():
    rng = np.random.default_rng(0)
    layers = gaussian_filter(rng.normal(size=(400, 160)), (0.5, 12))
    return Host(convolve(layers / layers.std(), ricker()), INTERVAL, ricker())


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_changes_part_of_the_section_and_the_mask_covers_it(self, host, kind):
        made = inject(host, kind, 1, seed=3)
        change = np.abs(made.amplitude - host.amplitude)
        assert 0 < made.mask.mean() < 0.6
        assert made.mask[change > 1.001 * CHANGED * host.rms()].all()
        assert (
            change[~made.mask] <= 1.001 * np.broadcast_to(CHANGED * host.rms(), change.shape)[~made.mask]
        ).all()
        assert made.interior.any()
        assert made.mask[made.interior].all()
        np.testing.assert_array_equal(made.boundary | made.interior, made.mask)
        assert np.isfinite(made.amplitude).all()

    def test_is_stronger_with_severity_and_fixed_by_the_seed(self, host, kind):
        sizes = [
            float(np.square(inject(host, kind, severity, seed=3).amplitude - host.amplitude).sum())
            for severity in range(len(SEVERITIES))
        ]
        assert sizes[0] < sizes[2]
        if kind != "shifted":  # late by a whole period is hardly late
            assert sizes == sorted(sizes)
        again, other = inject(host, kind, 1, seed=3), inject(host, kind, 1, seed=4)
        np.testing.assert_array_equal(again.amplitude, inject(host, kind, 1, seed=3).amplitude)
        assert (again.amplitude != other.amplitude).any()


def changed_traces(host, kind, severity):
    made = inject(host, kind, severity, seed=1)
    which = np.flatnonzero((made.amplitude != host.amplitude.astype(np.float32)).any(0))
    return host.amplitude[:, which].astype(np.float32), made.amplitude[:, which]


def test_dead_traces_are_zero_and_reversed_ones_turned():
    before = Host(np.random.default_rng(1).normal(size=(200, 60)), INTERVAL, ricker())
    _, dead = changed_traces(before, "dead", 2)
    assert dead.shape == (200, 4)
    assert not dead.any()
    was, now = changed_traces(before, "reversed", 1)
    np.testing.assert_array_equal(now, -was)


@pytest.mark.parametrize(("kind", "gain"), [("weak", 0.25), ("hot", 4.0)])
def test_weak_and_hot_traces_are_scaled(host, kind, gain):
    was, now = changed_traces(host, kind, 1)
    np.testing.assert_allclose(now, gain * was, rtol=1e-5)


def test_shifted_traces_are_late_by_whole_samples(host):
    was, now = changed_traces(host, "shifted", 2)  # 32 ms: 8 samples
    np.testing.assert_allclose(now[40:-20], was[32:-28], atol=0.05)


def test_the_sine_of_a_power_line_is_at_its_frequency():
    quiet = Host(np.random.default_rng(0).normal(size=(500, 60)) * 1e-3 + 1e-3, INTERVAL, ricker())
    change = inject(quiet, "powerline", 2, seed=2).amplitude - quiet.amplitude
    spectrum = np.abs(np.fft.rfft(change[:, change.std(0).argmax()]))
    assert np.fft.rfftfreq(500, INTERVAL)[spectrum.argmax()] == pytest.approx(50)


@pytest.mark.parametrize(("kind", "band"), [("swell", (2, 8)), ("burst", (25, 60))])
def test_noise_keeps_to_its_band(host, kind, band):
    change = inject(host, kind, 2, seed=2).amplitude - host.amplitude
    power = (np.abs(np.fft.rfft(change, axis=0)) ** 2).sum(1)
    frequency = np.fft.rfftfreq(len(change), INTERVAL)
    inside = (frequency >= band[0] - 1.5) & (frequency <= band[1] + 5)
    assert power[inside].sum() > 0.9 * power.sum()


def test_rotation_by_half_a_turn_reverses_and_by_a_quarter_makes_a_sine_of_a_cosine(host):
    np.testing.assert_allclose(rotate(host.amplitude, np.pi), -host.amplitude, atol=1e-9)
    t = 2 * np.pi * 8 * np.arange(256)[:, None] / 256
    np.testing.assert_allclose(rotate(np.cos(t), np.pi / 2), -np.sin(t), atol=1e-9)


def test_a_diffraction_follows_its_hyperbola():
    silent = Host(np.zeros((400, 160)), INTERVAL, ricker())
    offset = 12.5 * (np.arange(160) - 80.0)
    times = hyperbola(120.0, offset, silent)
    assert times.min() == times[80] == 120
    far = np.abs(offset) > 400
    slope = np.abs(np.gradient(times, offset))[far].max()
    assert slope < 2 / silent.velocity / INTERVAL  # never steeper than the asymptote
    noisy = Host(np.random.default_rng(0).normal(size=(400, 160)) * 1e-6, INTERVAL, ricker())
    change = inject(noisy, "diffraction", 2, seed=5).amplitude - noisy.amplitude
    strong = np.abs(change).max(0) > 0.3 * np.abs(change).max()
    peak = np.abs(change).argmax(0)
    apex = peak[strong].min()
    x = np.flatnonzero(strong)
    centre = x[peak[strong] == apex].mean()
    expected = hyperbola(apex, 12.5 * (x - centre), noisy)
    np.testing.assert_allclose(peak[strong], expected, atol=1.5)


def test_attenuation_takes_the_high_frequencies_as_q_says():
    impulse = np.zeros((512, 1))
    impulse[100] = 1
    star = 0.02
    out = attenuate(impulse, np.full((512, 1), star), INTERVAL)
    frequency = np.fft.rfftfreq(512, INTERVAL)
    loss = np.log(np.abs(np.fft.rfft(out[:, 0])))
    band = (frequency > 10) & (frequency < 80)
    slope = np.polyfit(frequency[band], loss[band], 1)[0]
    assert slope == pytest.approx(-np.pi * star, rel=0.05)
    np.testing.assert_allclose(attenuate(impulse, np.zeros((512, 1)), INTERVAL), impulse, atol=1e-12)


def test_a_chimney_pushes_down_and_dims_the_high_frequencies(host):
    made = inject(host, "chimney", 2, seed=3)
    inside = made.mask.sum(0) > 0.9 * made.mask.sum(0).max()
    deep = slice(300, 400)
    was, now = (
        np.abs(np.fft.rfft(a[deep][:, inside], axis=0)).mean(1) for a in (host.amplitude, made.amplitude)
    )
    frequency = np.fft.rfftfreq(100, INTERVAL)
    ratio = now / was
    assert (
        ratio[(frequency > 35) & (frequency < 60)].mean()
        < 0.5 * ratio[(frequency > 8) & (frequency < 18)].mean()
    )


def test_a_delay_moves_downwards():
    event = np.zeros((100, 3))
    event[40] = 1
    moved = delay(gaussian_filter(event, (2, 0)), np.full((100, 3), 7.0))
    assert (moved.argmax(0) == 47).all()


def test_reflectivity_gives_the_section_back_within_its_band(host):
    again = convolve(reflectivity_of(host, damping=1e-4), host.wavelet)
    assert np.corrcoef(again[40:-40].ravel(), host.amplitude[40:-40].ravel())[0, 1] > 0.98


def test_an_event_is_followed_along_its_dip():
    t = np.arange(200)[:, None] - (80 + 0.5 * np.arange(60))
    event = np.exp(-0.5 * (t / 2) ** 2)
    np.testing.assert_allclose(follow(event, 95, 30), 80 + 0.5 * np.arange(60), atol=1)


def test_the_wavelet_of_white_reflectivity_is_found():
    rng = np.random.default_rng(0)
    panels = [convolve(rng.normal(size=(1000, 50)), ricker()).astype(np.float32) for _ in range(2)]
    found = estimate_wavelet(panels)
    assert np.corrcoef(found, ricker())[0, 1] > 0.98
    assert found[15] == 1


def test_gaps_of_a_change_at_its_zero_crossings_are_closed():
    pulse = np.zeros((120, 40))
    pulse[40:80, 10:30] = np.sin(2 * np.pi * 30 * INTERVAL * np.arange(40))[:, None]
    quiet = Host(np.ones((120, 40)), INTERVAL, ricker())
    made = compare(quiet, quiet.amplitude + pulse)
    assert made.mask[42:78, 10:30].all()
    assert not made.mask[:, :10].any()
