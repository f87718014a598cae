"""Whether a profile ran where the user says: the GPU that the file names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xlate.answer import Failure
from xlate.catalog import Instance, catalogue
from xlate.errors import ProfileError
from xlate.hardware.naming import names_another
from xlate.profile import Profile
from xlate.reason import CHECK_ANCHOR, Reason

__all__ = ["of_anchor"]


def of_anchor(
    profiles: Sequence[Profile | Failure],
    anchor: Instance,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
) -> list[Profile | Failure]:
    """Profiles, with a failure for each that says it ran on another GPU.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : Instance
        What the user says.
    force : bool
        Take the user's word, and note it.
    """
    extra = tuple(anchors_dirs)
    return [
        p
        if isinstance(p, Failure) or p.device is None
        else _checked(p, anchor, force, extra)
        for p in profiles
    ]


def _checked(
    profile: Profile, anchor: Instance, force: bool, extra: tuple[Path, ...]
) -> Profile | Failure:
    own = anchor.require_gpu()
    named = catalogue(extra).gpus_of_device(str(profile.device))
    other = (
        f"the file says it ran on a {profile.device}, {anchor.name} has a {own.name}"
    )
    if not named and not names_another(str(profile.device), (own.name, *own.aliases)):
        said = f"the file says it ran on a {profile.device}, which the catalogue does not know"
        note = Reason(said, CHECK_ANCHOR)
        return replace(profile, notes=(*profile.notes, note))
    # a short name, "A100", contradicts what is none of its variants
    if own.name in {g.name for g in named}:
        return profile
    if force:
        note = Reason(f"{other} (forced)", CHECK_ANCHOR)
        return replace(profile, notes=(*profile.notes, note))
    where = profile.source or "the profile"
    return Failure(
        profile.source,
        ProfileError(f"{where}: {other}", "name the anchor it ran on, or --force"),
    )
