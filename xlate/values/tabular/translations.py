"""A translation as a table: its operations within one step, or one row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from xlate.values.profile import DOMAINS
from xlate.values.tabular.table import Cell, Tabular

if TYPE_CHECKING:
    from xlate.values.profile import Estimate, Verdict, WorkloadKey
    from xlate.values.translation import Facts, OpRow

__all__ = ["SizeTable", "TranslationTable"]


class TranslationTable(Tabular):
    """The table of a translation; the fields are those of the subclass."""

    file: str
    anchor: str
    target: str
    translator: str
    fitted_on: str
    simulated: bool
    layer: str
    workload: WorkloadKey
    step_time_s: Estimate
    anchor_step_time_s: float
    usd_per_1000_steps: Estimate | None
    verdict: Verdict
    facts: Facts

    @property
    def ops_per_step(self) -> tuple[OpRow, ...]:
        """Operations within one step."""
        raise NotImplementedError

    def record(self) -> dict[str, Cell]:
        """The answer in one row."""
        step, w = self.step_time_s, self.workload
        usd, memory = self.usd_per_1000_steps, self.facts.memory
        return {
            "file": self.file,
            "anchor": self.anchor,
            "target": self.target,
            "model": w.model,
            "batch_size": w.batch_size,
            "answered_by": self.layer if self.layer != "fitted" else self.translator,
            "fitted_on": self.fitted_on,
            "simulated": self.simulated,
            "anchor_step_time_s": self.anchor_step_time_s,
            "step_time_s": step.value,
            "step_time_low_s": step.low,
            "step_time_high_s": step.high,
            "level": step.level,
            "usd_per_1000_steps": None if usd is None else usd.value,
            "memory_fits": None if memory is None else memory.fits,
            "verdict": self.verdict.level,
            "domain": self.facts.domain or DOMAINS[self.verdict.level],
        }

    def records(self) -> list[dict[str, Cell]]:
        """Operations within one step, µs, longest first; empty where there are none."""
        return [{**asdict(row), "ratio": row.ratio} for row in self.ops_per_step]

    def summary(self) -> str:
        """Machines, step time with its interval, and verdict."""
        step = self.step_time_s
        interval = (
            f" ({step.level:.0%}: {1e3 * step.low:.4g} to {1e3 * step.high:.4g} ms)"
            if step.low is not None and step.high is not None and step.level is not None
            else " (no interval)"
        )
        return (
            f"{self.file}: {self.anchor} → {self.target}, step "
            f"{1e3 * step.value:.4g} ms{interval}, verdict {self.verdict.level}"
        )

    def remarks(self) -> tuple[str, ...]:
        """Reasons of the verdict."""
        return self.verdict.reasons


class SizeTable(Tabular):
    """The table of a translation at one size; the fields are those of the subclass."""

    size: int
    measured: bool
    translation: TranslationTable
    memory_bytes: float | None
    too_large_for: tuple[str, ...]

    def record(self) -> dict[str, Cell]:
        """The size in one row, before the columns of a translation."""
        return {
            "size": self.size,
            "measured": self.measured,
            "memory_bytes": self.memory_bytes,
            "too_large_for": ", ".join(self.too_large_for) or None,
            **self.translation.record(),
        }

    def records(self) -> list[dict[str, Cell]]:
        """Operations within one step at this size."""
        return self.translation.records()

    def summary(self) -> str:
        """The size, and the translation at it."""
        return f"size {self.size}: {self.translation.summary()}"

    def remarks(self) -> tuple[str, ...]:
        """Reasons of the translation's verdict."""
        return self.translation.remarks()
