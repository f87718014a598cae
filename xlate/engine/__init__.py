"""The use cases, one a module, on a :class:`Session`: fit, compare, translate, recommend.

A face makes a session and asks it (:mod:`xlate.values.requests` are the questions); the
functions named here do both in one call. Nothing here prints, or ends the program.

Each name is loaded when it is first used, so that a command loads its own use case only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlate.engine.calls import anatomy as anatomy
    from xlate.engine.calls import clocks_of_recordings as clocks_of_recordings
    from xlate.engine.calls import compare as compare
    from xlate.engine.calls import compare_all as compare_all
    from xlate.engine.calls import compare_clocks as compare_clocks
    from xlate.engine.calls import fit as fit
    from xlate.engine.calls import fit_clocks as fit_clocks
    from xlate.engine.calls import fit_shots as fit_shots
    from xlate.engine.calls import importance as importance
    from xlate.engine.calls import label_sweeps as label_sweeps
    from xlate.engine.calls import predict_freq as predict_freq
    from xlate.engine.calls import scale as scale
    from xlate.engine.calls import sweeps_of as sweeps_of
    from xlate.engine.calls import translate as translate
    from xlate.engine.calls import translate_table as translate_table
    from xlate.engine.calls import translate_together as translate_together
    from xlate.engine.combine import Together as Together
    from xlate.engine.error_breakdown import Anatomy as Anatomy
    from xlate.engine.fit_pair import FitResult as FitResult
    from xlate.engine.fit_sweeps import ClockFit as ClockFit
    from xlate.engine.pair import Pair as Pair
    from xlate.engine.reading import read_profiles as read_profiles
    from xlate.engine.scale_sizes import Sized as Sized
    from xlate.engine.scale_sizes import Sizes as Sizes
    from xlate.engine.scale_sizes import wanted_sizes as wanted_sizes
    from xlate.engine.session import Session as Session
    from xlate.engine.succession import Incumbent as Incumbent
    from xlate.engine.succession import Succession as Succession
    from xlate.values.recommendation import Recommendation as Recommendation
    from xlate.values.translation import Failure as Failure
    from xlate.values.translation import Translation as Translation

#: name -> module that has it
_PLACE = {
    "Anatomy": "xlate.engine.error_breakdown",
    "ClockFit": "xlate.engine.fit_sweeps",
    "Failure": "xlate.values.translation",
    "FitResult": "xlate.engine.fit_pair",
    "Incumbent": "xlate.engine.succession",
    "Pair": "xlate.engine.pair",
    "Recommendation": "xlate.values.recommendation",
    "Session": "xlate.engine.session",
    "Sized": "xlate.engine.scale_sizes",
    "Sizes": "xlate.engine.scale_sizes",
    "Succession": "xlate.engine.succession",
    "Together": "xlate.engine.combine",
    "Translation": "xlate.values.translation",
    "anatomy": "xlate.engine.calls",
    "clocks_of_recordings": "xlate.engine.calls",
    "compare": "xlate.engine.calls",
    "compare_all": "xlate.engine.calls",
    "compare_clocks": "xlate.engine.calls",
    "fit": "xlate.engine.calls",
    "fit_clocks": "xlate.engine.calls",
    "fit_shots": "xlate.engine.calls",
    "importance": "xlate.engine.calls",
    "label_sweeps": "xlate.engine.calls",
    "predict_freq": "xlate.engine.calls",
    "read_profiles": "xlate.engine.reading",
    "scale": "xlate.engine.calls",
    "sweeps_of": "xlate.engine.calls",
    "translate": "xlate.engine.calls",
    "translate_table": "xlate.engine.calls",
    "translate_together": "xlate.engine.calls",
    "wanted_sizes": "xlate.engine.scale_sizes",
}

__all__ = [
    "Anatomy",
    "ClockFit",
    "Failure",
    "FitResult",
    "Incumbent",
    "Pair",
    "Recommendation",
    "Session",
    "Sized",
    "Sizes",
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


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module 'xlate.engine' has no attribute {name!r}")
    value = getattr(import_module(_PLACE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_PLACE)
