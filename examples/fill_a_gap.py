"""
Fill a gap in a section
=======================

Three draws of what a FractalAR or FractalMAR finds probable in a gap, beside the true section. FractalMAR
looks at everything around the gap, here a block of traces in the middle. FractalAR generates in one order
and looks at what comes before, so here the end of that order is missing, the lower part of the section::

    seisflow train f3-sample -c fractal-mar -o runs/mar
    python examples/fill_a_gap.py runs/mar datasets/f3-sample.sgy gap.png
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import seisflow
from seisflow import plotting
from seisflow.models import FractalAR, FractalMAR
from seisflow.patches import cut, panel_index, prepare, read_panel

DRAWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="run folder of a fractal-ar or fractal-mar")
    parser.add_argument("section", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    model = seisflow.load_model(arguments.model)
    if not isinstance(model, FractalAR | FractalMAR) or model.card is None:
        raise SystemExit(
            f"{arguments.model}: {type(model).__name__} cannot fill. Expected fractal-ar or -mar"
        )
    height, width = model.shape[1:]

    section = seisflow.open_section(arguments.section)
    panel = read_panel(section, panel_index(section)[0])
    top, left = ((have - want) // 2 for have, want in zip(panel.shape, (height, width), strict=True))
    x, mask = cut(panel, np.array([top]), np.array([left]), (height, width))
    x = torch.from_numpy(prepare(x, mask, model.card.scaling, np.random.default_rng(arguments.seed)))

    if isinstance(model, FractalMAR):
        rows, columns = slice(0, height), slice(width // 2, 3 * width // 4)
    else:
        rows, columns = slice(5 * height // 8, height), slice(0, width)
    known = torch.ones(x.shape, dtype=torch.bool)
    known[..., rows, columns] = False

    generator = torch.Generator().manual_seed(arguments.seed)
    draws = model.fill(x.expand(DRAWS, -1, -1, -1), known.expand(DRAWS, -1, -1, -1), generator=generator)
    assert torch.equal(draws[known.expand_as(draws)], x.expand_as(draws)[known.expand_as(draws)])

    figure = Figure(figsize=(2 * (1 + DRAWS), 7), layout="constrained")
    limit = float(x.abs().quantile(0.99))
    for i, axes in enumerate(figure.subplots(1, 1 + DRAWS, sharey=True)):
        panel_shown = x[0, 0] if i == 0 else draws[i - 1, 0]
        axes.imshow(panel_shown, plotting.AMPLITUDE_MAP, vmin=-limit, vmax=limit, aspect="auto")
        corner = (columns.start - 0.5, rows.start - 0.5)
        gap = (columns.stop - columns.start, rows.stop - rows.start)
        axes.add_patch(Rectangle(corner, *gap, fill=False, edgecolor="black"))
        axes.set(title="true" if i == 0 else f"filled, draw {i}", xlabel="Trace")
    plotting.save(figure, arguments.picture, overwrite=True)
    print(f"{arguments.picture}: {int((~known).sum())} of {x.numel()} samples drawn; the others are as given")


if __name__ == "__main__":
    main()
