"""A profile as the JSON object that xlate reads again."""

from __future__ import annotations

from typing import Any

from xlate.values.profile import Profile, WorkloadKey

__all__ = ["to_json"]


def to_json(profile: Profile) -> dict[str, Any]:
    """A profile in xlate's own form; ``read`` returns the same profile from it."""
    w = profile.workload
    return {
        "source": profile.source,
        "instance": profile.instance,
        "workload": {
            "model": w.model,
            "dataset": w.dataset,
            "batch_size": w.batch_size,
            "optimizer": w.optimizer,
            "mode": w.mode,
            "precision": _known_precision(profile),
            "framework": w.framework,
        },
        "step_time_us": profile.step_time_us,
        "ops": dict(profile.ops),
        "notes": list(profile.notes),
        "device": profile.device,
        "memory_bytes": profile.memory_bytes,
        "precision_us": dict(profile.precision_us) or None,
        "newest_kernel": profile.newest_kernel,
    }


def _known_precision(profile: Profile) -> str | None:
    """The precision of a workload; None where it is only the default."""
    precision = profile.workload.precision
    shown_by_kernels = profile.precision_mix.program is not None
    return (
        precision if shown_by_kernels or precision != WorkloadKey().precision else None
    )
