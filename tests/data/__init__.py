"""Tests of ``xlate.data``: corpora, their importers, downloads and pairs of runs."""
