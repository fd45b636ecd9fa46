"""Topics of tiles: words, documents, and what chance gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli
from seisflow.errors import DataError
from seisflow.evaluation import suites
from seisflow.evaluation.sections import facies
from seisflow.models import load_model
from seisflow.patches import Panel, read_panel

pytest.importorskip("sklearn")
RNG = np.random.default_rng(0)


def energies(kinds):
    """Blocks of 8 numbers for tiles of some kind (rows, columns): each kind has levels of its own."""
    levels = RNG.normal(size=(kinds.max() + 1, 4, 8)) * 3
    blocks = np.repeat(np.repeat(kinds, facies.TILE[0], 0), facies.TILE[1], 1)
    return levels[blocks, RNG.integers(4, size=blocks.shape)] + 0.1 * RNG.normal(size=(*blocks.shape, 8))


@pytest.fixture(scope="module")
def corpus():
    kinds = np.arange(3)[:, None].repeat(5, 0).repeat(10, 1)
    counts, places = facies.documents([energies(kinds), energies(kinds)])
    return counts, places, kinds


def test_every_tile_is_a_document_of_as_many_words(corpus):
    counts, places, kinds = corpus
    assert (counts.sum(1) == facies.TILE[0] * facies.TILE[1]).all()
    assert counts.shape == (2 * kinds.size, facies.VOCABULARY)
    np.testing.assert_array_equal(np.concatenate(places).ravel(), np.arange(2 * kinds.size))


def test_kinds_of_tiles_are_found_again_and_not_where_words_are_shuffled(corpus):
    kinds = corpus[2]
    one = facies.documents([energies(kinds)])[0]
    best, found = facies.stability(one, 3, seeds=2)
    assert facies.agreement(best.topics, kinds.ravel()).nmi > 0.9
    assert found.rand > 0.9
    assert found.bound > found.shuffled_bound + 0.1
    assert found.shuffled_rand < 0.3


def test_shuffling_keeps_lengths_and_words(corpus):
    counts = corpus[0]
    dealt = facies.shuffled(counts, seed=1)
    np.testing.assert_array_equal(dealt.sum(0), counts.sum(0))
    np.testing.assert_array_equal(dealt.sum(1), counts.sum(1))
    assert (dealt != counts).any()


def test_masked_tiles_are_no_documents(corpus):
    kinds = corpus[2]
    blocks = energies(kinds)
    blocks[3, 2] = np.nan
    counts, places = facies.documents([blocks])
    assert len(counts) == kinds.size - 1
    assert (places[0] == -1).sum() == 1
    assert places[0][0, 0] == -1


def test_too_few_tiles_are_refused():
    with pytest.raises(DataError, match=r"4 tiles of 64 samples x 16 traces\. Expected 64 or more"):
        facies.documents([energies(np.zeros((2, 2), int))])


def test_energies_are_those_of_the_latent(tiny_run, cube_file):
    model = load_model(tiny_run)
    panel = read_panel(seisflow.open_section(cube_file), (0,))
    louder = Panel(panel.amplitude * 10, panel.mask)
    quiet, loud = (facies.block_energies(model, one, model.card.scaling) for one in (panel, louder))
    assert quiet.shape == (96 // 8, 112 // 4, 8)
    assert np.isnan(quiet[0]).all()  # muted
    assert np.isfinite(quiet[1:]).all()
    assert np.nanmedian(loud - quiet) > 2


def test_the_command_records_and_draws(tiny_run, cube_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suites, "FACIES_SECTION", str(cube_file))
    monkeypatch.setattr(facies, "BLOCK", (4, 2))
    monkeypatch.setattr(facies, "TILE", (4, 4))
    monkeypatch.setattr(facies, "ITERATIONS", 3)
    run = ["benchmark", "facies", "-m", str(tiny_run), "-o", "out"]
    done = CliRunner().invoke(cli, run)
    assert done.exit_code == 0, (done.output, done.exception)
    (one,) = json.loads(Path("out/results/facies.json").read_text())
    assert {"experiment", "dataset", "protocol", "model", "metric", "value", "seed", "command"} <= one.keys()
    assert -1 <= one["value"] <= 1
    assert one["model"] == "tiny"
    assert Path("out/images/facies-tiny.png").read_bytes().startswith(b"\x89PNG")
    assert "images/facies-tiny.png" in Path("out/facies.md").read_text()
    again = CliRunner().invoke(cli, run)
    assert again.exit_code == 1
    assert "holds tiny on cube.sgy already" in again.stderr
