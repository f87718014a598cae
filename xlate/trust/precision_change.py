"""How far the precision of a run moves its step from an answer in another precision.

An answer from data sheets multiplies in fp32, one of a bundle in the precision of its
training. Where a run multiplies in another one, the peaks of both GPUs in it say how much
its products would change: by how much the ratio of these peaks differs from the ratio
that the answer used. Memory limits all other operations, in every precision.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlate import op_names
from xlate.hardware.catalogue import Gpu
from xlate.hardware.precisions import multiplies
from xlate.hardware.product_rates import rates_elsewhere, recorded_rate
from xlate.store.bundle import Bundle
from xlate.trust.precision import (
    PRODUCTS,
    SMALL,
    program_of,
    tf32_by_default,
    trained,
)
from xlate.values.precision_mix import (
    INTEGER,
    NOT_KNOWN,
    TENSOR,
    format_of,
    on_tensor_cores,
)
from xlate.values.profile import Profile, WorkloadKey

__all__ = ["PrecisionChange", "assumed_of", "change_of"]

#: of answers that data sheets give
_FP32 = frozenset({"fp32"})
_TF32 = "tf32" + TENSOR
#: share of products under which fp32 beside tensor cores is conversions and biases
_CONVERSIONS = 0.1


@dataclass(frozen=True)
class PrecisionChange:
    """Products in the precision of a run, against those that an answer holds.

    Attributes
    ----------
    low, high : float
        Least and most time of all products over the time answered for them, both
        included in case the answer's precision is used: at most, and at least, 1.
    peaks : tuple of str
        The peaks that say so, in words.
    not_known : tuple of str
        Precisions without a known peak on one of the GPUs.
    lost : bool
        Whether a format is among them that the target does not multiply at all: the peaks
        are those of a wider one, which another program would use.
    """

    low: float = 1.0
    high: float = 1.0
    peaks: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True)
class _Part:
    """Products of one precision.

    Attributes
    ----------
    label : str
        Precision on the anchor.
    share : float
        Of the time of all products.
    anchor_peak : float or None
        Peak on the anchor, TFLOP/s.
    target_peaks : tuple of float
        Peaks that they may have on the target; empty where none is known.
    in_tf32 : bool
        Whether the target multiplies them in TF32 unless the program forbids it.
    """

    label: str
    share: float
    anchor_peak: float | None
    target_peaks: tuple[float, ...]
    in_tf32: bool = False

    def times(self, ratio: float, assumed: frozenset[str]) -> tuple[float, float]:
        """Least and most time over that answered, which is ``ratio`` of the anchor's."""
        as_answered = format_of(self.label) in assumed
        if as_answered and not self.in_tf32:
            return 1.0, 1.0
        if self.anchor_peak is None or not self.target_peaks:
            return 1.0, 1.0
        times = [self.anchor_peak / r / ratio for r in self.target_peaks]
        if as_answered:  # where the program forbids TF32
            times.append(1.0)
        return min(times), max(times)

    @property
    def text(self) -> str:
        """Peaks in words."""
        peaks = " or ".join(dict.fromkeys(f"{r:.3g}" for r in self.target_peaks))
        tf32 = " in TF32" if self.in_tf32 else ""
        return f"{self.label} {self.anchor_peak:.3g}, there {peaks} TFLOP/s{tf32}"


def assumed_of(
    profile: Profile, anchor: Gpu, target: Gpu, bundle: Bundle | None
) -> frozenset[str]:
    """Formats that an answer holds for: the program's own where it was learnt.

    Parameters
    ----------
    profile : Profile
    anchor, target : Gpu
    bundle : Bundle or None
        The one that answers; None where data sheets do.

    Returns
    -------
    frozenset of str
        Empty where a bundle does not say in which precision it was fitted.
    """
    if anchor.name == target.name:
        return frozenset({program_of(profile)})
    if bundle is None:
        return _FP32
    formats = frozenset(trained(bundle))
    program = frozenset({program_of(profile)})
    return program if program <= formats else formats


