"""Gaussian densities of patches: what a flow has to beat."""

import math
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dctn, fft2

Patches = NDArray[np.float32]


class Density(Protocol):
    """Anything that gives patches (N, H, W) a log-density (N,) in nats."""

    parameters: int

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        """Log-density of each patch."""
        ...


class WhiteGaussian:
    """Independent samples of one mean and variance."""

    parameters = 2

    def __init__(self, train: Patches) -> None:
        self.mean = float(train.mean(dtype=np.float64))
        self.variance = float(train.var(dtype=np.float64))

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        return _log_normal(x - self.mean, np.float64(self.variance)).sum((1, 2))


class PeriodicField:
    r"""Stationary Gaussian random field on a torus: independent Fourier coefficients.

    Cheap and common, and hurt by the jump between opposite borders of a patch, which leaks into the
    wavenumbers where band-limited data have no energy.

    .. math:: \log p(x) = \sum_k \log \mathcal N(\hat x_k \mid 0, P_k)

    with the unitary transform :math:`\hat x` and the power spectrum P of the training patches.
    """

    def __init__(self, train: Patches) -> None:
        self.power = np.mean([np.abs(fft2(x, norm="ortho")) ** 2 for x in train.astype(np.float64)], axis=0)
        self.parameters = self.power.size // 2

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        energy = np.abs(fft2(x.astype(np.float64), axes=(1, 2), norm="ortho")) ** 2
        return -0.5 * (energy / self.power + np.log(2 * math.pi * self.power)).sum((1, 2))


class AutoregressiveGaussian:
    r"""Gaussian that is stationary in time: each sample row given the 16 above it, all traces jointly.

    .. math:: p(x) = p(x_{1:17}) \prod_{t > 17} \mathcal N(x_t \mid A\, x_{t-16:t-1}, L L^\top)

    No border enters, so this is what second-order statistics can do; the covariance of 17 rows is that of
    the training patches.
    """

    rows = 17

    def __init__(self, train: Patches) -> None:
        width = train.shape[2]
        size = self.rows * width
        total = np.zeros((size, size))
        count = 0
        for x in train:
            runs = sliding_window_view(x.astype(np.float64), self.rows, axis=0)[::4]
            flat = runs.transpose(0, 2, 1).reshape(-1, size)
            total += flat.T @ flat
            count += len(flat)
        lower = np.linalg.cholesky(total / count)
        self.whitener = np.linalg.inv(lower)
        self.log_scale = np.log(np.diag(lower))
        self.parameters = size * (size + 1) // 2

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        n, height, width = x.shape
        last = slice(-width, None)
        first = x[:, : self.rows].reshape(n, -1).astype(np.float64) @ self.whitener.T
        log_prob = _log_normal(first, np.float64(1)).sum(1) - self.log_scale.sum()
        for t in range(self.rows, height):
            flat = x[:, t - self.rows + 1 : t + 1].reshape(n, -1).astype(np.float64)
            z = flat @ self.whitener[last].T
            log_prob += _log_normal(z, np.float64(1)).sum(1) - self.log_scale[last].sum()
        return log_prob


class CosineGaussian:
    """Independent coefficients of the orthonormal 2-D DCT-II, each with its own variance."""

    def __init__(self, train: Patches) -> None:
        self.variance = np.mean([dctn(x, norm="ortho") ** 2 for x in train.astype(np.float64)], axis=0)
        self.parameters = self.variance.size

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        return _log_normal(dctn(x.astype(np.float64), axes=(1, 2), norm="ortho"), self.variance).sum((1, 2))


class PCAGaussian:
    r"""Probabilistic PCA: the leading components of the training patches in isotropic noise.

    .. math:: x \sim \mathcal N(0, W W^\top + \sigma^2 I)

    The number of components is the one, among powers of two, that gives the second half of the training
    patches the highest density when the first half is fitted; then all of them are used.

    References
    ----------
    Tipping & Bishop, *Probabilistic principal component analysis*, 1999.
    """

    def __init__(self, train: Patches) -> None:
        flat = train.reshape(len(train), -1)
        half = len(flat) // 2
        self._fit(flat[:half])
        counts = [2**k for k in range(3, int(math.log2(half)))]
        self.components = max(counts, key=lambda count: self._log_prob(flat[half:], count).mean())
        self._fit(flat)
        self.parameters = self.components * flat.shape[1] + 1

    def log_prob(self, x: Patches) -> NDArray[np.float64]:
        return self._log_prob(x.reshape(len(x), -1), self.components)

    def _fit(self, flat: Patches) -> None:
        gram = (flat @ flat.T).astype(np.float64) / len(flat)
        values, vectors = np.linalg.eigh(gram)
        order = values.argsort()[::-1]
        self._values = values[order].clip(1e-12)
        scale = np.sqrt(self._values * len(flat))
        self._axes = (vectors[:, order] / scale).T.astype(np.float32) @ flat  # rows: principal axes

    def _log_prob(self, flat: Patches, count: int) -> NDArray[np.float64]:
        size = flat.shape[1]
        noise = self._values[count:].sum() / (size - count)
        inside = (flat @ self._axes[:count].T).astype(np.float64)
        outside = (flat.astype(np.float64) ** 2).sum(1) - (inside**2).sum(1)
        explained = _log_normal(inside, self._values[:count]).sum(1)
        return explained - 0.5 * (outside / noise + (size - count) * math.log(2 * math.pi * noise))


def _log_normal(x: NDArray[np.floating], variance: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return -0.5 * (x.astype(np.float64) ** 2 / variance + np.log(2 * math.pi * variance))
