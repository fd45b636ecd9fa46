"""Labels of a section, how a map agrees with them, and the attributes beside it."""

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy.ndimage import gaussian_filter
from sklearn.metrics import average_precision_score

from seisflow.cli.main import cli
from seisflow.errors import DataError
from seisflow.evaluation.labels.agreement import agreement, average_precision, side_by_side
from seisflow.evaluation.labels.attributes import ATTRIBUTES, plane_wave_residual
from seisflow.evaluation.labels.evaluate import evaluate_labels
from seisflow.evaluation.labels.read import read_labels

T, X, FAULT = 64, 80, 40


def section(dims=("trace", "time"), lines=0):
    """Dipping layers, cut by a fault of 5 samples at trace `FAULT`."""
    rng = np.random.default_rng(0)
    t, x = np.mgrid[:T, :X].astype(float)
    trace = gaussian_filter(rng.normal(size=200), 1.5)
    values = np.interp(t + 0.3 * x + 5 * (x >= FAULT) + 20, np.arange(200), trace / trace.std()).T
    values = values + 0.05 * rng.normal(size=values.shape)
    shape = (X, T) if not lines else (lines, X, T)
    coords = {"trace" if not lines else "crossline": np.arange(1, X + 1), "time": 4.0 * np.arange(T)}
    if lines:
        dims, coords = ("inline", "crossline", "time"), coords | {"inline": 100 + np.arange(lines)}
    full = np.broadcast_to(values, shape).astype(np.float32)
    return xr.Dataset({"amplitude": (dims, full)}, coords, {"source_file": "line.npy"})


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_is_that_of_scikit_learn(ties):
    rng = np.random.default_rng(0)
    labels = rng.random(500) < 0.1
    values = rng.normal(size=500) + labels
    values = values.round(0 if ties else 9)
    assert average_precision(values, labels) == pytest.approx(average_precision_score(labels, values))


def test_a_map_that_is_the_labels_agrees_wholly():
    labels = np.zeros((T, X), bool)
    labels[10:50, FAULT] = True
    wide = np.zeros((T, X), np.float32)
    wide[10:50, FAULT - 2 : FAULT + 3] = 1
    found = agreement(wide, labels, np.ones_like(labels), threshold=0.5)
    assert (found.auroc, found.average_precision, found.precision, found.recall, found.f1) == (1, 1, 1, 1, 1)


def test_precision_and_recall_forgive_some_traces():
    labels, values = np.zeros((T, X), bool), np.zeros((T, X), np.float32)
    labels[:, FAULT] = True
    values[:32, FAULT + 2] = 1  # half of the fault, two traces off
    values[:32, 10] = 1  # and as much elsewhere
    mask = np.ones_like(labels)
    found = agreement(values, labels, mask, within=2, threshold=0.5)
    assert (found.precision, found.recall) == (0.5, 0.5)
    strict = agreement(values, labels, mask, within=1, threshold=0.5)
    assert (strict.precision, strict.recall) == (0, 0)


def test_by_default_as_many_samples_are_found_as_are_labelled():
    rng = np.random.default_rng(0)
    labels = np.zeros((T, X), bool)
    labels[:, FAULT] = True
    values = rng.normal(size=(T, X)).astype(np.float32)
    found = agreement(values, labels, np.ones_like(labels), within=0)
    assert (values >= found.threshold).sum() == pytest.approx(labels.sum(), abs=1)


def test_panels_stand_side_by_side_without_touching():
    joined = side_by_side([np.ones((4, 3)), np.ones((4, 3))], 2, 0.0)
    np.testing.assert_array_equal(joined[0], [1, 1, 1, 0, 0, 1, 1, 1])


def test_picks_of_one_name_are_joined(tmp_path):
    file = write(tmp_path / "p.csv", "trace,sample,name\n11,0,a\n11,20,a\n30,5,b\n31,5,\n")
    labels = read_labels(file, section())
    assert labels[10, :21].all()
    assert labels[29, 5]
    assert labels[30, 5]
    assert labels.sum() == 23


