"""Summaries of filled and cleaned sections (the ``.json`` beside a result)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class FillSummary(BaseModel):
    """Summary of a filled section (the ``.json`` beside a result).

    Attributes
    ----------
    kind : str
        "fill".
    input, model : str
    samples_filled : int
    traces_filled : int
        Traces of which every sample, or some, was filled.
    traces_left : int
        Missing traces in gaps that are too wide.
    std_of_filled : float
        Root mean square of their standard deviations, in amplitude units.
    learning_steps : int
    coverage_before, std_factor, std_growth : float
        Share of the kept traces' samples in 90 % intervals as the network gives them, and f and g of the
        factor :math:`f d^g` that makes them hold 90 %, at a distance d of known traces
        (`seisflow.posterior.intervals`).
    calibration_samples : int
        Samples this rests on.
    kriging_weights : list of float
        Weight of kriging in the mean, by frequency from zero to Nyquist; the network has the rest.
    across_lines : bool
        Whether missing traces were predicted across the lines of a cube, too.
    outputs : list of str
        Files written.
    """

    kind: Literal["fill"] = "fill"
    input: str
    model: str
    samples_filled: int
    traces_filled: int
    traces_left: int
    std_of_filled: float
    learning_steps: int
    coverage_before: float
    std_factor: float
    std_growth: float
    calibration_samples: int
    kriging_weights: list[float]
    across_lines: bool
    outputs: list[str]

    def sentence(self) -> str:
        """Say it in a line."""
        text = f"{self.traces_filled} trace{'s' * (self.traces_filled != 1)} filled, "
        text += f"standard deviation {self.std_of_filled:.3g}"
        if self.traces_left:
            text += f"; {self.traces_left} left in gaps that are too wide (see --max-gap)"
        return text


class DenoiseSummary(BaseModel):
    """Summary of a denoised section (the ``.json`` beside a result).

    Attributes
    ----------
    kind : str
        "denoise".
    input, model : str
    noise_level : float
        Standard deviation of the noise, in amplitude units, and whether it was ``given``.
    given : bool
    removed_share : float
        Energy taken off over that of the input.
    coherence_of_input, coherence_of_removed : float
        Correlation of neighbouring traces along local slopes; near 0 where nothing coherent was taken off.
    learning_steps : int
    outputs : list of str
        Files written.
    """

    kind: Literal["denoise"] = "denoise"
    input: str
    model: str
    noise_level: float
    given: bool
    removed_share: float
    coherence_of_input: float
    coherence_of_removed: float
    learning_steps: int
    outputs: list[str]

    def sentence(self) -> str:
        """Say it in a line."""
        return (
            f"{self.removed_share:.1%} of the energy taken off, noise {self.noise_level:.3g} "
            f"({'given' if self.given else 'estimated'}); correlation along slopes "
            f"{self.coherence_of_removed:.2f} of that, {self.coherence_of_input:.2f} of the input"
        )
