"""Known and missing traces are told apart, and only gaps that are not too wide are filled."""

import numpy as np
import pytest
import xarray as xr

from seisflow.errors import DataError
from seisflow.posterior.gaps import fillable, flag_from_score, flag_traces, observe


def line(amplitude, **variables):
    """A line (trace, time), traces first."""
    return xr.Dataset(
        {"amplitude": (("trace", "time"), amplitude.astype(np.float32))}
        | {name: ("trace", values) for name, values in variables.items()},
        coords={"trace": np.arange(1, len(amplitude) + 1), "time": 4.0 * np.arange(amplitude.shape[1])},
        attrs={"source_file": "line.npy"},
    )


@pytest.fixture
def waves():
    return np.random.default_rng(0).standard_normal((12, 40))


def seen_in(section, flagged=None, **options):
    flags = np.zeros(section.sizes["trace"], bool) if flagged is None else flagged
    return observe(section, (), slice(0, section.sizes["trace"]), flags, **options)


def test_traces_of_nan_dead_masked_and_flagged_are_missing(waves):
    waves[2], waves[4] = np.nan, 7.0
    there, flagged = np.ones(12, bool), np.zeros(12, bool)
    there[6], flagged[8] = False, True
    seen = seen_in(line(waves, trace_mask=there), flagged)
    assert np.flatnonzero(seen.missing.all(0)).tolist() == [2, 4, 6, 8]
    assert np.flatnonzero(seen.missing.any(0)).tolist() == [2, 4, 6, 8]
    assert not seen.known[:, [2, 4, 6, 8]].any()


def test_samples_of_nan_in_a_live_trace_are_missing_alone(waves):
    waves[5, 10:14] = np.nan
    seen = seen_in(line(waves))
    assert np.argwhere(seen.missing).tolist() == [[t, 5] for t in range(10, 14)]


def test_a_mute_goes_on_across_a_missing_trace(waves):
    waves[:, :12] = 0
    waves[3] = np.nan
    seen = seen_in(line(waves))
    assert seen.missing[:, 3].all()
    assert seen.muted[:, 3].tolist() == [True] * 12 + [False] * 28
    assert not seen.muted[:, [2, 4]].any()


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ("110011", "001100"),
        ("110000011", "000000000"),  # five in a row, four allowed
        ("0111", "1000"),  # one at an end, a quarter of four
        ("00111", "00000"),
        ("1110", "0001"),
        ("000", "000"),
    ],
)
def test_gaps_of_four_are_filled_and_of_one_at_the_ends(live, expected):
    flags = np.array(list(live)) == "1"
    filled = fillable(flags, np.ones(len(flags), bool), 4)
    assert "".join("1" if x else "0" for x in filled) == expected


def test_a_line_is_not_made_longer_than_its_source():
    exists = np.array([False, True, True])
    assert not fillable(exists, exists, 4).any()


def test_traces_are_named_by_their_labels(waves):
    section = line(waves)
    assert np.flatnonzero(flag_traces(section, ("3:5", "9"))).tolist() == [2, 3, 4, 8]
    with pytest.raises(DataError, match=r"no trace at 40:50. trace runs from 1 to 12"):
        flag_traces(section, ("40:50",))
    with pytest.raises(DataError, match=r"--traces a:b: cannot be read"):
        flag_traces(section, ("a:b",))


def test_traces_anomalous_to_a_quarter_are_bad(waves):
    section = line(waves)
    anomaly = np.zeros((12, 40), np.float32)
    anomaly[2, :10], anomaly[3, :9], anomaly[4] = 6, 6, -6
    scored = section.assign(anomaly=(("trace", "time"), anomaly, {"threshold": 5.0}))
    assert np.flatnonzero(flag_from_score(section, scored)).tolist() == [2, 4]
    with pytest.raises(DataError, match=r"a map of \(12, 40\)"):
        flag_from_score(section.isel(trace=slice(6)), scored)
    with pytest.raises(DataError, match="no anomaly"):
        flag_from_score(section, section)
