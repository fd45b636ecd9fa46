"""Train the network that `seisflow fill` and `seisflow denoise` start from.

It learns from the F3 sample that ships and from other sections, where given. What ships has learned from land
line 31-81 of the National Petroleum Reserve in Alaska (USGS, public domain) too:

    python examples/train_infill.py seisflow/posterior/infill.safetensors npra_31_81_PR.sgy
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import seisflow
from seisflow.patches import panel_index, read_panel
from seisflow.posterior.examples import Piece
from seisflow.posterior.learning import learn
from seisflow.posterior.network import Infill


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
    parser.add_argument("sections", nargs="*", help="more to learn from")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    pieces = [piece for name in ("f3-sample", *arguments.sections) for piece in whole_panels(name)]
    torch.manual_seed(arguments.seed)
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
