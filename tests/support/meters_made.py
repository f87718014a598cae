"""What meters print, made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["HEAD", "dmon"]

HEAD = "# Entity  SMACT  POWER  TOTEC  TMPTR  SMCLK\n      Id             W      mJ      C\n"


def dmon(rows: Iterable[Sequence[float | str]], gpu: int = 0, head: str = HEAD) -> str:
    return head + "".join(f"    GPU {gpu}  {' '.join(map(str, r))}\n" for r in rows)
