"""
Fill missing traces and attenuate noise
=======================================

Some traces of a section are hidden and filled, and noise is attenuated; then the filled traces are compared
with the hidden ones. A 2D line, gathers and a cube, all by the same two calls::

    python examples/fill_and_denoise.py npra_31_81_PR.sgy line.png
    python examples/fill_and_denoise.py viking_small.segy gathers.png
    python examples/fill_and_denoise.py f3-sample cube.png
"""

import argparse
from pathlib import Path

import numpy as np

import seisflow
from seisflow import plotting

SHARE = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", help="SEG-Y, Zarr, or the name of a data set that ships")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--steps", type=int, default=300, help="of learning from the section")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    section = seisflow.open_section(arguments.section).load()
    hidden = np.random.default_rng(arguments.seed).random(section["amplitude"].shape[:-1]) < SHARE
    filled = seisflow.fill(section, flagged=hidden, samples=1, steps=arguments.steps, seed=arguments.seed)
    cleaned = seisflow.denoise(section, steps=arguments.steps, seed=arguments.seed)

    live = filled["filled"].to_numpy() & (filled["std"].to_numpy() > 0)
    true, mean, std = (x.to_numpy()[live] for x in (section["amplitude"], filled["amplitude"], filled["std"]))
    inside = np.mean(np.abs(true - mean) < 1.645 * std)
    ratio = 10 * np.log10(np.mean(true**2) / np.mean((true - mean) ** 2))
    print(f"{hidden.sum()} traces filled: SNR {ratio:.1f} dB, {inside:.0%} of the samples in 90 % intervals")
    print(
        f"noise {cleaned.attrs['noise_level']:.3g}; correlation along slopes "
        f"{cleaned.attrs['coherence_of_removed']:.2f} of what was taken off, "
        f"{cleaned.attrs['coherence_of_input']:.2f} of the section"
    )

    at = dict.fromkeys(section["amplitude"].dims[:-2], 0)
    lateral, vertical = (str(dim) for dim in section["amplitude"].dims[-2:])
    shown = filled["filled"].isel(at)
    figure = plotting.draw_comparison(
        [
            ("Recorded", section["amplitude"].isel(at)),
            ("Less some traces", section["amplitude"].isel(at).where(~shown)),
            ("Filled", filled["amplitude"].isel(at)),
            ("A draw", filled["draws"][0].isel(at)),
            ("Cleaned", cleaned["amplitude"].isel(at)),
            ("Taken off", cleaned["removed"].isel(at)),
        ],
        section[lateral].values,
        section[vertical].values,
        title=Path(arguments.section).name,
        lateral_label=plotting.LABELS.get(lateral, lateral),
        vertical_label=plotting.LABELS[vertical],
    )
    plotting.save(figure, arguments.picture, overwrite=True)
    print(arguments.picture)


if __name__ == "__main__":
    main()
