"""Areas under curves are what scikit-learn says, and intervals hold what they should."""

from dataclasses import replace

import numpy as np
import pytest

from seisflow.evaluation.anomalies.detection import (
    Case,
    aupro,
    auroc,
    bootstrap,
    by_kind,
    exact_interval,
    independent,
    macro,
)


@pytest.fixture
def mask():
    mask = np.zeros((60, 50), bool)
    mask[5:15, 5:15] = mask[30:32, 20:45] = True
    return mask


def case(kind, line, value, **other):
    facts = {
        "severity": 0,
        "place": line,
        "interior": value,
        "boundary": value,
        "aupro": value,
        "found": True,
    } | other
    return Case(detector="d", kind=kind, line=line, auroc=value, **facts)


def test_auroc_is_that_of_scikit_learn(mask):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    score = np.round(rng.normal(size=mask.shape) + 0.7 * mask, 1).astype(np.float32)  # with ties
    assert auroc(score, mask) == pytest.approx(metrics.roc_auc_score(mask.ravel(), score.ravel()), abs=1e-9)


def test_auroc_counts_pairs(mask):
    assert auroc(mask.astype(np.float32), mask) == 1
    assert auroc(-mask.astype(np.float32), mask) == 0
    assert auroc(np.zeros(mask.shape, np.float32), mask) == 0.5
    assert np.isnan(auroc(mask.astype(np.float32), np.zeros_like(mask)))


def test_what_is_not_scored_ranks_lowest(mask):
    score = np.zeros(mask.shape, np.float32)
    score[mask] = np.nan
    assert auroc(score, mask) == 0


def test_aupro_counts_each_region_the_same(mask):
    perfect = mask.astype(np.float32)
    assert aupro(perfect, mask) == pytest.approx(1)
    half = perfect.copy()
    half[30:32] = -1  # one of two regions is missed for good
    assert aupro(half, mask) == pytest.approx(0.5, abs=0.01)
    assert auroc(half, mask) == pytest.approx(2 / 3, abs=0.01)  # but two thirds of the samples are found


def test_aupro_of_noise_is_half_of_its_range(mask):
    noise = np.random.default_rng(0).random((400, 300)).astype(np.float32)
    wide = np.kron(mask, np.ones((6, 6), bool))[:400, :300]
    assert aupro(noise[: wide.shape[0], : wide.shape[1]], wide) == pytest.approx(0.15, abs=0.01)


def test_single_samples_are_regions_where_there_are_no_larger_ones():
    spikes = np.zeros((40, 40), bool)
    spikes[10, 10] = spikes[20, 30] = True
    assert aupro(spikes.astype(np.float32), spikes) == pytest.approx(1)


def test_kinds_count_the_same_however_many_cases_they_have():
    cases = [case("a", 0, 1.0), case("b", 0, 0.0), case("b", 1, 0.2), case("b", 1, 0.4)]
    assert by_kind(cases, lambda c: c.auroc) == pytest.approx({"a": 1.0, "b": 0.2})
    assert macro(cases, lambda c: c.auroc) == pytest.approx(0.6)


def test_the_interval_holds_the_mean_and_shrinks_with_more_panels():
    rng = np.random.default_rng(0)
    few, many = (
        [case(kind, line, 0.8 + 0.1 * rng.normal()) for line in range(lines) for kind in "ab"]
        for lines in (6, 60)
    )
    spans = []
    for cases in (few, many):
        low, high = bootstrap(cases, lambda c: c.auroc)
        assert low < macro(cases, lambda c: c.auroc) < high
        spans.append(high - low)
    assert spans[1] < 0.6 * spans[0]


def test_a_lead_is_judged_on_the_same_panels():
    rng = np.random.default_rng(1)
    hard = rng.normal(size=20) * 0.2  # panels differ more than detectors do
    worse = [case("a", line, 0.5 + hard[line]) for line in range(20)]
    better = [case("a", line, 0.53 + hard[line]) for line in range(20)]
    low, high = bootstrap(better, lambda c: c.auroc, against=worse)
    assert low == pytest.approx(0.03)
    assert high == pytest.approx(0.03)


def test_what_carries_no_data_is_no_negative(mask):
    score = mask.astype(np.float32)
    score[:3] = 2
    known = np.ones_like(mask)
    known[:3] = False
    assert auroc(score, mask, known & ~mask) == 1
    assert aupro(score, mask, known & ~mask) == pytest.approx(1)
    assert aupro(score, mask) < 1


def test_one_panel_is_bootstrapped_over_places():
    cases = [case(kind, 0, 0.5 + 0.1 * place, place=place) for kind in "abcdefgh" for place in range(4)]
    low, high = bootstrap(cases, lambda one: one.auroc)
    # a mean over 8 kinds of 4 draws each from values of standard deviation sqrt(5) / 20
    error = np.sqrt(5) / 20 / np.sqrt(32)
    assert (low, high) == pytest.approx((0.65 - 1.96 * error, 0.65 + 1.96 * error), abs=0.004)
    better = [replace(one, auroc=one.auroc + 0.1) for one in cases]
    assert bootstrap(better, lambda one: one.auroc, against=cases) == pytest.approx((0.1, 0.1))


def test_the_exact_interval_of_no_alarm_in_eleven():
    assert exact_interval([0.0] * 11) == pytest.approx((0, 1 - 0.025 ** (1 / 11)))
    assert exact_interval([1.0]) == pytest.approx((0.025, 1))


def test_maps_that_are_alike_count_as_one():
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(200, 50)), rng.normal(size=(6, 200, 50))
    assert independent([shared] * 6) == pytest.approx(1)
    assert independent(list(own)) == pytest.approx(6, rel=0.05)
    # correlation 1/2: 36 / (6 + 30 / 2)
    assert independent(list(own + shared)) == pytest.approx(36 / 21, rel=0.05)
