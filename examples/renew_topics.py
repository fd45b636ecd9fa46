"""
New topics for a trained flow
=============================

A flow takes an hour to train, its topics take minutes: those of a trained model begin anew from clusters of
training images, as many as you ask for, and flow and topics are trained on together::

    python examples/renew_topics.py fashion-topics --topics 12 -o runs/twelve [--data DIR]

The run can be gone on with by ``seisflow train --resume``.
"""

import argparse
import os
from datetime import timedelta
from pathlib import Path

import torch

import seisflow
from seisflow.models import FractalFlowModel, build_model, save_model
from seisflow.priors import GaussianPrior
from seisflow.runs.sources import ImageSource
from seisflow.training.fit import fit
from seisflow.training.images import ImageData
from seisflow.training.start import check_folder, choose_hardware, make_folder
from seisflow.training.timing import Budget

CLUSTERED = 4096
"""Training images that the new topics begin with."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder to make")
    parser.add_argument("--data", default=os.environ.get("SEISFLOW_DATA"), help="folder that holds images/")
    parser.add_argument("--topics", type=int, help="number of topics, by default as many as there were")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--max-minutes", type=float, help="limit, towards which the learning rate decays")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1, help="of images and clusters")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)

    old = seisflow.load_model(arguments.model)
    card = old.card
    if not isinstance(old, FractalFlowModel) or card is None or card.images is None:
        raise SystemExit(f"{arguments.model}: no fractal flow of images. Expected one such as fashion-topics")
    if isinstance(old.prior, GaussianPrior):
        raise SystemExit(f"{arguments.model}: its prior has no topics. Expected one of kind lda or kat")
    training = card.config.training.model_dump() | {"steps": arguments.steps, "learning_rate": arguments.rate}
    changed = {"training": training}
    if arguments.topics is not None:
        flow = card.config.model_dump()["flow"]
        changed |= {"flow": flow | {"prior": flow["prior"] | {"topics": arguments.topics}}}
    config = type(card.config).model_validate(card.config.model_dump() | changed)
    source = ImageSource(path=card.images, folder=arguments.data)
    limit = None if arguments.max_minutes is None else timedelta(minutes=arguments.max_minutes)
    check_folder(arguments.output)

    data = ImageData.of_source(source, config, seed=arguments.seed, max_time=limit)
    data.read()
    model = build_model(config)
    assert isinstance(model, FractalFlowModel)
    learned = {name: value for name, value in old.state_dict().items() if not name.startswith("prior.")}
    model.load_state_dict(learned, strict=False)
    assert not isinstance(model.prior, GaussianPrior)
    with torch.no_grad():
        x = torch.stack([data.patches[i]["x"] for i in range(CLUSTERED)])
        z = torch.cat([model.encode(some)[0] for some in x.split(128)])
        pixels = x if model.input is None else model.input.forward_elementwise(x)[0]
        model.prior.initialise(z, pixels, seed=arguments.seed)

    make_folder(arguments.output, data.record, config)
    hardware = choose_hardware(None, config)
    run = fit(model, data, arguments.output, hardware, None, budget=Budget(limit))

    assert run.model.card is not None
    now, before = run.model.card.provenance, card.provenance
    now["steps"] += before["steps"]
    now["seconds"] = round(now["seconds"] + before["seconds"], 1)
    save_model(run.model, arguments.output)
    print(
        f"{arguments.output}: {now['held_out_nats_per_dim']:.4f} nats/dim held out after {now['steps']} steps"
    )


if __name__ == "__main__":
    main()
