"""The use cases: fit, compare, translate, recommend a clock. The only room the faces call for work.

Functions here take and give values and tables; printing and exit codes are the
faces' own.
"""

from __future__ import annotations

from xlate.advice import Recommendation
from xlate.answer import Failure, Translation
from xlate.engine.anatomy import Anatomy, anatomy
from xlate.engine.clocking import (
    ClockFit,
    compare_clocks,
    fit_clocks,
    importance,
    label_sweeps,
)
from xlate.engine.fitting import FitResult, compare, compare_all, fit
from xlate.engine.incumbent import Incumbent, Succession
from xlate.engine.recommending import predict_freq
from xlate.engine.recordings import clocks_of_recordings
from xlate.engine.shots import fit_shots
from xlate.engine.sizing import Sized, scale, wanted_sizes
from xlate.engine.sweeps import sweeps_of
from xlate.engine.table import translate_table
from xlate.engine.together import Together, translate_together
from xlate.engine.translating import read_profiles, translate

__all__ = [
    "Anatomy",
    "ClockFit",
    "Failure",
    "FitResult",
    "Incumbent",
    "Recommendation",
    "Sized",
    "Succession",
    "Together",
    "Translation",
    "anatomy",
    "clocks_of_recordings",
    "compare",
    "compare_all",
    "compare_clocks",
    "fit",
    "fit_clocks",
    "fit_shots",
    "importance",
    "label_sweeps",
    "predict_freq",
    "read_profiles",
    "scale",
    "sweeps_of",
    "translate",
    "translate_table",
    "translate_together",
    "wanted_sizes",
]
