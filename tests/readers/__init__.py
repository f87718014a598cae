"""Tests of ``xlate.readers``: one module a profile format."""
