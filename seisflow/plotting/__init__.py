"""Figures of seismic sections, anomaly maps, generated patches and training curves.

Every function returns a matplotlib ``Figure`` made without pyplot, so nothing needs a display and no global
state is left behind; `save` writes one to a file, whole or not at all.
"""

from seisflow.plotting.anomalies import draw_anomaly_overlay
from seisflow.plotting.comparison import draw_comparison
from seisflow.plotting.curves import draw_loss, draw_spectra
from seisflow.plotting.facies import draw_facies_map, draw_typical
from seisflow.plotting.files import save
from seisflow.plotting.gallery import draw_gallery, draw_images
from seisflow.plotting.section import draw, draw_section
from seisflow.plotting.style import LABELS

__all__ = [
    "LABELS",
    "draw",
    "draw_anomaly_overlay",
    "draw_comparison",
    "draw_facies_map",
    "draw_gallery",
    "draw_images",
    "draw_loss",
    "draw_section",
    "draw_spectra",
    "draw_typical",
    "save",
]
