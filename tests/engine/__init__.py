"""Tests of ``xlate.engine``: the use cases, on small corpora and the simulated one."""
