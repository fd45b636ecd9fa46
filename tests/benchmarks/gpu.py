"""seisflow on one GPU, within ten minutes: correctness, speed, memory, and short trainings.

On a machine with the data, make a pack of at most 40 MB::

    python tests/benchmarks/gpu.py pack PACK.npz --images DIR --segy CUBE.sgy

On the machine with the card, without network::

    python tests/benchmarks/gpu.py run --pack PACK.npz --json gpu.json

Results are written part by part, so that a run that is cut off leaves what it has measured. ``--tiny``
rehearses all of it on a CPU in a minute. Peers are timed where normflows, nflows and FrEIA are installed.
"""

from __future__ import annotations

import copy
import importlib.util
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import xarray as xr
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from measuring import Records, in_turns, rise

import seisflow
from seisflow.config import Config, load_config
from seisflow.models import Model, build_model, load_model
from seisflow.scoring import score_panels

IMAGES, TESTS, PATCHES = 40_000, 2_000, 128
"""Training images, test images and Volve patches of a pack: what 40 MB hold."""
PACK_BYTES = 40e6
PEERS = ("normflows", "nflows", "FrEIA")
TRAININGS = {  # what is learned: preset, data of the pack
    "mnist": ("mnist", "mnist"),
    "fashion-mnist": ("mnist", "fashion-mnist"),
    "table1-ldafnf-cnn, MNIST": ("table1-ldafnf-cnn", "mnist"),
    "table1-ldafnf-cnn, Fashion-MNIST": ("table1-ldafnf-cnn", "fashion-mnist"),
    "volve": ("seismic", "volve"),
}


@click.group()
def main() -> None:
    """Measure seisflow on a GPU."""


@main.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--images", type=click.Path(path_type=Path), help="Folder with mnist/ and fashion-mnist/.")
@click.option("--segy", type=click.Path(path_type=Path), help="Volve cube.")
def pack(output: Path, images: Path | None, segy: Path | None) -> None:
    """Make the data pack: 8-bit images, and Volve patches as float16."""
    arrays: dict[str, np.ndarray] = {}
    if images is not None:
        from seisflow.io.images import read_images

        for name in ("mnist", "fashion-mnist"):
            for part, count in (("train", IMAGES), ("test", TESTS)):
                arrays[f"{name}/{part}"] = read_images(name, part, images / name).pixels[:count]
    if segy is not None:
        cube = seisflow.open_section(segy)["amplitude"]
        rng = np.random.default_rng(0)
        for part, lines in (("train", slice(10090, 10135)), ("test", slice(10140, 10150))):
            block = cube.sel(inline=lines).values
            block = block / cube.sel(inline=slice(10090, 10135)).values.std()
            n = PATCHES if part == "train" else PATCHES // 8
            corners = rng.integers([0, 0, 0], np.array(block.shape) - [0, 63, 255], (n, 3))
            windows = [block[i, x : x + 64, t : t + 256].T for i, x, t in corners]
            arrays[f"volve/{part}"] = np.stack(windows)[:, None].astype(np.float16)
    with output.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    size = output.stat().st_size
    if size > PACK_BYTES:
        raise click.ClickException(f"{output}: {size / 1e6:.1f} MB. Expected at most 40: lower IMAGES")
    click.echo(f"{output}: {size / 1e6:.1f} MB, {', '.join(f'{k} {v.shape}' for k, v in arrays.items())}")


@main.command()
@click.option(
    "--pack", "path", type=click.Path(path_type=Path, exists=True), help="Data pack; made-up data without."
)
@click.option(
    "--json", "results", type=click.Path(path_type=Path), help="Write the numbers there as they come."
)
@click.option("--minutes", default=9.0, show_default=True, help="Time for all; trainings share what is left.")
@click.option("--tiny", is_flag=True, help="Rehearse with tiny sizes, on whatever device there is.")
def run(path: Path | None, results: Path | None, minutes: float, tiny: bool) -> None:
    """Measure all, in the order of what matters most."""
    start = time.perf_counter()
    cuda = torch.cuda.is_available()
    if not cuda and not tiny:
        raise click.ClickException("no CUDA card here. Expected one; --tiny rehearses on the CPU")
    device = torch.device("cuda" if cuda else "cpu")
    torch.manual_seed(0)
    records = Records("tiny rehearsal" if tiny else "one GPU", "python tests/benchmarks/gpu.py run")
    data = dict(np.load(path)) if path else made_up()
    for part in (correctness, steps, peers, scoring):
        part(records, device, tiny)
        records.write(results)
    for number, name in enumerate(TRAININGS):
        left = minutes * 60 - (time.perf_counter() - start)
        trainings(records, device, name, data, 1.0 if tiny else left / (len(TRAININGS) - number), tiny)
        records.write(results)


def made_up() -> dict[str, np.ndarray]:
    """Data of the pack's names and shapes, for rehearsals."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 1, 28, 28), np.uint8)
    patches = rng.normal(size=(16, 1, 256, 64)).astype(np.float16)
    names = [f"{name}/{part}" for name in ("mnist", "fashion-mnist") for part in ("train", "test")]
    return dict.fromkeys(names, images) | {"volve/train": patches, "volve/test": patches}


def preset(name: str, tiny: bool) -> Config:
    """Configuration of a preset; small where only the code is rehearsed."""
    small = {
        "seismic": [
            "data.patch=[64,16]",
            "flow.bands.autoregressive.width=8",
            "flow.levels=1",
            "flow.subnet.width=8",
        ],
        "mnist": ["flow.subnet.width=4", "flow.levels=1"],
    }
    return load_config(name, small.get(name, ["flow.subnet.width=4"]) if tiny else [])


def prepared(config: Config, device: torch.device, batch: int) -> tuple[Any, Tensor]:
    """Return a model, initialised from random data, and a batch of that."""
    model: Any = build_model(config)
    x = torch.randn(batch, *model.shape)
    x = x if "seismic" in config.model or config.data.patch != (32, 32) else torch.rand_like(x) * 255
    model.initialise(x)
    return model.to(device), x.to(device)


def correctness(records: Records, device: torch.device, tiny: bool) -> None:
    """Compare the device with the CPU: log p, its map, the round trip, gradients."""
    for name in ("f3-small", "mnist"):
        here = load_model(name)
        there = copy.deepcopy(here).to(device)
        x = here.sample(2 if tiny else 16)
        with torch.inference_mode():
            expected, found = here.log_prob(x), there.log_prob(x.to(device)).cpu()
            records.add(name, "seisflow", "log p, largest relative error", relative(found, expected))
            total = there.log_prob_map(x.to(device)).flatten(1).sum(1).cpu()
            records.add(name, "seisflow", "sum of the map, largest relative error", relative(total, found))
            back = there.decode(there.encode(x.to(device))[0])[0].cpu()
            records.add(name, "seisflow", "round trip, largest error", float((back - x).abs().max()))
        gradients = []
        for model in (here, there):
            model.zero_grad()
            model.log_prob(x.to(model.device)).sum().backward()
            gradients.append(
                torch.cat([p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None])
            )
        error = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
        records.add(name, "seisflow", "gradient, relative error", float(error))


def relative(found: Tensor, expected: Tensor) -> float:
    return float(((found - expected).abs() / expected.abs().clamp_min(1)).max())


def steps(records: Records, device: torch.device, tiny: bool) -> None:
    """Time training step, log_prob and sampling of presets, in float32 and bfloat16, with peak memory."""
    for name, batch in (("seismic", 8), ("seismic", 64), ("mnist", 128), ("table1-ldafnf-cnn", 128)):
        config = preset(name, tiny)
        for precision in (torch.float32, torch.bfloat16):
            model, x = prepared(config, device, 2 if tiny else batch)
            model.compute_in(precision)
            mask = torch.ones_like(x[:, :1], dtype=torch.bool)
            optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)

            def step(model: Any = model, x: Tensor = x, mask: Tensor = mask, opt: Any = optimiser) -> None:
                opt.zero_grad()
                model.loss(x, mask)[0].backward()
                opt.step()

            def evaluate(model: Any = model, x: Tensor = x) -> None:
                with torch.inference_mode():
                    model.log_prob(x)

            def draw(model: Any = model, n: int = len(x)) -> None:
                model.sample(n)

            works: dict[str, Callable[[], None]] = {"train": step, "log_prob": evaluate, "sample": draw}
            if tiny and name == "mnist":
                del works["sample"]  # pixel by pixel: as long, however small the network
            for what, work in works.items():
                times = clocked(work, device, 1 if tiny or what == "sample" else 10)
                more = {"batch": len(x), "precision": str(precision).removeprefix("torch.")}
                records.add(name, "seisflow", what, times, seconds=times, **more)
            if device.type == "cuda":
                records.add(name, "seisflow", "peak of a training step (MB)", rise(step), batch=len(x))


def clocked(work: Callable[[], None], device: torch.device, rounds: int) -> float:
    """Median seconds of a call, the device's work included."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def peers(records: Records, device: torch.device, tiny: bool) -> None:
    """Time equal work in other libraries, where they are installed."""
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if missing:
        print(f"peers left out: {', '.join(missing)} not installed")
        return
    from bench_flows import same_work

    for size in ("1x32x32",) if tiny else ("1x32x32", "1x256x64"):
        with torch.device(device):
            _, works = same_work(size)
            for what in ("train", "log_prob", "sample"):
                times = in_turns({name: work[what] for name, work in works.items()}, 1 if tiny else 5)
                for name, found in times.items():
                    records.add(size, name, what, float(np.median(found)), seconds=float(np.median(found)))


