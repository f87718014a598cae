"""Kept samples of every ``--json`` document, and the commands that print them.

A script relies on the keys of a document. Each file beside this one is a document
as it was printed when it was kept; ``tests/test_samples.py`` holds that what is
printed today has every key of it, with values of the same types. New keys are free.

``python -m tests.samples`` keeps the documents anew. It refuses to lose a key.
``python -m tests.samples --values`` keeps nothing and says which values differ from
the kept ones by more than a relative 1e-6.
"""
