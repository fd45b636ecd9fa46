"""Result files hold what scoring gives, with the headers of the source, and appear together or not at all."""

import errno
import json
import signal
from functools import partial
from pathlib import Path

import numpy as np
import obspy
import pytest
import segyio
import xarray as xr
from matplotlib.figure import Figure

import seisflow
from seisflow.errors import OutputError
from seisflow.io import select, write_zarr
from seisflow.io.segy.write import SegyWriter
from seisflow.io.zarr.write import ZarrWriter
from seisflow.models import load_model
from seisflow.output import score_files
from seisflow.output.paths import output_path
from seisflow.scoring import section as section_scoring

# What files hold is told by a score whose maps are simple and have two sides.
write_scores = partial(score_files.write_scores, score="typicality")
score = partial(section_scoring.score, score="typicality")


@pytest.fixture(scope="module")
def model(tiny_run):
    return load_model(tiny_run)


@pytest.fixture
def cube(cube_file):
    return seisflow.open_section(cube_file)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_zarr_holds_what_scoring_in_memory_gives(cube, model, tmp_path):
    write_scores(cube, model, [tmp_path / "map.zarr"])
    assert names(tmp_path) == ["map.csv", "map.geojson", "map.json", "map.png", "map.zarr"]
    expected = score(cube, model)
    plain = xr.open_zarr(tmp_path / "map.zarr")
    for found in (plain, seisflow.open_section(tmp_path / "map.zarr")):
        for name in ("amplitude", "nll", "anomaly"):
            np.testing.assert_array_equal(found[name], expected[name])
        assert found["mask"].dtype == bool
        np.testing.assert_array_equal(found["mask"], expected["mask"])
        for name in ("inline", "crossline", "time", "cdp_x", "cdp_y"):
            np.testing.assert_array_equal(found[name], cube[name])
    assert plain["anomaly"].attrs == expected["anomaly"].attrs
    assert plain["nll"].attrs["units"] == "nat"
    assert plain.attrs["model_inputs"] == ["cube.sgy"]


@pytest.mark.parametrize(("kind", "name"), [("typicality", "anomaly"), ("nll", "nll")])
def test_segy_keeps_the_headers_of_its_source(cube_file, cube, model, tmp_path, kind, name):
    write_scores(cube, model, [tmp_path / "map.sgy"], score=kind)
    expected = np.nan_to_num(score(cube, model)[name].values)
    with segyio.open(cube_file) as source, segyio.open(tmp_path / "map.sgy") as result:
        np.testing.assert_array_equal(segyio.tools.cube(result), expected)
        assert [dict(header) for header in result.header] == [dict(header) for header in source.header]
        assert "by seisflow" in segyio.tools.wrap(result.text[0])
    assert len(obspy.read(tmp_path / "map.sgy", format="SEGY").traces) == 4 * 112


def test_several_formats_come_from_one_pass(cube, model, tmp_path):
    summary = write_scores(cube, model, [tmp_path / "map.zarr", tmp_path / "map.sgy"])
    assert names(tmp_path) == ["map.csv", "map.geojson", "map.json", "map.png", "map.sgy", "map.zarr"]
    np.testing.assert_array_equal(
        seisflow.open_section(tmp_path / "map.sgy")["amplitude"],
        np.nan_to_num(xr.open_zarr(tmp_path / "map.zarr")["anomaly"]),
    )
    assert [Path(output).name for output in summary.outputs] == [
        "map.zarr",
        "map.sgy",
        "map.png",
        "map.json",
        "map.csv",
        "map.geojson",
    ]


def test_the_summary_names_the_strongest_anomaly_and_how_it_was_judged(cube, model, tmp_path):
    summary = write_scores(cube, model, [tmp_path / "map.zarr"], alpha=0.3, model_name="tiny")
    told = json.loads((tmp_path / "map.json").read_text())
    assert told == summary.model_dump(mode="json")
    assert (told["model"], told["alpha"], told["panels"]) == ("tiny", 0.3, 4)
    assert told["threshold"] == model.card.calibration.threshold(0.3)
    assert told["alpha_is_supported"] == model.card.calibration.supports(0.3, (96, 112))
    assert told["scored"] == pytest.approx(88 / 96)
    assert told["nats_per_dim"] == pytest.approx(float(score(cube, model)["nll"].mean()), rel=1e-5)
    strongest = told["anomalies"][0]
    assert 21 <= strongest["at"]["crossline"] <= 32
    assert 160 <= strongest["at"]["time"] <= 220
    assert strongest["at"]["cdp_x"] == 400_000 + 25 * (strongest["at"]["crossline"] - 1)
    assert strongest["extent"]["inline"] == [1, 4]
    assert "the strongest at inline" in summary.sentence()


def test_nll_looks_for_what_is_less_probable_only(cube, model, tmp_path):
    dim = cube.load().copy(deep=True)
    dim["amplitude"][:, 80:100, 30:90] *= 0.02
    both = write_scores(dim, model, [tmp_path / "both.zarr"])
    less = write_scores(dim, model, [tmp_path / "less.zarr"], score="nll")
    assert {a["kind"][:4] for a in both.anomalies} == {"less", "more"}
    assert {a["kind"][:4] for a in less.anomalies} == {"less"}


