"""Every real file goes through train and score, or is refused in one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from seisflow.cli.main import cli

FILES = {
    "segy/volve10r12-full-twt-sub3d.sgy": ["--select", "inline=10090:10091"],
    "segy/volve10r12-full-twt-arb.sgy": ["--select", "trace=1:60"],
    "segy/volve10r12-full-z-il10117sub.sgy": ["--select", "trace=1:60"],
    "segy/npra_31_81_PR.sgy": ["--select", "trace=1:60"],
    "segy/viking_small.segy": ["--select", "shot=3:4", "--select", "time=0:800"],
    "segy/F3_very_small.sgy": [],
    "segy/f3_sparse.sgy": [],
    "segy/segyio_f3.sgy": [],
    "segy/segyio_f3-lsb.sgy": [],
    "arrays/mobil_viking_nmo.npy": ["--dt", "4"],
    "arrays/bruges_F3_seismic.npy": ["--dt", "4", "--select", "inline=1:2"],
}
TINY = {
    "data.patch": "[32,8]",
    "flow.levels": 1,
    "flow.bands.couplings": 1,
    "flow.couplings": 1,
    "flow.subnet.width": 8,
    "flow.prior.topics": 2,
    "training.batch": 4,
    "training.warmup": 1,
    "training.validate_every": 2,
    "training.denoiser_steps": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_trained_on_and_scored_or_refused_in_one_line(shared_data, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    train = ["train", str(shared_data / name), "-c", "seismic-small", "-o", "runs/tiny", "--max-steps", "2"]
    result = CliRunner().invoke(cli, [*train, *settings, *FILES[name], "--device", "cpu", "-q"])
    if result.exit_code == 0:
        result = CliRunner().invoke(cli, ["score", "-m", "runs/tiny", "-o", "map.sgy", "-q"])
    assert result.exit_code in (0, 1), result.exception
    said = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(said) == result.exit_code, result.stderr
    assert all(Path(name).name in line for line in said), said  # it is the file that is refused
    print(name, *(said or ["trained and scored"]))
