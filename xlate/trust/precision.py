"""Whether a run computes on the target as it did on the anchor, and as in training.

As long as rates are not measured for each precision, an answer is valid for the
precision of the profile. Frameworks change it without being asked: from Ampere on, NVIDIA's libraries multiply
fp32 in TF32, PyTorch in convolutions and recurrent layers (``torch.backends.cudnn``),
TensorFlow, JAX, ONNX Runtime and TensorRT in every product.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlate import op_names
from xlate.hardware.catalogue import Gpu
from xlate.hardware.precisions import NVIDIA, multiplies
from xlate.store.bundle import Bundle
from xlate.values.precision_mix import MIXED, PrecisionMix, format_of, on_tensor_cores
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import CHECK_ANCHOR, MEASURE, Reason

__all__ = [
    "PRODUCTS",
    "Shift",
    "beyond_roofs",
    "computed_in",
    "learnt",
    "program_of",
    "shift_of",
    "tf32_by_default",
    "trained",
    "untrained",
]

#: a share of kernel time, or of busy time, under which a precision decides nothing
SMALL = 0.05
#: products that PyTorch multiplies in TF32 by itself; others do so in all of them
_TF32_BY_DEFAULT = {"pytorch": frozenset({"conv", "rnn"})}
#: formats whose kernels run only on a GPU that multiplies them
_NEVER_EMULATED = frozenset({"tf32", "fp8", "fp6", "fp4"})
#: families of operations that multiply matrices: arithmetic limits them
PRODUCTS = frozenset({"conv", "matmul", "attention", "rnn"})


@dataclass(frozen=True)
class Shift:
    """How a run would compute on the target.

    Attributes
    ----------
    anchor, target : str or None
        Format that represents the run on each GPU; None where it is not known.
    reasons : tuple of Reason
        Why the target's format differs, or may differ; empty where it does not.
    learnt : bool
        Whether the runs of the bundle that answers show it (:func:`learnt`).
    beyond_roofs : Reason or None
        What data sheets do not say of it, where they answer.
    """

    anchor: str | None
    target: str | None
    reasons: tuple[Reason, ...] = ()
    learnt: bool = False
    beyond_roofs: Reason | None = None


def computed_in(profile: Profile) -> str | None:
    """Format that represents a run: that of its kernels, else the profile's; or None.

    fp32 is not taken from the profile: it is also the default of the field.
    """
    dominant = profile.precision_mix.dominant
    said = profile.workload.precision
    return dominant or (said if said != WorkloadKey().precision else None)


def shift_of(
    profile: Profile, anchor: Gpu, target: Gpu, bundle: Bundle | None = None
) -> Shift:
    """Whether the products of a run are in another precision on the target.

    Parameters
    ----------
    profile : Profile
    anchor, target : Gpu
    bundle : Bundle, optional
        The one that answers; by default data sheets do.
    """
    on_anchor, is_learnt = computed_in(profile), learnt(profile, bundle)
    beyond = None if bundle is not None else beyond_roofs(profile)
    if anchor.name == target.name:
        return Shift(on_anchor, on_anchor, (), is_learnt, beyond)
    mix = profile.precision_mix
    reasons, on_target = _lost(profile, mix, anchor, target)
    for shift in (
        _to_tf32(profile, mix, anchor, target),
        _to_tensor_cores(profile, anchor, target),
    ):
        if shift is not None:
            reasons.append(shift[0])
            on_target = shift[1] if on_target == on_anchor is not None else on_target
    return Shift(on_anchor, on_target, tuple(reasons), is_learnt, beyond)


def learnt(profile: Profile, bundle: Bundle | None) -> bool:
    """Whether a bundle's ratios include how the target computes such a program.

    They do if it was fitted on runs measured on the target, in the framework and
    precision of the profile.
    """
    if bundle is None or bundle.manifest.simulated:
        return False
    return profile.workload.framework in bundle.model[
        "domain"
    ].frameworks and program_of(profile) in trained(bundle)


def trained(bundle: Bundle) -> list[str]:
    """Precisions of a bundle's training runs, as the corpus names them."""
    return list(bundle.model["domain"].precisions)


