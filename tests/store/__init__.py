"""Tests of ``xlate.store``: bundles on disk, their versions and their format."""
