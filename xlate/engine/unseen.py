"""Answers for GPUs and profiles that no bundle is for, from what data sheets say."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

from xlate import paths
from xlate.catalog import Instance
from xlate.conformal import Scores
from xlate.engine.layers import Predicted
from xlate.errors import BundleError
from xlate.files import read_bytes
from xlate.profile import Profile
from xlate.trust.calibration import Calibration
from xlate.zeroshot import ZeroShot

__all__ = ["ENOUGH_MODELS", "FILE", "ZERO_SHOT", "borrowed", "by_catalogue", "shipped"]

#: layer of an answer to a pair of which there is no bundle
ZERO_SHOT = "zero-shot"
FILE = "zero-shot.json"
#: from so many models on, errors on models left out speak for themselves
ENOUGH_MODELS = 6


@lru_cache(maxsize=1)
def shipped() -> ZeroShot:
    """What ships with xlate, fitted on every GPU that was measured.

    Raises
    ------
    BundleError
        If the file is missing or is something else.
    """
    path = paths.shipped("anchors") / FILE
    try:
        return ZeroShot.from_dict(json.loads(read_bytes(path, 1 << 28)))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as e:
        raise BundleError(f"{path} cannot be read: {e}", "install xlate again") from e


def borrowed() -> Calibration:
    """Errors of GPUs left out, where too few models were measured to know one's own."""
    nothing = Scores(np.zeros(0), np.zeros(0, dtype=str))
    scores = shipped().scores or nothing
    return Calibration(scores, scores, nothing, {})


def by_catalogue(profile: Profile, a: Instance, t: Instance) -> Predicted:
    """Each operation times the ratio of what limits it; the step follows.

    Raises
    ------
    CatalogError
        If the catalogue lacks a figure of either GPU.
    """
    names = tuple(sorted(profile.ops))
    times = np.array([[profile.ops[n] for n in names]])
    known = profile.step_time_us is not None
    step = np.array([profile.step_time_us or profile.window_us / 2])
    ops, there = shipped().predict(times, names, step, a.require_gpu(), t.require_gpu())
    return Predicted(names, ops, there, step, np.array([not known]), np.ones(1))
