"""Whether the times of a trace can be in its unit: launches take microseconds everywhere.

A call that launches a kernel takes 2 to 30 µs on the host, whatever the job, and no GPU
runs a kernel in less than half a microsecond. A trace whose times were converted to
milliseconds or nanoseconds looks sound otherwise, and is wrong by a factor of a thousand.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.values.reason import Reason

__all__ = ["check_unit", "unit_note"]

Floats = NDArray[np.float64]

#: µs: no usual launch, and no usual kernel, is shorter; not every launch is longer
_SHORTEST, _LONGEST = 0.2, 500.0
#: and of the host's operations, where launches were not recorded
_SHORTEST_OPERATION, _LONGEST_OPERATION = 0.05, 2000.0
#: fewest events that show a unit, and the number that excludes one blocked queue
_FEW, _MANY = 5, 20
_REMEDY = "times in a trace are in µs: export it again, or convert ts and dur"


def check_unit(
    path: Path, launches: Floats, kernels: Floats, operations: Floats
) -> list[str]:
    """A doubt where the times of a trace may be in another unit than µs.

    Parameters
    ----------
    path : Path
        Named in errors.
    launches, kernels, operations : ndarray
        Durations as the file has them: of calls that launch kernels, of kernels, and of
        the host's operations; empty where there are no such events.

    Raises
    ------
    ProfileError
        If they cannot be µs.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from xlate.readers.traces.time_unit import check_unit
    >>> check_unit(Path("a.json"), np.full(9, 4.0), np.full(9, 50.0), np.zeros(0))
    []
    """
    launches, kernels, operations = (
        each[each > 0] for each in (launches, kernels, operations)
    )
    for what, durations, shortest in (
        ("launch of a kernel", launches, _SHORTEST),
        ("kernel", kernels, _SHORTEST),
        ("operation", operations, _SHORTEST_OPERATION),
    ):
        if len(durations) >= _FEW and float(np.median(durations)) < shortest:
            said = _said(what, float(np.median(durations)), "ms or s")
            raise ProfileError(f"{path}: {said}", _REMEDY, code="profile.bad-value")
    what, durations, longest = "launch of a kernel", launches, _LONGEST
    if len(launches) < _FEW:
        what, durations, longest = "operation", operations, _LONGEST_OPERATION
    if len(durations) < _FEW or float(durations.min()) < longest:
        return []
    said = _said(what, float(durations.min()), "ns", least=True)
    if len(durations) >= _MANY:
        raise ProfileError(f"{path}: {said}", _REMEDY, code="profile.bad-value")
    return [Reason(said, _REMEDY, unsound=True)]


def unit_note(kernels: Floats) -> list[str]:
    """A doubt where kernels are shorter than any GPU's.

    Parameters
    ----------
    kernels : ndarray
        Durations, µs as the file is read.

    Examples
    --------
    >>> import numpy as np
    >>> from xlate.readers.traces.time_unit import unit_note
    >>> [note.partition(":")[0] for note in unit_note(np.full(9, 0.004))]
    ['the usual kernel takes 0.004 µs by this file']
    """
    durations = kernels[kernels > 0]
    if len(durations) < _FEW or float(np.median(durations)) >= _SHORTEST:
        return []
    said = _said("kernel", float(np.median(durations)), "ms or s")
    return [Reason(said, _REMEDY, unsound=True)]


def _said(what: str, duration: float, unit: str, *, least: bool = False) -> str:
    which = "shortest" if least else "usual"
    return (
        f"the {which} {what} takes {duration:.4g} µs by this file: its times are likely in "
        f"{unit}, not in µs"
    )
