"""The page stands alone, is small, and a browser shows it."""

import base64
import itertools
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import seisflow
from seisflow.models import load_model
from seisflow.output.overview import Overview
from seisflow.output.score_files import write_scores
from seisflow.scoring.maps import Scored

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def scored(anomaly, columns=None):
    """Scored panel (T, X) whose amplitudes are its anomalies."""
    return Scored((), columns or slice(0, anomaly.shape[1]), anomaly, anomaly, anomaly, np.isfinite(anomaly))


def unpacked(packed, name):
    values = np.frombuffer(zlib.decompress(base64.b64decode(packed[name])), np.uint8)
    return values.reshape(packed["shape"])


@pytest.mark.parametrize("tiles", [[0, 67], [0, 20, 41, 67]])
def test_thinning_out_loses_no_anomaly(tiles):
    marks = np.random.default_rng(0).normal(size=(101, 67)).astype(np.float32)
    marks[50, 33], marks[7, 8] = -40, 30
    marks[60:70, 20:30] = np.nan
    overview = Overview((1, 67, 101), 5.0)
    overview.steps, overview.shape = [1, 3, 4], (1, 23, 26)
    overview.amplitude = np.full(overview.shape, np.nan, np.float32)
    overview.deviation = overview.amplitude.copy()
    for first, last in itertools.pairwise(tiles):
        overview.add(scored(marks[:, first:last], slice(first, last)), 0)
    assert (overview.deviation[0, 11, 12], overview.deviation[0, 2, 1]) == (-40, 30)
    assert np.isnan(overview.deviation[0, 8, 16])
    packed = overview.packed(two_sided=True)
    colour = unpacked(packed, "deviation")
    assert (colour[0, 11, 12] > 128, 0 < colour[0, 2, 1] <= 120) == (True, True)
    assert np.count_nonzero(colour) == 2
    assert unpacked(packed, "amplitude").min() == 0  # a masked sample


def test_a_survey_is_thinned_until_it_fits_in_a_page():
    overview = Overview((500, 900, 1500), 3.0)
    assert np.prod(overview.shape) <= 3_500_000
    assert overview.shape[0] >= 50


def test_the_scale_ends_where_anomalies_are():
    marks = np.zeros((50, 40), np.float32)
    marks[10:20, 5:9] = 7.5
    overview = Overview((1, 40, 50), 5.0)
    overview.add(scored(marks), 0)
    assert overview.packed(two_sided=True)["top"] == pytest.approx(7.5)


@pytest.fixture(scope="module")
def page(cube_file, tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    section, model = seisflow.open_section(cube_file), load_model(tiny_run)
    write_scores(section, model, [folder / "map.zarr"], score="typicality", alpha=0.3, page=True)
    return folder / "map.html"


def test_the_page_asks_for_nothing_from_elsewhere_and_lists_the_anomalies(page):
    text = page.read_text()
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    assert text.count("<tr data-rank=") >= 1
    assert "less probable than normal" in text
    assert not re.search(r"@[A-Z]+@", text)
    assert page.stat().st_size < 5e6


MOVE = """const slider = document.querySelector("input[type=range]");
slider.value = 0; slider.dispatchEvent(new Event("input"));"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here (apt-get install chromium)")
@pytest.mark.slow
def test_a_browser_draws_three_linked_sections(page, tmp_path):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,1200"]
    command += ["--virtual-time-budget=20000", f"--user-data-dir={tmp_path / 'profile'}"]
    moved = tmp_path / "moved.html"  # the same page, after its first slider was moved to the first line
    moved.write_text(
        page.read_text().replace(
            'document.body.dataset.ready = "yes";',
            MOVE + 'document.body.dataset.ready = "yes";',
        )
    )
    made = subprocess.run(
        [*command, "--dump-dom", moved.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert 'data-ready="yes"' in made.stdout
    assert made.stdout.count("<canvas") == 4  # the bar, and three sections
    assert made.stdout.count('type="range"') == 3
    assert "Inline 1</span>" in made.stdout
    picture = tmp_path / "page.png"
    subprocess.run([*command, f"--screenshot={picture}", page.as_uri()], capture_output=True, timeout=120)
    colours = np.asarray(Image.open(Path(picture)).convert("RGB")).astype(int)
    coloured = np.ptp(colours, axis=2) > 40
    assert coloured.mean() > 0.003


@pytest.mark.slow
def test_the_chromium_of_qt_draws_them_too(page, tmp_path):
    pytest.importorskip("PySide6.QtWebEngineWidgets", reason="needs PySide6-WebEngine")
    script = (
        MOVE
        + """[document.querySelectorAll("canvas").length,
        document.querySelectorAll("input[type=range]").length,
        document.querySelector("figcaption span").textContent].join(", ")"""
    )
    picture = tmp_path / "page.png"
    command = [
        sys.executable,
        str(Path(__file__).with_name("qt_browser.py")),
        str(page),
        script,
        str(picture),
    ]
    made = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert made.stdout.splitlines()[-1:] == ["4, 3, Inline 1"], made.stderr
    colours = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert (np.ptp(colours, axis=2) > 40).mean() > 0.003
