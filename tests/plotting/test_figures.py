"""Figures show what they were given, leave no global state, and reach the disk whole or not at all."""

import errno
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from seisflow import plotting
from seisflow.errors import DataError, OutputError
from seisflow.plotting.style import boxes_for_unknown_signs

RNG = np.random.default_rng(0)
AMPLITUDE = RNG.normal(size=(30, 50))
LATERAL = np.arange(2150, 2180)
TIME = 4.0 * np.arange(50)
PATCHES = RNG.normal(size=(7, 1, 16, 8))
HISTORY = {"step": np.arange(40), "train": np.linspace(3, -2, 40), "validation": np.full(40, np.nan)}

FIGURES = {
    "section": lambda: plotting.draw_section(AMPLITUDE, LATERAL, TIME),
    "section of NaN": lambda: plotting.draw_section(np.full((30, 50), np.nan), LATERAL, TIME),
    "one trace": lambda: plotting.draw_section(AMPLITUDE[:1], LATERAL[:1], TIME),
    "overlay": lambda: plotting.draw_anomaly_overlay(AMPLITUDE, AMPLITUDE**2, LATERAL, TIME, threshold=2.0),
    "two-sided overlay": lambda: plotting.draw_anomaly_overlay(
        AMPLITUDE, AMPLITUDE, LATERAL, TIME, threshold=1.0
    ),
    "overlay without threshold": lambda: plotting.draw_anomaly_overlay(
        AMPLITUDE, AMPLITUDE**2, LATERAL, TIME
    ),
    "overlay with nothing unusual": lambda: plotting.draw_anomaly_overlay(
        AMPLITUDE, AMPLITUDE**2, LATERAL, TIME, threshold=1e6
    ),
    "overlay of NaN": lambda: plotting.draw_anomaly_overlay(
        AMPLITUDE, np.full((30, 50), np.nan), LATERAL, TIME, threshold=2.0
    ),
    "gallery": lambda: plotting.draw_gallery(PATCHES),
    "gallery beside real": lambda: plotting.draw_gallery(PATCHES, real=PATCHES[:4], columns=2),
    "loss": lambda: plotting.draw_loss(HISTORY),
    "loss of one step": lambda: plotting.draw_loss({"step": [1], "train": [2.0], "validation": [1.0]}),
    "loss of no step": lambda: plotting.draw_loss({"step": [], "train": [], "validation": []}),
    "spectra": lambda: plotting.draw_spectra(PATCHES, PATCHES, interval=4.0),
}


def section(**overrides: xr.DataArray) -> xr.Dataset:
    amplitude = RNG.normal(size=(5, 30, 50)).astype(np.float32)
    coords = {"inline": np.arange(100, 105), "crossline": LATERAL, "time": TIME}
    data = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), amplitude)}, coords, {"source_file": "/data/cube.sgy"}
    )
    return data.assign(overrides)


