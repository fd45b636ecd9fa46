"""What a model names is opened only if the user of this machine has named it."""

import json
import shutil

import pytest

from seisflow.errors import DataError
from seisflow.runs import trust
from seisflow.runs.choose import choose_model


def test_what_was_signed_here_is_opened_and_nothing_else(tmp_path):
    signature = trust.sign(["/data/a.sgy"])
    trust.check_named(["/data/a.sgy"], signature, tmp_path)
    for paths in (["/data/b.sgy"], ["/data/a.sgy", "/data/b.sgy"], ["http://example.invalid/a.sgy"]):
        with pytest.raises(DataError, match="not opened unasked") as error:
            trust.check_named(paths, signature, tmp_path)
        assert "\n" not in str(error.value)
        trust.check_named(paths, signature, tmp_path, trusted=True)


def test_another_user_is_asked(tmp_path, monkeypatch):
    signature = trust.sign(["/data/a.sgy"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    with pytest.raises(DataError, match="--trust"):
        trust.check_named(["/data/a.sgy"], signature, tmp_path)
    assert not (tmp_path / "other").exists()  # looking makes no key
    assert trust.sign(["/data/a.sgy"]) != signature
    assert (tmp_path / "other" / "seisflow" / "key").stat().st_mode & 0o777 == 0o600


def test_where_no_key_can_be_kept_all_are_asked(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert trust.sign(["/data/a.sgy"]) == ""
    with pytest.raises(DataError, match="not opened unasked"):
        trust.check_named(["/data/a.sgy"], "", tmp_path)


def test_what_ships_and_what_lies_in_the_model_need_no_name(tmp_path):
    trust.check_named(["f3-sample", str(tmp_path / "model" / "line.sgy")], "", tmp_path / "model")
    with pytest.raises(DataError):
        trust.check_named([str(tmp_path / "model" / ".." / "line.sgy")], "", tmp_path / "model")


def test_a_model_from_elsewhere_names_its_input_in_vain(tiny_run, cube_file, tmp_path):
    folder = tmp_path / "downloaded"
    shutil.copytree(tiny_run, folder)
    assert choose_model(str(folder), "cpu").inputs(())[0].path == str(cube_file)  # signed by this user
    card = json.loads((folder / "config.json").read_text())
    card["inputs"][0]["path"] = "http://example.invalid/a.dat"
    (folder / "config.json").write_text(json.dumps(card))
    chosen = choose_model(str(folder), "cpu")
    with pytest.raises(DataError, match=r"http://example\.invalid/a\.dat.*not opened unasked"):
        chosen.inputs(())
    assert chosen.inputs((), trusted=True)[0].path == "http://example.invalid/a.dat"
    assert chosen.inputs((cube_file,))[0].path == str(cube_file)
