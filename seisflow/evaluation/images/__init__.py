"""Benchmarks on images: bits/dim, topics, outliers."""
