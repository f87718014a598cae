"""Results as tables: frames of polars and pandas, and HTML for a notebook.

A result gives its rows once (:class:`Tabular`); several results are one table
(:class:`Results`). This package does not depend on the kinds of results.
"""

from __future__ import annotations

from xlate.values.tabular.table import Cell, Results, Tabular

__all__ = ["Cell", "Results", "Tabular"]
