"""Generic disturbances that the default score learns from."""

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.scoring import disturbances
from seisflow.scoring.disturbances import CHANGED, KINDS, SHARES, disturbed, local_rms, zone
from seisflow.scoring.disturbances import _filtered as filtered


def section(shape, seed=0):
    values = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (1.5, 2))
    return (values / values.std()).astype(np.float32)


SHAPES = [(160, 96), (76, 7), (1501, 36), (24, 200), (40, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_sections_are_changed_where_it_is_said_and_nowhere_else(shape):
    plain, others = section(shape), [section((90, 40), 1), section(shape)]
    mask = np.ones(shape, bool)
    mask[: shape[0] // 8] = False
    plain[~mask] = 0
    shares = []
    for seed in range(12):
        out, where = disturbed(np.random.default_rng(seed), plain, mask, others)
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert (out[~mask] == 0).all()
        assert not where[~mask].any()
        assert (
            np.abs(out - plain)[~where] <= CHANGED * np.broadcast_to(local_rms(plain), shape)[~where]
        ).all()
        shares.append(where.mean())
    assert 0 < np.mean(shares) < 0.7


def test_a_seed_makes_the_same_disturbances():
    plain = section((120, 60))
    mask = np.ones(plain.shape, bool)
    first, again, other = (
        disturbed(np.random.default_rng(seed), plain, mask, [plain])[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__.strip("_"))
def test_every_kind_changes_its_zone_and_leaves_the_rest(make):
    plain = section((128, 64))
    share = np.zeros(plain.shape, np.float32)
    share[40:80, 20:40] = 1
    changes = []
    for seed in range(6):
        out = make(np.random.default_rng(seed), plain, share, [plain, section((64, 80), 2)])
        np.testing.assert_allclose(out[share == 0], plain[share == 0], atol=1e-5)
        changes.append(np.abs(out - plain)[share == 1].mean())
    assert max(changes) > 0.2


def test_a_filter_keeps_the_strength_and_the_mean_phase_and_changes_the_rest():
    taper = np.hanning(256)[:, None].astype(np.float32)
    plain = np.pad(taper * section((256, 60)), ((256, 256), (0, 0)))
    before = np.fft.rfft(plain, axis=0)
    power = (np.abs(before) ** 2).sum(1)
    gains, turns = [], []
    for seed in range(8):
        out = filtered(np.random.default_rng(seed), plain, np.ones_like(plain), [plain])
        after = np.fft.rfft(out, axis=0)
        assert np.sqrt(np.mean(out**2) / np.mean(plain**2)) == pytest.approx(1, abs=0.03)
        turn = np.unwrap(np.angle((after * before.conj()).sum(1)))
        gain = np.log(np.abs(after) + 1e-6) - np.log(np.abs(before) + 1e-6)
        turns.append(((turn - np.average(turn, weights=power)) ** 2 * power).sum() / power.sum())
        assert abs(np.angle(np.exp(1j * np.average(turn, weights=power)))) < 0.15
        gains.append(np.std(np.average(gain, axis=1, weights=np.ones(60))[power > 1e-3 * power.max()]))
    assert min(gains) > 0.05
    assert max(turns) > 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_zones_are_shares_of_many_sizes(shape):
    zones = [zone(np.random.default_rng(seed), shape) for seed in range(60)]
    assert all(one.shape == shape and one.min() >= 0 and one.max() <= 1 for one in zones)
    sizes = [one.mean() for one in zones]
    assert np.std(sizes) > 0.01


def test_the_shares_of_kinds_are_a_distribution():
    assert len(SHARES) == len(KINDS)
    assert sum(SHARES) == pytest.approx(1)


def test_nothing_is_shared_with_the_kinds_that_scores_are_evaluated_with():
    folder = Path(disturbances.__file__).parents[1]
    imported = set()
    for path in (folder / "scoring" / "disturbances.py", folder / "scoring" / "learning.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    assert not [name for name in imported if name.startswith("seisflow.evaluation")]
    for path in (folder / "evaluation" / "anomalies" / "injection").glob("*.py"):
        assert "disturbances" not in path.read_text()
