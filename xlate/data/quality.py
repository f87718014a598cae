"""The quality of a corpus: missing, repeated, unusual and rare values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from xlate import op_names
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP
from xlate.data.schema import ACTIVITIES, KEY

__all__ = ["Report", "check"]

#: fences of the box plot (Tukey, 1977), in interquartile ranges
_IQR_FENCE = 1.5
#: fewest repeats for which quartiles are meaningful
_FEWEST_REPEATS = 4
_NAMED = 6
#: fewest clocks of a curve
_FEWEST_CLOCKS = 3
#: observed and requested clock may differ by this share
_FOLLOWED = 0.03


@dataclass(frozen=True)
class Report:
    """Findings about one corpus.

    Attributes
    ----------
    findings : list of (check, found, detail)
        One row for each check; ``found`` is 0 where there is no fault.
    coverage : list of (instance, workloads, lacking)
        Workloads measured on each instance, and models of the workloads that only
        other instances have, with their number.
    workloads : list of dict
        Coverage matrix: each workload with its runs on every instance.
    matrix : list of rows
        Runs by model (rows) and instance (columns, as in ``instances``).
    by_instance : list of rows
        Instance, repeats of a workload, coefficient of variation between repeats
        (%), window over step time, idle share (%).
    broken : bool
        Whether a finding makes the corpus unusable for a fit.
    """

    corpus: str
    instances: list[str]
    findings: list[tuple[str, int, str]]
    coverage: list[tuple[str, int, str]]
    workloads: list[dict[str, Any]]
    matrix: list[list[Any]]
    by_instance: list[list[Any]]
    broken: bool

    def to_json(self) -> dict[str, Any]:
        """The report as a document."""
        return {
            "corpus": self.corpus,
            "ok": not self.broken,
            "findings": [
                {"check": c, "found": n, "detail": d} for c, n, d in self.findings
            ],
            "coverage": [
                {"instance": i, "workloads": n, "lacking": text}
                for i, n, text in self.coverage
            ],
            "workloads": self.workloads,
            "runs_by_model_and_instance": [
                dict(zip(["model", *self.instances], row, strict=True))
                for row in self.matrix
            ],
            "instances": [
                dict(
                    zip(
                        (
                            "instance",
                            "repeats",
                            "repeat_cv_pct",
                            "window_per_step",
                            "idle_share_pct",
                        ),
                        row,
                        strict=True,
                    )
                )
                for row in self.by_instance
            ],
        }


def check(corpus: Corpus) -> Report:
    """Check a corpus.

    Parameters
    ----------
    corpus : Corpus
        Canonical tables.

    Returns
    -------
    Report
        Every check has a row, also without a finding.
    """
    if corpus.runs.is_empty():
        findings, broken = _sweep_findings(corpus)
        return Report(
            corpus=corpus.label,
            instances=[],
            findings=findings,
            coverage=[],
            workloads=[],
            matrix=[],
            by_instance=[],
            broken=broken,
        )
    wide, instances = corpus.wide, corpus.instances
    columns = [c for c in wide.columns if op_names.is_op_column(c)]
    faults, faulty = _run_faults(corpus)
    swept, swept_broken = _sweep_findings(corpus)
    return Report(
        corpus=corpus.label,
        instances=instances,
        findings=[*faults, *_rarities(corpus, columns), *swept],
        coverage=_coverage(corpus.runs.select("instance", *KEY).unique(), instances),
        workloads=_workloads(corpus.runs, instances),
        matrix=_matrix(corpus.runs, instances),
        by_instance=_by_instance(wide, instances, columns),
        broken=faulty or swept_broken,
    )


def _listed(names: list[str]) -> str:
    """The first names, and the number of the others."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _run_faults(corpus: Corpus) -> tuple[list[tuple[str, int, str]], bool]:
    """Checks of single runs, and whether one of them makes the corpus unusable."""
    wide = corpus.wide
    run_key = ["instance", *KEY, "repeat"]
    doubled = wide.filter(pl.struct(run_key).is_duplicated()).height
    bad_ops = corpus.ops.filter(
        ~pl.col("time_us").is_finite() | (pl.col("time_us") < 0)
    )
    bad_steps = wide.filter(
        pl.col(STEP).is_not_null() & (~pl.col(STEP).is_finite() | (pl.col(STEP) <= 0))
    )
    no_step = wide[STEP].null_count()
    # a corpus of telemetry has no operations, which is not a fault
    metered = corpus.ops.is_empty() and corpus.telemetry is not None
    no_ops = (
        0 if metered else corpus.runs.join(corpus.ops, on="run_id", how="anti").height
    )
    without_run = corpus.ops.join(corpus.runs, on="run_id", how="anti").height
    findings = [
        ("duplicate runs", doubled, "one workload key and repeat twice" if doubled else ""),
        ("negative or non-finite op times", bad_ops.height, _listed(sorted(set(bad_ops["op"].to_list())))),
        ("impossible step times", bad_steps.height, ""),
        ("missing step times", no_step, "such pairs are left out of a fit" if no_step else ""),
        ("runs without operations", no_ops, ""),
        ("operations without a run", without_run, ""),
    ]  # fmt: skip
    broken = doubled or bad_ops.height or bad_steps.height or no_ops or without_run
    return findings, bool(broken)


