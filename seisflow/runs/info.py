"""Facts of a model, and differences of two runs: for `seisflow info` and `seisflow runs`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from math import log
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seisflow.config import FlowModelConfig
from seisflow.errors import ModelError
from seisflow.models.provenance import density_key
from seisflow.models.storage import CARD, WEIGHTS, find_model, read_card
from seisflow.regular import is_special
from seisflow.runs import folders
from seisflow.shown import shown

STATE, RECORD = "checkpoint.ckpt", "run.json"
NOT_TOLD = "-"


def model_info(name: str | Path) -> dict[str, Any]:
    """Facts on a model, by their names: data, geometry, scaling, training, density, calibration, versions.

    Parameters
    ----------
    name : str or Path
        Run folder, saved model, or name of a model that ships.

    Raises
    ------
    ModelError
        If there is none, or its card cannot be read.
    """
    folder = find_model(name)
    card = read_card(folder / CARD)
    told, config = card.provenance, card.config
    facts: dict[str, Any] = {
        "model": str(name),
        "kind": config.model,
        "parameters": count_parameters(folder / WEIGHTS),
        "patch": list(config.data.patch),
        "data": [Path(str(item["path"])).name for item in card.inputs if "path" in item],
        "steps": told.get("steps"),
        "seconds": told.get("seconds"),
        "machine": told.get("machine"),
        "finished": told.get("finished"),
        "commit": told.get("commit"),
        "versions": told.get("versions"),
    }
    for kind in ("held_out", "training"):
        nats = told.get(density_key(held_out=kind == "held_out"))
        if nats is not None:
            facts["density"] = {"on": kind, "nats_per_dim": nats, "bits_per_dim": round(nats / log(2), 4)}
    if card.images is not None:
        return facts | {"images": card.images}
    facts["geometry"] = told.get("geometry")
    facts["refines"] = card.refinement is not None
    facts["surveys"] = [
        {"name": survey.name, "std": survey.scaling.std, "mean": survey.scaling.mean,
         "quantised": survey.scaling.quantised, "files": len(survey.paths), "trained": survey.trained}
        for survey in card.surveys
    ] or [{"name": "all", "std": card.scaling.std, "mean": card.scaling.mean,
           "quantised": card.scaling.quantised, "files": len(card.inputs), "trained": True}]  # fmt: skip
    if card.calibration is not None:
        facts["calibration"] = {
            "held_out": card.calibration.held_out,
            "panels": len(card.calibration.maxima),
            "scores": sorted(["typicality", "nll", *card.calibrations]),
        }
    if isinstance(config, FlowModelConfig):
        facts["topics"] = config.flow.prior.topics if config.flow.prior.kind != "gaussian" else None
    return facts


def info_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Facts as names and words, for a table."""
    height, width = facts["patch"]
    yield "model", f"{facts['kind']}, {facts['parameters']:,} parameters"
    if "images" in facts:
        yield "images", str(facts["images"])
    else:
        for number, survey in enumerate(facts["surveys"]):
            how = "" if survey["trained"] else ", calibrated only"
            count = f"{survey['files']} file{'s' * (survey['files'] != 1)}"
            yield "" if number else "surveys", f"{survey['name']}, {count}, std {survey['std']:.4g}{how}"
        if facts["geometry"]:
            seen = facts["geometry"]
            yield "sampling", f"{seen['domain']}, every {seen['interval']:g} {seen['unit']}"
    yield "patch", f"{height} samples x {width} traces"
    if facts["steps"] is not None:
        yield "trained", f"{facts['steps']} steps in {facts['seconds']:.0f} s"
    if "density" in facts:
        found = facts["density"]
        where = "held out" if found["on"] == "held_out" else "in training"
        yield (
            "density",
            f"{found['nats_per_dim']:.3f} nats/dim ({found['bits_per_dim']:.3f} bits/dim) {where}",
        )
    if facts.get("calibration"):
        found = facts["calibration"]
        kind = "held-out" if found["held_out"] else "training"
        yield "calibrated", f"on {found['panels']} {kind} panels"
        yield "scores", ", ".join(found["scores"])
    if facts.get("refines"):
        yield "samples", "refined by a denoiser"
    if facts.get("topics"):
        yield "topics", str(facts["topics"])
    yield "finished", str(facts["finished"] or NOT_TOLD)
    yield "machine", str(facts["machine"] or NOT_TOLD)
    yield "versions", ", ".join(f"{name} {number}" for name, number in (facts["versions"] or {}).items())
    yield "commit", str(facts["commit"] or NOT_TOLD)


def count_parameters(weights: Path) -> int:
    """Numbers in a safetensors file, by its header, without those of a denoiser.

    Raises
    ------
    ModelError
        If it is damaged.
    """
    try:
        if is_special(weights):
            raise OSError("a pipe or device")
        with safe_open(weights, framework="pt") as file:
            names = [name for name in file.keys() if not name.startswith("denoiser.")]  # noqa: SIM118
            return sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    except (SafetensorError, OSError) as error:
        why = shown(" ".join(str(error).split()))[:120]
        raise ModelError(f"{weights}: damaged ({why}). Copy it again") from error


def run_rows(root: Path = folders.ROOT) -> list[dict[str, Any]]:
    """Runs of a folder, the last first: name, state, data, steps and density."""
    latest = folders.LATEST.resolve() if folders.LATEST.exists() else None
    rows = []
    folders_of = {path.parent for name in (RECORD, CARD) for path in root.glob(f"*/{name}")}
    found = [folder for folder in folders_of if not folder.is_symlink()]
    for folder in sorted(found, key=lambda path: -path.stat().st_mtime):
        row: dict[str, Any] = {"run": folder.name, "latest": folder.resolve() == latest, "state": "no model"}
        if (folder / CARD).is_file() and (folder / WEIGHTS).is_file():
            try:
                facts = model_info(folder)
            except ModelError:
                row["state"] = "damaged"
            else:
                density = facts.get("density", {})
                row |= {
                    "state": "finished",
                    "steps": facts["steps"],
                    "nats_per_dim": density.get("nats_per_dim"),
                }
        elif (folder / STATE).is_file():
            row["state"] = "interrupted"
        rows.append(row)
    return rows


def differences(one: Path, other: Path) -> Iterator[tuple[str, str, str]]:
    """Differences in configuration and results of two runs: name, one value, the other."""
    tables = [_flat(_facts_of(folder)) for folder in (one, other)]
    for name in dict.fromkeys([*tables[0], *tables[1]]):
        values = [str(table.get(name, NOT_TOLD)) for table in tables]
        if values[0] != values[1]:
            yield name, values[0], values[1]


def _facts_of(folder: Path) -> dict[str, Any]:
    facts = model_info(folder)
    kept = {key: facts.get(key) for key in ("steps", "seconds", "density", "parameters", "commit")}
    kept = {"data": ", ".join(facts["data"])} | kept
    for survey in facts.get("surveys", ()):
        kept[f"survey {survey['name']}"] = "trained" if survey["trained"] else "calibrated only"
    if "calibration" in facts:
        kept["calibration panels"] = facts["calibration"]["panels"]
    return kept | {"config": read_card(find_model(folder) / CARD).config.model_dump(mode="json")}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}".removeprefix("config.")
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat
