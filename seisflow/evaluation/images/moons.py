r"""Two moons: what the prior adds to a RealNVP, in two dimensions where one can look (Fig. 2 of the paper).

Points lie on two half circles with normal noise of standard deviation s. Their density is known,

.. math::
    p(x) = \frac{1}{2\pi} \sum_{i=1}^{2} \int_0^{\pi} \mathcal N(x \mid m_i(t), s^2 I)\, dt, \qquad
    m_1 = (\cos t, \sin t), \quad m_2 = (1 - \cos t, \tfrac12 - \sin t),

so no model gets below its entropy, and how far above it a model ends is a divergence.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from seisflow.config import FlowConfig
from seisflow.models import FractalFlowModel, build_fractal_flow
from seisflow.runs.provenance import commit, machine

NOISE = 0.1
TRAIN, TEST = 4096, 8192
TEST_SEED = 1000
STEPS, BATCH, LEARNING_RATE = 800, 512, 5e-3
ARC_POINTS = 256
AT_ONCE = 4096


def _flow(**prior: Any) -> FlowConfig:
    return FlowConfig.model_validate(
        {
            "levels": 1,
            "couplings": 6,
            "squeeze": (1, 1),
            "mixing_init": "random",
            "input": "none",
            "subnet": {"kind": "mlp", "width": 32, "depth": 2},
            "prior": prior,
        }
    )


MODELS: dict[str, FlowConfig] = {
    "RealNVP": _flow(kind="gaussian"),
    "KAT-NF": _flow(kind="kat", topics=8, means=1),
}


@dataclass(frozen=True)
class Trained:
    """A flow of the plane, and what is recorded of it."""

    name: str
    model: FractalFlowModel
    result: dict[str, Any]


def draw_points(
    n: int, rng: np.random.Generator, noise: float = NOISE
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw n points (n, 2) of the two moons, and tell which are of the second."""
    angle, second = rng.uniform(0, math.pi, n), rng.random(n) < 0.5
    x = np.where(second, 1 - np.cos(angle), np.cos(angle))
    y = np.where(second, 0.5 - np.sin(angle), np.sin(angle))
    return (np.stack([x, y], 1) + noise * rng.standard_normal((n, 2))).astype(np.float32), second


def log_density(points: NDArray[np.floating], noise: float = NOISE) -> NDArray[np.float64]:
    """Log-density (n,) of points (n, 2), in nats, the integral by the midpoint rule."""
    angle = (np.arange(ARC_POINTS) + 0.5) * math.pi / ARC_POINTS
    arcs = np.concatenate(
        [np.stack([np.cos(angle), np.sin(angle)]), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)])], 1
    )
    out = np.empty(len(points))
    for first in range(0, len(points), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        distance = sum((points[some, i, None] - arcs[i]) ** 2 for i in (0, 1))
        out[some] = logsumexp(-distance / (2 * noise**2), axis=1)
    return out - math.log(2 * math.pi * noise**2 * arcs.shape[1])


def train_all(*, seed: int, max_time: timedelta | None) -> Iterator[Trained]:
    """Train each model on the same points, in seconds, and yield it."""
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(draw_points(TRAIN, rng)[0]).view(-1, 2, 1, 1)
    test, _ = draw_points(TEST, np.random.default_rng(TEST_SEED))
    entropy = -float(log_density(test).mean()) / 2
    for name, config in MODELS.items():
        torch.manual_seed(seed)
        model = build_fractal_flow((2, 1, 1), config)
        start = time.monotonic()
        steps = _fit(model, points, seed, None if max_time is None else max_time.total_seconds())
        seconds = time.monotonic() - start
        with torch.no_grad():
            nats = -model.log_prob(torch.from_numpy(test).view(-1, 2, 1, 1)).double().numpy() / 2
        yield Trained(
            name,
            model.eval(),
            {
                "experiment": "moons",
                "dataset": "two moons",
                "protocol": f"noise {NOISE}, {TRAIN:,} training and {TEST:,} test points",
                "model": name,
                "parameters": model.parameter_count,
                "metric": "nats/dim",
                "value": round(float(nats.mean()), 4),
                "standard_error": round(float(nats.std(ddof=1) / math.sqrt(TEST)), 4),
                "entropy": round(entropy, 4),
                "seed": seed,
                "steps": steps,
                "seconds": round(seconds, 1),
                "machine": machine(),
                "commit": commit(),
            },
        )


def _fit(model: FractalFlowModel, points: torch.Tensor, seed: int, seconds: float | None) -> int:
    """Maximise the likelihood of ``points`` and return the steps taken."""
    generator = torch.Generator().manual_seed(seed)
    model.initialise(points)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    mask = torch.ones(BATCH, 1, 1, 1, dtype=torch.bool)
    start, step = time.monotonic(), 0
    while step < STEPS:
        progress = step / STEPS
        if seconds is not None:
            progress = max(progress, (time.monotonic() - start) / seconds)
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * progress))
        batch = points[torch.randint(len(points), (BATCH,), generator=generator)]
        loss, _ = model.loss(batch, mask)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
    return step