def _rarities(corpus: Corpus, columns: list[str]) -> list[tuple[str, int, str]]:
    """Workloads and operations that only some models or instances have, and outliers."""
    wide, instances = corpus.wide, corpus.instances
    pairs = corpus.runs.select("instance", *KEY).unique()
    everywhere = (
        pairs.group_by(KEY).len().filter(pl.col("len") == len(instances)).height
    )
    n_keys = pairs.select(KEY).n_unique()

    ran = (
        corpus.ops.join(corpus.runs.select("run_id", "model", "instance"), on="run_id")
        .group_by("op")
        .agg(
            pl.col("model").n_unique().alias("models"),
            pl.col("instance").n_unique().alias("on"),
        )
    )
    one_model = sorted(ran.filter(pl.col("models") == 1)["op"].to_list())
    one_gpu = sorted(ran.filter(pl.col("on") == 1)["op"].to_list())
    lone = _on_one_instance(corpus)
    no_family = sorted(
        c for c in op_names.busy_columns(columns) if op_names.family(c) == "other"
    )
    outliers = _outliers(wide)
    zero_share = 1 - corpus.ops.height / max(1, wide.height * len(columns))
    return [
        ("workloads not on every instance", n_keys - everywhere, f"of {n_keys}"),
        ("cells that are zero", round(zero_share * wide.height * len(columns)), f"{zero_share:.0%} of all; absent, not missing"),
        ("operations in one model only", len(one_model), _listed(one_model)),
        ("operations on one instance only", len(one_gpu), _listed(one_gpu)),
        ("workload's operations on one instance only", lone.height, _listed(lone["op"].unique(maintain_order=True).to_list())),
        ("operations without a known family", len(no_family), _listed(no_family)),
        ("step time outliers among repeats", outliers, f"beyond {_IQR_FENCE} interquartile ranges"),
    ]  # fmt: skip


def _sweep_findings(corpus: Corpus) -> tuple[list[tuple[str, int, str]], bool]:
    """Checks of a sweeps table, and whether one of them makes it unusable."""
    if corpus.sweeps is None:
        return [], False
    sweeps = corpus.sweeps
    key = ["gpu", "workload", "sm_mhz", "power_limit_w"]
    doubled = sweeps.filter(pl.struct(key).is_duplicated()).height
    bad = sweeps.filter(
        ~((pl.col("time_s") > 0) & (pl.col("power_w") > 0)).fill_null(False)
    ).height
    clocks = sweeps.drop_nulls("sm_mhz")
    per_job = clocks.group_by("gpu", "workload").agg(
        pl.len().alias("n"), pl.col("sm_mhz").max().alias("top")
    )
    highest = clocks.group_by("gpu").agg(pl.col("sm_mhz").max().alias("highest"))
    few = per_job.filter(pl.col("n") < _FEWEST_CLOCKS).height
    cut = (
        per_job.join(highest, on="gpu").filter(pl.col("top") < pl.col("highest")).height
    )
    off = (pl.col("observed_mhz") / pl.col("sm_mhz") - 1).abs() > _FOLLOWED
    astray = clocks.filter(off.fill_null(False)).height
    over = sweeps.filter((pl.col("power_w") > pl.col("power_limit_w")).fill_null(False))
    unmeasured = [c for c in ACTIVITIES if sweeps[c].null_count() == sweeps.height]
    gpus = ", ".join(sweeps["gpu"].unique().sort())
    findings = [
        ("sweeps", sweeps.select("gpu", "workload").n_unique(), gpus),
        ("clock or limit twice", doubled, ""),
        ("sweep rows without time or power", bad, ""),
        (f"sweeps of fewer than {_FEWEST_CLOCKS} clocks", few, ""),
        ("sweeps without the highest clock", cut, ""),
        ("clocks not followed", astray, f"observed off by over {_FOLLOWED:.0%}"),
        ("rows above their power limit", over.height, ""),
        ("activities never measured", len(unmeasured), ", ".join(unmeasured)),
    ]
    return findings, bool(doubled or bad or few or cut)


