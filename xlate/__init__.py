"""Translate a profile from a cheap GPU instance to one you do not hold.

The path of the data, room by room: :mod:`xlate.readers` turns a profile file
into a :class:`Profile`; :mod:`xlate.data.corpus` holds measured runs of several
instances; :mod:`xlate.data.pairing` pairs the runs of two; :mod:`xlate.data.columns`
chooses what of the vector is looked at; :mod:`xlate.models.translate` has the
translators, scikit-learn estimators all; :mod:`xlate.evaluation.figures` says how wrong
they are on models they have not seen; :mod:`xlate.store` keeps a fitted one on
disk. :mod:`xlate.models.response` carries the translated profile on to the best core clock,
with :mod:`xlate.telemetry` for what meters record. :mod:`xlate.engine` is these
steps as use cases.

>>> import xlate
>>> (answer,) = xlate.translate("examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
>>> answer.anchor, answer.target, answer.step_time_s.value > 0
('g3s.xlarge', 'p3.2xlarge', True)

Answers, fits and lists of them are tables too: ``answer.to_polars()`` has the
operations within one step, and a notebook shows them.

Importing this package loads neither scikit-learn nor pandas; each name below is
loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlate.api import compare as compare
    from xlate.api import fit as fit
    from xlate.api import fit_clocks as fit_clocks
    from xlate.api import predict_freq as predict_freq
    from xlate.api import read_probe as read_probe
    from xlate.api import read_profile as read_profile
    from xlate.api import read_telemetry as read_telemetry
    from xlate.api import scale as scale
    from xlate.api import translate as translate
    from xlate.api import translate_together as translate_together
    from xlate.data.corpus import Corpus as Corpus
    from xlate.engine import ClockFit as ClockFit
    from xlate.engine import FitResult as FitResult
    from xlate.engine import Incumbent as Incumbent
    from xlate.engine import Sized as Sized
    from xlate.engine import Succession as Succession
    from xlate.engine import Together as Together
    from xlate.errors import AlignmentError as AlignmentError
    from xlate.errors import BundleError as BundleError
    from xlate.errors import CatalogError as CatalogError
    from xlate.errors import CorpusError as CorpusError
    from xlate.errors import DownloadError as DownloadError
    from xlate.errors import ProfileError as ProfileError
    from xlate.errors import RefusedError as RefusedError
    from xlate.errors import StorageError as StorageError
    from xlate.errors import UnknownNameError as UnknownNameError
    from xlate.errors import XlateError as XlateError
    from xlate.evaluation.figures import Row as Row
    from xlate.evaluation.sweep_figures import ClockRow as ClockRow
    from xlate.models.translate import make as make_translator
    from xlate.models.translate.base import Translator as Translator
    from xlate.store.bundle import Bundle as Bundle
    from xlate.store.clock_bundle import ClockBundle as ClockBundle
    from xlate.store.clock_bundle import ClockManifest as ClockManifest
    from xlate.store.manifest import Manifest as Manifest
    from xlate.sweeps.probe import Probe as Probe
    from xlate.values.memory_need import MemoryFit as MemoryFit
    from xlate.values.profile import Estimate as Estimate
    from xlate.values.profile import Profile as Profile
    from xlate.values.profile import Verdict as Verdict
    from xlate.values.profile import WorkloadKey as WorkloadKey
    from xlate.values.recommendation import ClockChoice as ClockChoice
    from xlate.values.recommendation import CurvePoint as CurvePoint
    from xlate.values.recommendation import MeterFacts as MeterFacts
    from xlate.values.recommendation import Recommendation as Recommendation
    from xlate.values.rent import Rent as Rent
    from xlate.values.tabular import Results as Results
    from xlate.values.translation import BundleId as BundleId
    from xlate.values.translation import Facts as Facts
    from xlate.values.translation import OpRow as OpRow
    from xlate.values.translation import RestsOn as RestsOn
    from xlate.values.translation import Translation as Translation

#: module -> the names that it gives, in the order a reader meets them
_MODULES = {
    "xlate.api": (
        "fit", "translate", "translate_together", "scale", "compare", "fit_clocks",
        "predict_freq", "read_profile", "read_probe", "read_telemetry",
    ),
    "xlate.values.profile": ("Profile", "WorkloadKey", "Estimate", "Verdict"),
    "xlate.values.tabular": ("Results",),
    "xlate.values.translation": ("Translation", "OpRow", "Facts", "RestsOn", "BundleId"),
    "xlate.values.memory_need": ("MemoryFit",),
    "xlate.values.rent": ("Rent",),
    "xlate.engine": (
        "Together", "Sized", "FitResult", "Succession", "Incumbent", "ClockFit",
    ),
    "xlate.values.recommendation": ("Recommendation", "CurvePoint", "ClockChoice", "MeterFacts"),
    "xlate.sweeps.probe": ("Probe",),
    "xlate.evaluation.sweep_figures": ("ClockRow",),
    "xlate.evaluation.figures": ("Row",),
    "xlate.data.corpus": ("Corpus",),
    "xlate.store.bundle": ("Bundle",),
    "xlate.store.manifest": ("Manifest",),
    "xlate.store.clock_bundle": ("ClockBundle", "ClockManifest"),
    "xlate.models.translate.base": ("Translator",),
    "xlate.errors": (
        "XlateError", "ProfileError", "UnknownNameError", "CatalogError",
        "AlignmentError", "CorpusError", "BundleError", "StorageError",
        "DownloadError", "RefusedError",
    ),
}  # fmt: skip
_PLACE = {
    **{name: (module, name) for module, names in _MODULES.items() for name in names},
    "make_translator": ("xlate.models.translate", "make"),
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
    "read_probe",
    "read_telemetry",
    "make_translator",
    "Profile",
    "WorkloadKey",
    "Estimate",
    "Verdict",
    "Results",
    "Translation",
    "OpRow",
    "Facts",
    "RestsOn",
    "BundleId",
    "MemoryFit",
    "Rent",
    "Together",
    "Sized",
    "FitResult",
    "Succession",
    "Incumbent",
    "ClockFit",
    "Recommendation",
    "CurvePoint",
    "ClockChoice",
    "MeterFacts",
    "Probe",
    "ClockRow",
    "Row",
    "Corpus",
    "Bundle",
    "Manifest",
    "ClockBundle",
    "ClockManifest",
    "Translator",
    "XlateError",
    "ProfileError",
    "UnknownNameError",
    "CatalogError",
    "AlignmentError",
    "CorpusError",
    "BundleError",
    "StorageError",
    "DownloadError",
    "RefusedError",
]

if not TYPE_CHECKING:
    # for a type checker, what is not imported above does not exist

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        if name not in _PLACE:
            raise AttributeError(f"module 'xlate' has no attribute {name!r}")
        module, attribute = _PLACE[name]
        return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(_PLACE)
