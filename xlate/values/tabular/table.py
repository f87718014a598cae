"""Results as tables: frames of polars and pandas, and HTML for a notebook.

A result defines its rows once, in :meth:`Tabular.records`; this module makes frames and
HTML of them. Text is escaped: names of files, models and operations come from outside.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Cell", "Results", "Tabular"]

#: a value of a table
Cell = str | float | int | bool | None


class Tabular:
    """A result that is also a table.

    A subclass gives :meth:`records`; :meth:`summary` and :meth:`remarks` are shown
    above and below the table in a notebook.
    """

    __slots__ = ()

    def records(self) -> list[dict[str, Cell]]:
        """Rows of the table, with the same columns in each."""
        raise NotImplementedError

    def summary(self) -> str:
        """One line that describes the result."""
        return type(self).__name__

    def remarks(self) -> Sequence[str]:
        """Sentences that belong to the result: reasons, notes."""
        return ()

    def to_polars(self) -> pl.DataFrame:
        """The rows as a frame of polars.

        Returns
        -------
        polars.DataFrame
            One row for each record; null where a value is not known.
        """
        import polars as pl

        return pl.DataFrame(self.records(), infer_schema_length=None)

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a frame of pandas.

        Returns
        -------
        pandas.DataFrame
            As :meth:`to_polars`.

        Raises
        ------
        XlateError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as e:
            from xlate.errors import XlateError

            raise XlateError(
                "pandas is not installed", "pip install pandas, or use to_polars"
            ) from e
        # through lists, since polars.to_pandas would need pyarrow
        return pd.DataFrame(self.to_polars().to_dict(as_series=False))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from xlate.values.tabular.markup import html_table

        items = "".join(f"<li>{html.escape(str(r))}</li>" for r in self.remarks())
        notes = f'<ul style="margin:.3em 0">{items}</ul>' if items else ""
        head = f"<p><b>{html.escape(self.summary())}</b></p>"
        return f"<div>{head}{html_table(self.records())}{notes}</div>"


T = TypeVar("T", bound=Tabular)


class Results(list[T], Tabular):
    """A list of results, which is also one table with a row for each.

    Parameters
    ----------
    results : iterable of Tabular
        For instance answers of :func:`xlate.translate`.

    Examples
    --------
    >>> import xlate
    >>> answers = xlate.translate("examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
    >>> len(answers), answers.to_polars().height
    (1, 1)
    """

    __slots__ = ()

    def records(self) -> list[dict[str, Cell]]:
        """Rows: the one-row form of each result, or its own rows where it has none."""
        return [row for result in self for row in _rows(result)]

    def summary(self) -> str:
        """Number of results, and their kind."""
        kind = type(self[0]).__name__ if self else "result"
        return f"{len(self)} {kind}" + ("s" if len(self) != 1 else "")

    def remarks(self) -> Sequence[str]:
        """Remarks of all results, each sentence once."""
        return list(dict.fromkeys(str(n) for result in self for n in result.remarks()))


def _rows(result: Tabular) -> list[dict[str, Cell]]:
    row = getattr(result, "record", None)
    return result.records() if row is None else [row()]
