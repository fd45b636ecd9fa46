"""Summary of a scored section (the ``.json`` beside a result)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ScoreSummary(BaseModel):
    """Summary of a scored section: findings and the way they were judged (the ``.json`` beside a result).

    Attributes
    ----------
    input, model : str
        Section, and the model that judged it.
    score : str
        One of `seisflow.scores.SCORES`. "typicality": samples less and more probable than normal; "nll": less
        probable ones only.
    alpha : float
        False alarms allowed per panel.
    threshold : float
        Deviation, in held-out standard deviations, from which a sample is anomalous.
    alpha_is_supported : bool
        Whether the model's calibration rests on enough held-out data to promise ``alpha``.
    alpha_rests_on : str
        "conformal" (the rank among maxima of held-out panels), "tail" (fitted to those of smaller tiles) or
        "largest" (nothing but the largest of them).
    nats_per_dim : float
        Mean negative log-density of the section's samples.
    scored : float
        Share of the samples that carry data and were scored.
    panels : int
        Panels of the section.
    count : int
        Anomalies found.
    anomalies : list of dict
        The strongest: kind, what type it may be, peak, labels and coordinates, extent; ``p_value``, the
        probability that a normal panel reaches this peak anywhere; ``discovery``, whether it is among those
        of which a share ``alpha`` is expected to be false (Benjamini-Hochberg, over all panels).
    outputs : list of str
        Files written.
    """

    input: str
    model: str
    score: str
    alpha: float
    threshold: float
    alpha_is_supported: bool
    alpha_rests_on: str
    nats_per_dim: float
    scored: float
    panels: int
    count: int
    anomalies: list[dict[str, Any]]
    outputs: list[str]

    def sentence(self) -> str:
        """Say it in a line."""
        text = f"{self.count or 'no'} anomal{'y' if self.count == 1 else 'ies'}"
        alarms = f"{self.alpha:.3g} false alarms per panel"
        if self.alpha_is_supported:
            text += f" at {alarms}"
        else:
            text += f" beyond all held-out data (too little of it to promise {alarms})"
        if self.anomalies:
            place = {dim: label for dim, label in self.anomalies[0]["at"].items() if label is not None}
            text += f", the strongest at {', '.join(f'{dim} {label:.10g}' for dim, label in place.items())}"
        return text