def test_the_picture_shows_the_strongest_anomaly_framed_by_its_rank(cube, model, tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, path, **_: drawn.update(figure=figure) or Path(path).touch()
    )
    summary = write_scores(cube, model, [tmp_path / "map.zarr"])
    axes = drawn["figure"].axes[0]
    assert axes.get_title(loc="left").startswith("cube.sgy, inline ")
    assert axes.texts[0].get_text() == "1"
    left, top, right, bottom = axes.patches[0].get_bbox().extents
    at = summary.anomalies[0]["at"]
    assert left <= at["crossline"] <= right
    assert top <= at["time"] <= bottom


def test_a_line_a_part_and_zarr_are_scored_too(cube_file, model, tmp_path):
    line = seisflow.open_section(cube_file, line=True)
    part = select(seisflow.open_section(cube_file), ["inline=2:3", "time=40:300"])
    write_zarr(part, tmp_path / "part.zarr")
    for number, section in enumerate([line, part, seisflow.open_section(tmp_path / "part.zarr")]):
        summary = write_scores(section, model, [tmp_path / f"{number}.sgy"])
        result = seisflow.open_section(tmp_path / f"{number}.sgy", line=section is line)
        np.testing.assert_array_equal(result["amplitude"].shape, section["amplitude"].shape)
        np.testing.assert_array_equal(result["time"], section["time"])
        assert summary.count > 0


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_, **__):
    raise KeyboardInterrupt


FAILURES = {
    "disk full in a map": (OutputError, lambda patch: patch.setattr(ZarrWriter, "write", full)),
    "disk full in SEG-Y": (OutputError, lambda patch: patch.setattr(SegyWriter, "write", full)),
    "disk full in the summary": (OutputError, lambda patch: patch.setattr(Path, "write_text", full)),
    "interrupted while writing": (
        KeyboardInterrupt,
        lambda patch: patch.setattr(ZarrWriter, "write", interrupted),
    ),
}


@pytest.mark.parametrize(("kind", "breaks"), FAILURES.values(), ids=FAILURES)
def test_a_failure_leaves_nothing(cube, model, tmp_path, monkeypatch, kind, breaks):
    breaks(monkeypatch)
    folder = tmp_path / "new" / "folder"
    with pytest.raises((kind, OSError)):
        write_scores(cube, model, [folder / "map.zarr", folder / "map.sgy"])
    assert names(tmp_path) == []


def test_a_picture_that_fails_costs_no_map(cube, model, tmp_path, monkeypatch, caplog):
    write_scores(cube, model, [tmp_path / "map.zarr"])
    monkeypatch.setattr(Figure, "savefig", full)
    write_scores(cube, model, [tmp_path / "map.zarr"], overwrite=True)
    assert [name for name in names(tmp_path) if not name.endswith(".geojson")] == [
        "map.csv",
        "map.json",
        "map.zarr",
    ]
    assert "map.png: not drawn" in caplog.text


def test_sigterm_leaves_nothing(cube, model, tmp_path):
    def terminate(done, total):
        if done == 2:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        write_scores(cube, model, [tmp_path / "map.zarr"], report=terminate)
    assert names(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_interrupt_leaves_what_was_there_before(cube, model, tmp_path):
    write_scores(cube.isel(inline=[0]), model, [tmp_path / "map.zarr"])
    before = (tmp_path / "map.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_scores(cube, model, [tmp_path / "map.zarr"], overwrite=True, report=interrupted)
    assert names(tmp_path) == ["map.csv", "map.geojson", "map.json", "map.png", "map.zarr"]
    assert (tmp_path / "map.json").read_bytes() == before
    assert xr.open_zarr(tmp_path / "map.zarr").sizes["inline"] == 1


@pytest.mark.parametrize("there", ["map.zarr", "map.png", "map.json", "map.csv"])
def test_nothing_is_replaced_unasked(cube, model, tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(OutputError, match=f"{there}: exists already"):
        write_scores(cube, model, [tmp_path / "map.zarr"])
    assert (names(tmp_path), (tmp_path / there).read_text()) == ([there], "mine")
    write_scores(cube, model, [tmp_path / "map.zarr"], overwrite=True)
    assert names(tmp_path) == ["map.csv", "map.geojson", "map.json", "map.png", "map.zarr"]


def test_a_section_is_never_written_over(cube_file, cube, model):
    before = cube_file.read_bytes()
    with pytest.raises(OutputError, match="is what is scored"):
        write_scores(cube, model, [cube_file], overwrite=True)
    assert cube_file.read_bytes() == before


def test_outputs_of_several_folders_are_refused(cube, model, tmp_path):
    with pytest.raises(OutputError, match="All outputs go to one folder"):
        write_scores(cube, model, [tmp_path / "a" / "x.zarr", tmp_path / "b" / "x.sgy"])


@pytest.mark.parametrize(
    ("output", "several", "expected"),
    [
        (None, False, "run/score/line.zarr"),
        ("maps", False, "maps/line.zarr"),
        ("maps", True, "maps/line.zarr"),
        ("out.SGY", False, "out.SGY"),
        ("out.segy", False, "out.segy"),
        ("out.zarr", True, None),
        ("out.png", False, None),
    ],
)
def test_a_result_goes_where_it_was_asked_for(output, several, expected):
    given = (Path(output) if output else None, Path("run/score"), "line")
    if expected is None:
        with pytest.raises(OutputError):
            output_path(*given, several=several)
    else:
        assert output_path(*given, several=several) == Path(expected)
