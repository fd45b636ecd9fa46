"""Evaluation of anomaly maps on modelled anomalies."""
