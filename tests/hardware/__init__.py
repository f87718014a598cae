"""Tests of ``xlate.hardware``: catalogue, prices, memory and names of GPUs."""
