"""TensorBoard's ``tensorflow_stats`` table as csv.

One row for each operation: ``Host/device``, ``Type`` (the op type), ``Operation``
(its name in the graph), ``#Occurrences``, ``Total time (us)`` and more. The op
vector sums ``Total time (us)`` by side and type, as PROFET does
(ddps-lab/profet, data/rawdata_preprocessing.py). Newer versions head two columns
otherwise, and programs that convert the table keep the identifiers of its columns
(``host_or_device``, ``total_time``), which stand in the JSON behind the page.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Sequence
from pathlib import Path

from xlate import op_names
from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.readers.source import Source
from xlate.readers.workload_from_name import from_name
from xlate.values.profile import Profile

__all__ = ["contradiction", "read", "sniff"]

SIDE, TYPE, TIME = "Host/device", "Type", "Total time (us)"
#: columns that distinguish the rows of one type, where the table has them
RANK, OPERATION = "Rank", "Operation"
_NEEDED = (SIDE, TYPE, TIME)
#: the factors of TIME, where the table has both
COUNT, AVERAGE = "#Occurrences", "Avg. time (us)"
#: names of the columns Type and Operation in newer versions (XProf)
_NEWER = {"Operation Type": TYPE, "Operation Name": OPERATION}
#: identifiers of the columns in the page's JSON; times there are in µs too
_OTHER_NAMES = _NEWER | {
    "rank": RANK, "host_or_device": SIDE, "type": TYPE, "operation": OPERATION,
    "occurrences": COUNT, "total_time": TIME, "avg_time": AVERAGE,
}  # fmt: skip
_SIDE_ID = "host_or_device"
#: share by which a product may differ from the total, in addition to rounding
_ROUNDING = 0.005
_LONGEST_FIELD = 1 << 16


def sniff(raw: bytes) -> bool:
    """Whether the first line names columns that only this table has."""
    head = raw[:4096].split(b"\n", 1)[0].lower()
    if b"host/device" in head or _SIDE_ID.encode() in head:
        return True
    return b"#occurrences" in head and b"type" in head


def read(source: Source) -> list[Profile]:
    """Read one csv into one profile.

    Parameters
    ----------
    source : Source
        The file; its name may hold the instance and the workload.

    Raises
    ------
    ProfileError
        Naming the line and column, for a missing or renamed column, a side
        that is neither host nor device, a time that is not a number, not finite
        or negative, or not the number of occurrences times the average, and a last
        line that breaks off.
    """
    path, raw = source.path, source.content()
    text = read_text(path, raw)
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.reader(io.StringIO(text))
    ops: dict[str, float] = {}
    lines = 0
    try:
        table = _Table(path, next(rows, []))
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            column, time = table.operation(rows.line_num, row)
            ops[column] = ops.get(column, 0.0) + time
            lines += 1
    except csv.Error as e:
        raise ProfileError(
            f"{path}, line {rows.line_num}: not a csv table: {e}",
            "export the tensorflow_stats table from TensorBoard's profile page as csv",
            code="profile.damaged",
        ) from e
    if not lines:
        raise ProfileError(
            f"{path} has a header and no operation",
            "profile at least one whole step",
            code="profile.empty",
        )
    instance, workload = from_name(path.name)
    return [Profile(ops, workload, instance, source=str(path))]


class _Table:
    """The columns of a table, and the checks of its rows.

    Raises
    ------
    ProfileError
        If a column is missing, or stands twice.
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        names = [h.strip() for h in header]
        # the identifiers are common words: they are headings only where all of them are
        others = _OTHER_NAMES if _SIDE_ID in names else _NEWER
        names = [others.get(h, h) if others.get(h) not in names else h for h in names]
        for name in _NEEDED:
            if names.count(name) > 1:
                raise ProfileError(
                    f"{path} has the column {name!r} twice",
                    "keep one of them",
                    code="profile.repeated",
                )
        self.header = names
        self._place = {name: _find(path, names, name) for name in _NEEDED}
        self._name_at = names.index(OPERATION) if OPERATION in names else None
        #: columns that only one row of an operation may share; None: all columns
        self._unique_at: list[int] | None = None
        if RANK in names and self._name_at is not None:
            self._unique_at = [names.index(RANK), self._place[SIDE], self._name_at]
        #: columns of the number of occurrences and of their average
        self._factors_at: list[int] = []
        if COUNT in names and AVERAGE in names:
            self._factors_at = [names.index(COUNT), names.index(AVERAGE)]
        self._lines: dict[tuple[str, ...], int] = {}

    def operation(self, line: int, row: Sequence[str]) -> tuple[str, float]:
        """Column of the vector, and time in µs, of one row.

        Raises
        ------
        ProfileError
            If a field is wrong, or the row of this operation stood before.
        """
        place = self._place
        if len(row) != len(self.header):
            raise ProfileError(
                f"{self.path}, line {line}: {len(row)} fields where the "
                f"header has {len(self.header)}",
                "the file breaks off or a field is not quoted; export it again",
                code="profile.damaged",
            )
        side = row[place[SIDE]].strip()
        if side.lower() not in ("host", "device"):
            raise ProfileError(
                f"{self.path}, line {line}: {SIDE} is {side!r}",
                "it must be Host or Device",
                code="profile.bad-value",
            )
        name = row[place[TYPE]].strip()
        if not name:
            raise ProfileError(
                f"{self.path}, line {line}: {TYPE} is empty",
                "export the table again",
                code="profile.bad-value",
            )
        self._check_repeated(line, row)
        time = _time(self.path, line, row[place[TIME]])
        if self._factors_at:
            factors = [row[k] for k in self._factors_at]
            _check_product(self.path, line, name, factors, row[place[TIME]])
        return op_names.column(side, name), time

    def _check_repeated(self, line: int, row: Sequence[str]) -> None:
        """Several rows of one type are normal; two rows of one operation are not."""
        unique = tuple(
            row if self._unique_at is None else [row[k] for k in self._unique_at]
        )
        if self._name_at is not None and unique in self._lines:
            raise ProfileError(
                f"{self.path}, line {line}: {row[self._name_at]!r} "
                f"stands in line {self._lines[unique]} already: a row twice",
                "the table was joined to itself; export it again",
                code="profile.repeated",
            )
        self._lines[unique] = line


