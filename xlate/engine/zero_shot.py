"""Answers for GPUs and profiles that no bundle is for, from what data sheets say."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from xlate import op_names
from xlate.engine.fallback import ZERO_SHOT, Predicted
from xlate.engine.pair import Pair
from xlate.errors import BundleError, CatalogError
from xlate.files import read_bytes
from xlate.hardware.catalogue import Catalogue, Instance
from xlate.models.zero_shot.translator import ZeroShot
from xlate.settings import paths
from xlate.settings.logs import logger
from xlate.stats.calibration import Calibration
from xlate.stats.conformal import Scores
from xlate.trust.domain import CAREFUL_UNKNOWN, NO_STEP, Finding, compare_names
from xlate.trust.profile_window import general_doubt
from xlate.values.profile import Profile, Verdict
from xlate.values.reason import MEASURE, Reason, informs
from xlate.values.vectors import Vectors

__all__ = [
    "ENOUGH_MODELS",
    "FILE",
    "ZERO_SHOT",
    "beyond_bundles",
    "borrowed",
    "by_catalogue",
    "extrapolated",
    "in_catalogue",
    "shipped",
]

FILE = "zero-shot.json"
#: GPUs that share power and cooling, or memory, with their host
_MOBILE = re.compile(r"Laptop|Max-Q|Mobile|Jetson|Orin|Xavier|Thor|\d{3}M$|\d{3,4}S$")
#: from this number of models on, errors on models left out are used alone
ENOUGH_MODELS = 6


@lru_cache(maxsize=1)
def shipped() -> ZeroShot:
    """What ships with xlate, fitted on every GPU that was measured.

    Raises
    ------
    BundleError
        If the file is missing or is something else.
    """
    path = paths.shipped("anchors") / FILE
    try:
        return ZeroShot.from_dict(json.loads(read_bytes(path, 1 << 28)))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as e:
        raise BundleError(f"{path} cannot be read: {e}", "install xlate again") from e


def borrowed() -> Calibration:
    """Errors of GPUs left out, where too few models were measured to know one's own."""
    nothing = Scores(np.zeros(0), np.zeros(0, dtype=str))
    scores = shipped().scores or nothing
    return Calibration(scores, scores, nothing, {})


_LOG = logger(__name__)


def by_catalogue(profile: Profile, vectors: Vectors, pair: Pair) -> Predicted:
    """Each operation times the ratio of what limits it; the step follows.

    Parameters
    ----------
    profile : Profile
    vectors : Vectors
        That of the profile alone.
    pair : Pair

    Raises
    ------
    CatalogError
        If the catalogue lacks a figure of either GPU.
    """
    _LOG.info(
        "%s: data sheets answer for %s → %s",
        profile.source,
        pair.anchor.name,
        pair.target.name,
    )
    names, given = vectors.columns, np.isfinite(vectors.steps)
    # a window is taken for two steps
    step = np.where(given, vectors.steps, profile.window_us / 2)
    gpus = (side.require_gpu() for side in pair.sides)
    ops, there = shipped().predict(vectors.times, names, step, *gpus)
    return Predicted(names, ops, there, step, ~given, difficulty=np.ones(1))


def extrapolated(pair: Pair, catalogue: Catalogue) -> Reason | None:
    """What to say where a GPU is of a sort that data sheets were not corrected on.

    Errors, and so intervals, come from the GPUs that were measured. An architecture of
    which none was, or a mobile or embedded GPU that shares power and memory with
    its host, lies beyond them.

    Parameters
    ----------
    pair : Pair
        Anchor and target.
    catalogue : Catalogue

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.engine.pair import Pair
    >>> from xlate.engine.zero_shot import extrapolated
    >>> known = catalogue()
    >>> pair = Pair(known.instance("g4dn.xlarge"), known.instance("p3.2xlarge"))
    >>> print(extrapolated(pair, known))
    None
    """
    measured = [catalogue.gpu(name) for name in shipped().own]
    architectures = {g.architecture for g in measured}
    beyond: dict[str, str] = {}
    for gpu in (side.require_gpu() for side in pair.sides):
        if gpu.architecture not in architectures:
            beyond[gpu.name] = f"no GPU of {gpu.architecture}"
        elif _MOBILE.search(gpu.name):
            beyond[gpu.name] = "no mobile or embedded GPU"
    if not beyond:
        return None
    named = ", ".join(f"{what} ({name})" for name, what in beyond.items())
    said = (
        f"{named} is among those that data sheets were corrected on: the interval is "
        "extrapolated from other sorts of GPU"
    )
    return Reason(said, MEASURE)


def in_catalogue(pair: Pair) -> bool:
    """Whether data sheets say enough of both GPUs for an answer."""
    try:
        shipped().log_ratios(*(side.require_gpu() for side in pair.sides))
    except CatalogError:
        return False
    return True


def beyond_bundles(
    profile: Profile,
    why: Sequence[str],
    a: Instance,
    catalogue: Catalogue,
    examined: Finding | None = None,
) -> Finding:
    """What can be said of a profile that data sheets answer for.

    Parameters
    ----------
    profile : Profile
    why : sequence of str
        Why no fitted translator answers: the first reasons.
    a : Instance
        The anchor.
    catalogue : Catalogue
    examined : Finding, optional
        What a bundle's domain check found; ``why`` says it.
    """
    reasons = list(dict.fromkeys([*why, *profile.notes]))
    busy = op_names.busy_columns(list(profile.ops))
    strange = {c: profile.ops[c] for c in busy if op_names.family(c) == "other"}
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(sorted(strange, key=lambda c: -strange[c])[:3])
        said = (
            f"{share:.0%} of device time is in operations that are not classified "
            f"({named}): memory is taken to limit them"
        )
        reasons.append(Reason(said, MEASURE))
    doubt = general_doubt(profile)
    # the bundle's own band may have said so already
    said_so = examined is not None and examined.step_doubt is not None
    if doubt is not None and profile.step_time_us and not said_so:
        reasons.append(doubt.reason(profile.step_time_us))
    if examined is None:
        compare_names(profile, a.name, reasons, catalogue)
        if profile.step_time_us is None:
            reasons.append(NO_STEP)
    reasons.sort(key=informs)  # how it was made comes last
    return Finding(Verdict("widen", tuple(reasons)), None, 1 + share, share, doubt)
