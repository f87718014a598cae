"""Tests of ``xlate.values.tabular``: results as frames and as HTML."""
