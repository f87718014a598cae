"""Tests of ``xlate.telemetry``: one format of a meter at a time."""
