"""Work that a table does not list: its rows sum to less than its own total.

A table printed with a row limit holds the longest operations, and a total of all. The
time between them is work, not idle time. A little of it is taken to be like the rows
listed; where much is missing nothing is known of it, and the file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlate.errors import ProfileError
from xlate.values.reason import Reason

__all__ = ["ALL_ROWS_WARNED", "MOST_UNLISTED", "ListedWork"]

#: a larger share of work without rows lowers the confidence
ALL_ROWS_WARNED = 0.05
#: a larger share is refused: what kind of work it was decides the answer
MOST_UNLISTED = 0.25


@dataclass(frozen=True)
class ListedWork:
    """Time of the rows of a table, and of all work by its total.

    Attributes
    ----------
    listed_us : float
        Sum of the rows, µs.
    total_us : float
        Total of the table, µs; 0 where it has none.
    tolerance : float
        A smaller missing share is that of rounding.

    Examples
    --------
    >>> from xlate.readers.unlisted_work import ListedWork
    >>> work = ListedWork(listed_us=8_000, total_us=10_000)
    >>> work.missing, work.scale
    (0.2, 1.25)
    """

    listed_us: float
    total_us: float
    tolerance: float = 0.0

    @property
    def missing(self) -> float:
        """Share of the work without a row; 0 within the tolerance."""
        if not self.total_us > 0:
            return 0.0
        share = (self.total_us - self.listed_us) / self.total_us
        return share if share > self.tolerance else 0.0

    @property
    def scale(self) -> float:
        """Factor that makes the rows sum to the total."""
        return (
            self.total_us / self.listed_us if self.missing and self.listed_us else 1.0
        )

    def check(self, path: Path, what: str, remedy: str) -> None:
        """Refuse a table that lists too little of its work.

        Parameters
        ----------
        path : Path
        what : str
            Kind of time, for the message.
        remedy : str
            How to list all of it.

        Raises
        ------
        ProfileError
            If more than a quarter has no row.
        """
        if self.missing > MOST_UNLISTED:
            raise ProfileError(
                f"{path}: {self.missing:.1%} of the {what} is missing: the rows sum to "
                f"{self.listed_us / 1e3:.4g} ms of {self.total_us / 1e3:.4g} ms, too "
                "little to know what the rest was",
                remedy,
                code="profile.damaged",
            )

    def note(self, what: str, rows: str, remedy: str) -> Reason:
        """That the rows were scaled to the total, and why."""
        return Reason(
            f"{self.missing:.1%} of the {what} is missing: {rows} sum to "
            f"{self.listed_us / 1e3:.4g} ms, the total is {self.total_us / 1e3:.4g} ms; "
            f"the rest is taken to be like them: their times count {self.scale:.3g} fold",
            remedy,
            informs=self.missing < ALL_ROWS_WARNED,
        )
