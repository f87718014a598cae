"""Recorded clock sweeps: a folder of runs as one row a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate.engine.session import Session
from xlate.errors import UnknownNameError
from xlate.hardware.catalogue import Gpu
from xlate.sweeps.describe import describe
from xlate.sweeps.sweep_folder import SweepRead, read_sweep

__all__ = ["RecordedSweep", "read_recorded_sweep"]


@dataclass(frozen=True, eq=False)
class RecordedSweep:
    """What a folder of recorded runs holds.

    Attributes
    ----------
    session : Session
        Its catalogue says which GPU a run names.
    contents : SweepRead
        Table, runs and notes.
    """

    session: Session
    contents: SweepRead

    def document(self) -> dict[str, Any]:
        """The promised document of ``sweep read --json``."""
        return {
            "rows": self.contents.table.to_dicts(),
            "notes": list(self.contents.notes),
            "runs": [
                {
                    "file": r.trace.source,
                    "gpu": r.gpu,
                    "workload": r.workload,
                    "sm_mhz": r.sm_mhz,
                    "features": describe(r.trace, self._gpu(r.gpu)),
                }
                for r in self.contents.runs
            ],
        }

    def _gpu(self, name: str) -> Gpu | None:
        """The GPU of a folder's name, where the catalogue knows it."""
        try:
            return self.session.catalogue.gpu(name)
        except UnknownNameError:
            return None


def read_recorded_sweep(
    session: Session,
    folder: Path,
    gpu_index: int | None = None,
    fields: Sequence[str] | None = None,
) -> RecordedSweep:
    """Aggregate a folder of recorded runs to one row a clock.

    Raises
    ------
    XlateError
        If the catalogue is wrong, or the folder holds no run that can be read.
    """
    _ = session.catalogue  # what is wrong with it is said before the work
    return RecordedSweep(session, read_sweep(folder, gpu_index, fields))
