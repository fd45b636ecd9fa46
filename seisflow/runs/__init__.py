"""Run folders, their data sources, provenance and hardware, and the model taken when none is named."""
