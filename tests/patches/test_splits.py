"""Splits: where they cut, and that they refuse what does not fit."""

import numpy as np
import pytest

from seisflow.errors import ConfigError, DataError
from seisflow.patches import Block, Split, split


def ranges(parts):
    (train,), (validation,) = parts.train, parts.validation
    assert train.ranges.keys() == validation.ranges.keys()
    (dim,) = train.ranges
    return dim, train.ranges[dim], validation.ranges[dim]


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((61, 30, 40), (16, 8), ("inline", (0, 47), (51, 61))),
        ((20, 30, 40), (16, 8), ("inline", (0, 13), (17, 20))),
        ((200, 30, 40), (16, 8), ("inline", (0, 160), (170, 200))),
        ((19, 100, 40), (16, 8), ("crossline", (0, 77), (85, 100))),
        ((10, 24, 40), (16, 8), ("crossline", (0, 8), (16, 24))),
        ((10, 23, 40), (16, 8), ("time", (0, 20), (24, 40))),
        ((100, 40), (16, 8), ("trace", (0, 77), (85, 100))),
        ((1, 400), (16, 8), ("time", (0, 336), (340, 400))),
        ((4, 2, 120, 60), (16, 8), ("channel", (0, 94), (102, 120))),
        ((24, 2, 120, 60), (16, 8), ("shot", (0, 16), (20, 24))),
    ],
)
def test_where_a_section_is_cut(numbered, shape, size, expected):
    assert ranges(split(numbered(*shape), size)) == expected


@pytest.mark.parametrize("shape", [(30, 40, 50), (5, 60, 50), (70, 50), (3, 90)])
@pytest.mark.parametrize("validation", [0.01, 0.15, 0.3, 0.49])
@pytest.mark.parametrize("gap", [None, 0, 3, 7])
def test_blocks_are_apart_and_training_is_no_smaller(numbered, shape, validation, gap):
    section = numbered(*shape)
    _, train, held_out = ranges(split(section, (16, 8), validation, gap))
    assert 0 <= train[0] < train[1] <= held_out[0] < held_out[1]
    assert held_out[0] - train[1] == (gap if gap is not None else held_out[0] - train[1])
    assert held_out[0] - train[1] >= (4 if gap is None else 0)
    assert train[1] - train[0] >= held_out[1] - held_out[0]


def test_shares_are_counted_in_traces_present(make_section):
    section = make_section(np.ones((40, 30, 20), np.float32))
    section["trace_mask"][:] = False
    section["trace_mask"][5:20] = True  # 15 full lines, then 15 of a third
    section["trace_mask"][20:35, :10] = True
    assert ranges(split(section, (16, 8))) == ("inline", (5, 22), (26, 35))


def test_no_validation_trains_on_everything(numbered):
    assert split(numbered(5, 6, 7), (16, 8), validation=0) == Split(train=[Block()], validation=[])


def test_no_room_is_one_line_that_says_what_would_fit(numbered):
    section = numbered(11, 11, 463, dims=("inline", "crossline", "depth"))
    with pytest.raises(DataError) as error:
        split(section, (256, 64))
    assert str(error.value) == (
        "line12.sgy: 11 (inline) x 11 (crossline) x 463 (depth) has no room for separate training and "
        "validation blocks. Expected two patches of 256 samples x 64 traces and a gap: pass "
        "--set data.patch=[128,8], or --set data.validation=0 to train without."
    )
    split(section, (128, 8))


@pytest.mark.parametrize("kwargs", [{"validation": 0.5}, {"validation": -0.1}, {"gap": -1}])
def test_numbers_out_of_range_are_refused(numbered, kwargs):
    with pytest.raises(ConfigError, match="Expected"):
        split(numbered(30, 40, 50), (16, 8), **kwargs)


def test_a_section_without_traces_cannot_be_cut(numbered):
    section = numbered(5, 60, 20)
    section["trace_mask"][:] = False
    with pytest.raises(DataError, match="no room"):
        split(section, (16, 8))


def test_a_split_goes_through_json(numbered):
    parts = split(numbered(30, 40, 50), (16, 8))
    assert Split.model_validate_json(parts.model_dump_json()) == parts


def test_block_slices_select_in_index_space(numbered):
    part = numbered(30, 40, 50).isel(Block(ranges={"inline": (2, 5), "time": (10, 50)}).slices)
    assert part["amplitude"].shape == (3, 40, 40)
