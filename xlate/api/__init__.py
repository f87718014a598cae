"""The public functions: paths, profiles, frames of polars or pandas in, the same out.

Each is a typed shortcut to a use case of :mod:`xlate.engine`; ``import xlate`` gives
them all, loaded when they are first used.
"""

from __future__ import annotations

from xlate.api.clocks import fit_clocks, predict_freq, read_probe, read_telemetry
from xlate.api.fits import compare, fit
from xlate.api.profiles import read_profile
from xlate.api.translations import scale, translate, translate_together

__all__ = [
    "compare",
    "fit",
    "fit_clocks",
    "predict_freq",
    "read_probe",
    "read_profile",
    "read_telemetry",
    "scale",
    "translate",
    "translate_together",
]
