"""Which machine is meant: by a name the user typed, or by the GPU a file names."""

from __future__ import annotations

from collections.abc import Sequence

from xlate.errors import ProfileError, UnknownNameError
from xlate.hardware.catalogue import Catalogue, Gpu, Instance
from xlate.hardware.identity import generic
from xlate.hardware.naming import with_article
from xlate.hardware.near_names import nearest_text, surest_first
from xlate.values.profile import Profile
from xlate.values.translation import Failure

__all__ = ["anchor_of", "with_anchor"]

#: instances that a message names
_MOST_LISTED = 6
_HINT = "name the anchor: --anchor NAME (xlate anchors list)"


def anchor_of(profile: Profile, catalogue: Catalogue) -> tuple[Instance, str]:
    """The instance a profile was taken on, where the file says enough.

    Parameters
    ----------
    profile : Profile
        Names its instance, or the GPU it ran on.
    catalogue : Catalogue

    Returns
    -------
    instance : Instance
    note : str
        Which was taken, and why.

    Raises
    ------
    ProfileError
        If the file names neither, names what the catalogue does not know, or
        several instances fit.
    """
    where = profile.source or "the profile"
    if profile.instance is not None:
        try:
            named = catalogue.instance(profile.instance)
        except UnknownNameError as e:
            raise ProfileError(
                f"{where} says it ran on {profile.instance!r}, which the catalogue does "
                "not know",
                e.hint or _HINT,
            ) from e
        return named, f"the anchor was not named; the file says {named.name}"
    gpu = _gpu_of(profile, where, catalogue)
    fitting = catalogue.instances_with(gpu)
    # the answer rests on the GPU: machines of which nothing else is known do not count
    priced = [i for i in fitting if i.price is not None]
    taken = priced if len(fitting) > 1 else list(fitting)
    if len(taken) == 1:
        (one,) = taken
        price = " and a known price" if len(fitting) > 1 else ""
        return one, (
            f"the anchor was not named; {one.name} was taken, the one instance with "
            f"the {gpu.name} that the file names{price}"
        )
    listed = [i.name for i in surest_first(fitting)]
    more = (
        f" and {len(listed) - _MOST_LISTED} more" if len(listed) > _MOST_LISTED else ""
    )
    listed = listed[:_MOST_LISTED]
    has = (
        f"several instances have one: {', '.join(listed)}{more}"
        if fitting
        else "no instance has one"
    )
    raise ProfileError(
        f"{where} says it ran on {with_article(gpu.name)}, and {has}; no anchor was named",
        "say which: " + " or ".join(f"--anchor {n}" for n in (listed or [gpu.name])),
    )


def _gpu_of(profile: Profile, where: str, catalogue: Catalogue) -> Gpu:
    """The GPU that a profile names; ``where`` is the profile in words."""
    if profile.device is None:
        raise ProfileError(
            f"{where} does not say which GPU it ran on, and no anchor was named", _HINT
        )
    gpu = catalogue.gpu_of_device(profile.device)
    if gpu is None:
        may_be = [g.name for g in catalogue.gpus_of_device(profile.device)]
        if may_be:
            said = f"which may be {', '.join(may_be)}"
        elif generic(profile.device):
            said = "which names no GPU"
        else:
            near = nearest_text(profile.device, catalogue)
            said = f"which the catalogue does not know{near}"
        raise ProfileError(
            f"{where} says it ran on {with_article(profile.device)}, {said}; no anchor was named",
            _HINT,
        )
    return gpu


def with_anchor(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    catalogue: Catalogue,
) -> tuple[str, list[Profile | Failure], tuple[str, ...]]:
    """The anchor of some profiles, by what the user says or else by what the files say.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : str or None
        What the user says.
    catalogue : Catalogue

    Returns
    -------
    anchor : str
        Its name.
    profiles : list of Profile or Failure
        A file beside others that does not say it has become a failure.
    notes : tuple of str
        For the user to see; empty where the anchor was named.

    Raises
    ------
    ProfileError
        If none was named, and no file says it or two say different ones.
    """
    if anchor is not None:
        return anchor, list(profiles), ()
    notes: dict[str, str] = {}
    answers: list[Profile | Failure] = []
    for profile in profiles:
        if isinstance(profile, Failure):
            answers.append(profile)
            continue
        try:
            instance, note = anchor_of(profile, catalogue)
        except ProfileError as e:
            answers.append(Failure(profile.source, e))
            continue
        notes[instance.name] = note
        answers.append(profile)
    if len(notes) > 1:
        raise ProfileError(
            f"the profiles are from several instances: {', '.join(notes)}",
            "translate those of one instance at a time, or name --anchor",
        )
    if not notes:
        first = next((p for p in answers if isinstance(p, Failure)), None)
        if first is not None:
            raise first.error
        raise ProfileError("no profile was given, and no anchor", _HINT)
    ((name, note),) = notes.items()
    return name, answers, (note,)
