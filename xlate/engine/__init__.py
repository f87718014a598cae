"""The use cases: fit, compare, translate. The only room the faces call for work.

Functions here take and give values and tables; printing and exit codes are the
faces' own.
"""

from __future__ import annotations

from xlate.answer import Failure, Translation
from xlate.engine.fitting import FitResult, compare, compare_all, fit
from xlate.engine.translating import read_profiles, translate, translate_table

__all__ = [
    "Failure",
    "FitResult",
    "Translation",
    "compare",
    "compare_all",
    "fit",
    "read_profiles",
    "translate",
    "translate_table",
]
