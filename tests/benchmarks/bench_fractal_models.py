"""What levels save: parameters, operations and time of FractalAR and FractalMAR, and of both without levels.

``pytest tests/benchmarks/bench_fractal_models.py`` writes the tables of docs/fractal-models.md, its plot
and docs/results/fractal-models.json. Operations are counted by torch on tensors without data, so those of
the published widths too, which no machine here would compute.
"""

import json
import time
from pathlib import Path

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.utils.flop_counter import FlopCounterMode

from seisflow.config import AutoregressiveConfig
from seisflow.models import FractalAR, FractalMAR
from seisflow.runs.provenance import commit, machine

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = "pytest tests/benchmarks/bench_fractal_models.py"
NAMES = {1: "full length", 2: "2 levels", 3: "3 levels"}
PUBLISHED = {"full length": 29845, "2 levels": 5516, "3 levels": 438}  # GFLOPs, 64 x 64 x 3
PAPER = {  # widths and depths of the paper, for images with three channels
    "full length": {"parts": [], "width": [1024], "depth": [32]},
    "2 levels": {"parts": [(1, 1)], "width": [1024, 128], "depth": [32, 3]},
    "3 levels": {"parts": [(4, 4), (1, 1)], "width": [1024, 512, 128], "depth": [32, 8, 3]},
}
SMALL = {  # those of configs/fractal-ar.yaml, for one channel
    "full length": {"parts": [], "width": [128], "depth": [4]},
    "2 levels": {"parts": [(4, 4)], "width": [128, 48], "depth": [4, 2]},
    "3 levels": {"parts": [(16, 16), (4, 4)], "width": [128, 64, 48], "depth": [4, 3, 2]},
}
MASKED = {  # the same with masked parts down to samples: without (1, 1) a block's values are in sequence
    name: {
        "parts": [*(size for size in one["parts"]), (1, 1)],
        "width": [*one["width"], one["width"][-1]],
        "depth": [*one["depth"], 0],
    }
    for name, one in SMALL.items()
}
SIDES = (16, 32, 64, 128, 256)
TIMED_SIDE = 32


def build(kind, shape, settings, **more):
    return kind(shape, AutoregressiveConfig.model_validate(settings | more)).requires_grad_(False).eval()


def operations(kind, shape, settings, **more):
    """Return parameters, and operations of one pass of every level over one image."""
    with torch.device("meta"):
        model = build(kind, shape, settings, **more)
        with FlopCounterMode(display=False) as counter:
            if kind is FractalAR:
                model.log_prob_map(torch.empty(1, *shape))
            else:
                one_pass(model)
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops()


def one_pass(model):
    """Every level of a FractalMAR once, over all of its blocks; `log_prob` takes a pass for each round."""
    blocks, condition = 1, model.start[None]
    for level in model.levels:
        parts = level.grid[0] * level.grid[1]
        x = torch.empty(blocks, parts, level.embed.in_features)
        conditions = level(x, condition.expand(blocks, -1), torch.empty(blocks, parts, dtype=torch.bool))
        blocks, condition = blocks * parts, conditions[:1, 0]
    shape = (model.shape[0], *(model.config.parts[-1] if model.levels else model.shape[1:]))
    k = torch.empty(blocks, *shape, dtype=torch.int64)
    model.values.conditionals(k, condition.expand(blocks, -1))


def seconds(call, repeats=3):
    """Least time of some calls: that which other processes disturb least."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


@pytest.fixture(scope="module")
def results():
    return {}


@pytest.fixture(scope="module", autouse=True)
def _written(results):
    yield
    if {"published", "seismic", "growth"} <= set(results):
        write(results)


def test_operations_of_the_published_widths(results):
    """Parameters and GFLOPs of the paper's table for 64 x 64 x 3 come out, within 5 %."""
    rows = results["published"] = {}
    for name, settings in PAPER.items():
        for kind in (FractalAR, FractalMAR) if settings["parts"] else (FractalAR,):
            parameters, flops = operations(kind, (3, 64, 64), settings, head=64, input="pixels")
            rows[f"{kind.__name__}, {name}"] = {
                "parameters": parameters,
                "gflops": round(flops / 1e9, 1),
                "published": PUBLISHED[name],
            }
            assert flops / 1e9 == pytest.approx(PUBLISHED[name], rel=0.05)