def _find(path: Path, header: list[str], name: str) -> int:
    if name in header:
        return header.index(name)
    folded = [h.lower().replace(" ", "").replace("µ", "u") for h in header]
    if name.lower().replace(" ", "") in folded:
        return folded.index(name.lower().replace(" ", ""))
    near = difflib.get_close_matches(name, header, n=1, cutoff=0.6)
    if near and name == TIME:
        hint = (
            f"the column {near[0]!r} is not in microseconds or holds another time; "
            f"xlate needs {TIME!r}"
        )
    elif near:
        hint = f"rename {near[0]!r} to {name!r}"
    else:
        hint = (
            "export the tensorflow_stats table from TensorBoard's profile page as csv"
        )
    raise ProfileError(
        f"{path} has no column {name!r}", hint, code="profile.missing-column"
    )


def _time(path: Path, line: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ProfileError(
            f"{path}, line {line}: {TIME} is {cell!r}, not a number",
            "export the table again with a decimal point",
            code="profile.bad-value",
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(
            f"{path}, line {line}: {TIME} is {cell.strip()}",
            "times are finite and not negative; profile again",
            code="profile.bad-value",
        )
    return value


def contradiction(
    occurrences: float, average_us: float, total_us: float, off_us: float = 0.0
) -> str | None:
    """How a count, an average and a total contradict each other; None if they do not.

    Parameters
    ----------
    occurrences, average_us, total_us : float
        Of one row.
    off_us : float
        Largest difference because of rounding.

    Examples
    --------
    >>> from xlate.readers.tensorflow.tensorflow_stats import contradiction
    >>> contradiction(2, 5.0, 10.0) is None
    True
    >>> contradiction(2, 5.0, 10000.0)
    '2 occurrences of 5 µs are 10 µs, and its total is 10000 µs'
    """
    # idle time has neither count nor average
    if occurrences == 0 and average_us == 0:
        return None
    product = occurrences * average_us
    allowed = _ROUNDING * max(product, total_us) + off_us
    if abs(product - total_us) <= allowed:
        return None
    return (
        f"{occurrences:.12g} occurrences of {average_us:.6g} µs are {product:.6g} µs, and "
        f"its total is {total_us:.6g} µs"
    )


def _check_product(
    path: Path, line: int, name: str, cells: list[str], total: str
) -> None:
    """Raise an error if a row's total is not its count times its average."""
    texts = [cell.strip().replace(",", "") for cell in cells]
    if not all(texts):
        return
    try:
        occurrences, average = (float(text) for text in texts)
    except ValueError:
        raise ProfileError(
            f"{path}, line {line}: {COUNT} is {cells[0]!r} and {AVERAGE} {cells[1]!r}",
            "both are numbers; export the table again",
            code="profile.bad-value",
        ) from None
    rounding = occurrences * _half_digit(texts[1]) + _half_digit(total)
    sound = math.isfinite(occurrences) and math.isfinite(average)
    fault = contradiction(occurrences, average, float(total), rounding)
    if not sound or occurrences < 0 or average < 0 or fault is not None:
        detail = fault or f"{cells[0].strip()} occurrences of {cells[1].strip()} µs"
        raise ProfileError(
            f"{path}, line {line}: {name} contradicts itself: {detail}",
            "one of the columns is in another unit or was changed; export the table again",
            code="profile.bad-value",
        )


def _half_digit(text: str) -> float:
    """Largest rounding error of a printed number."""
    digits, _, power = text.strip().lower().partition("e")
    _, _, decimals = digits.partition(".")
    # a huge power of ten is not a matter of rounding
    return 0.5 * 10.0 ** (min(int(power or 0), 12) - len(decimals))
