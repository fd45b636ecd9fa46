"""The paper's figures, drawn from trained models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from cmcrameri import cm
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seisflow import plotting
from seisflow.errors import ModelError
from seisflow.evaluation.images.moons import Trained, draw_points
from seisflow.models import FractalFlowModel, Model
from seisflow.priors import LDAPrior

POINTS = 4000
PLANE = (-1.7, 2.7, -1.2, 1.7)
EACH = 10


def draw_moons(trained: Sequence[Trained]) -> Figure:
    """Latent and density of each model of the two moons, side by side (Fig. 2)."""
    figure = Figure(figsize=(3.2 * 2 * len(trained), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = figure.subplots(1, 2 * len(trained))
    points, second = draw_points(POINTS, np.random.default_rng(0))
    columns = np.linspace(PLANE[0], PLANE[1], 220)
    rows = np.linspace(PLANE[2], PLANE[3], 160)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(columns, rows)], 1).astype(np.float32)
    for number, one in enumerate(trained):
        latent, density = all_axes[2 * number], all_axes[2 * number + 1]
        with torch.no_grad():
            z = one.model.encode(_plane(points))[0].flatten(1).numpy()
            p = one.model.log_prob(_plane(grid)).exp().numpy()
        for some, colour in ((second, 0.2), (~second, 0.75)):
            latent.scatter(*z[some].T, s=2, color=cm.vik(colour), linewidths=0)
        latent.set_aspect("equal")
        latent.set_title(f"{one.name}: latent")
        density.imshow(p.reshape(len(rows), -1), cm.batlow, origin="lower", extent=PLANE, vmin=0)
        density.set_title(f"{one.name}: density, {one.result['value']:.3f} nats/dim")
    return figure


def draw_curves(results: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Bits/dim of held-out images against the epoch, a line for each result (Fig. 6)."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ends = []
    for number, one in enumerate(results):
        steps, bits = np.array(one["curve"]).T
        colour = cm.batlow(0.9 * number / max(len(results) - 1, 1))
        axes.plot(steps * one["epochs"] / one["steps"], bits, color=colour, label=one["model"])
        ends += [bits.min(), np.median(bits)]
    if ends:
        low, high = min(ends), max(ends)
        axes.set_ylim(low - 0.1 * (high - low) - 0.02, high + 0.5 * (high - low) + 0.02)
    axes.set_xlabel("Epoch")
    axes.set_ylabel("Bits per dimension, held-out images")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def draw_variance_topics(model: Model, *, each: int = EACH, seed: int = 0) -> Figure:
    """Samples of every variance topic, a row each (Fig. 8, top).

    Raises
    ------
    ModelError
        If the model has no topics.
    """
    prior = _lda(model)
    rows = [
        model.sample(each, topic=q, generator=torch.Generator().manual_seed(seed))
        for q in range(prior.topics)
    ]
    return plotting.draw_images({"A variance topic a row": torch.cat(rows).numpy()}, columns=each)


def draw_mean_topics(
    model: Model, *, topic: int | None = None, rows: int = 8, each: int = EACH, seed: int = 0
) -> Figure:
    """Samples with the same grid means for all elements, a row each (Fig. 8, bottom).

    Parameters
    ----------
    topic : int, optional
        Variance topic of all; by default the most frequent one.

    Raises
    ------
    ModelError
        If the model has no topics.
    """
    prior = _lda(model)
    assert isinstance(model, FractalFlowModel)
    if topic is None:
        topic = int(prior.alpha.argmax())
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(rows):
        means = prior.draw_means(topic, generator)
        drawn.append(model.sample(each, topic=topic, means=means, generator=generator))
    title = f"A mean topic a row, variance topic {topic}"
    return plotting.draw_images({title: torch.cat(drawn).numpy()}, columns=each)


def draw_steps(model: Model, x: torch.Tensor) -> Figure:
    """Pixels, what the input map makes of them, and every fractal level; an image a row (Fig. 9, 10).

    Parameters
    ----------
    x : Tensor, (N, C, H, W)
        Images as the model takes them.

    Raises
    ------
    ModelError
        If the model has no steps.
    """
    if not isinstance(model, FractalFlowModel):
        raise ModelError("the model is not a flow, so it has no steps. Expected a fractal-flow")
    states = model.steps(x)
    shown = []
    for state in states:  # each on its own scale, that of all its images
        low, high = (float(state.quantile(q)) for q in (0.005, 0.995))
        shown.append((state - low) / max(high - low, 1e-6))
    by_row = torch.stack(shown, 1).flatten(0, 1)
    title = "x, artanh, each level"
    return plotting.draw_images({title: by_row.numpy()}, columns=len(states), limits=(0, 1))


def _lda(model: Model) -> LDAPrior:
    prior = model.prior if isinstance(model, FractalFlowModel) else None
    if not isinstance(prior, LDAPrior):
        raise ModelError("the model has no variance topics. Expected a flow with an lda prior")
    return prior


def _plane(points: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(points).view(-1, 2, 1, 1)
