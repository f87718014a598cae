"""The public functions: paths, profiles, frames of polars or pandas in, the same out.

Each is a typed shortcut to a use case of :mod:`xlate.engine`; ``import xlate`` gives
them all, each loaded with its own module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlate.api.clocks import fit_clocks as fit_clocks
    from xlate.api.clocks import predict_freq as predict_freq
    from xlate.api.clocks import read_probe as read_probe
    from xlate.api.clocks import read_telemetry as read_telemetry
    from xlate.api.fits import compare as compare
    from xlate.api.fits import fit as fit
    from xlate.api.profiles import read_profile as read_profile
    from xlate.api.translations import scale as scale
    from xlate.api.translations import translate as translate
    from xlate.api.translations import translate_together as translate_together

#: name -> module that has it
_PLACE = {
    "compare": "xlate.api.fits",
    "fit": "xlate.api.fits",
    "fit_clocks": "xlate.api.clocks",
    "predict_freq": "xlate.api.clocks",
    "read_probe": "xlate.api.clocks",
    "read_profile": "xlate.api.profiles",
    "read_telemetry": "xlate.api.clocks",
    "scale": "xlate.api.translations",
    "translate": "xlate.api.translations",
    "translate_together": "xlate.api.translations",
}

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

if not TYPE_CHECKING:
    # for a type checker, what is not imported above does not exist

    def __getattr__(name: str) -> object:
        """Load a function when it is first used."""
        if name not in _PLACE:
            raise AttributeError(f"module 'xlate.api' has no attribute {name!r}")
        return getattr(import_module(_PLACE[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACE)