def change_of(
    profile: Profile,
    anchor: Gpu,
    target: Gpu,
    ratio: float,
    bundle: Bundle | None = None,
) -> PrecisionChange:
    """What the peaks of a run's precisions say of the products of an answer.

    Parameters
    ----------
    profile : Profile
    anchor, target : Gpu
    ratio : float
        Time of products there over that here, as answered.
    bundle : Bundle, optional
        The one that answers; by default data sheets do.

    Returns
    -------
    PrecisionChange
        No change where the answer is for the precision of the run, or the run's is not
        known.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.trust.precision_change import change_of
    >>> from xlate.values.profile import Profile
    >>> run = Profile({"Device_aten::mm": 9.0}, precision_us={"fp64": 9.0})
    >>> a100, l4 = (catalogue().gpu(n) for n in ("A100-SXM4-40GB", "L4"))
    >>> round(change_of(run, a100, l4, ratio=1.0).high, 1)
    20.6
    """
    if anchor.name == target.name or not ratio > 0 or _known_there(profile, bundle):
        return PrecisionChange()
    assumed = assumed_of(profile, anchor, target, bundle) or _FP32
    low = high = 1.0
    peaks: list[str] = []
    not_known: list[str] = []
    for part in _parts(profile, anchor, target):
        least, most = part.times(ratio, assumed)
        low, high = low + part.share * (least - 1), high + part.share * (most - 1)
        if format_of(part.label) in assumed and not part.in_tf32:
            continue
        if part.anchor_peak is not None and part.target_peaks:
            peaks.append(part.text)
        elif part.share >= SMALL:
            not_known.append(part.label)
    # the value of the answer stays within
    return PrecisionChange(
        min(low, 1.0), max(high, 1.0), tuple(peaks), tuple(not_known)
    )


def _known_there(profile: Profile, bundle: Bundle | None) -> bool:
    """Whether runs on the target show what its libraries do with such a program."""
    if bundle is None or bundle.manifest.simulated:
        return False
    return program_of(profile) in trained(bundle)


def _parts(profile: Profile, anchor: Gpu, target: Gpu) -> list[_Part]:
    """Products of known precision, with their peaks."""
    in_tf32 = tf32_by_default(profile, anchor, target)
    parts = []
    for label, share in _labels(profile, anchor).items():
        rate = recorded_rate(anchor, label)
        fp32 = format_of(label) == "fp32" and share >= _CONVERSIONS
        tf32_share = share * in_tf32 if fp32 else 0.0
        if tf32_share:
            peak = target.peak_tflop_per_s(_TF32)
            tf32 = () if peak is None else (peak,)
            parts.append(_Part(label, tf32_share, rate, tf32, in_tf32=True))
        if share > tf32_share:
            peaks = rates_elsewhere(target, label, anchor)
            parts.append(_Part(label, share - tf32_share, rate, peaks))
    return parts


def _labels(profile: Profile, anchor: Gpu) -> dict[str, float]:
    """Precisions of products, with their shares of the time of all products.

    Tensor cores do nothing but products. What they leave of the products is divided
    among the other precisions as their kernel time is: which kernel was which
    operation's is not recorded.
    """
    mix = profile.precision_mix
    if not mix.shares:
        return _labels_said(profile, anchor)
    busy = op_names.busy_columns(list(profile.ops))
    time = sum(profile.ops[c] for c in busy if op_names.family(c) in PRODUCTS)
    kernels = profile.busy_us * (1 - mix.copy_share)
    products = min(time / kernels, 1.0) if kernels > 0 else 0.0
    tensor = {p: s for p, s in mix.known_shares.items() if on_tensor_cores(p)}
    others = {p: s for p, s in mix.shares.items() if p not in {*tensor, INTEGER}}
    if not products:
        return {}
    left = max(products - sum(tensor.values()), 0.0)
    # some tensor-core kernels belong to operations that are not classified as products
    fitted = (products - left) / (sum(tensor.values()) or 1.0)
    labels = {p: s * fitted / products for p, s in tensor.items()}
    total = sum(others.values())
    if total > 0:
        labels |= {p: s / total * left / products for p, s in others.items()}
    return {p: s for p, s in labels.items() if p != NOT_KNOWN and s > 0}


def _labels_said(profile: Profile, anchor: Gpu) -> dict[str, float]:
    """The precision that a file declares, of all products; empty where it declares none."""
    said = profile.workload.precision
    if said == WorkloadKey().precision:
        return {}
    return {said + TENSOR if multiplies(anchor, said) else said: 1.0}
