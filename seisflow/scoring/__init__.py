"""Scoring of sections: windows, tiles, calibration, anomalies."""

from seisflow.scoring.maps import Scored
from seisflow.scoring.section import score, score_panels
from seisflow.scoring.windows import measure_panel, score_panel

__all__ = ["Scored", "measure_panel", "score", "score_panel", "score_panels"]
