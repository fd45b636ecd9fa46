"""The commit of a result: that of the code, whatever documentation has changed."""

import shutil
import subprocess
import sys

import pytest

from seisflow.runs import provenance


def git(*arguments, cwd):
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    """Source checkout with the file that tells the commit, and a page of documentation."""
    file = tmp_path / "seisflow" / "runs" / "provenance.py"
    file.parent.mkdir(parents=True)
    shutil.copy(provenance.__file__, file)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("a")
    git("init", "-q", cwd=tmp_path)
    git("add", ".", cwd=tmp_path)
    git("commit", "-q", "-m", "Add it", cwd=tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "marked"), [("docs/page.md", False), ("seisflow/runs/provenance.py", True)]
)
def test_only_changed_code_marks_a_commit(checkout, changed, marked):
    (checkout / changed).open("a").write("\n# more\n")
    told = subprocess.run(
        [sys.executable, "-c", "import provenance; print(provenance.commit())"],
        cwd=checkout / "seisflow" / "runs",
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert len(told.rstrip("+")) == 12
    assert told.endswith("+") is marked