def shown(figure: Figure) -> np.ndarray:
    """The picture of the first axes, as it was handed over: shape (T, X)."""
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
@pytest.mark.filterwarnings("error")
def test_every_figure_reaches_the_disk_without_a_warning(make, tmp_path):
    path = plotting.save(make(), tmp_path / "figure.png", dpi=60)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_figures_need_no_pyplot():
    code = (
        "import sys, numpy as np; from seisflow import plotting\n"
        "before = 'matplotlib.pyplot' in sys.modules\n"
        "plotting.draw_section(np.eye(9), np.arange(9), np.arange(9))\n"
        "if before: import matplotlib.pyplot as plt; assert plt.get_fignums() == []\n"
        "else: assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_samples_stand_at_their_labels():
    figure = plotting.draw_section(AMPLITUDE, LATERAL, TIME)
    np.testing.assert_array_equal(shown(figure), AMPLITUDE.T)
    assert figure.axes[0].images[0].get_extent() == [2149.5, 2179.5, 198.0, -2.0]
    assert figure.axes[0].get_xlabel() == "Crossline"
    assert figure.axes[0].get_ylabel() == "Two-way time (ms)"


def test_uneven_labels_are_named_at_their_traces():
    uneven = np.array([1, 2, 3, 10, 11, 40])
    axes = plotting.draw_section(AMPLITUDE[:6], uneven, TIME).axes[0]
    name = axes.xaxis.get_major_formatter()
    assert [name(position, None) for position in (0, 3, 5, 6)] == ["1", "10", "40", ""]


def test_colours_end_symmetrically_at_the_percentile_of_what_is_not_zero():
    amplitude = AMPLITUDE.copy()
    amplitude[:, :25] = 0
    amplitude[0, 30] = np.nan
    image = plotting.draw_section(amplitude, LATERAL, TIME, clip=90).axes[0].images[0]
    live = np.abs(amplitude[(amplitude != 0) & np.isfinite(amplitude)])
    assert image.norm.vmax == -image.norm.vmin == pytest.approx(np.percentile(live, 90))


@pytest.mark.parametrize("two_sided", [True, False])
def test_what_is_within_the_threshold_stays_grey(two_sided):
    score = 2 * AMPLITUDE
    score[0, 0] = np.nan
    figure = plotting.draw_anomaly_overlay(
        AMPLITUDE, score, LATERAL, TIME, threshold=1.5, two_sided=two_sided
    )
    colours = np.asarray(figure.axes[0].images[1].get_array()).swapaxes(0, 1)
    opacity = colours[..., 3]
    unusual = np.abs(score) >= 1.5 if two_sided else score >= 1.5
    np.testing.assert_array_equal(opacity > 0, unusual)
    strongest = np.nanargmax(np.abs(score) if two_sided else score)
    assert opacity.ravel()[strongest] == opacity.max() < 1
    warm = colours[..., 0] > colours[..., 2]
    np.testing.assert_array_equal(warm[unusual], score[unusual] > 0)


@pytest.mark.parametrize("lateral", [LATERAL, LATERAL**2], ids=["even", "uneven"])
def test_anomalies_are_framed_along_the_edges_of_their_samples_and_numbered(lateral):
    places = [{"box": (5, 15, 5, 10)}, {"box": (25, 30, 20, 25), "label": "chimney"}]
    figure = plotting.draw_anomaly_overlay(AMPLITUDE, AMPLITUDE**2, lateral, TIME, anomalies=places)
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    first = LATERAL[0] if lateral is LATERAL else 0  # uneven labels are drawn by position
    for frame, place in zip(frames, places, strict=True):
        top, bottom, left, right = place["box"]
        np.testing.assert_allclose(
            frame.get_bbox().extents,
            [first + left - 0.5, TIME[top] - 2, first + right - 0.5, TIME[bottom - 1] + 2],
        )
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "chimney"]


def test_numbers_of_frames_close_to_each_other_can_all_be_read():
    values = np.zeros((40, 30))
    places = [{"box": (10 + k, 20 + k, 5, 20), "label": 10 + k} for k in range(4)]
    figure = plotting.draw_anomaly_overlay(values, values, np.arange(40), np.arange(30), anomalies=places)
    figure.draw_without_rendering()
    extents = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(extents) == 4
    assert not any(one.overlaps(other) for one, other in itertools.combinations(extents, 2))


@pytest.mark.parametrize("traces", [30, 300])
def test_a_caveat_is_in_the_picture_to_its_end(traces):
    values = RNG.normal(size=(traces, 50))
    caveat = (
        "a ranking without an alarm rate: unlike the calibration lines in " + "WORDS about amplitude, " * 20
    )
    figure = plotting.draw_anomaly_overlay(values, values, np.arange(traces), TIME, caveat=caveat)
    figure.draw_without_rendering()
    assert figure.axes[0]._left_title.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["x" * 250 + ".sgy", "line \u6d4b\u7ebf"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda x, **words: plotting.draw_anomaly_overlay(x, x, anomalies=[{"box": (3, 9, 4, 12)}], **words),
        plotting.draw_section,
        lambda x, **words: plotting.draw_section(x, wiggle=True, **words),
        lambda x, **words: plotting.draw_facies_map(np.ones((30, 50), int), x, labels=["weak"], **words),
    ],
)
def test_any_name_fits_over_a_picture_and_needs_no_warning(draw, name, tmp_path):
    figure = draw(RNG.normal(size=(30, 50)), lateral=np.arange(30), vertical=TIME, title=name)
    plotting.save(figure, tmp_path / "picture.png")
    title = figure.axes[0]._left_title
    assert title.get_text().startswith(name[:10])
    with boxes_for_unknown_signs():
        figure.draw_without_rendering()
        assert title.get_window_extent().x1 <= figure.bbox.x1


def test_a_gallery_shows_every_patch_once_in_reading_order():
    picture = shown(plotting.draw_gallery(PATCHES, columns=4))
    assert picture.shape == (2 * 16 + 2, 4 * 8 + 3 * 2)
    np.testing.assert_array_equal(picture[18:, 20:28], PATCHES[6, 0].astype(np.float32))
    assert np.isnan(picture).sum() == picture.size - PATCHES.size


