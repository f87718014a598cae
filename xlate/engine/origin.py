"""Whether a profile ran where the user says: the GPU that the file names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xlate.answer import Failure
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.errors import ProfileError, UnknownNameError
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
    known = catalogue(anchors_dirs)
    return [
        p if isinstance(p, Failure) else _checked(p, anchor, force, known)
        for p in profiles
    ]


def _checked(
    profile: Profile, anchor: Instance, force: bool, known: Catalogue
) -> Profile | Failure:
    own = anchor.require_gpu()
    machine = _machine(profile, known)
    if machine is not None and machine.gpu is not None and machine.gpu.name != own.name:
        said = (
            f"the file says it ran on {machine.name}, which has a {machine.gpu.name}, "
            f"{anchor.name} has a {own.name}"
        )
        return _contradicted(profile, said, force)
    if profile.device is None:
        return profile
    named = known.gpus_of_device(str(profile.device))
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
    return _contradicted(profile, other, force)


def _machine(profile: Profile, known: Catalogue) -> Instance | None:
    """The instance that the file names, where the catalogue knows it."""
    if profile.instance is None:
        return None
    try:
        return known.instance(profile.instance)
    except UnknownNameError:
        return None  # trust.domain says that the names differ


def _contradicted(profile: Profile, said: str, force: bool) -> Profile | Failure:
    """A failure; with force a profile with a note."""
    if force:
        note = Reason(f"{said} (forced)", CHECK_ANCHOR)
        return replace(profile, notes=(*profile.notes, note))
    where = profile.source or "the profile"
    return Failure(
        profile.source,
        ProfileError(f"{where}: {said}", "name the anchor it ran on, or --force"),
    )
