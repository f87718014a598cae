"""What a file's name says about the run, when it follows PROFET's pattern.

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
    """Instance and workload named by a file, unknown where the name says nothing."""
    found = _PATTERN.match(name)
    if not found:
        return None, WorkloadKey()
    return found["instance"], WorkloadKey(
        model=found["model"],
        # figures of any length: the bounds say what a size can be
        dataset=f"{found['pixels'][:20].lstrip('0') or 0}px",
        batch_size=int(found["batch"][:20]),
        optimizer=found["optimizer"],
    )