def _on_one_instance(corpus: Corpus) -> pl.DataFrame:
    """(workload, operation) that ran on one of several instances; most frequent first."""
    work = corpus.runs.select("run_id", "instance", *KEY)
    measured = work.group_by(KEY).agg(pl.col("instance").n_unique().alias("of"))
    ran = corpus.ops.select("run_id", "op").join(work, on="run_id")
    on = ran.group_by(*KEY, "op").agg(pl.col("instance").n_unique().alias("on"))
    lone = on.join(measured, on=list(KEY), nulls_equal=True)
    lone = lone.filter((pl.col("on") == 1) & (pl.col("of") > 1))
    return lone.with_columns(pl.len().over("op").alias("n")).sort(
        "n", "op", *KEY, descending=[True] + [False] * (len(KEY) + 1)
    )


def _outliers(wide: pl.DataFrame) -> int:
    """Repeats whose step time lies outside the fences of the workload."""
    over = ["instance", *KEY]
    q1 = pl.col(STEP).quantile(0.25, "linear").over(over)
    q3 = pl.col(STEP).quantile(0.75, "linear").over(over)
    fence = _IQR_FENCE * (q3 - q1)
    return wide.filter(
        (pl.len().over(over) >= _FEWEST_REPEATS)
        & ((pl.col(STEP) < q1 - fence) | (pl.col(STEP) > q3 + fence))
    ).height


def _coverage(pairs: pl.DataFrame, instances: list[str]) -> list[tuple[str, int, str]]:
    every = pairs.select(KEY).unique()
    rows = []
    for name in instances:
        on_instance = pairs.filter(pl.col("instance") == name)
        lacking = every.join(on_instance, on=list(KEY), how="anti", nulls_equal=True)
        counts = lacking.group_by("model").len().sort("model")
        rows.append(
            (
                name,
                on_instance.height,
                ", ".join(f"{m} ({n})" for m, n in counts.iter_rows()),
            )
        )
    return rows


def _workloads(runs: pl.DataFrame, instances: list[str]) -> list[dict[str, Any]]:
    counts = runs.group_by(*KEY, "instance").len().sort(*KEY, "instance")
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for *key, instance, n in counts.iter_rows():
        row = rows.setdefault(
            tuple(key),
            dict(zip(KEY, key, strict=True)) | {"runs": dict.fromkeys(instances, 0)},
        )
        row["runs"][instance] = n
    return list(rows.values())


def _matrix(runs: pl.DataFrame, instances: list[str]) -> list[list[Any]]:
    counts = runs.group_by("model", "instance").len()
    table = {(m, i): n for m, i, n in counts.iter_rows()}
    return [
        [model, *(table.get((model, i), 0) for i in instances)]
        for model in sorted(runs["model"].unique().to_list())
    ]


def _by_instance(
    wide: pl.DataFrame, instances: list[str], columns: list[str]
) -> list[list[Any]]:
    device = op_names.device_columns(columns)
    idle = (
        pl.col(op_names.DEVICE_IDLE) if op_names.DEVICE_IDLE in columns else pl.lit(0.0)
    )
    rows = wide.with_columns(
        pl.sum_horizontal(pl.lit(0.0), *device).alias("_window"), idle.alias("_idle")
    )
    report = []
    for name in instances:
        on_instance = rows.filter(pl.col("instance") == name)
        spread = on_instance.group_by(KEY).agg(
            pl.len().alias("n"), (pl.col(STEP).std() / pl.col(STEP).mean()).alias("cv")
        )
        cv = spread["cv"].drop_nulls().median()
        report.append(
            [
                name,
                int(spread["n"].median() or 0),  # type: ignore[arg-type]
                None if cv is None else round(100 * float(cv), 2),  # type: ignore[arg-type]
                _rounded(
                    on_instance.select(
                        (pl.col("_window") / pl.col(STEP)).median()
                    ).item(),
                    2,
                ),
                _rounded(
                    on_instance.select(
                        (100 * pl.col("_idle") / pl.col("_window")).median()
                    ).item(),
                    1,
                ),
            ]
        )
    return report


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
