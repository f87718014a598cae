"""Translate a profile from a cheap GPU instance to one you do not hold.

The way of the data, room by room: :mod:`xlate.readers` turn a profile file
into a :class:`Profile`; :mod:`xlate.corpus` holds measured runs of several
instances; :mod:`xlate.align` pairs the runs of two; :mod:`xlate.columns`
chooses what of the vector is looked at; :mod:`xlate.translators` has the
translators, scikit-learn estimators all; :mod:`xlate.evaluate` says how wrong
they are on models they have not seen; :mod:`xlate.store` keeps a fitted one on
disk. :mod:`xlate.clocks` carries the translated profile on to the best core clock,
with :mod:`xlate.telemetry` for what meters record. :mod:`xlate.engine` is these
steps as use cases.

>>> import xlate
>>> xlate.fit("g3s.xlarge", "p3.2xlarge")              # doctest: +SKIP
>>> xlate.translate("my_stats.csv", "g3s.xlarge", "p3.2xlarge")  # doctest: +SKIP
>>> xlate.scale("my_stats.csv", "g3s.xlarge", "p3.2xlarge", "batch-size=16..256")  # doctest: +SKIP
>>> xlate.fit_clocks("p3.2xlarge")                     # doctest: +SKIP
>>> xlate.predict_freq("my_stats.csv", "g3s.xlarge", "p3.2xlarge")  # doctest: +SKIP

Importing this package loads neither scikit-learn nor pandas; each name below is
loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlate.api import compare as compare
    from xlate.api import fit as fit
    from xlate.api import fit_clocks as fit_clocks
    from xlate.api import predict_freq as predict_freq
    from xlate.api import read_profile as read_profile
    from xlate.api import scale as scale
    from xlate.api import translate as translate
    from xlate.api import translate_together as translate_together
    from xlate.errors import XlateError as XlateError
    from xlate.profile import Estimate as Estimate
    from xlate.profile import Profile as Profile
    from xlate.profile import Verdict as Verdict
    from xlate.profile import WorkloadKey as WorkloadKey
    from xlate.translators import make as make_translator

_PLACE = {
    "fit": ("xlate.api", "fit"),
    "translate": ("xlate.api", "translate"),
    "translate_together": ("xlate.api", "translate_together"),
    "scale": ("xlate.api", "scale"),
    "compare": ("xlate.api", "compare"),
    "fit_clocks": ("xlate.api", "fit_clocks"),
    "predict_freq": ("xlate.api", "predict_freq"),
    "read_profile": ("xlate.api", "read_profile"),
    "make_translator": ("xlate.translators", "make"),
    "XlateError": ("xlate.errors", "XlateError"),
    "Profile": ("xlate.profile", "Profile"),
    "WorkloadKey": ("xlate.profile", "WorkloadKey"),
    "Estimate": ("xlate.profile", "Estimate"),
    "Verdict": ("xlate.profile", "Verdict"),
}

__all__ = [  # noqa: RUF022 - in the order a reader meets them
    "fit",
    "translate",
    "translate_together",
    "scale",
    "compare",
    "fit_clocks",
    "predict_freq",
    "read_profile",
    "make_translator",
    "Profile",
    "WorkloadKey",
    "Estimate",
    "Verdict",
    "XlateError",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module 'xlate' has no attribute {name!r}")
    module, attribute = _PLACE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(_PLACE)
