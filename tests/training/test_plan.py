"""Many files as they lie in a folder: what is trained together, what is scaled apart, what is left out."""

from pathlib import Path

import numpy as np
import pytest
import segyio

from seisflow import training
from seisflow.errors import DataError
from seisflow.io import open_section
from seisflow.models import load_model
from seisflow.runs.sources import Source
from seisflow.scoring.survey_match import for_survey
from seisflow.training.plan import make_plan

from ..conftest import layered_cube, tiny_config


def write(path: Path, values: np.ndarray, *, dt: int = 4000, easting: int = 0, text: str = "") -> Source:
    segyio.tools.from_array3D(str(path), values.astype(np.float32), dt=dt)
    with segyio.open(path, "r+") as file:
        file.text[0] = segyio.tools.create_text_header({1: text})
        for i in range(file.tracecount):
            line, trace = divmod(i, values.shape[1])
            file.header[i] = {
                segyio.TraceField.SourceGroupScalar: 1,
                segyio.TraceField.CDP_X: easting + 25 * trace,
                segyio.TraceField.CDP_Y: 6_000_000 + 25 * line,
            }
    return Source(path=str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files of one survey, one of another, one of another sample interval, one tiny, one that is none."""
    path, cube = tmp_path_factory.mktemp("mixed"), layered_cube()
    (path / "broken.sgy").write_bytes(b"no seismic")
    return [
        Source(path=str(path / "broken.sgy")),
        write(path / "a.sgy", cube, easting=400_000, text="NORTH SURVEY MERGED"),
        write(path / "coarse.sgy", cube, dt=8000, easting=400_000),
        write(path / "b.sgy", 0.01 * cube[:2], easting=900_000, text="LAND VINTAGE"),
        write(path / "a2.sgy", 1.2 * cube[1:3], easting=401_000, text="NORTH SURVEY MERGED"),
        write(path / "tiny.sgy", cube[:, :9, :40], easting=400_000),
    ]


def test_files_are_grouped_by_survey_and_the_rest_is_left_out_with_a_reason(folder):
    plan = make_plan(folder, tiny_config())
    kept = [Path(source.path).name for source in plan.sources]
    assert [(survey.name, [Path(p).name for p in survey.paths]) for survey in plan.surveys] == [
        ("a", ["a.sgy", "a2.sgy"]),
        ("b", ["b.sgy"]),
    ]
    assert [plan.surveys[k].name for k in plan.survey_of] == ["a", "b", "a"]
    assert kept == ["a.sgy", "b.sgy", "a2.sgy"]
    assert plan.name == "a"
    reasons = {one.name: str(one) for one in plan.left_out}
    assert set(reasons) == {"broken.sgy", "coarse.sgy", "tiny.sgy"}
    assert "every 8 ms, which share no model with" in reasons["coarse.sgy"]
    assert f"seisflow train {folder[2].path}" in reasons["coarse.sgy"]
    assert "are too few for training and held-out patches" in reasons["tiny.sgy"]


def test_what_is_left_out_weighs_in_no_scale(folder):
    together = make_plan(folder, tiny_config())
    alone = make_plan([folder[1], folder[4]], tiny_config())
    assert together.surveys[0].scaling == alone.surveys[0].scaling
    ratio = together.surveys[0].scaling.std / together.surveys[1].scaling.std
    assert 90 < ratio < 130


def test_a_file_that_is_there_twice_is_used_once(folder, tmp_path):
    copy, little = tmp_path / "copy.sgy", tmp_path / "little.sgy"
    copy.write_bytes(Path(folder[4].path).read_bytes())
    with segyio.open(folder[4].path) as file:
        spec, traces, headers = segyio.tools.metadata(file), file.trace.raw[:], [dict(h) for h in file.header]
    spec.endian = "little"  # the same amplitudes in other bytes
    with segyio.create(little, spec) as file:
        file.trace = traces
        file.header = headers
        file.bin[segyio.BinField.Interval] = 4000
    sources = [folder[4], *(Source(path=str(path)) for path in (copy, little)), folder[1]]
    plan = make_plan(sources, tiny_config())
    assert [Path(source.path).name for source in plan.sources] == ["a2.sgy", "a.sgy"]
    assert [str(one) for one in plan.left_out] == [
        f"{name}: the same amplitudes as a2.sgy, and one of them is enough"
        for name in ("copy.sgy", "little.sgy")
    ]


def test_one_file_that_cannot_be_used_is_an_error(folder):
    with pytest.raises(DataError, match=r"broken\.sgy"):
        make_plan(folder[:1], tiny_config())


def test_patches_shrink_to_fit_where_nothing_is_said_of_them(tmp_path, caplog):
    cube = np.random.default_rng(0).normal(size=(1, 200, 76))
    source = write(tmp_path / "low.sgy", cube)
    config = tiny_config()
    large = config.model_copy(update={"data": config.data.model_copy(update={"patch": (256, 64)})})
    with caplog.at_level("INFO", "seisflow"):
        plan = make_plan([source], large, fit_patch=True)
    assert plan.config.data.patch == (64, 64)
    assert "patches of 64 samples x 64 traces, as the sections are too small for 256 x 64" in caplog.text


@pytest.fixture(scope="module")
def two_surveys(folder, tmp_path_factory):
    """Run folder of a model of both surveys."""
    run = tmp_path_factory.mktemp("runs") / "mixed"
    training.train(folder, tiny_config(), run, device="cpu")
    return run


def test_each_survey_is_scaled_and_calibrated_by_itself(two_surveys, folder):
    model = load_model(two_surveys)
    assert [survey.name for survey in model.card.surveys] == ["a", "b"]
    assert model.card.scaling == model.card.surveys[0].scaling
    assert "tiny.sgy" not in (two_surveys / "run.json").read_text()
    for number, source in ((0, folder[1]), (1, folder[3]), (0, folder[4])):
        view, match = for_survey(source.open(), model)
        assert match.survey == "ab"[number]
        assert view.card.scaling == model.card.surveys[number].scaling
        assert not match.differences
    assert for_survey(folder[3].open(), model)[0].card.calibration == model.card.surveys[1].calibration


def test_a_copy_of_a_file_finds_its_survey_by_what_is_in_it(two_surveys, folder, tmp_path):
    copy = tmp_path / "renamed.sgy"
    copy.write_bytes(Path(folder[3].path).read_bytes())
    assert for_survey(open_section(copy), load_model(two_surveys))[1].survey == "b"
