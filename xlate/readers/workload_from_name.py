"""The instance and the workload in a file's name that follows PROFET's pattern.

``<instance>-<pixels>dataset-<model>-<optimizer>-<batch size>-<date>-….csv``
"""

from __future__ import annotations

import re

from xlate.values.profile import WorkloadKey

__all__ = ["from_name"]

_PATTERN = re.compile(
    r"^(?P<instance>[a-z0-9]+\.[a-z0-9]+)-(?P<pixels>\d+)dataset-(?P<model>[^-]+)"
    r"-(?P<optimizer>[^-]+)-(?P<batch>\d+)(?:[-.]|$)"
)


def from_name(name: str) -> tuple[str | None, WorkloadKey]:
    """Instance and workload named by a file; unknown where the name has another form."""
    match = _PATTERN.match(name)
    if not match:
        return None, WorkloadKey()
    return match["instance"], WorkloadKey(
        model=match["model"],
        # cut to 20 digits; impossible sizes are checked elsewhere
        dataset=f"{match['pixels'][:20].lstrip('0') or 0}px",
        batch_size=int(match["batch"][:20]),
        optimizer=match["optimizer"],
    )