@pytest.mark.parametrize("real", [None, RNG.normal(size=(2, 1, 256, 8))])
def test_a_gallery_of_few_narrow_patches_has_room_for_its_title(real):
    figure = plotting.draw_gallery(RNG.normal(size=(1, 1, 256, 8)), real=real)
    figure.draw_without_rendering()
    for axes in figure.axes[:-1]:
        assert axes.title.get_window_extent().x1 <= figure.bbox.x1
        assert axes.yaxis.label.get_window_extent().x0 >= 0
    assert figure.axes[-2].get_title() == "Generated\n(1 patch of 256 x 8)"


def test_a_gallery_beside_real_patches_has_their_colours():
    figure = plotting.draw_gallery(10 * PATCHES, real=PATCHES)
    left, right = (axes.images[0].norm.vmax for axes in figure.axes[:2])
    assert left == right == pytest.approx(np.percentile(np.abs(PATCHES), 99))


def test_the_loss_is_readable_where_it_ends_up():
    train = np.concatenate([[1e6] * 5, np.linspace(1, -2, 195)])
    axes = plotting.draw_loss({"step": np.arange(200), "train": train, "validation": train + 0.1}).axes[0]
    low, high = axes.get_ylim()
    assert -2.6 < low < -2
    assert 0.5 < high < 2


def test_a_spectrum_peaks_at_the_frequency_of_the_wave():
    wave = np.broadcast_to(np.sin(2 * np.pi * 31.25 * 0.004 * np.arange(128))[:, None], (3, 1, 128, 8))
    real, generated = plotting.draw_spectra(wave, 0.5 * wave, interval=4.0).axes[0].lines
    assert real.get_xdata()[np.argmax(real.get_ydata())] == pytest.approx(31.25)
    assert max(real.get_ydata()) == pytest.approx(1)
    assert max(generated.get_ydata()) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("part", "expected", "title", "labels"),
    [
        ({}, {"inline": 2}, "cube.sgy, inline 102", ("Crossline", "Two-way time (ms)")),
        ({"inline": [4]}, {"inline": 4}, "cube.sgy, inline 104", ("Crossline", "Two-way time (ms)")),
        ({"crossline": [3]}, {"crossline": 3}, "cube.sgy, crossline 2153", ("Inline", "Two-way time (ms)")),
        ({"time": [5]}, {"time": 5}, "cube.sgy, time 20", ("Inline", "Crossline")),
    ],
)
def test_a_plane_of_a_cube_is_drawn_and_named(part, expected, title, labels):
    cube = section()
    figure = plotting.draw(cube.isel(part))
    axes = figure.axes[0]
    np.testing.assert_array_equal(shown(figure), cube["amplitude"].isel(expected).values.T)
    assert axes.get_title(loc="left") == title
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels


def test_a_scored_section_is_drawn_with_its_anomaly_map():
    cube = section()
    anomaly = (cube["amplitude"] ** 2).assign_attrs(threshold=3.0)
    figure = plotting.draw(cube.assign(anomaly=anomaly))
    opacity = np.asarray(figure.axes[0].images[1].get_array())[..., 3]
    np.testing.assert_array_equal(opacity > 0, anomaly.isel(inline=2).values.T >= 3.0)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"inline": [0], "crossline": [0]}, "1 x 1 x 50 samples are no plane"),
        ({"inline": [1]}, "no finite sample in inline 101"),
    ],
)
def test_what_cannot_be_drawn_is_refused(part, message):
    cube = section()
    cube["amplitude"][1] = np.nan
    with pytest.raises(DataError, match=message):
        plotting.draw(cube.isel(part))


def test_a_picture_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "figure.png"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        plotting.save(FIGURES["loss"](), path)
    assert path.read_text() == "mine"
    plotting.save(FIGURES["loss"](), path, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["figure.sgy", "figure"])
def test_an_ending_that_is_no_picture_is_refused(name, tmp_path):
    with pytest.raises(OutputError, match=r"no picture format. Use .png"):
        plotting.save(FIGURES["loss"](), tmp_path / name)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    def fail(self: Figure, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"\x89PNG half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    (tmp_path / "figure.png").write_text("before")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OutputError, match=r"figure.png: no space left on device. Free some space"):
        plotting.save(FIGURES["loss"](), tmp_path / "figure.png", overwrite=True)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("figure.png", "before")]


def test_maps_beside_one_without_data_have_the_colours_of_the_first_that_has_some():
    nothing, filled = np.full((20, 30), np.nan), 500 * np.random.default_rng(0).normal(size=(20, 30))
    figure = plotting.draw_comparison(
        [("Recorded", nothing), ("Filled", filled)], np.arange(20), np.arange(30)
    )
    limits = [image.get_clim() for axes in figure.axes for image in axes.get_images()]
    assert limits[0] == limits[1]
    assert limits[0][1] == pytest.approx(np.percentile(np.abs(filled), 99), rel=0.1)
