"""Train the network that `seisflow fill` and `seisflow denoise` start from.

It learns from synthetic sections, from the F3 sample that ships and from another section, of what ships land
line 31-81 of the National Petroleum Reserve in Alaska (USGS, public domain):

    python examples/train_infill.py seisflow/models/infill.safetensors npra_31_81_PR.sgy
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from synthetic_sections import draw_section

import seisflow
from seisflow.models.infill import Infill
from seisflow.patches import panel_index, read_panel
from seisflow.posterior.examples import Piece
from seisflow.posterior.learning import learn

SAMPLE_SHARE, OTHER_SHARE = 0.3, 0.15
"""Samples of the F3 sample, and of the other section, to one synthetic sample: they are repeated as often."""
BANK_SEED = 5


def synthetic(count: int) -> list[Piece]:
    """Synthetic sections, all of which may be learned."""
    rng = np.random.default_rng(BANK_SEED)
    sections = [draw_section(rng) for _ in range(count)]
    return [Piece(x, np.ones(x.shape, bool), np.ones(x.shape, bool)) for x in sections]


def repeated(pieces: list[Piece], samples: float) -> list[Piece]:
    """Pieces as often as they give about so many samples, once at least."""
    return pieces * max(1, round(samples / sum(piece.target.sum() for piece in pieces)))


def whole_panels(name: str) -> list[Piece]:
    """All panels of a section, in its standard deviations; every known trace may be learned."""
    section = seisflow.open_section(name)
    panels = [read_panel(section, lead) for lead in panel_index(section)]
    power = np.mean(np.concatenate([panel.amplitude[panel.mask] ** 2 for panel in panels]))
    std = np.float32(np.sqrt(power))
    return [Piece(panel.amplitude / std, panel.mask, panel.mask) for panel in panels]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("section", help="real section to learn from, besides the F3 sample")
    parser.add_argument("--synthetic", type=int, default=1000, help="number of synthetic sections")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    pieces = synthetic(arguments.synthetic)
    total = sum(piece.target.sum() for piece in pieces)
    pieces += repeated(whole_panels("f3-sample"), SAMPLE_SHARE * total)
    pieces += repeated(whole_panels(arguments.section), OTHER_SHARE * total)
    network = Infill()

    def report(done: int, total: int) -> None:
        if done % 100 == 0:
            print(f"{done} of {total} steps", flush=True)

    losses = learn(network, pieces, steps=arguments.steps, seed=arguments.seed, report=report)
    save_file(
        {name: value.half().contiguous() for name, value in network.state_dict().items()}, arguments.output
    )
    print(f"{arguments.output}: loss {sum(losses[-100:]) / len(losses[-100:]):.4f} over the last 100 steps")


if __name__ == "__main__":
    main()
