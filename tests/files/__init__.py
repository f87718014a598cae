"""Tests of ``xlate.files``: reading within bounds and writing completely."""
