"""The command line starts fast, finds every command, and turns every known failure into one line."""

import errno
import json
import logging
import re
import signal
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import seisflow
from seisflow.cli import options, plot
from seisflow.cli.main import cli, main
from seisflow.errors import DataError, GeometryError

ROOT = Path(__file__).parents[2]
MODULES = {path.stem for path in (ROOT / "cli").glob("*.py")} - {"__init__", "main", "options"}
COMMANDS = sorted(name.replace("_", "-") for name in MODULES)
HEAVY = ("lightning", "matplotlib", "numpy", "obspy", "pydantic", "segyio", "torch", "xarray", "zarr")


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


@pytest.fixture
def run():
    return CliRunner().invoke


@pytest.fixture
def fail(monkeypatch):
    """Make `seisflow plot` raise."""

    def plot_raises(error: BaseException) -> None:
        def raise_it(**_: object) -> None:
            raise error

        monkeypatch.setattr(plot.command, "callback", raise_it)

    return plot_raises


def test_help_lists_every_command_of_the_folder(run):
    result = run(cli, ["--help"])
    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:")[2].splitlines()
    assert sorted(line.split()[0] for line in listed if line.strip()) == COMMANDS


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=["seisflow", *COMMANDS])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from seisflow.cli.main import main\n"
        "try: main([*sys.argv[1:], '--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: seisflow")
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_main_exits_with_zero_when_asked_about_itself(flag, capsys):
    with pytest.raises(SystemExit) as stop:
        main([flag])
    assert stop.value.code == 0
    assert "seisflow" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (GeometryError("a.sgy: no inlines. Pass --iline 9"), 1, "Error: a.sgy: no inlines. Pass --iline 9"),
        (DataError("a.sgy: two\nlines"), 1, "Error: a.sgy: two lines"),
        (KeyboardInterrupt(), 130, "Error: interrupted"),
        (MemoryError(), 1, "Error: out of memory."),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), 1, "Error: out of memory."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 1, "Error: out of memory."),
        (OSError(errno.ENOSPC, "No space left on device", "b.zarr"), 1, "Error: b.zarr: no space left on"),
        (PermissionError(errno.EACCES, "Permission denied", "b.zarr"), 1, "Error: b.zarr: permission denied"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_known_failure_is_one_line_on_stderr(run, fail, error, code, line):
    fail(error)
    result = run(cli, ["plot", "a.sgy"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(run, fail):
    fail(ZeroDivisionError("division by zero"))
    assert isinstance(run(cli, ["plot", "a.sgy"]).exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["-v", "plot", "a.sgy"], ["plot", "-v", "a.sgy"]])
def test_verbose_shows_where_a_failure_came_from(run, fail, arguments):
    fail(DataError("a.sgy: empty"))
    result = run(cli, arguments)
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("\nError: a.sgy: empty\n")


@pytest.mark.parametrize(
    ("flags", "level"), [([], logging.INFO), (["-v"], logging.DEBUG), (["-q"], logging.ERROR)]
)
def test_verbosity_lasts_as_long_as_the_command(run, monkeypatch, flags, level):
    levels = []
    logger = logging.getLogger("seisflow")
    monkeypatch.setattr(plot.command, "callback", lambda **_: levels.append(logger.level))
    run(cli, ["plot", *flags, "a.sgy"], catch_exceptions=False)
    assert [*levels, logger.level] == [level, logging.INFO]


def test_an_unknown_command_is_answered_with_the_nearest(run):
    result = run(cli, ["plto"])
    assert result.exit_code == 2
    assert "No such command 'plto'. Did you mean 'plot'?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["plot"],
        ["plot", "--outptu", "a.png", "a.sgy"],
        ["plot", "a.sgy", "--iline", "0"],
        ["plot", "a.sgy", "--dt", "0"],
        ["plot", "a.sgy", "--endian", "middle"],
        ["plot", "a.sgy", "--select", "inline"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two(run, arguments):
    assert run(cli, arguments).exit_code == 2


def test_geometry_holds_what_was_given_and_nothing_else(run):
    @click.command()
    @options.required_inputs
    @options.geometry
    def command(inputs: tuple[Path, ...], geometry: dict[str, object]) -> None:
        click.echo(json.dumps([len(inputs), geometry]))

    given = ["a.sgy", "b.sgy", "--iline", "9", "--xline", "21", "--dt", "4", "--line", "--endian", "little"]
    expected = {"iline": 9, "xline": 21, "dt": 4.0, "line": True, "endian": "little"}
    assert json.loads(run(command, given).stdout) == [2, expected]
    assert json.loads(run(command, ["a.sgy"]).stdout) == [1, {}]


@pytest.mark.parametrize("values", [["a.b=[1,2]"], ["seed=3", "x="]])
def test_overrides_are_assignments(run, values):
    @click.command()
    @options.overrides
    def command(overrides: tuple[str, ...]) -> None:
        click.echo(json.dumps(overrides))

    arguments = [word for value in values for word in ("--set", value)]
    assert json.loads(run(command, arguments).stdout) == values
    assert run(command, ["--set", "seed"]).exit_code == 2


def test_plot_draws_a_file_once(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("cube.npy", np.random.default_rng(0).normal(size=(3, 20, 40)).astype(np.float32))
    result = run(cli, ["plot", "cube.npy", "--dt", "4"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("cube.png: cube.npy, inline ")
    assert Path("cube.png").read_bytes().startswith(b"\x89PNG")
    again = run(cli, ["plot", "cube.npy", "--dt", "4"])
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: cube.png: exists already")
    assert (
        run(cli, ["plot", "cube.npy", "--dt", "4", "--overwrite", "--select", "crossline=7"]).exit_code == 0
    )


@pytest.mark.parametrize(
    "words",
    [
        *("benchmark moons", "calibrate", "demo", "denoise a.sgy", "evaluate", "facies", "fill a.sgy"),
        *("generate --n 2", "ingest a.sgy", "plot a.sgy", "score", "train a.sgy"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_libraries_load(words, tmp_path):
    (tmp_path / "file").touch()
    code = (
        "import sys; from seisflow.cli.main import cli\n"
        f"try: cli({words.split()} + ['-o', 'file/new.zarr'])\n"
        f"finally: print(set(sys.modules) & set({HEAVY}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: file/new\.zarr: cannot be made, as .*file is a file\. Choose another place with -o\n",
        done.stderr,
    )
    assert done.stdout == "set()\n"


def test_a_missing_file_is_bad_data(run):
    result = run(cli, ["plot", "nowhere.sgy"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: nowhere.sgy: ")


def test_data_sets_are_listed_and_found(run):
    cards = json.loads(run(cli, ["datasets", "list", "--json"], catch_exceptions=False).stdout)
    assert [line.split()[0] for line in run(cli, ["datasets"]).stdout.splitlines() if line[0] != " "] == [
        card["name"] for card in cards
    ]
    shipped = [card for card in cards if "bytes" in card]
    assert "f3-sample" in [card["name"] for card in shipped]
    for card in shipped:
        path = Path(run(cli, ["datasets", "fetch", card["name"]]).stdout.strip())
        assert path.stat().st_size == card["bytes"]
    unknown = run(cli, ["datasets", "fetch", "nothing"])
    assert unknown.exit_code == 1
    assert unknown.stderr.startswith("Error: nothing: ")


def test_the_public_names_are_loaded_when_used():
    code = "import sys, seisflow; print('torch' in sys.modules, 'xarray' in sys.modules, dir(seisflow))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("False False")
    assert all(repr(name) in said for name in seisflow.__all__)
    assert callable(seisflow.open_section)
    with pytest.raises(AttributeError, match="no attribute 'opensection'"):
        seisflow.opensection  # noqa: B018


def test_every_package_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for home in ("seisflow", "cli", "configs", "datasets")
        for path in (ROOT / home).rglob("__init__.py")
    }
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(
        name if name.startswith("seisflow") else f"seisflow.{name}" for name in found
    )


@pytest.mark.parametrize("package", ["seisflow.configs", "seisflow.datasets"])
def test_data_folders_are_found_as_resources(package):
    assert resources.files(package).joinpath("__init__.py").is_file()


def test_ctrl_c_while_libraries_load_is_not_lost_in_them():
    script = (
        "import signal, time\nfrom seisflow.cli import options\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is ignored
        "with options.starting():\n    print('loading', flush=True)\n"
        "    try:\n        time.sleep(60)\n    except BaseException:\n        time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "Error: interrupted"
