"""Tests of ``xlate.stats``: conformal intervals and splits."""
