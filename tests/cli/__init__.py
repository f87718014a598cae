"""Tests of ``xlate.cli``: commands, options, help and what is printed."""
