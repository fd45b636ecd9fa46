"""The data sets that ship: what the card says is what the file is."""

import hashlib
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import segyio

from seisflow.errors import DataError
from seisflow.io import catalog, open_section


@pytest.mark.parametrize("name", catalog.names())
def test_a_card_describes_its_file(name):
    card = catalog.card(name)
    data = catalog.locate(name).read_bytes()
    assert card.name == name
    assert len(data) == card.bytes
    assert hashlib.sha256(data).hexdigest() == card.sha256
    section = open_section(name)
    for dim, size in section.sizes.items():
        assert card.geometry[dim]["size"] == size
        assert [card.geometry[dim]["first"], card.geometry[dim]["last"]] == list(section[dim].values[[0, -1]])


def test_the_f3_sample_is_int8_with_credit_and_licence():
    section = open_section("f3-sample")
    assert dict(section.sizes) == {"inline": 10, "crossline": 250, "time": 463}
    assert section.attrs["segy_format"] == 8
    assert section.attrs["quantisation_step"] == 1.0
    assert section.attrs["warnings"] == []
    text = section.attrs["text_header"]
    for words in ("dGB Earth Sciences", "TerraNubis", "CC BY-SA 3.0", "NOT the survey's"):
        assert words in text
    with segyio.open(section.attrs["source_file"]) as file:
        np.testing.assert_array_equal(segyio.tools.cube(file), section["amplitude"])


def test_the_f3_sample_is_the_array_it_was_made_from(shared_data):
    array = np.load(shared_data / "arrays" / "bruges_F3_seismic.npy")
    np.testing.assert_allclose(open_section("f3-sample")["amplitude"] / 127, array, atol=1e-6)


def test_the_script_makes_the_f3_sample_byte_for_byte(shared_data, tmp_path, monkeypatch):
    script = Path(__file__).parents[2] / "examples" / "make_f3_sample.py"
    array = shared_data / "arrays" / "bruges_F3_seismic.npy"
    monkeypatch.setattr(sys, "argv", [str(script), str(array), str(tmp_path / "again.sgy")])
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "again.sgy").read_bytes() == catalog.locate("f3-sample").read_bytes()


def test_a_name_that_is_not_there_lists_those_that_are():
    with pytest.raises(DataError, match="f3-sample"):
        catalog.card("f4")
    with pytest.raises(DataError, match="no such file"):
        open_section("f4")