def untrained(profile: Profile, bundle: Bundle) -> Reason | None:
    """Reason if a run computes in another precision than a bundle's runs; else None."""
    program, training = program_of(profile), trained(bundle)
    if program in training or (not training and computed_in(profile) is None):
        return None
    precisions = (
        " and ".join(training) if training else "a precision that was not recorded"
    )
    if computed_in(profile) is None:
        return Reason(
            f"the profile does not say in which precision it computes; training was in {precisions}",
            "name its precision in the profile, or record it with kernel names",
            fitted_only=True,
        )
    return Reason(
        f"it computes in {_named(program)}{_shares(profile)}; training was in {precisions}",
        f"fit on runs in {_named(program)}, or measure a step on the target",
        fitted_only=True,
    )


def beyond_roofs(profile: Profile) -> Reason | None:
    """Reason if a run is not in fp32, whose rates data sheets give; else None."""
    precision = computed_in(profile)
    if precision in (None, "fp32"):
        return None
    return Reason(
        f"it computes in {_named(precision)}{_shares(profile)}; data sheets answer with rates of "
        "fp32, and those of another precision may gain more or less",
        MEASURE,
    )


def _named(precision: str | None) -> str:
    return "mixed precision" if precision == MIXED else str(precision)


def _shares(profile: Profile) -> str:
    mix = profile.precision_mix
    return f" ({mix.text} of kernel time)" if mix.shares else ""


def program_of(profile: Profile) -> str:
    """Format of the program's tensors: that of its kernels, else the profile's."""
    program = profile.precision_mix.program
    said = profile.workload.precision
    return program or ("fp32" if said == "tf32" else said)


def _lost(
    profile: Profile, mix: PrecisionMix, anchor: Gpu, target: Gpu
) -> tuple[list[Reason], str | None]:
    """Reasons for formats of the anchor's tensor cores that the target's do not have."""
    on_anchor = on_target = computed_in(profile)
    reasons = []
    for name, amount in _on_tensor_cores(profile, mix, anchor).items():
        if name in _NEVER_EMULATED and multiplies(anchor, name) is False:
            said = f"{amount} on tensor cores, and {anchor.name} has none for it: was it recorded there?"
            reasons.append(Reason(said, CHECK_ANCHOR))
        has = multiplies(target, name)
        if has and name == "tf32" and not _by_nvidia(target):
            has = False  # AMD's libraries use it where the program asks for it
        # fp32 and fp64 run in the same format on other units
        if has or name in ("fp32", "fp64"):
            continue
        if has is None:
            said = (
                f"whether {target.name} multiplies {name} on tensor cores is not known"
            )
        elif name == "tf32":
            said = f"{target.name} computes that in fp32"
        else:
            said = f"{target.name} has no tensor cores for {name}: it runs another way there, or not at all"
        if name == on_anchor:
            on_target = "fp32" if name == "tf32" and has is False else None
        reasons.append(
            Reason(f"{amount} on the tensor cores of {anchor.name}; {said}", MEASURE)
        )
    return reasons, on_target


def _on_tensor_cores(
    profile: Profile, mix: PrecisionMix, anchor: Gpu
) -> dict[str, str]:
    """Formats of the anchor's tensor cores in this run, with their share in words."""
    used = {
        format_of(p): f"{s:.0%} of kernel time is {format_of(p)}"
        for p, s in mix.known_shares.items()
        if on_tensor_cores(p) and s >= SMALL
    }
    if used or mix.dominant is not None:
        return used
    said, unknown = profile.workload.precision, WorkloadKey().precision
    if said != unknown:
        return (
            {said: f"matrix products are in {said}"} if multiplies(anchor, said) else {}
        )
    share = _share_of(profile, PRODUCTS)
    if share < SMALL or not (_by_nvidia(anchor) and multiplies(anchor, "tf32")):
        return {}
    return {"tf32": f"matrix products ({share:.0%} of device time) may be in TF32"}


