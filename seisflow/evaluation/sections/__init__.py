"""Evaluation of densities and samples of seismic sections."""
