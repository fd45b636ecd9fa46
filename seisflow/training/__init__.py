"""Training: from sections to a saved model in a run folder."""

from seisflow.training.record import Run
from seisflow.training.run import resume, train

__all__ = ["Run", "resume", "train"]
