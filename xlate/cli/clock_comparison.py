"""Clock models beside each other, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlate.cli import output

if TYPE_CHECKING:
    from xlate.evaluation.sweep_figures import ClockRow

__all__ = ["comparison"]

_SHOWN = (
    ("edp_gap", "EDP gap"), ("edp_gap_p90", "p90"), ("edp_gap_worst", "worst"),
    ("ed2p_gap", "ED²P gap"), ("bounded_edp_gap", "bounded"),
    ("bound_violations", "broken"), ("share_of_saving", "saving"),
)  # fmt: skip


def comparison(rows: Sequence[ClockRow]) -> None:
    """Clock models beside each other, a table a GPU."""
    for corpus, target in dict.fromkeys((r.corpus, r.target) for r in rows):
        of_gpu = [r for r in rows if (r.corpus, r.target) == (corpus, target)]
        overall: dict[str, dict[str, float | None]] = {}
        for r in of_gpu:
            if r.held_out is None:
                overall.setdefault(r.model, {})[r.metric] = r.value
        shown = [(k, t) for k, t in _SHOWN if any(k in m for m in overall.values())]
        output.table(
            f"{target}, {of_gpu[0].split}, {of_gpu[0].n} workloads of {corpus}",
            ["model", *(title for _, title in shown)],
            [
                [name, *(_percent(m.get(key)) for key, _ in shown)]
                for name, m in overall.items()
            ],
        )
        for name, m in overall.items():
            if "confidence" in m:
                output.talk(
                    f"{name}: mean confidence {_percent(m['confidence'])} %, within 2 % "
                    f"of the best {_percent(m['good'])} %; of choices with a confidence "
                    f"over 80 % ({_percent(m['high_confidence'])} %), "
                    f"{_percent(m['good_of_high_confidence'])} % are"
                )
            importances = {
                k.removeprefix("importance:"): v
                for k, v in m.items()
                if k.startswith("importance:") and v is not None
            }
            if importances:
                ordered = sorted(importances.items(), key=lambda kv: -kv[1])
                output.talk(
                    f"{name}: shuffling a feature adds to the mean gap, in %: "
                    + ", ".join(f"{k} {100 * v:.2f}" for k, v in ordered)
                )
    output.lines(
        "all in %, equal weights of applications. Gaps: objective over the best clock's;\n"
        "bounded: EDP gap under the bound on slowdown; broken: applications slower than\n"
        "the bound by over 1 %; saving: energy saved, of what the best clock would save"
    )


def _percent(share: float | None) -> str:
    return output.figure(None if share is None else 100 * share, digits=2)
