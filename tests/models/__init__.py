"""Tests of ``xlate.models``: translators, zero-shot, power and clock models."""
