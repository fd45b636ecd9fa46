"""Telling images that a model has not learned: the statistics, the scores made of them, the command."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from seisflow.cli.main import cli
from seisflow.errors import DataError, ModelError
from seisflow.evaluation.images import likelihood as images
from seisflow.evaluation.images import ood, outliers
from seisflow.io.images import dequantise
from seisflow.models import build_fractal_flow
from seisflow.models.fractal_ar import FractalAR
from seisflow.runs.sources import ImageSource

from ...conftest import tiny_image_config

RNG = np.random.default_rng(0)


def pixels(count, channels=1, seed=0):
    values = np.random.default_rng(seed).normal(125, 22, (count, channels, 32, 32))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def flow(channels=1):
    torch.manual_seed(0)
    model = build_fractal_flow((channels, 32, 32), tiny_image_config().flow)
    model.initialise(torch.from_numpy(pixels(32, channels)).float() + 0.5)
    return model.eval()


@pytest.mark.parametrize("channels", [1, 3])
def test_parts_and_blocks_sum_to_the_bits_of_the_image(channels):
    model, some = flow(channels), pixels(5, channels)
    found = outliers.measure(model, some, seed=3)
    x = dequantise(some, np.random.default_rng([3, 0]))
    bits = model.bits_per_dim(x).detach().numpy()
    np.testing.assert_allclose(found["nll"][:, 0], bits, rtol=1e-4)
    np.testing.assert_allclose(found["levels"].sum(1), bits, rtol=1e-4)
    np.testing.assert_allclose(found["blocks"].mean(1), bits, rtol=1e-4)
    assert found["blocks"].shape == (5, 64)
    assert found["levels"].shape == (5, model.levels + 2)


def test_an_image_is_judged_alone():
    model, some = flow(), pixels(4)
    first, alone = outliers.measure(model, some), outliers.measure(model, some[:1])
    np.testing.assert_allclose(first["nll"][:1], alone["nll"], rtol=1e-5)


def test_a_model_without_levels_has_fewer_scores():
    config = tiny_image_config("fractal-ar").autoregressive
    found = outliers.measure(FractalAR((1, 32, 32), config).eval(), pixels(2))
    names = [score.name for score in outliers.scores_for(found)]
    assert names == ["nll", "typicality", "ratio", "blocks", "PNG size", "block means"]


def test_constants_are_simple_and_noise_is_not():
    even, noise = np.full((1, 1, 32, 32), 7, np.uint8), RNG.integers(256, size=(1, 1, 32, 32), dtype=np.uint8)
    small, large = (outliers.measure(flow(), one)["complexity"].item() for one in (even, noise))
    assert small < 1 < 8 < large


def test_either_side_is_in_deviations_of_its_side():
    normal = np.exp(0.5 * RNG.normal(size=(200_000, 1)))
    deviation = outliers.either_side(normal)
    for at in (math.exp(-1), math.exp(1)):  # two deviations of the underlying normal, on either side
        assert deviation(np.array([[at]])).item() == pytest.approx(2, abs=0.03)
    assert deviation(np.array([[1.0]])).item() == pytest.approx(0, abs=0.03)


def test_density_knows_what_goes_together():
    shared = RNG.normal(size=(5000, 1))
    deviation = outliers.density(shared + 0.3 * RNG.normal(size=(5000, 2)))
    along, across = deviation(np.array([[2.0, 2.0], [2.0, -2.0]]))
    assert across > 5 * along
    assert deviation(np.array([[1e30, -1e30]])).item() < np.inf


def test_ratio_subtracts_what_png_needs():
    score = next(one for one in outliers.SCORES if one.name == "ratio")
    statistics = {"nll": np.array([[3.0], [3.0]]), "complexity": np.array([[1.0], [4.0]])}
    np.testing.assert_allclose(score.fitted(statistics)(statistics), [2, -1])


def test_separation_counts_pairs_and_its_error_is_that_of_draws():
    assert ood.separation(np.array([1.0, 2.0]), np.array([0.0, 1.0]))[0] == (0.5 + 1 + 1 + 1) / 4
    draws = [ood.separation(RNG.normal(1, 1, 200), RNG.normal(0, 1, 300)) for _ in range(400)]
    values, errors = np.transpose(draws)
    assert values.mean() == pytest.approx(0.7602, abs=0.005)  # Phi(1 / sqrt(2))
    assert errors.mean() == pytest.approx(values.std(), rel=0.15)


def test_colours_and_grey():
    grey = pixels(2)
    assert (ood.coloured(grey, 3) == grey).all()
    assert ood.coloured(grey, 3).shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(ood.coloured(ood.coloured(grey, 3), 1), grey)
    red = np.zeros((1, 3, 1, 1), np.uint8)
    red[0, 0] = 100
    assert ood.coloured(red, 1).item() == 30


@pytest.fixture
def run(few_images, tmp_path, monkeypatch):
    """Folder of a tiny run on digits, made in an empty folder; Fashion-MNIST has the same images."""
    shutil.copytree(few_images / "images" / "mnist", few_images / "images" / "fashion-mnist")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEISFLOW_DATA", raising=False)
    source = ImageSource(path="mnist", folder=str(few_images))
    images.train_model(source, tmp_path / "tiny", tiny_image_config(), seed=0, max_time=None, overwrite=False)
    return tmp_path / "tiny"


def call(*arguments):
    return CliRunner().invoke(cli, ["benchmark", "ood", *map(str, arguments)])


def test_the_command_records_a_result_for_each_score(run, few_images):
    done = call("-m", "tiny", "--data", few_images, "-o", "out")
    assert done.exit_code == 0, (done.output, done.exception)
    found = {one["score"]: one for one in json.loads(Path("out/results/ood.json").read_text())}
    assert list(found) == [score.name for score in outliers.SCORES]
    for one in found.values():
        keys = "experiment dataset protocol model parameters metric value seed seconds machine commit command"
        assert set(keys.split()) <= set(one)
        assert one["value"] == one["by_set"]["fashion-mnist"]
        assert one["by_set"]["fashion-mnist"] == pytest.approx(0.5, abs=0.2)  # they are the same images
    assert found["nll"]["by_set"]["noise"] == 1
    assert found["PNG size"]["by_set"]["constant"] == 1
    assert found["nll"]["command"] == "seisflow benchmark ood -m tiny"
    assert "left out" in done.stderr  # there are no automobiles
    page = Path("out/images-benchmarks.md").read_text()
    assert "**tiny** on mnist, test" in page
    assert f"{found['blocks']['value']:.4f}" in page
    refused = call("-m", "tiny", "--data", few_images, "-o", "out")
    assert refused.exit_code == 1
    assert "holds tiny, nll on mnist, test already. Pass --overwrite" in refused.stderr


def test_what_cannot_be_judged_is_refused(run, few_images, tiny_run):
    none = call("-m", tiny_run, "--data", few_images)
    assert none.exit_code == 1
    assert "tiny: has learned no images. Expected a model of" in none.stderr
    shutil.rmtree(few_images / "images" / "fashion-mnist")
    assert "of fashion-mnist" in call("-m", "tiny", "--data", few_images).stderr
    options = call("-m", "tiny", "-c", "mnist")
    assert options.exit_code == 2
    assert "ood has no use for -c" in options.stderr


def test_without_held_out_images_nothing_is_normal(few_images, tmp_path):
    config, source = tiny_image_config(validation=0.0), ImageSource(path="mnist", folder=str(few_images))
    model = images.train_model(source, tmp_path / "all", config, seed=0, max_time=None, overwrite=False)
    with pytest.raises(ModelError, match="held no training images out"):
        ood.results(model, few_images, name="all", command="")


def test_the_first_other_set_must_be_there(few_images):
    with pytest.raises(DataError, match="of fashion-mnist"):
        list(ood.other_images("mnist", pixels(2), 1, "bilinear", few_images))
