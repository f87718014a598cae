"""One module a kind of input, each with ``cases()``."""

from __future__ import annotations

from importlib import import_module

from tests.soak.case import Case

__all__ = ["KINDS", "every_case"]

KINDS = (
    "stats_csv", "json_files", "parquet_tables", "kineto_traces", "nsys_reports",
    "other_profilers", "printed_tables", "tensorflow_traces", "tensorboard_files",
    "telemetry_files", "clock_dumps", "bundles",
    "catalogues", "command_options", "outputs", "python_calls", "money", "sizes", "names",
    "fits", "folders", "two_readings",
)  # fmt: skip


def every_case() -> list[Case]:
    """All cases; their ids are unique."""
    cases = [c for kind in KINDS for c in import_module(f"{__name__}.{kind}").cases()]
    ids = [c.id for c in cases]
    twice = {i for i in ids if ids.count(i) > 1}
    if twice:
        raise ValueError(f"two cases are named {', '.join(sorted(twice))}")
    return cases
