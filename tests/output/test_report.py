"""The page stands alone, and a browser shows it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import seisflow
from seisflow.errors import ConfigError
from seisflow.models import load_model
from seisflow.output.report import _strongest, report_page
from seisflow.output.score_files import write_scores

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_a_page_needs_plotly_and_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ConfigError, match="plotly: not installed"):
        report_page([[1.0]], [[1.0]], [1], [1], p_value=np.abs, threshold=1, two_sided=True, frames=[],
                    anomalies=[], title="", sentence="", score="",
                    lateral_label="", vertical_label="")  # fmt: skip


def test_thinning_out_loses_no_anomaly():
    marks = np.random.default_rng(0).normal(size=(101, 67)).astype(np.float32)
    marks[50, 33], marks[7, 8] = -40, 30
    marks[60:70, 20:30] = np.nan
    thin = _strongest(marks, (4, 3))
    assert thin.shape == (26, 23)
    assert (thin[12, 11], thin[1, 2]) == (-40, 30)
    assert np.isnan(thin[16, 8])


@pytest.fixture(scope="module")
def page(cube_file, tiny_run, tmp_path_factory):
    pytest.importorskip("plotly")
    folder = tmp_path_factory.mktemp("report")
    write_scores(
        seisflow.open_section(cube_file), load_model(tiny_run), [folder / "map.zarr"], alpha=0.3, page=True
    )
    return folder / "map.html"


def test_the_page_asks_for_nothing_from_elsewhere_and_lists_the_anomalies(page):
    text = page.read_text()
    assert "Plotly.newPlot" in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    assert text.count("<tr>") > 1
    assert "less probable than normal" in text


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here (apt-get install chromium)")
@pytest.mark.slow
def test_a_browser_draws_the_map_and_its_frames(page, tmp_path):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"]
    command += ["--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}"]
    made = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert "heatmaplayer" in made.stdout
    assert made.stdout.count('class="annotation-text') >= 1
    assert 'class="modebar-btn' in made.stdout  # zoom and pan
    picture = tmp_path / "page.png"
    subprocess.run([*command, f"--screenshot={picture}", page.as_uri()], capture_output=True, timeout=120)
    colours = np.asarray(Image.open(Path(picture)).convert("RGB")).astype(int)
    coloured = np.ptp(colours, axis=2) > 40
    assert coloured.mean() > 0.005