def test_operations_against_sequence_length(results):
    """Levels pay the more, the longer the sequence: its square is gone from all but the first."""
    rows = results["growth"] = {
        name: {
            side: operations(FractalAR, (3, side, side), settings, head=64, input="pixels")[1] / 1e9
            for side in SIDES
        }
        for name, settings in PAPER.items()
    }
    for side in SIDES[2:]:
        full, two, three = (rows[name][side] for name in NAMES.values())
        assert 10 * three < two
        assert 3 * two < full
    full, two, three = (rows[name][256] / rows[name][64] for name in NAMES.values())
    assert three < two < full


def test_operations_and_time_of_the_preset_widths(results):
    """256 x 64 is counted for all; 32 x 32 is timed as well: log p of a patch, and a patch drawn."""
    rows = results["seismic"] = {}
    torch.manual_seed(0)
    x = torch.randn(1, 1, TIMED_SIDE, TIMED_SIDE)
    for kind, variants in ((FractalAR, SMALL), (FractalMAR, MASKED)):
        for name, settings in variants.items():
            parameters, flops = operations(kind, (1, 256, 64), settings)
            model = build(kind, x.shape[1:], settings)
            rows[f"{kind.__name__}, {name}"] = {
                "parameters": parameters,
                "gflops": round(flops / 1e9, 2),
                "gflops_small": round(operations(kind, x.shape[1:], settings)[1] / 1e9, 2),
                "seconds_log_prob_small": round(seconds(lambda m=model: m.log_prob(x)), 3),
                "seconds_sample_small": round(seconds(lambda m=model: m.sample(1), 1), 2),
            }
    ar = [rows[f"FractalAR, {name}"]["gflops"] for name in NAMES.values()]
    assert ar[0] > 10 * ar[1] > 10 * ar[2]


def write(results):
    """Put the results into docs/."""
    record = {
        "experiment": "fractal-models",
        "metric": "GFLOPs, seconds",
        "machine": machine(),
        "commit": commit(),
        "command": COMMAND,
        **results,
    }
    (DOCS / "results").mkdir(exist_ok=True)
    (DOCS / "images").mkdir(exist_ok=True)
    (DOCS / "results" / "fractal-models.json").write_text(json.dumps(record, indent=1) + "\n")
    draw(results["growth"], DOCS / "images" / "fractal-models.png")
    page = DOCS / "fractal-models.md"
    before, begin, rest = page.read_text().partition("<!-- costs -->\n")
    _, end, after = rest.partition("<!-- end of costs -->\n")
    assert begin and end, f"{page}: the marks between which the tables stand are gone"  # noqa: PT018
    page.write_text(before + begin + tables(results) + end + after)


def tables(results):
    """Tables of the page, in Markdown."""
    lines = ["Published widths (1024 / 512 / 128), 64 x 64 x 3, one pass of every level:", ""]
    lines += ["| model | parameters | GFLOPs | published |", "| --- | --: | --: | --: |"]
    for name, row in results["published"].items():
        lines.append(f"| {name} | {row['parameters']:,} | {row['gflops']:,.0f} | {row['published']:,} |")
    lines += ["", "GFLOPs of FractalAR at the published widths against the side of the image:", ""]
    lines += ["| side | values |" + "".join(f" {name} |" for name in NAMES.values())]
    lines += ["| --: " * (2 + len(NAMES)) + "|"]
    for side in SIDES:
        row = "".join(f" {results['growth'][name][side]:,.0f} |" for name in NAMES.values())
        lines.append(f"| {side} | {3 * side * side:,} |{row}")
    lines += [
        "",
        "Widths of the presets, one channel; GFLOPs of a pass, seconds for one patch on one thread:",
        "",
    ]
    lines += ["| model | parameters | GFLOPs, 256 x 64 | GFLOPs, 32 x 32 | log p (s) | sample (s) |"]
    lines += ["| --- " + "| --: " * 5 + "|"]
    for name, row in results["seismic"].items():
        lines.append(
            f"| {name} | {row['parameters']:,} | {row['gflops']:,.1f} | {row['gflops_small']:,.2f} "
            f"| {row['seconds_log_prob_small']:.3f} | {row['seconds_sample_small']:.2f} |"
        )
    lines += ["", f"{machine()}; other work ran on it meanwhile. Made by `{COMMAND}`.", ""]
    return "\n".join(lines)


def draw(growth, path):
    """Plot operations against the number of values."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for marker, (name, row) in zip("so^", growth.items(), strict=True):
        axes.loglog([3 * side * side for side in row], list(row.values()), marker=marker, label=name)
    axes.scatter([12288] * 3, list(PUBLISHED.values()), marker="x", color="0.2", zorder=3, label="published")
    axes.set(xlabel="Values of an image (sequence of the full length)", ylabel="GFLOPs of a pass")
    axes.grid(alpha=0.25)
    axes.legend()
    figure.savefig(path, dpi=120)
