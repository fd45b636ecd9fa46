"""Training: from sections to a saved model in a run folder."""

from seisflow.training.run import Run, resume, train

__all__ = ["Run", "resume", "train"]