def _to_tf32(
    profile: Profile, mix: PrecisionMix, anchor: Gpu, target: Gpu
) -> tuple[Reason, str] | None:
    """Reason and format if fp32 products become TF32 on the target; else None."""
    if not _gains_tf32(anchor, target):
        return None
    if mix.dominant is None:
        in_fp32 = profile.workload.precision == "fp32"
    else:
        in_fp32 = mix.known_shares.get("fp32", 0.0) >= SMALL and mix.dominant in (
            "fp32",
            MIXED,
        )
    share = _share_of(profile, PRODUCTS)
    if not in_fp32 or share < SMALL:
        return None
    there, said = _tf32_there(profile, share, target)
    how = ", as far as is known" if mix.dominant is None else ""
    reason = Reason(
        f"matrix products are {share:.0%} of device time and in fp32 on {anchor.name}{how}; "
        f"{target.name} {said}",
        f"forbid TF32 there, or measure a step on {target.name}",
    )
    return reason, there


def _gains_tf32(anchor: Gpu, target: Gpu) -> bool:
    """Whether fp32 products may be TF32 on the target that were not on the anchor."""
    if not (_by_nvidia(anchor) and _by_nvidia(target)):
        return False
    return not multiplies(anchor, "tf32") and multiplies(target, "tf32") is not False


def tf32_by_default(profile: Profile, anchor: Gpu, target: Gpu) -> float:
    """Share of a run's fp32 products that the target multiplies in TF32, unless forbidden.

    Parameters
    ----------
    profile : Profile
    anchor, target : Gpu

    Returns
    -------
    float
        0 where the target has no TF32, or the anchor had it and did not use it; 1 where
        the framework uses it in every product.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.trust.precision import tf32_by_default
    >>> from xlate.values.profile import Profile, WorkloadKey
    >>> ops = {"Device_aten::convolution": 30.0, "Device_aten::mm": 10.0}
    >>> known, run = catalogue(), Profile(ops, WorkloadKey(framework="pytorch"))
    >>> tf32_by_default(run, known.gpu("T4"), known.gpu("L4"))
    0.75
    """
    if not _gains_tf32(anchor, target):
        return 0.0
    default = _TF32_BY_DEFAULT.get(profile.workload.framework)
    share = _share_of(profile, PRODUCTS)
    if default is None or not share:
        return 1.0 if share else 0.0
    return _share_of(profile, default) / share


def _tf32_there(profile: Profile, share: float, target: Gpu) -> tuple[str, str]:
    """Format of fp32 products on a GPU that may have TF32, and a text that explains it."""
    if not multiplies(target, "tf32"):
        return "fp32", "may multiply them in TF32: whether it has it is not known"
    default = _TF32_BY_DEFAULT.get(profile.workload.framework)
    if default is None:
        return "tf32", "multiplies them in TF32 unless the program forbids it"
    some = _share_of(profile, default)
    said = "multiplies them in TF32 where the program allows it"
    if some >= SMALL:
        said = (
            f"multiplies convolutions and recurrent layers ({some:.0%}) in TF32 unless the "
            "program forbids it, other products where it allows it"
        )
    return ("tf32" if some > share / 2 else "fp32"), said


def _to_tensor_cores(
    profile: Profile, anchor: Gpu, target: Gpu
) -> tuple[Reason, str] | None:
    """Reason and format if the target has tensor cores that the anchor lacks; else None."""
    program = computed_in(profile)
    if program not in ("fp16", "bf16") or multiplies(anchor, program) is not False:
        return None
    share, has = _share_of(profile, PRODUCTS), multiplies(target, program)
    if share < SMALL or has is False:
        return None
    said = (
        f"{target.name} multiplies them on tensor cores"
        if has
        else f"whether {target.name} has tensor cores for them is not known"
    )
    observation = f"matrix products are {share:.0%} of device time and in {program} without tensor cores"
    return Reason(f"{observation} on {anchor.name}; {said}", MEASURE), program


def _by_nvidia(gpu: Gpu) -> bool:
    """Whether a GPU may be NVIDIA's: AMD's libraries use no TF32 by themselves."""
    return gpu.architecture in NVIDIA or multiplies(gpu, "fp16") is None


def _share_of(profile: Profile, families: frozenset[str]) -> float:
    busy = op_names.busy_columns(list(profile.ops))
    time = sum(profile.ops[c] for c in busy if op_names.family(c) in families)
    return time / profile.busy_us if profile.busy_us else 0.0
