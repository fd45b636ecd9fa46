"""Train the network that learning to refine samples starts from.

It learns from synthetic sections, from the F3 sample that ships and from another section, of what ships land
line 31-81 of the National Petroleum Reserve in Alaska (USGS, public domain):

    python examples/train_denoiser.py seisflow/models/denoiser.safetensors npra_31_81_PR.sgy --minutes 45
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from synthetic_sections import draw_section
from torch import Tensor
from train_infill import whole_panels

from seisflow.models.denoiser import Denoiser
from seisflow.subnets.precision import has_bf16
from seisflow.training.denoiser import learn_denoiser

SYNTHETIC = 0.6
"""Part of the patches that are cut from synthetic sections; the others are real."""
BANK_SEED = 6
BATCH = 16
SIZES = ((256, 64), (256, 64), (256, 32), (128, 64), (64, 64))
"""Samples and traces of the patches of a batch, one of these at random."""
LARGEST = 1500
"""Samples of the section, at most, that a synthetic one is taken for a part of: it is told depths."""

Part = tuple[NDArray[np.float32], NDArray[np.bool_], float, float]
"""Section in its standard deviations, its mask, and where it begins and ends, as parts of its survey."""


class Cut:
    """Patches cut at random from sections, (seed, number) alone telling which."""

    def __init__(self, synthetic: list[Part], real: list[Part], seed: int, length: int) -> None:
        self.synthetic, self.real, self.seed, self.length = synthetic, real, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int, /) -> dict[str, Tensor]:
        size = SIZES[np.random.default_rng([self.seed, 0, index // BATCH]).integers(len(SIZES))]
        rng = np.random.default_rng([self.seed, 1, index])
        while True:
            sections = self.synthetic if rng.random() < SYNTHETIC else self.real
            section, mask, first, last = sections[rng.integers(len(sections))]
            if section.shape[0] < size[0] or section.shape[1] < size[1]:
                continue
            top, left = (rng.integers(n - m + 1) for n, m in zip(section.shape, size, strict=True))
            part = np.s_[top : top + size[0], left : left + size[1]]
            x, known = section[part], mask[part]
            if known.mean() < 0.5:
                continue
            if rng.random() < 0.5:
                x, known = x[:, ::-1], known[:, ::-1]
            depth = first + (last - first) * (top + np.array([0, size[0]])) / section.shape[0]
            sign = np.float32(rng.choice([-1, 1]))
            return {
                "x": torch.from_numpy(sign * np.where(known, x, np.float32(0)))[None],
                "mask": torch.from_numpy(np.ascontiguousarray(known))[None],
                "depth": torch.from_numpy(depth.astype(np.float32)),
            }


def synthetic(count: int) -> list[Part]:
    """Synthetic sections, each a part of a longer one."""
    rng = np.random.default_rng(BANK_SEED)
    parts = []
    for _ in range(count):
        section = draw_section(rng)
        longer = max(rng.integers(len(section), LARGEST), len(section))
        first = rng.integers(longer - len(section) + 1) / longer
        parts.append((section, np.ones(section.shape, bool), first, first + len(section) / longer))
    return parts


def real(name: str) -> list[Part]:
    """All panels of a section, which is a whole one."""
    return [(piece.values, piece.known, 0.0, 1.0) for piece in whole_panels(name)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("section", help="real section to learn from, besides the F3 sample")
    parser.add_argument("--synthetic", type=int, default=1000, help="number of synthetic sections")
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--minutes", type=float, help="time after which it ends, if before all steps")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    f3, other = real("f3-sample"), real(arguments.section)
    sections = f3 + other * max(1, round(len(f3) / len(other)))
    patches = Cut(synthetic(arguments.synthetic), sections, arguments.seed, BATCH * arguments.steps)

    def report(done: int, total: int) -> None:
        if done % 10 == 0:
            print(f"{done} of {total}", flush=True)

    network = learn_denoiser(
        Denoiser(),
        patches,
        batch=BATCH,
        steps=arguments.steps,
        seed=arguments.seed,
        seconds=None if arguments.minutes is None else 60 * arguments.minutes,
        dtype=torch.bfloat16 if has_bf16("cpu") else torch.float32,
        report=report,
    )
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, arguments.output)
    print(f"{arguments.output}: {sum(value.numel() for value in weights.values()):,} weights")


if __name__ == "__main__":
    main()
