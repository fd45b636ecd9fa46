"""Realism of generated patches: a forest that tells them from held-out lines, spectra, histogram."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import ModelError
from seisflow.evaluation.sections import volve
from seisflow.evaluation.sections.realism import compare
from seisflow.evaluation.sections.two_sample import attributes, forest_auroc
from seisflow.generation.batches import generate_batches
from seisflow.models import Model
from seisflow.runs.provenance import commit, machine

TIMES = 5
"""Patches generated for each held-out window: means of as many vary by a fifth from seed to seed."""
EACH = 5
"""Windows of each line and crossline that the forest sees. Their depths are random, as those of generated
patches are: from windows at fixed depths it tells even windows of training lines at random depths."""


def results(model: Model, data: Path, *, name: str, seed: int, command: str) -> Iterator[dict[str, Any]]:
    """Compare generated patches, and those of training lines, with held-out Volve lines.

    Raises
    ------
    ModelError
        If the model has not learned from the Volve survey, with patches of 256 x 64.
    """
    card = model.card
    file = data / "segy" / volve.FILE
    if card is None or model.shape[1:] != volve.SIZE or Path(card.inputs[0]["path"]).name != volve.FILE:
        raise ModelError(f"the model has not learned from {volve.FILE} with patches of 256 x 64. Train one")
    held_out, training = (
        volve.windows(file, part, card.scaling)[:, 0] for part in (volve.TEST, volve.FIRST_INLINES)
    )
    count = TIMES * len(held_out)
    made = _draws(model, count, seed)
    # what a generator that has learned everything would draw
    lines = next(iter(card.inputs[0]["select"]), volve.TRAIN)
    made["training patches"] = volve.windows_anywhere(file, lines, card.scaling, count, seed)[:, 0]
    (real, crossline), (learned, _) = (
        volve.scattered_windows(file, part, card.scaling, EACH, seed + place)
        for place, part in enumerate((volve.TEST, volve.FIRST_INLINES))
    )
    known = attributes(real[:, 0])
    for label, patches in (*made.items(), ("training lines", training)):
        anywhere = learned[:, 0] if patches is training else patches
        ratios = {
            "ratios": compare(anywhere, real[:, 0], learned[:, 0])["ratio"],
            "ratios_fixed": compare(patches, held_out, training)["ratio"],
        }
        area, error = forest_auroc(known, attributes(anywhere[: len(real)]), crossline, seed)
        one = {
            "experiment": "samples",
            "dataset": f"{volve.DATASET}, {volve.TEST}",
            "protocol": f"{len(real)} windows of 256 x 64 at random depths, or {len(held_out)} at fixed "
            f"places, and {count} patches; the forest of 41 attributes sees the former and as many "
            "patches, and is asked about crosslines that it has not seen",
            "model": f"{name}, {label}",
            "metric": "AUROC against held-out lines",
            "value": round(area, 3),
            "standard_error": round(error, 3),
            "seed": seed,
            "machine": machine(),
            "commit": commit(),
            "command": command,
        }
        yield one | {name: {key: round(x, 2) for key, x in some.items()} for name, some in ratios.items()}


def _draws(model: Model, count: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Patches (count, H, W) of a model as they come, without refining if that refines, and exact ones."""

    def drawn(*, exact: bool = False) -> NDArray[np.float32]:
        return np.concatenate([x[:, 0] for x in generate_batches(model, count, seed=seed, exact=exact)])

    found = {"generated": drawn()}
    denoiser = model.denoiser
    if denoiser is not None:
        model.denoiser = None
        found = {"generated, refined": found["generated"], "generated, not refined": drawn()}
        model.denoiser = denoiser
    return found | {"generated --exact": drawn(exact=True)}
