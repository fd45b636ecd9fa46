"""A survey that a model knows: how its amplitudes are scaled, and what is normal in it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from seisflow.calibration.by_depth import Calibration, JointCalibration
from seisflow.calibration.panel_test import PanelStatistics
from seisflow.patches.scaling import AmplitudeScaling


class Survey(BaseModel):
    """Record in a model of a survey that it has learnt, or was calibrated for.

    Attributes
    ----------
    name : str
    paths : list of str
        Files of the survey.
    scaling : AmplitudeScaling
        Fitted to its training part.
    domain, interval, unit : str, float, str
        Vertical axis.
    words : list of str
        Words of its text headers, by which its files are recognised.
    trained : bool
        Whether the model has learnt it; False where it was calibrated only.
    calibration : Calibration, optional
        Calibration of the default score; the first survey's is that of the card.
    calibrations : dict of JointCalibration
        Calibrations of other scores.
    panels : PanelStatistics, optional
        Statistics of its calibration lines, with which new sections are compared.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    paths: list[str]
    scaling: AmplitudeScaling
    domain: str
    interval: float
    unit: str = ""
    words: list[str] = []
    trained: bool = True
    calibration: Calibration | None = None
    calibrations: dict[str, JointCalibration] = {}
    panels: PanelStatistics | None = None
