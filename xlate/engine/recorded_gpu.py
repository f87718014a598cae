"""Whether a profile ran where the user says: the GPU that the file names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlate import op_names
from xlate.errors import ProfileError, UnknownNameError
from xlate.hardware.catalogue import Catalogue, Gpu, Instance
from xlate.hardware.identity import Likeness, generic
from xlate.hardware.kernel_architecture import newest, other_vendor, too_new
from xlate.hardware.naming import with_article
from xlate.values.profile import Profile
from xlate.values.reason import CHECK_ANCHOR, Reason
from xlate.values.translation import Failure

__all__ = ["of_anchor"]


def of_anchor(
    profiles: Sequence[Profile | Failure],
    anchor: Instance,
    catalogue: Catalogue,
    force: bool = False,
) -> list[Profile | Failure]:
    """Profiles, with a failure for each that says it ran on another GPU.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : Instance
        What the user says.
    catalogue : Catalogue
        Says what a name of a GPU means.
    force : bool
        Take the user's word, and note it.
    """
    return [
        p if isinstance(p, Failure) else _checked(p, anchor, force, catalogue)
        for p in profiles
    ]


def _checked(
    profile: Profile, anchor: Instance, force: bool, catalogue: Catalogue
) -> Profile | Failure:
    own = anchor.require_gpu()
    elsewhere = _by_kernels(profile, anchor)
    if elsewhere is not None:
        if (
            profile.device is None
            or catalogue.likeness(profile.device, own) is Likeness.NOTHING
        ):
            return _contradicted(profile, elsewhere, force)
        # the name of the GPU is surer than those of kernels
        profile = _noted(
            profile, Reason(f"{elsewhere}: was it recorded there?", CHECK_ANCHOR)
        )
    machine = _machine(profile, catalogue)
    if machine is not None and machine.gpu is not None and machine.gpu.name != own.name:
        said = (
            f"the file says it ran on {machine.name}, which has {with_article(machine.gpu.name)}, "
            f"{anchor.name} has {with_article(own.name)}"
        )
        return _contradicted(profile, said, force)
    if profile.device is None:
        return profile
    device = profile.device
    likeness = catalogue.likeness(device, own)
    said = f"the file says it ran on {with_article(device)}, {anchor.name} has {with_article(own.name)}"
    if likeness is Likeness.ANOTHER:
        if generic(device):
            said = f"the file names no GPU but {device!r}, {anchor.name} has {with_article(own.name)}"
        return _contradicted(profile, said, force, _where_it_ran(device, catalogue))
    if likeness is Likeness.SHARE:
        said += ": a share of such a GPU is not the whole one"
        return _contradicted(profile, said, force)
    if likeness is Likeness.NOTHING:
        said = f"the file says it ran on {device!r}, which names no GPU: nothing in it confirms {anchor.name}"
        return _noted(profile, Reason(said, CHECK_ANCHOR))
    if likeness is Likeness.VARIANT:
        return _noted(profile, Reason(_taken_for(device, own, catalogue), informs=True))
    return profile


def _by_kernels(profile: Profile, anchor: Instance) -> str | None:
    """Why kernels or calls in a profile cannot have run on the anchor; None where they can."""
    own = anchor.require_gpu()
    has = f"{anchor.name} has {with_article(own.name)} of {own.architecture}"
    columns = [
        c.removeprefix(op_names.DEVICE)
        for c in op_names.busy_columns(list(profile.ops))
    ]
    name = profile.newest_kernel or newest(columns)
    architecture = too_new(name, own) if name else None
    if architecture is not None:
        return f"{name} was built for {architecture} and later, {has}"
    calls = [
        c.removeprefix(op_names.HOST)
        for c in profile.ops
        if c.startswith(op_names.HOST)
    ]
    another = other_vendor([*columns, *([name] if name else [])], calls, own)
    if another is None:
        return None
    return f"{another[0]} runs on GPUs of {another[1]} alone, {has}"


def _taken_for(device: str, own: Gpu, catalogue: Catalogue) -> str:
    """Which entry of the catalogue stands for a name that is not exactly one of its."""
    others = [g.name for g in catalogue.gpus_of_device(device) if g.name != own.name]
    said = f"the file names {with_article(device)}, taken as the {own.name} of the catalogue"
    return f"{said}; it may be {' or '.join(others)}" if others else said


def _where_it_ran(device: str, catalogue: Catalogue) -> str:
    """What to name as the anchor for a device: its entry, or those nearest to it."""
    # names near to it are looked for only where something is wrong
    from xlate.hardware.near_names import nearest_text

    if generic(device):
        return "its vendor is another: name the anchor it ran on, or --force"
    named = catalogue.gpus_of_device(device)
    if not named:
        return f"the catalogue does not know it{nearest_text(device, catalogue)}; or --force"
    listed = " or ".join(
        f"--anchor {n}" for g in named[:4] for n in _names(g, catalogue)
    )
    return f"name the anchor it ran on: {listed}; or --force"


def _names(gpu: Gpu, catalogue: Catalogue) -> list[str]:
    """A GPU's name, and instances that hold it."""
    from xlate.hardware.near_names import surest_first

    return [gpu.name, *(i.name for i in surest_first(catalogue.instances_with(gpu)))][
        :3
    ]


def _machine(profile: Profile, catalogue: Catalogue) -> Instance | None:
    """The instance that the file names, where the catalogue knows it."""
    if profile.instance is None:
        return None
    try:
        return catalogue.instance(profile.instance)
    except UnknownNameError:
        return None  # trust.domain says that the names differ


def _contradicted(
    profile: Profile,
    said: str,
    force: bool,
    hint: str = "name the anchor it ran on, or --force",
) -> Profile | Failure:
    """A failure; with force a profile with a note."""
    if force:
        return _noted(profile, Reason(f"{said} (forced)", CHECK_ANCHOR))
    where = profile.source or "the profile"
    return Failure(profile.source, ProfileError(f"{where}: {said}", hint))


def _noted(profile: Profile, note: Reason) -> Profile:
    return replace(profile, notes=(*profile.notes, note))
