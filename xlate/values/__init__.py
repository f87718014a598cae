"""Frozen values that cross rooms: what is asked, and what is answered.

:mod:`~xlate.values.requests` are the questions that a session takes;
:mod:`~xlate.values.answers` and :mod:`~xlate.values.tables` what it gives back, each
with ``document()``, which ``--json`` prints. A value is never changed, and pickles.
Nothing here reads a file, fits or prints.
"""
