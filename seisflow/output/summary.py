"""Summary of a scored section (the ``.json`` beside a result)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from seisflow.runs.sources import path_from_here


class ScoreSummary(BaseModel):
    """Summary of a scored section: findings and the way they were judged (the ``.json`` beside a result).

    Attributes
    ----------
    input, model : str
        Section, and the model that judged it.
    survey : str
        Survey of the model whose scaling and calibration were taken.
    differs : list of str
        In what the section is unlike the calibration lines; with any, the anomalies are a ranking, and no
        rate of false alarms is promised.
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
        "conformal" (the rank among maxima of held-out panels), "tail" (of those of smaller tiles) or
        "largest" (nothing but the largest of them).
    nats_per_dim : float
        Mean negative log-density of the section's samples.
    scored : float
        Share of the samples that carry data and were scored.
    panels : int
        Panels of the section.
    count : int
        Anomalies found, those not listed included.
    anomalies : list of dict
        All of them, or the strongest, as many as were asked for or are kept: kind, what type it may be, peak,
        labels and coordinates, extent; ``p_value``, the probability that a normal panel reaches this peak
        anywhere; ``discovery``, whether it is among those of which a share ``alpha`` is expected to be false
        (Benjamini-Hochberg, over all panels); both null where there is no alarm rate. A ``caveat`` says so,
        or that there is too little held-out data to promise one.
    outputs : list of str
        Files written.
    """

    input: str
    model: str
    survey: str = ""
    differs: list[str] = []
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
        if len(self.anomalies) < self.count:
            text += f" (the {len(self.anomalies)} strongest of them in the lists; more or fewer: --top N)"
        if self.differs:
            text += (
                f" as a ranking, without an alarm rate (unlike the calibration lines of {self.survey} in "
                f"{', '.join(self.differs)}; calibrate on lines of this survey: "
                f"seisflow calibrate -m {self.model or 'MODEL'} {path_from_here(self.input)})"
            )
        elif self.alpha_is_supported:
            text += f" at {alarms}"
        else:
            text += f" beyond all held-out data (too little of it to promise {alarms})"
        if self.anomalies:
            place = {dim: label for dim, label in self.anomalies[0]["at"].items() if label is not None}
            text += f", the strongest at {', '.join(f'{dim} {label:.10g}' for dim, label in place.items())}"
        return text