def test_picks_of_a_cube_go_by_the_labels_of_its_dims(tmp_path):
    labels = read_labels(write(tmp_path / "p.csv", "inline,crossline,time\n101,3,20\n"), section(lines=3))
    assert np.argwhere(labels).tolist() == [[1, 2, 5]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "Expected trace, sample"),
        ("", "Expected trace, sample"),
        ("trace,sample\n1,x\n", "line 2: sample 'x'"),
        ("trace,sample\n500,3\n", "line 2: trace 500. Expected 1 to 80"),
        ("trace,sample\n5,64\n", "line 2: sample 64. Expected 0 to 63"),
        ("trace,sample\n", "Expected trace, sample"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        read_labels(write(tmp_path / "p.csv", text), section())


@pytest.mark.parametrize(
    ("values", "said"), [(np.ones((3, 3)), "labels of shape 3 x 3"), (np.zeros((X, T)), "no labels")]
)
def test_a_volume_that_does_not_fit_is_refused(tmp_path, values, said):
    np.save(tmp_path / "l.npy", values)
    with pytest.raises(DataError, match=said):
        read_labels(tmp_path / "l.npy", section())


@pytest.mark.parametrize("name", ["shifted misfit", "structure tensor", "plane-wave residual", "semblance"])
def test_attributes_find_a_fault_in_dipping_layers(name):
    panel = section()["amplitude"].values.T
    column = ATTRIBUTES[name](panel)[10:-10].mean(0)
    assert abs(int(column[4:-4].argmax()) + 4 - FAULT) <= 3


def test_plane_wave_destruction_takes_dipping_layers_away():
    panel = section()["amplitude"].values.T
    left = plane_wave_residual(panel)[10:-10]
    assert left[:, 8 : FAULT - 8].mean() < 0.1
    assert left[:, FAULT - 1 : FAULT + 1].mean() > 5 * left[:, 8 : FAULT - 8].mean()


@pytest.mark.parametrize("lines", [0, 2])
def test_the_command_compares_a_map_with_picks_and_draws_it(tmp_path, lines):
    made = section(lines=lines)
    fault = np.exp(-(((np.arange(X) - FAULT) / 3.0) ** 2))[:, None] * np.ones((1, T))
    made["anomaly"] = (made["amplitude"].dims, np.broadcast_to(fault, made["amplitude"].shape))
    made["anomaly"].attrs = {"threshold": 0.5, "two_sided": 0}
    made.attrs["score"] = "joint"
    made.to_zarr(tmp_path / "map.zarr")
    heads = "inline,crossline,sample,name\n" if lines else "trace,sample,name\n"
    first = "100," if lines else ""
    picks = write(tmp_path / "p.csv", f"{heads}{first}{FAULT + 1},5,f\n{first}{FAULT + 1},60,f\n")
    arguments = ["evaluate-labels", str(tmp_path / "map.zarr"), str(picks)]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output[done.output.index("{") :])
    assert said["panels"] == 1
    assert said["found"]["seisflow, joint"]["auroc"] > 0.95
    assert set(ATTRIBUTES) < set(said["found"])
    assert (tmp_path / "map-labels.png").stat().st_size > 1000
    picks.write_text("a table of something else\n")  # it is not read before the picture is refused
    again = CliRunner().invoke(cli, arguments)
    assert again.exit_code == 1
    assert "--overwrite" in again.output


def test_a_volume_of_another_attribute_is_taken_as_it_is(tmp_path):
    np.save(tmp_path / "a.npy", section()["amplitude"].values)
    labels = np.zeros((X, T))
    labels[FAULT] = 1
    np.save(tmp_path / "l.npy", labels)
    report = evaluate_labels(tmp_path / "a.npy", tmp_path / "l.npy", dt=4.0)
    assert list(report.found) == ["a"]
