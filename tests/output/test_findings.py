"""The picture of a score colours what lies beyond its threshold, or says that it colours what is highest."""

import re

import numpy as np
import pytest

import seisflow
from seisflow import plotting
from seisflow.models import load_model
from seisflow.output import findings
from seisflow.output.findings import Findings
from seisflow.scores import find_score
from seisflow.scoring import score_panels
from seisflow.scoring.anomalies import AnomalyList


@pytest.fixture
def drawn(cube_file, tiny_run, monkeypatch):
    """Threshold and caveat that a picture gets, for a threshold of the map."""
    section, model = seisflow.open_section(cube_file), load_model(tiny_run)
    given = {}
    monkeypatch.setattr(plotting, "draw_anomaly_overlay", lambda *_, **words: given.update(words))

    def draw(threshold, supported, caveat="read me"):
        found = Findings(AnomalyList(threshold, (1, -1)))
        for number, scored in enumerate(score_panels(section, model, score="typicality")):
            found.add(scored, number)
        found.draw(section, find_score(model, "typicality"), caveat, supported=supported)
        return found.anomalies.count, given["threshold"], given["caveat"]

    return draw


def test_nothing_beyond_a_threshold_of_little_data_is_said_and_the_highest_coloured(drawn):
    count, threshold, caveat = drawn(1e6, supported=False)
    assert (count, threshold) == (0, None)
    assert "no anomaly beyond 1e+06" in caveat
    assert caveat.endswith("read me")


@pytest.mark.parametrize(("threshold", "supported"), [(1e6, True), (0.5, False)])
def test_a_threshold_stands_where_it_holds_or_is_passed(drawn, threshold, supported):
    count, shown, caveat = drawn(threshold, supported)
    assert (count > 0) == (threshold < 1)
    assert np.isclose(shown, threshold)
    assert caveat == "read me"


def test_anomalies_beyond_little_data_are_drawn_with_what_is_not_promised(drawn):
    count, _, caveat = drawn(0.5, False, "")
    assert count > 0
    assert caveat.endswith("too little held-out data to promise a rate of false alarms")


def test_a_picture_says_how_many_anomalies_it_leaves_out(drawn, monkeypatch):
    monkeypatch.setattr(findings, "FRAMED", 2)
    count, _, caveat = drawn(0.5, supported=True)
    assert count > 2
    assert re.match(r"framed are the 2 strongest of the \d+ anomalies of this panel. Read me", caveat)
