"""Facies of sections: features, windows, legend, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest
import segyio
import xarray as xr
from click.testing import CliRunner
from sklearn.metrics import adjusted_rand_score

import seisflow
from seisflow.cli.main import cli
from seisflow.errors import DataError, ModelError
from seisflow.facies import find
from seisflow.facies.attributes import attributes
from seisflow.facies.find import SectionFeatures, adjusted_rand, deal, learn, window_counts
from seisflow.facies.legend import LegendMaker, as_table
from seisflow.facies.vocabulary import BLOCK, block_features, block_means
from seisflow.models import load_model
from seisflow.patches import Panel, read_panel


def made_features(kinds, seed=0):
    """Features of blocks (rows, columns, 6): each kind of place has four levels of its own."""
    rng = np.random.default_rng(seed)
    levels = 3 * np.random.default_rng(1).normal(size=(3, 4, 6))
    return levels[kinds, rng.integers(4, size=kinds.shape)] + 0.1 * rng.normal(size=(*kinds.shape, 6))


KINDS = np.arange(3).repeat(16)[:, None].repeat(48, 1)


def test_made_kinds_are_found_again_by_all_seeds_and_not_where_words_are_dealt():
    facies = learn([made_features(KINDS, seed) for seed in range(2)], 3)
    assert facies.agreement > 0.9
    assert facies.agreement_of_chance < 0.3
    assert facies.information > 0.1
    blocks = find.most_probable(facies.posterior(made_features(KINDS, 9)))
    inner = np.abs((np.arange(48) % 16) - 7.5) < 4  # windows within one kind
    assert adjusted_rand_score(KINDS[inner].ravel(), blocks[inner].ravel()) > 0.95


def test_facies_are_numbered_from_the_most_predictable():
    features = made_features(KINDS)
    features[..., -1] = -KINDS  # the log-determinant
    blocks = find.most_probable(learn([features], 3).posterior(features))
    assert [np.bincount(blocks[rows].ravel()).argmax() for rows in (8, 24, 40)] == [1, 2, 3]


def test_masked_blocks_have_no_facies():
    features = made_features(KINDS)
    features[5, 7] = np.nan
    blocks = find.most_probable(learn([features], 3).posterior(features))
    assert blocks[5, 7] == 0
    assert (blocks == 0).sum() == 1


def test_window_counts_are_those_of_each_window():
    words = np.random.default_rng(0).integers(-1, 5, size=(20, 11))
    counts = window_counts(words, 5)
    top, left = 9, 6  # a window of even size lies half a block up and to the left of its middle
    inside = words[top - 4 : top + 4, left - 2 : left + 2]
    np.testing.assert_array_equal(counts[top, left], np.bincount(inside[inside >= 0], minlength=5))


def test_dealing_keeps_lengths_and_words():
    counts = np.random.default_rng(0).integers(9, size=(40, 6))
    dealt = deal(counts, seed=1)
    np.testing.assert_array_equal(dealt.sum(0), counts.sum(0))
    np.testing.assert_array_equal(dealt.sum(1), counts.sum(1))
    assert (dealt != counts).any()


def test_adjusted_rand_index_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(4, size=300)
    for b in (a, rng.integers(3, size=300), np.where(rng.random(300) < 0.3, rng.integers(4, size=300), a)):
        assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_block_means_leave_out_what_is_unknown_and_take_cut_blocks_for_what_they_hold():
    maps = np.arange(10 * 6, dtype=float).reshape(1, 10, 6)
    maps[0, 0, 0] = np.nan
    means, known = block_means(maps)
    assert means.shape == (1, 2, 2)
    assert means[0, 0, 0] == pytest.approx(np.nanmean(maps[0, : BLOCK[0], : BLOCK[1]]))
    assert means[0, 1, 1] == pytest.approx(maps[0, 8:, 4:].mean())
    np.testing.assert_allclose(known, [[31 / 32, 1], [1, 1]])


def test_features_are_the_energies_of_the_states_and_the_log_determinant(tiny_run, cube_file):
    model = load_model(tiny_run)
    panel = read_panel(seisflow.open_section(cube_file), (0,))
    louder = Panel(panel.amplitude * 10, panel.mask)
    quiet, loud = (block_features(one, model, model.card.scaling) for one in (panel, louder))
    assert quiet.shape == (
        96 // BLOCK[0],
        112 // BLOCK[1],
        2 + len(model.card.config.flow.couplings_by_level()),
    )
    assert np.isnan(quiet[0]).all()  # muted
    assert np.isfinite(quiet[2:]).all()
    assert np.nanmedian((loud - quiet)[..., 0]) == pytest.approx(2 * np.log(10), abs=0.3)


def sinusoid(frequency, dip, noise=0.0, power=1.0):
    """Panel of events of one frequency (cycles a sample) that go down ``dip`` samples a trace."""
    t, x = np.arange(160)[:, None], np.arange(64)
    wave = np.sqrt(2 * power) * np.sin(2 * np.pi * frequency * (t - dip * x))
    wave = wave + noise * np.random.default_rng(0).normal(size=wave.shape)
    return Panel(wave.astype(np.float32), np.ones(wave.shape, bool))


@pytest.mark.parametrize(("frequency", "dip"), [(0.05, 0), (0.1, 2), (0.2, -1)])
def test_attributes_of_a_plane_wave_are_its_own(frequency, dip):
    found = attributes(sinusoid(frequency, dip, power=4.0), (8, 4), (64, 16))[10, 8]
    np.testing.assert_allclose(found, [4.0, frequency, 1.0, abs(dip)], rtol=0.03)


def test_noise_breaks_continuity():
    smooth, rough = (
        np.nanmedian(attributes(sinusoid(0.1, 1, noise), (8, 4), (64, 16))[..., 2]) for noise in (0.0, 1.0)
    )
    assert rough == pytest.approx(0.5, abs=0.1)
    assert smooth > 0.99


def test_the_legend_holds_medians_beside_the_surveys_and_words():
    maker = LegendMaker(2, 4.0)
    blocks = np.array([[1] * 10 + [2] * 10])
    values = np.tile([1.0, 0.1, 0.9, 0.0, 0.0], (1, 20, 1))
    values[0, 10:] = [10.0, 0.05, 0.6, 3.0, -1.0]
    maker.add(blocks.astype(np.int8), values)
    survey, first, second = maker.legend()
    assert (survey.facies, first.share, second.share) == (0, 0.5, 0.5)
    assert first.frequency == 25.0
    assert second.dip == 12.0
    assert second.power_db - first.power_db == pytest.approx(10, abs=0.11)
    assert {"strong", "low-frequency", "broken", "dipping", "unpredictable"} <= set(second.words.split(", "))
    lines = as_table([survey, first, second], "time").splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines[:4]] == ["facies", "dB", "survey", "1"]
    assert second.words in " ".join(" ".join(lines).split())


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_the_command_maps_into_zarr_and_segy(run, tiny_run, cube_file):
    done = run("facies", cube_file, "-m", tiny_run, "-o", "out/cube.zarr", "--topics", 2)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("out/cube.zarr: 2 facies; agreement of other seeds")
    assert "survey" in done.stdout
    result = xr.open_zarr("out/cube.zarr")
    section = seisflow.open_section(cube_file)
    assert result["facies"].shape == section["amplitude"].shape
    numbers, masked = result["facies"].values, np.isnan(result["amplitude"].values)
    assert set(np.unique(numbers)) <= {0, 1, 2}
    assert (numbers[masked] == 0).all()
    assert np.isfinite(result["probability"].values[numbers > 0]).all()
    summary = json.loads(Path("out/cube.json").read_text())
    assert [row["facies"] for row in summary["legend"]] == [0, 1, 2]
    assert all(Path(path).exists() for path in summary["outputs"])
    again = run("facies", cube_file, "-m", tiny_run, "-o", "out/cube.zarr", "--topics", 2)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert (
        run("facies", cube_file, "-m", tiny_run, "-o", "out/cube.sgy", "--topics", 2, "--overwrite").exit_code
        == 0
    )
    with segyio.open("out/cube.sgy") as file:
        np.testing.assert_array_equal(file.trace.raw[:].reshape(numbers.shape), numbers)


def test_too_little_of_a_survey_is_refused_and_nothing_left(run, tiny_run, cube_file):
    done = run("facies", cube_file, "-m", tiny_run, "-o", "out/cube.zarr", "--select", "inline=1:1")
    assert done.exit_code == 1
    assert "7 windows of 64 samples x 16 traces carry data. Expected 20 or more" in done.stderr
    assert not Path("out").exists()


def test_other_models_than_flows_are_refused(tiny_run, cube_file):
    model = load_model(tiny_run)
    other = type("Other", (), {"card": model.card, "shape": model.shape})()
    with pytest.raises(ModelError, match="Expected a fractal-flow"):
        SectionFeatures(seisflow.open_section(cube_file), other)


def test_few_windows_are_told_with_the_number_that_is_needed():
    with pytest.raises(DataError, match="Expected 20 or more"):
        learn([made_features(KINDS[:8, :8])], 2)
