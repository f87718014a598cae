"""Frozen values that cross rooms: requests and answers.

:mod:`~xlate.values.requests` holds the requests that a session takes;
:mod:`~xlate.values.answers` and :mod:`~xlate.values.tables` its results, each with
``document()``, which ``--json`` prints. Values are immutable and can be pickled. No module
of this package reads a file, fits or prints.
"""
