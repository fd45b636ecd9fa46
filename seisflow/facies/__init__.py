"""Seismic facies without labels: classes of windows, by the flow's features of their blocks.

A block of samples is a word, by the energies of the flow's states and its log-determinant there; a window of
blocks is a document; and each topic is a Dirichlet-multinomial over words.
"""

from seisflow.facies.find import Facies, SectionFeatures, find_facies, map_panels
from seisflow.facies.mixture import Mixture, fit_mixture
from seisflow.facies.vocabulary import Vocabulary

__all__ = ["Facies", "Mixture", "SectionFeatures", "Vocabulary", "find_facies", "fit_mixture", "map_panels"]
