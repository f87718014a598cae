"""Tests of ``xlate.report``: tables, page and picture."""
