"""Tests of ``xlate.api``: what ``import xlate`` offers."""
