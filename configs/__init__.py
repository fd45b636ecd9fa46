"""Experiment presets (YAML), named by what they reproduce. Data, no code."""
