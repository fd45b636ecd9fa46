"""Zarr: reading, writing, ingestion."""
