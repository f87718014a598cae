"""The facts of a GPU or an instance that each feature needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xlate.hardware.values import Gpu, Instance

__all__ = [
    "FIT_NEEDS",
    "GPU_FEATURES",
    "INSTANCE_FEATURES",
    "ZERO_SHOT_FACTS",
    "lacking_of",
]

#: facts that :mod:`xlate.models.zero_shot.roofs` uses, of both GPUs of a pair
ZERO_SHOT_FACTS = (
    "fp32_tflop_per_s", "bandwidth_gb_per_s", "tdp_w", "sm_count", "cuda_cores",
    "max_mhz", "process_nm", "schedulers_per_sm",
)  # fmt: skip


@dataclass(frozen=True)
class Feature:
    """Name and description of a feature, and the fields that it needs.

    Attributes
    ----------
    name : str
        Short, for tables.
    about : str
        Description for the user.
    fields : tuple of str
        As they are written in the file.
    """

    name: str
    about: str
    fields: tuple[str, ...]


GPU_FEATURES = (
    Feature(
        "zero-shot",
        "translate to or from this GPU without a measured run on it",
        ZERO_SHOT_FACTS,
    ),
    Feature(
        "clocks",
        "predict-freq: which clock is best, and the command that sets it",
        ("set_clock", "clocks", "power_limit_max_w"),
    ),
    Feature("memory fit", "say whether a job fits into memory", ("memory_gib",)),
    Feature(
        "origin check",
        "recognise this GPU in a profile: the name that nvidia-smi -L prints",
        ("aliases",),
    ),
)
#: a fit is not among the features: it depends on no field of a file
FIT_NEEDS = (
    "xlate fit needs runs measured on both machines, whatever the file holds; where "
    "the facts for zero-shot are known, it starts from them"
)
INSTANCE_FEATURES = (
    Feature("money", "dollars for a job on this machine", ("prices", "gpu_count")),
)


def lacking_of(item: Gpu | Instance) -> dict[str, tuple[str, ...]]:
    """Fields that each feature lacks, by the feature's name; empty where it has all.

    Parameters
    ----------
    item : Gpu or Instance
    """
    features = GPU_FEATURES if isinstance(item, Gpu) else INSTANCE_FEATURES
    return {f.name: tuple(k for k in f.fields if not _has(item, k)) for f in features}


_OTHERWISE: Mapping[str, Callable[[Gpu | Instance], bool]] = {
    "clocks": lambda g: isinstance(g, Gpu) and bool(g.clocks),
    # the limit of a board without a listed power limit is its TDP
    "power_limit_max_w": lambda g: isinstance(g, Gpu) and g.limit_w is not None,
    "aliases": lambda g: bool(g.aliases),
    "prices": lambda i: isinstance(i, Instance) and i.price is not None,
    # without a value, one GPU is assumed
    "gpu_count": lambda i: isinstance(i, Instance) and i.gpu_count > 0,
}


def _has(item: Gpu | Instance, field: str) -> bool:
    test = _OTHERWISE.get(field)
    return field in item.facts if test is None else test(item)