def scoring(records: Records, device: torch.device, tiny: bool) -> None:
    """Score a cube of 1,000 inlines; the time is that of the whole way from section to maps."""
    model = load_model("f3-small").to(device)
    lines = 2 if tiny else 1000
    section = seisflow.open_section("f3-sample")
    index = np.resize(np.arange(section.sizes["inline"]), lines)
    cube: xr.Dataset = section.load().isel(inline=index).assign_coords(inline=np.arange(lines))
    start = time.perf_counter()
    samples = sum(int(panel.mask.sum()) for panel in score_panels(cube, model, score="nll"))
    seconds = time.perf_counter() - start
    records.add(f"{lines} inlines", "f3-small", "scoring (samples/s)", samples / seconds, seconds=seconds)


def trainings(
    records: Records,
    device: torch.device,
    name: str,
    data: dict[str, np.ndarray],
    seconds: float,
    tiny: bool,
) -> None:
    """Train for some seconds by the preset's optimiser, and judge on the pack's test part."""
    source = TRAININGS[name][1]
    if f"{source}/train" not in data:
        return
    config = preset(TRAININGS[name][0], tiny)
    model: Model = build_model(config).to(device)
    learn, test = (on_device(data[f"{source}/{part}"], config, device) for part in ("train", "test"))
    settings, start, done = config.training, time.perf_counter(), 0
    batch = min(8 * settings.batch, len(learn))  # a card is idle with the CPU's
    model.initialise(noisy(learn[: min(2048, len(learn))], config))
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    average = copy.deepcopy(model)
    for x in batches(learn, batch, config):
        spent = (time.perf_counter() - start) / seconds
        if (spent >= 1 and not tiny) or (tiny and done == 2):
            break
        rate = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent))
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate * min(1.0, (done + 1) / 100)
        optimiser.zero_grad()
        model.loss(x, torch.ones_like(x[:, :1], dtype=torch.bool), settings.l2, settings.transport)[
            0
        ].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        done += 1
        with torch.no_grad():
            for mean, now in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(now, 1 - min(settings.ema, done / (done + 10)))
    for mean, now in zip(average.buffers(), model.buffers(), strict=True):
        mean.copy_(now)
    torch.manual_seed(0)
    with torch.inference_mode():
        parts = [average.log_prob(noisy(part, config)).double() for part in test.split(256)]
    nats = -float(torch.cat(parts).mean()) / model.size
    image = config.data.patch == (32, 32)
    value = nats / math.log(2) if image else nats
    unit = "bits/dim" if image else "nats/dim"
    spent_seconds = time.perf_counter() - start
    records.add(name, config.model, f"test {unit}", value, seconds=spent_seconds, steps=done, batch=batch)


def on_device(values: np.ndarray, config: Config, device: torch.device) -> Tensor:
    """Images resized as the preset says, or patches; on the device, where they stay."""
    if values.dtype == np.uint8:
        from seisflow.io.images import resize

        return torch.from_numpy(resize(values, config.data.resize)).to(device)
    height, width = config.data.patch
    return torch.from_numpy(values[..., :height, :width].astype(np.float32)).to(device)


def noisy(x: Tensor, config: Config) -> Tensor:
    """Dequantised images, or dithered patches."""
    if x.dtype == torch.uint8:
        return x + torch.rand(x.shape, device=x.device)
    return x + config.data.dither * (torch.rand_like(x) - 0.5)


def batches(learn: Tensor, batch: int, config: Config) -> Iterator[Tensor]:
    while True:
        chosen = learn[torch.randint(len(learn), (batch,), device=learn.device)]
        yield noisy(chosen, config)


if __name__ == "__main__":
    main()
