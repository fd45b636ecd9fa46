"""`make lock` writes what pip would install, each with the hash of its file."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "tools" / "lock.py"


def item(name, version, **info):
    return {"metadata": {"name": name, "version": version}, "download_info": info}


def archive(letter):
    return {"archive_info": {"hashes": {"sha256": letter * 64}}}


REPORT = [
    item("torch", "2.13.0+cpu", **archive("b")),
    item("PyYAML", "6.0", **archive("a")),
    item("seisflow", "0.1.0", dir_info={}),
]


def lock(folder, install):
    (folder / "report.json").write_text(json.dumps({"install": install}))
    command = [sys.executable, str(SCRIPT), str(folder / "report.json"), str(folder / "requirements.lock")]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_package_but_seisflow_has_its_version_and_hash(tmp_path):
    assert lock(tmp_path, REPORT).returncode == 0
    lines = (tmp_path / "requirements.lock").read_text().splitlines()
    assert lines[0].startswith("#")
    assert lines[1:] == [
        f"pyyaml==6.0 --hash=sha256:{'a' * 64}",
        f"torch==2.13.0+cpu --hash=sha256:{'b' * 64}",
    ]


def test_a_file_without_a_hash_is_told_in_one_line_and_nothing_written(tmp_path):
    done = lock(tmp_path, [*REPORT, item("click", "8.2", archive_info={})])
    assert done.returncode == 1
    assert done.stderr == "Error: click 8.2: the index tells no sha256. Use an index that does\n"
    assert not (tmp_path / "requirements.lock").exists()
