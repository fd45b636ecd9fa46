"""Protocols with numbers: what the tables in docs/ are made of."""
