"""Bijections for images of 8-bit pixels."""
