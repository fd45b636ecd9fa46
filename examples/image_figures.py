"""
The paper's figures of a flow trained on images
===============================================

Samples, topics, and the state after every fractal level::

    seisflow train fashion-mnist --max-time 01:00:00
    python examples/image_figures.py runs/latest -o figures [--data DIR]

Makes ``samples.png`` (Fig. 7, 11), ``variance-topics.png`` and ``mean-topics.png`` (Fig. 8) and ``steps.png``
(Fig. 9, 10). `seisflow benchmark topics` tells how well topics agree with labels, which training never sees.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch

import seisflow
from seisflow.evaluation.reporting import pictures
from seisflow.io.images import dequantise, read_images, resize
from seisflow.plotting.files import save
from seisflow.plotting.gallery import draw_images

SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--data", default=os.environ.get("SEISFLOW_DATA"), help="folder that holds images/")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    model = seisflow.load_model(arguments.model)
    card = model.card
    assert card is not None
    test = read_images(card.images, "test", arguments.data)
    pixels = resize(test.pixels, card.config.data.resize)
    samples = seisflow.generate(model, 100)["pixels"].values
    some = dequantise(pixels[:SHOWN], np.random.default_rng(0))
    figures = {
        "samples": draw_images({"Test images": pixels[:100], "Generated": samples}),
        "variance-topics": pictures.draw_variance_topics(model),
        "mean-topics": pictures.draw_mean_topics(model),
        "steps": pictures.draw_steps(model, some),
    }
    for name, figure in figures.items():
        print(save(figure, arguments.output / f"{name}.png", overwrite=True))


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
