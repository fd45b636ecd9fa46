"""Detectors in use today, each as a map of a panel: the baselines of ``seisflow evaluate``.

Every detector learns from untouched panels and maps a panel (T, X), in scaled amplitudes, to a statistic of
the same shape. What is unusual about it, on either side and at its depth, is for `seisflow.calibration` to
say, as for the scores of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter, zoom
from scipy.signal import hilbert
from torch import Tensor, nn

from seisflow.errors import MissingPackageError

Panel = NDArray[np.float32]

WINDOW = (8.0, 4.0)
"""Samples and traces that attributes are averaged over (standard deviations), as scores are."""
FLOOR = 1e-3
"""Added to powers before their logarithm: 3 % of the RMS."""
BLOCK, BLOCK_STEP = (16, 8), (4, 2)
"""Size and stride of the blocks that PCA and the block-Gaussian see."""
BLOCKS = 20_000
"""Blocks that these are fitted to."""


def rms(panel: Panel) -> Panel:
    """Log of the local RMS amplitude."""
    return np.log(gaussian_filter(panel**2, WINDOW) + FLOOR).astype(np.float32)


def envelope(panel: Panel) -> Panel:
    """Log of the instantaneous amplitude, averaged over a quarter of the window."""
    power = np.abs(hilbert(panel, axis=0)) ** 2
    return np.log(gaussian_filter(power, (WINDOW[0] / 4, WINDOW[1] / 4)) + FLOOR).astype(np.float32)


def semblance(panel: Panel) -> Panel:
    r"""Largest semblance over dips of up to two samples a trace, in 5 traces and 11 samples.

    .. math:: S = \frac{\sum_t (\sum_x a)^2}{5 \sum_t \sum_x a^2}

    References
    ----------
    Marfurt et al., *3-D seismic attributes using a semblance-based coherency algorithm*, 1998.
    """
    traces = np.pad(panel, ((0, 0), (2, 2)), mode="edge")
    best = np.zeros_like(panel)
    for dip in range(-2, 3):
        fan = np.stack([np.roll(traces[:, k : k + panel.shape[1]], -dip * (k - 2), axis=0) for k in range(5)])
        summed = uniform_filter(fan.sum(0) ** 2, (11, 1))
        power = uniform_filter((fan**2).sum(0), (11, 1))
        best = np.maximum(best, summed / (5 * power + FLOOR))
    return gaussian_filter(best, 1.0).astype(np.float32)


def trace_kill(panel: Panel) -> Panel:
    """Trace editing by the book: the worse of a trace's level and correlation against its neighbours'.

    In windows of 101 samples: log of the RMS ratio to the median of seven traces, in size; and one less the
    correlation with the mean of the two neighbours.
    """
    power = uniform_filter(panel**2, (101, 1)) + FLOOR
    around = sliding_window_view(np.pad(power, ((0, 0), (3, 3)), mode="edge"), 7, axis=1)
    level = np.abs(0.5 * np.log(power / np.median(around, axis=2)))
    wide = np.pad(panel, ((0, 0), (1, 1)), mode="reflect")
    beside = 0.5 * (wide[:, :-2] + wide[:, 2:])
    correlation = uniform_filter(panel * beside, (101, 1)) / np.sqrt(
        power * (uniform_filter(beside**2, (101, 1)) + FLOOR)
    )
    return np.maximum(level, 1 - correlation).astype(np.float32)


class BlockStatistics:
    """Principal components of blocks of 16 samples x 8 traces.

    Parameters
    ----------
    panels : sequence of ndarray (T, X)
        Untouched.
    seed : int
        Seed of the choice of blocks.
    """

    def __init__(self, panels: Sequence[Panel], seed: int = 0) -> None:
        from sklearn.decomposition import PCA

        blocks = np.concatenate([_blocks(panel, BLOCK).reshape(-1, BLOCK[0] * BLOCK[1]) for panel in panels])
        rng = np.random.default_rng(seed)
        some = rng.choice(len(blocks), min(BLOCKS, len(blocks)), replace=False)
        self.pca = PCA().fit(blocks[some].astype(np.float64))
        share = np.cumsum(self.pca.explained_variance_ratio_)
        self.count = int(np.searchsorted(share, 0.9)) + 1
        self.variance = np.maximum(self.pca.explained_variance_, 1e-4)

    def residual(self, panel: Panel) -> Panel:
        """Log of what is left of a block beyond the components that explain 90 % of the variance."""
        rest = self._project(panel)[..., self.count :]
        return np.log(_spread(np.mean(rest**2, axis=-1), panel.shape) + FLOOR**2).astype(np.float32)

    def gaussian(self, panel: Panel) -> Panel:
        """Mean negative log-density of the blocks over a sample, under their own Gaussian."""
        values = self._project(panel)
        return _spread(0.5 * np.mean(values**2 / self.variance, axis=-1), panel.shape)

    def _project(self, panel: Panel) -> NDArray[np.float64]:
        blocks = _blocks(panel, BLOCK)
        flat = blocks.reshape(*blocks.shape[:2], -1) - self.pca.mean_
        return flat @ self.pca.components_.T


class IsolationForest:
    """Isolation forest on seven attributes, of every second sample and trace.

    References
    ----------
    Liu, Ting & Zhou, *Isolation forest*, 2008.
    """

    def __init__(self, panels: Sequence[Panel], seed: int = 0) -> None:
        from sklearn.ensemble import IsolationForest as Forest

        points = np.concatenate([self._attributes(panel).reshape(-1, 7) for panel in panels])
        self.forest = Forest(n_estimators=50, random_state=seed).fit(points)

    def __call__(self, panel: Panel) -> Panel:
        attributes = self._attributes(panel)
        values = -self.forest.score_samples(attributes.reshape(-1, 7)).reshape(attributes.shape[:2])
        return _resize(gaussian_filter(values, 1.0), panel.shape)

    @staticmethod
    def _attributes(panel: Panel) -> Panel:
        """Levels at two scales, envelope, coherence, mean frequency, trace correlation, kurtosis."""
        power = gaussian_filter(panel**2, WINDOW) + FLOOR
        slope = gaussian_filter(np.gradient(panel, axis=0) ** 2, WINDOW)
        beside = gaussian_filter(panel * np.roll(panel, 1, 1), WINDOW)
        peaked = gaussian_filter(panel**4, WINDOW) / power**2
        small = np.log(gaussian_filter(panel**2, (2, 1)) + FLOOR)
        maps = (np.log(power), small, envelope(panel), semblance(panel), np.log(slope / power + FLOOR),
                beside / power, np.log(peaked + FLOOR))  # fmt: skip
        return np.stack(maps, axis=-1)[::2, ::2].astype(np.float32)


class Autoencoder:
    """Reconstruction error of a small convolutional autoencoder, trained for 400 steps.

    Four times fewer numbers in the middle than samples in a patch of 64 x 32.
    """

    size = (64, 32)

    def __init__(self, panels: Sequence[Panel], seed: int = 0, steps: int = 400) -> None:
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = _autoencoder()
            optimiser = torch.optim.Adam(self.net.parameters(), 2e-3)
            for _ in range(steps):
                x = torch.from_numpy(np.stack([self._patch(panels, rng) for _ in range(16)]))[:, None]
                loss = (self.net(x) - x).square().mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    def __call__(self, panel: Panel) -> Panel:
        deep, wide = -panel.shape[0] % 8, -panel.shape[1] % 8
        x = np.pad(panel, ((0, deep), (0, wide)), mode="symmetric")
        with torch.inference_mode():
            again: Tensor = self.net(torch.from_numpy(np.ascontiguousarray(x))[None, None])
        rest = (again[0, 0].numpy() - x)[: panel.shape[0], : panel.shape[1]]
        return np.log(gaussian_filter(rest**2, (WINDOW[0] / 2, WINDOW[1] / 2)) + FLOOR**2).astype(np.float32)

    def _patch(self, panels: Sequence[Panel], rng: np.random.Generator) -> Panel:
        panel = panels[int(rng.integers(len(panels)))]
        t, x = (
            int(rng.integers(max(n - size, 0) + 1)) for n, size in zip(panel.shape, self.size, strict=True)
        )
        return panel[t : t + self.size[0], x : x + self.size[1]]


def fit_detectors(
    panels: Sequence[Panel], seed: int = 0, *, steps: int = 400
) -> dict[str, Callable[[Panel], Panel]]:
    """Fit every baseline to untouched panels (T, X), the autoencoder in so many steps.

    Raises
    ------
    MissingPackageError
        If scikit-learn is not installed.
    """
    try:
        blocks = BlockStatistics(panels, seed)
        forest = IsolationForest(panels, seed)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "scikit-learn: not installed. The baselines need it: pip install 'seisflow[evaluate]'"
        ) from error
    return {
        "RMS amplitude": rms,
        "envelope": envelope,
        "semblance": semblance,
        "PCA residual": blocks.residual,
        "block-Gaussian": blocks.gaussian,
        "isolation forest": forest,
        "autoencoder": Autoencoder(panels, seed, steps),
        "trace kill": trace_kill,
    }


def _blocks(panel: Panel, size: tuple[int, int]) -> Panel:
    """Blocks of a panel on a regular grid, (t, x, h, w)."""
    return sliding_window_view(panel, size)[:: BLOCK_STEP[0], :: BLOCK_STEP[1]]


def _spread(values: NDArray[np.floating], shape: tuple[int, ...]) -> Panel:
    """Mean, at every sample, of the statistics of the blocks that hold it."""
    total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rows, columns = values.shape
    for dt in range(0, BLOCK[0], BLOCK_STEP[0]):
        for dx in range(0, BLOCK[1], BLOCK_STEP[1]):
            small = np.repeat(np.repeat(values, BLOCK_STEP[0], 0), BLOCK_STEP[1], 1)
            target = slice(dt, dt + rows * BLOCK_STEP[0]), slice(dx, dx + columns * BLOCK_STEP[1])
            fits = total[target].shape
            total[target] += small[: fits[0], : fits[1]]
            count[target] += 1
    return (total / np.maximum(count, 1)).astype(np.float32)


def _resize(values: NDArray[np.floating], shape: tuple[int, ...]) -> Panel:
    factors = [wanted / got for wanted, got in zip(shape, values.shape, strict=True)]
    out: Panel = zoom(values.astype(np.float32), factors, order=1, mode="nearest", grid_mode=False)
    return out


def _autoencoder() -> nn.Sequential:
    def down(inside: int, outside: int) -> list[nn.Module]:
        return [nn.Conv2d(inside, outside, 3, stride=2, padding=1), nn.GELU()]

    def up(inside: int, outside: int) -> list[nn.Module]:
        return [nn.Upsample(scale_factor=2), nn.Conv2d(inside, outside, 3, padding=1), nn.GELU()]

    return nn.Sequential(
        *down(1, 16), *down(16, 32), *down(32, 32), nn.Conv2d(32, 16, 1),
        nn.Conv2d(16, 32, 1), nn.GELU(), *up(32, 32), *up(32, 16), *up(16, 16),
        nn.Conv2d(16, 1, 3, padding=1),
    )  # fmt: skip
