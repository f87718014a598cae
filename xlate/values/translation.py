"""The answer of a translation: one value for each profile, or the failure of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from xlate import op_names
from xlate.errors import XlateError
from xlate.values.answer_facts import BundleId, Facts, RestsOn
from xlate.values.memory_need import MemoryFit
from xlate.values.profile import DOMAINS, Estimate, Profile, Verdict, WorkloadKey
from xlate.values.rent import Rent
from xlate.values.tabular.translations import TranslationTable

__all__ = [
    "DOMAINS",
    "BundleId",
    "Facts",
    "Failure",
    "OpRow",
    "RestsOn",
    "Translation",
    "workload_document",
]

#: nature of an operation -> the roof that limits it
_ROOFS = {
    "compute": "compute", "memory": "memory", "serial": "launch",
    "transfer": "transfer", "communication": "communication", "host": "host",
}  # fmt: skip
#: name of the row with the rest of a step
REST = "idle and the rest"


@dataclass(frozen=True)
class OpRow:
    """One operation within one step.

    Attributes
    ----------
    operation : str
        Column, or the rest of the step.
    anchor_us, target_us : float or None
        Time in one step, µs; the anchor's is None where several anchors answered.
    low_us, high_us : float or None
        Interval of ``target_us``.
    roof : str or None
        What limits it: ``compute``, ``memory``, ``launch`` (one thing after the
        other), ``transfer`` (the link to the host), ``communication`` (the links
        between GPUs) or ``host``; None for the rest.

    Examples
    --------
    >>> import xlate
    >>> (answer,) = xlate.translate("examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
    >>> rows = answer.ops_per_step
    >>> total_us = sum(row.target_us for row in rows)
    >>> abs(total_us / 1e6 - answer.step_time_s.value) < 1e-9
    True
    """

    operation: str
    anchor_us: float | None
    target_us: float
    low_us: float | None
    high_us: float | None
    roof: str | None

    @property
    def ratio(self) -> float | None:
        """Time on the target over that on the anchor."""
        return self.target_us / self.anchor_us if self.anchor_us else None


@dataclass(frozen=True)
class Translation(TranslationTable):
    """One profile on the target.

    As a table it is its operations within one step; several answers
    (:class:`~xlate.values.tabular.Results`) are a table with a row for each.

    Attributes
    ----------
    file : str
        Source of the profile.
    anchor, target, translator, fitted_on : str
        The bundle that answered.
    simulated : bool
        Whether the bundle was fitted on simulated data.
    held_out_mape : float or None
        Mean error of the translator's step time on held-out models, %.
    workload : WorkloadKey
        What ran.
    layer : str
        Source of the answer: ``fitted`` translator, ``op ratio``, ``throughput ratio``, or
        ``zero-shot`` where there is no bundle of the pair.
    step_time_s : Estimate
        Seconds of a step on the target; without an interval where none is calibrated.
    op_sum_us : Estimate or None
        Busy device time on the target, µs over the window.
    ops : dict of str to float, or None
        Operations on the target, µs over the window; None where the translator
        answers for the step time only.
    op_intervals : dict of str to (float, float)
        Intervals of operations with at least 1 % of the busy time, where calibrated.
    usd_per_1000_steps : Estimate or None
        Rent of the complete target instance for 1000 steps; None without a price.
    usd_per_1000_steps_gpu_share : Estimate or None
        The share of that rent for the GPUs in use.
    binds : str or None
        ``device`` or ``host``: the longer path of a step on the target, where the
        translator distinguishes them.
    verdict : Verdict
        How far to trust the answer.
    facts : Facts
        Facts of every answer: memory, rent, sources.
    anchor_ops : mapping of str to float, or None
        The profile's operations, µs over its window; None for several anchors.
    window_steps : float or None
        Steps that the profile window holds.

    Examples
    --------
    >>> import xlate
    >>> (answer,) = xlate.translate("examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
    >>> answer.step_time_s.low < answer.step_time_s.value < answer.step_time_s.high
    True
    >>> answer.to_polars().columns[:3]
    ['operation', 'anchor_us', 'target_us']
    """

    file: str
    anchor: str
    target: str
    translator: str
    fitted_on: str
    simulated: bool
    held_out_mape: float | None
    workload: WorkloadKey
    layer: str
    step_time_s: Estimate
    anchor_step_time_s: float
    op_sum_us: Estimate | None
    ops: dict[str, float] | None
    op_intervals: dict[str, tuple[float, float]]
    usd_per_1000_steps: Estimate | None
    binds: str | None
    verdict: Verdict
    usd_per_1000_steps_gpu_share: Estimate | None = None
    facts: Facts = field(default_factory=Facts)
    anchor_ops: Mapping[str, float] | None = None
    window_steps: float | None = None

    @property
    def memory(self) -> MemoryFit | None:
        """Memory that is needed, and memory of the target."""
        return self.facts.memory

    @property
    def rent(self) -> Rent | None:
        """Rent of the target."""
        return self.facts.rent

    @property
    def ops_per_step(self) -> tuple[OpRow, ...]:
        """Busy operations within one step, longest first, and the rest of the step.

        The times over the window, divided by its steps; where their sum is longer than
        the step, they are reduced in proportion. The column sums to the step time. Empty
        where the layer gives no operations.
        """
        if not self.ops or not self.window_steps:
            return ()
        step_us = self.step_time_s.value * 1e6
        busy = {c: self.ops[c] for c in op_names.busy_columns(list(self.ops))}
        scale = _scale(sum(busy.values()), self.window_steps, step_us)
        anchor_us, anchor_rest_us = self._anchor_per_step(self.window_steps)
        rows = []
        for name, value in sorted(busy.items(), key=lambda kv: -kv[1]):
            low, high = self.op_intervals.get(name, (None, None))
            rows.append(
                OpRow(
                    operation=name,
                    anchor_us=None if anchor_us is None else anchor_us.get(name, 0.0),
                    target_us=value * scale,
                    low_us=None if low is None else low * scale,
                    high_us=None if high is None else high * scale,
                    roof=_ROOFS.get(op_names.nature(name)),
                )
            )
        rest = OpRow(
            operation=REST,
            anchor_us=anchor_rest_us,
            target_us=max(step_us - sum(r.target_us for r in rows), 0.0),
            low_us=None,
            high_us=None,
            roof=None,
        )
        return (*rows, rest)

    def _anchor_per_step(
        self, window_steps: float
    ) -> tuple[dict[str, float] | None, float | None]:
        """Busy operations in one step on the anchor, µs, and the rest of that step."""
        if self.anchor_ops is None:
            return None, None
        columns = op_names.busy_columns(list(self.anchor_ops))
        busy = {c: self.anchor_ops.get(c, 0.0) for c in columns}
        step_us = self.anchor_step_time_s * 1e6
        scale = _scale(sum(busy.values()), window_steps, step_us)
        rest = max(step_us - sum(busy.values()) * scale, 0.0)
        return {c: t * scale for c, t in busy.items()}, rest

    @property
    def per_step_text(self) -> str:
        """How :attr:`ops_per_step` was computed from the window."""
        steps = self.window_steps or 1.0
        busy = sum(
            v for c, v in (self.ops or {}).items() if c in op_names.busy_columns([c])
        )
        text = (
            f"per step: times over the window, divided by the steps in it ({steps:.3g})"
        )
        if busy / steps > self.step_time_s.value * 1e6:
            text += ", there cut in proportion to the step, which they would exceed"
        return text

    def profile_document(self) -> dict[str, object]:
        """The profile on the target as JSON that xlate reads again."""
        from xlate.values.profile_document import to_json

        return to_json(self.as_profile())

    def as_profile(self) -> Profile:
        """The profile on the target, to write to a file or to translate further."""
        return Profile(
            ops=self.ops or {},
            workload=self.workload,
            instance=self.target,
            step_time_us=self.step_time_s.value * 1e6,
            source=self.file,
            notes=(
                f"translated from {self.anchor} by {self.translator}, fitted on "
                f"{self.fitted_on}",
            ),
            memory_bytes=None if self.memory is None else self.memory.need_bytes,
        )

    def to_json(self) -> dict[str, object]:
        """The former name of :meth:`document`."""
        return self.document()

    def document(self) -> dict[str, object]:
        """The promised document of ``translate --json``."""
        return {
            "file": self.file,
            "anchor": self.anchor,
            "target": self.target,
            "translator": self.translator,
            "fitted_on": self.fitted_on,
            "simulated": self.simulated,
            "held_out_mape": self.held_out_mape,
            "workload": workload_document(self.workload),
            "layer": self.layer,
            "step_time_s": asdict(self.step_time_s),
            "anchor_step_time_s": self.anchor_step_time_s,
            "op_sum_us": _document(self.op_sum_us),
            "ops": self.ops,
            "op_intervals": {k: list(v) for k, v in self.op_intervals.items()},
            "usd_per_1000_steps": _document(self.usd_per_1000_steps),
            "usd_per_1000_steps_gpu_share": _document(
                self.usd_per_1000_steps_gpu_share
            ),
            "binds": self.binds,
            "ops_per_step": [
                {**asdict(r), "ratio": r.ratio} for r in self.ops_per_step
            ],
            "verdict": {
                "level": self.verdict.level,
                "domain": self.facts.domain or DOMAINS[self.verdict.level],
                "reasons": list(self.verdict.reasons),
            },
            **self.facts.document(),
        }


def _scale(busy_us: float, window_steps: float, step_us: float) -> float:
    """Factor from the window to a step whose busy time must not be longer than it."""
    scale = 1 / window_steps
    return scale if busy_us * scale <= step_us else step_us / busy_us


def workload_document(workload: WorkloadKey) -> dict[str, str | int | None]:
    """The known parts of a workload, as in every document."""
    return {
        "model": workload.model,
        "dataset": workload.dataset,
        "batch_size": workload.batch_size,
        "optimizer": workload.optimizer,
    }


def _document(estimate: Estimate | None) -> dict[str, float | None] | None:
    return None if estimate is None else asdict(estimate)


@dataclass(frozen=True)
class Failure:
    """A file that could not be translated, and why."""

    file: str
    error: XlateError

    def to_json(self) -> dict[str, object]:
        """The former name of :meth:`document`."""
        return self.document()

    def document(self) -> dict[str, object]:
        """The promised document of a broken file; ``error`` holds the hint too."""
        return {
            "file": self.file,
            "error": self.error.text("cli"),
            "error_code": self.error.code,
            "hint": self.error.hint,
            "code": self.error.exit_code,
            "type": type(self.error).__name__,
        }
