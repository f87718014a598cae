"""Tests of ``xlate.values``: frozen values that cross rooms."""
