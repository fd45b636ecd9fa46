"""`seisflow benchmark` from the outside: results, pages and pictures, and what it refuses."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from seisflow.cli.main import cli
from seisflow.evaluation import suites
from seisflow.evaluation.images import moons

from ..conftest import tiny_image_config

KEYS = {"experiment", "dataset", "protocol", "model", "parameters", "metric", "value", "seed", "seconds",
        "machine", "commit", "command"}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow benchmark` in an empty folder, as in a process of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEISFLOW_DATA", raising=False)

    def invoke(*arguments):
        return CliRunner().invoke(cli, ["benchmark", *map(str, arguments)])

    return invoke


@pytest.fixture
def config(tmp_path):
    """File of a tiny configuration."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_image_config(steps=3).model_dump(mode="json")))
    return path


def done(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def recorded(name):
    return json.loads(Path(f"out/results/{name}.json").read_text())


def test_an_image_benchmark_records_what_it_prints_and_eval_only_repeats_it(run, few_images, config):
    first = done(run("mnist", "--data", few_images, "-c", config, "-o", "out", "--seed", 1))
    (one,) = recorded("mnist")
    assert one.keys() >= KEYS
    assert one["command"] == f"seisflow benchmark mnist -c {config} --seed 1"
    assert (one["model"], one["bound"], one["experiment"]) == ("tiny", "upper", "mnist")
    assert f"≤ {one['value']:.3f}" in first.stdout
    page = Path("out/images-benchmarks.md").read_text()
    assert f"≤ {one['value']:.3f}" in page
    assert Path("out/images/mnist-bilinear-tiny.png").read_bytes().startswith(b"\x89PNG")
    again = json.loads(
        done(run("mnist", "--data", few_images, "--eval-only", "-m", "runs/mnist-1", "--json")).stdout
    )
    assert again[0]["value"] == one["value"]
    assert again[0]["command"] == "seisflow benchmark mnist -m runs/mnist-1 --eval-only"


def test_a_result_is_not_replaced_unasked_and_nothing_is_trained_for_it(run, few_images, config):
    arguments = ("mnist", "--data", few_images, "-c", config, "-o", "out")
    done(run(*arguments))
    refused = run("-q", *arguments)
    assert refused.exit_code == 1
    assert "holds tiny on mnist, test already. Pass --overwrite" in refused.stderr
    assert not Path("runs/mnist-2").exists()
    done(run(*arguments, "--overwrite", "--seed", 5))
    done(run(*arguments, "--resize", "pad"))
    assert [(one["seed"], one["resize"]) for one in recorded("mnist")] == [(5, "bilinear"), (0, "pad")]


def test_topics_of_a_run_are_recorded_beside_clusterings(run, few_images, config):
    pytest.importorskip("sklearn")
    done(run("mnist", "--data", few_images, "-c", config, "--seed", 1))
    done(run("topics", "--data", few_images, "-m", "runs/mnist-1", "-o", "out"))
    first, *others = recorded("topics")
    assert first["model"] == "mnist-1"
    assert len(others) == 8
    assert all(0 <= one["value"] <= 1 for one in recorded("topics"))
    assert first["bits_per_dim"] > 0
    page = Path("out/images-benchmarks.md").read_text()
    assert "topics of `mnist-1`" in page
    assert "k-means of pixels" in page


def test_bilinear_and_pad_never_stand_in_one_table(run, few_images, config):
    for how in ("bilinear", "pad"):
        done(run("mnist", "--data", few_images, "-c", config, "-o", "out", "--resize", how))
    tables = re.split(r"^\*\*", Path("out/images-benchmarks.md").read_text(), flags=re.M)[1:]
    assert [re.search("32 x 32 by ([a-z]+)", table)[1] for table in tables] == ["bilinear", "pad"]
    assert [table.count("| tiny |") for table in tables] == [1, 1]


def test_table1_goes_on_where_it_was_cut_short(run, few_images, config, monkeypatch):
    monkeypatch.setattr(suites, "TABLE1_SETS", ("mnist",))
    other = config.with_name("other.yaml")
    other.write_text(config.read_text())
    monkeypatch.setattr(suites, "TABLE1", (str(config),))
    done(run("table1", "--data", few_images, "-o", "out"))
    monkeypatch.setattr(suites, "TABLE1", (str(config), str(other)))
    second = run("table1", "--data", few_images, "-o", "out")
    assert "tiny on mnist by bilinear: recorded already, left out" in done(second).stderr
    assert [one["model"] for one in recorded("table1")] == ["tiny", "other"]
    assert Path("out/images/table1-mnist.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path("runs/table1").iterdir()) == [
        "mnist-bilinear-other",
        "mnist-bilinear-tiny",
    ]


def test_rows_of_table1_by_other_seeds_stand_beside_the_first(run, few_images, config, monkeypatch):
    monkeypatch.setattr(suites, "TABLE1_SETS", ("mnist",))
    monkeypatch.setattr(suites, "TABLE1", (str(config),))
    for seed in (0, 1):
        done(run("table1", "--data", few_images, "-o", "out", "--seed", seed))
    first, second = recorded("table1")
    assert [first["seed"], second["seed"]] == [0, 1]
    assert first["value"] != second["value"]
    page = Path("out/images-benchmarks.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| tiny |")]
    assert f"≤ {second['value']:.3f} ({second['steps']:,})" in row
    assert row.index(f"{first['value']:.3f}") < row.index(f"{second['value']:.3f} (")


def test_tables_are_made_again_from_results_alone(run, few_images, config):
    done(run("mnist", "--data", few_images, "-c", config, "-o", "out"))
    page = Path("out/images-benchmarks.md")
    before = page.read_text()
    page.write_text(before.replace("# Image benchmarks", "# My title").replace("≤", "?"))
    assert done(run("mnist", "--tables-only", "-o", "out")).stdout == "out/images-benchmarks.md\n"
    assert page.read_text() == before.replace("# Image benchmarks", "# My title")


def test_moons_write_a_picture_and_end_near_the_entropy(run, monkeypatch):
    monkeypatch.setattr(moons, "STEPS", 120)
    result = done(run("moons", "-o", "out"))
    results = recorded("moons")
    assert [one["model"] for one in results] == ["RealNVP", "KAT-NF"]
    for one in results:
        assert one.keys() >= KEYS
        assert -0.02 < one["value"] - one["entropy"] < 0.3
        assert f"{one['value']:.3f}" in result.stdout
    assert Path("out/images/moons.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("moons", "--resize", "pad"), "moons has no use for --resize"),
        (("table1", "--eval-only"), "table1 has no use for --eval-only"),
        (("side-by-side", "-c", "mnist"), "side-by-side has no use for -c"),
        (("cifar10-automobile", "--resize", "pad"), "no use for --resize"),
        (("mnist", "--eval-only", "-c", "mnist"), "--eval-only trains nothing"),
        (("mnist", "--tables-only"), "--tables-only needs -o"),
        (("mnist", "--tables-only", "-o", "out", "--max-time", "10"), "--tables-only runs nothing"),
        (("seismic",), "Missing option '--data'"),
        (("mnist2",), "mnist2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_do_not_fit_are_usage_errors(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_results_that_are_none_are_refused_in_one_line(run, few_images, config):
    Path("out/results").mkdir(parents=True)
    Path("out/results/mnist.json").write_text("{]")
    refused = run("-q", "mnist", "--data", few_images, "-c", config, "-o", "out")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: out/results/mnist.json: not JSON")
    assert refused.stderr.count("\n") == 1
