"""The store of clock models, as a session sees it: one seam to :mod:`xlate.store`."""

from __future__ import annotations

from dataclasses import replace

from xlate.store import clock_bundle as clocks
from xlate.store.clock_bundle import ClockBundle

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
        return clocks.find(target, gpu)

    def check(self, bundle: ClockBundle, target: str, gpu: str | None = None) -> None:
        """Refuse a clock model that is of another GPU.

        Raises
        ------
        BundleError
            Naming both.
        """
        clocks.check_target(bundle, target, gpu)

    def keep(self, bundle: ClockBundle, *, in_place: bool) -> ClockBundle:
        """Write a clock model into the data home, and say where it is.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        return replace(bundle, path=clocks.keep(bundle, in_place=in_place))
