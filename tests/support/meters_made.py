"""What meters print, made."""

from __future__ import annotations

__all__ = ["HEAD", "dmon"]

HEAD = "# Entity  SMACT  POWER  TOTEC  TMPTR  SMCLK\n      Id             W      mJ      C\n"


def dmon(rows, gpu=0, head=HEAD):
    return head + "".join(f"    GPU {gpu}  {' '.join(map(str, r))}\n" for r in rows)
