"""Tests of ``xlate.tabular``: results as frames and as HTML."""
