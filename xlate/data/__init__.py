"""Corpora: their tables, pairs of runs of two instances, and importers of their sources."""
