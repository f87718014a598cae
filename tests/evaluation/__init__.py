"""Tests of ``xlate.evaluation``: figures on data left out of a fit."""
