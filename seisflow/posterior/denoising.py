"""Attenuation of incoherent noise: each trace is weighed against its prediction from the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisflow import progress
from seisflow.errors import DataError
from seisflow.io.workers import run_in_order
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import layout, panel_index
from seisflow.posterior import fx
from seisflow.posterior.adapt import STEPS, Adapted, Part, adapt
from seisflow.posterior.cosines import shrink
from seisflow.posterior.examples import Mask, Values
from seisflow.posterior.gaps import observe
from seisflow.posterior.noise import Noise, at_level, leave_one_out, measure_noise
from seisflow.posterior.pool import gather
from seisflow.posterior.predict import around
from seisflow.posterior.slopes import coherence, slopes
from seisflow.posterior.spectra import SAMPLES, mean_power, power_of, put_together, split

TILE_TRACES = 2048
"""Traces of a panel that are cleaned at a time."""
LATERAL = 16.0
"""Standard deviation, in traces, of the window that the spectrum of errors is averaged over."""
LEARNING, LEARNT = 0.8, 0.6
"""Share of learning in the progress of a cleaner, whose rest is that of the noise; its own in that of all."""
HALO = 96
"""Traces beside a tile that this and the windows of shrinkage reach to."""

VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": ("float32", {"long_name": "seismic amplitude, incoherent noise attenuated"}),
    "removed": ("float32", {"long_name": "what was taken off"}),
    "std": ("float32", {"long_name": "standard deviation of the cleaned amplitude"}),
}


@dataclass(frozen=True)
class Cleaner:
    """Denoiser of a section.

    Attributes
    ----------
    adapted : Adapted
        Predicts a trace from the others.
    noise : Noise
        Spectrum of the noise, in variances of the section.
    level : float
        Standard deviation of the noise, in amplitude units.
    """

    adapted: Adapted
    noise: Noise
    level: float


@dataclass(frozen=True)
class Denoised:
    """Some traces of a panel, cleaned; all arrays (T, X).

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
    amplitude, removed, std : ndarray of float32
        Cleaned, what was taken off, and how far the cleaned is uncertain.
    usable : ndarray of bool
        Samples that were cleaned; the others are as read.
    coherence : dict of str to (float, float)
        Sums of `seisflow.posterior.slopes.coherence` of "input" and "removed".
    """

    lead: tuple[int, ...]
    columns: slice
    amplitude: Values
    removed: Values
    std: Values
    usable: Mask
    coherence: dict[str, tuple[float, float]]


def denoise(
    section: xr.Dataset,
    model: Model | None = None,
    *,
    level: float | None = None,
    others: Sequence[Part] = (),
    steps: int = STEPS,
    seed: int = 0,
    report: progress.Report = progress.silent,
) -> xr.Dataset:
    r"""Attenuate the incoherent noise of a section in memory.

    A network that has learned from the section predicts each trace from the others, and so does an f-x
    filter; :math:`\mu` is their mean, weighted for least error in each band of frequencies. Of the
    difference from what was recorded, each frequency keeps what is not noise:

    .. math:: p = \mu + g\,(y - \mu), \qquad g(f) = 1 - N(f) / S(f)

    with N the spectrum of the noise and S that of the difference, the posterior mean where both are Gaussian
    (Wiener). This guides the shrinkage of what was recorded in windows of cosines
    (`seisflow.posterior.cosines.shrink`), which gives what is returned; N is told by the highest wavenumbers
    there. For what exceeds memory use ``seisflow denoise``.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model, optional
        As for `seisflow.fill`.
    level : float, optional
        Standard deviation of the noise in amplitude units; else it is estimated, as is its spectrum.
    others : sequence of (xr.Dataset, sequence of Block)
        As for `seisflow.fill`.
    steps : int
        Steps of learning.
    seed : int
    report : callable
        Takes percent done and 100.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``removed`` (their sum is the input) and ``std`` in the section's dims; attributes
        ``noise_level``, ``coherence_of_input`` and ``coherence_of_removed``, the correlation of
        neighbouring traces along local slopes.

    Raises
    ------
    DataError
        If too little of the section is known, or ``level`` is larger than its amplitudes.
    ModelError
        If the model is not one of sections.
    """
    if model is not None:
        section_card(model)
    cleaner = fit_cleaner(
        section,
        level=level,
        others=others,
        device="cpu" if model is None else model.device,
        steps=steps,
        seed=seed,
        report=progress.part(report, 0, LEARNT),
    )
    dims, shape = section["amplitude"].dims, section["amplitude"].shape
    maps = {name: (dims, np.zeros(shape, np.float32), attrs) for name, (_, attrs) in VARIABLES.items()}
    sums, cleaning = Coherence(), progress.part(report, LEARNT, 1)
    for number, one in enumerate(denoise_panels(section, cleaner), start=1):
        place: tuple[int | slice, ...] = (*one.lead, one.columns)
        for name in VARIABLES:
            maps[name][1][place] = getattr(one, name).T
        sums.add(one)
        cleaning(number, len(_tiles(section)))
    result = section.drop_vars("amplitude").assign(maps)
    return result.assign_attrs(
        noise_level=cleaner.level,
        coherence_of_input=sums.of("input"),
        coherence_of_removed=sums.of("removed"),
    )


class Coherence:
    """Correlation of neighbouring traces along slopes, over panels that are added one by one."""

    def __init__(self) -> None:
        self._sums = {"input": np.zeros(2), "removed": np.zeros(2)}

    def add(self, one: Denoised) -> None:
        for name, sums in one.coherence.items():
            self._sums[name] += sums

    def of(self, name: str) -> float:
        """Correlation of the "input", or of what was "removed"; 0 where nothing was."""
        product, power = self._sums[name]
        return float(product / power) if power > 0 else 0.0


def fit_cleaner(
    section: xr.Dataset,
    *,
    level: float | None = None,
    others: Sequence[Part] = (),
    device: torch.device | str = "cpu",
    steps: int = STEPS,
    seed: int = 0,
    report: progress.Report = progress.silent,
) -> Cleaner:
    """Let a network learn from a section, and estimate its noise; see `denoise`."""
    pool = gather(section, seed=seed)
    if level is not None:
        _check_level(level, pool.std)
    adapted, _ = adapt(
        pool, others=others, device=device, steps=steps, seed=seed, report=progress.part(report, 0, LEARNING)
    )
    noise = measure_noise(adapted.network, pool.pieces, report=progress.part(report, LEARNING, 1))
    estimated = Cleaner(adapted, noise, adapted.std * level_of(noise.spectrum))
    return estimated if level is None else with_level(estimated, level)


def level_of(spectrum: NDArray[np.float64]) -> float:
    """Standard deviation of noise with a spectrum (J, F) such as `cosines.incoherent_spectrum` gives."""
    return float(np.sqrt(mean_power(spectrum, axis=1).mean()))


def with_level(cleaner: Cleaner, level: float) -> Cleaner:
    """Return a cleaner that takes the noise for so large; its spectrum is that of `at_level`.

    Raises
    ------
    DataError
        If ``level`` is not between 0 and the amplitudes' standard deviation.
    """
    std = cleaner.adapted.std
    _check_level(level, std)
    spectrum = at_level(cleaner.noise.spectrum, (level / std) ** 2)
    return Cleaner(cleaner.adapted, cleaner.noise._replace(spectrum=spectrum), level)


def _check_level(level: float, std: float) -> None:
    if not 0 < level < std:
        raise DataError(
            f"noise of {level:g} in amplitudes of standard deviation {std:.4g}. "
            "Expected less than these, and more than 0: leave --level out to estimate it"
        )


def denoise_panels(
    section: xr.Dataset, cleaner: Cleaner, *, workers: int = 1, scheduler: str | None = None
) -> Iterator[Denoised]:
    """Clean a section panel by panel, long ones in tiles, in order; the same by one process or several."""
    names = [name for name in ("amplitude", "trace_mask") if name in section.variables]
    work = _TileCleaner(section[names].reset_coords(drop=True), cleaner)
    if scheduler is None and workers <= 1:
        yield from map(work, _tiles(section))
    else:
        yield from run_in_order(work, _tiles(section), scheduler, workers)


def _tiles(section: xr.Dataset) -> list[tuple[tuple[int, ...], slice]]:
    """Position of each panel, and the traces of it that are cleaned at a time, in order."""
    traces = section.sizes[layout(section).lateral]
    return [
        (lead, slice(first, min(first + TILE_TRACES, traces)))
        for lead in panel_index(section)
        for first in range(0, traces, TILE_TRACES)
    ]


@dataclass(frozen=True)
class _TileCleaner:
    """Cleans tiles, here or, pickled, on a worker."""

    section: xr.Dataset
    cleaner: Cleaner

    def __call__(self, tile: tuple[tuple[int, ...], slice]) -> Denoised:
        lead, columns = tile
        traces = self.section.sizes[layout(self.section).lateral]
        halo = slice(max(columns.start - HALO, 0), min(columns.stop + HALO, traces))
        both = around(halo, traces), fx.around(halo, traces)
        read = slice(min(one.start for one in both), max(one.stop for one in both))
        flagged = np.zeros(self.section["amplitude"].shape[:-1], bool)
        seen = observe(self.section, lead, read, flagged)
        own = slice(columns.start - read.start, columns.stop - read.start)
        adapted, noise = self.cleaner.adapted, self.cleaner.noise
        values, scale = adapted.scaled(seen), np.float32(adapted.std)
        mean = leave_one_out(
            adapted.network, noise.fx_weights, values, seen.known, first=read.start, traces=traces
        )
        off, std = take_off(np.where(seen.known, values - mean, np.float32(0)), noise.spectrum)
        guide = np.where(seen.known, values - off, np.float32(0))
        off = values - shrink(values, guide, noise.spectrum, first=read.start, traces=traces)
        off, std, known = off[:, own], std[:, own], seen.known[:, own]
        amplitude = seen.amplitude[:, own]
        removed = np.where(known, scale * off, np.float32(0))
        cleaned = np.where(known, amplitude - removed, amplitude)
        clean = np.where(known, values[:, own] - off, np.float32(0))
        along = slopes(clean)
        sums = {
            "input": coherence(values[:, own], along, known),
            "removed": coherence(np.where(known, off, np.float32(0)), along, known),
        }
        return Denoised(
            lead, columns, cleaned, removed, np.where(known, scale * std, np.float32(0)), known, sums
        )


def take_off(error: Values, noise: NDArray[np.float64]) -> tuple[Values, Values]:
    """Noise in the errors of prediction (T, X), and the standard deviation of what is left of it.

    Parameters
    ----------
    error : ndarray of float32, (T, X)
        Recorded less predicted.
    noise : ndarray, (J, F)
        Power spectrum of the noise in each window.
    """
    spectra = split(error)
    power = gaussian_filter1d(power_of(spectra), LATERAL, axis=2, mode="nearest", truncate=3.0)
    power = gaussian_filter1d(power, 1.0, axis=1, mode="nearest")
    share = np.clip(noise[:, :, None] / np.maximum(power, 1e-12), 0, 1)
    off = put_together((share * spectra).astype(np.complex64), len(error))
    # Of signal and noise with S = C + N, what is not known of the signal has the power C N / S.
    left = mean_power((1 - share) * share * power, axis=1)
    middles = (SAMPLES // 2) * np.arange(len(left))
    rows = np.arange(len(error))
    variance = np.stack([np.interp(rows, middles, column) for column in left.T], axis=1)
    return off, np.sqrt(variance).astype(np.float32)
