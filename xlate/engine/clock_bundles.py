"""The store of clock models as a session uses it."""

from __future__ import annotations

from dataclasses import replace

from xlate.store import clock_bundle
from xlate.store.clock_bundle import STORE, ClockBundle, check_target

__all__ = ["ClockBundles"]


class ClockBundles:
    """Bundles of clock models, by the name of the target."""

    def find(self, target: str, gpu: str | None = None) -> ClockBundle:
        """The clock model that answers for an instance, or for its GPU.

        Raises
        ------
        BundleError
            If there is none, or it is refused.
        """
        return clock_bundle.find(target, gpu)

    def check(self, bundle: ClockBundle, target: str, gpu: str | None = None) -> None:
        """Refuse a clock model that is of another GPU.

        Raises
        ------
        BundleError
            Naming both.
        """
        check_target(bundle, target, gpu)

    def keep(self, bundle: ClockBundle, *, in_place: bool) -> ClockBundle:
        """Write a clock model into the data home, and say where it is.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        return replace(bundle, path=STORE.keep(bundle, in_place=in_place))
