"""Corpora: their tables, how runs of two instances are paired, and where they come from."""
