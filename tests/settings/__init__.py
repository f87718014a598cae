"""Tests of ``xlate.settings``: files, environment and options of the user."""
