"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from xlate import opnames
from xlate.catalog import catalogue
from xlate.errors import ProfileError, XlateError
from xlate.profile import Profile, Verdict
from xlate.store.bundle import Bundle

__all__ = ["MOST_UNKNOWN", "refuse_strangers", "unknown_ops", "verdict"]

#: share of busy time in operations the bundle never saw: above the first the
#: answer is to be taken with care, above the second there is none
CAREFUL_UNKNOWN, MOST_UNKNOWN = 0.10, 0.50


def unknown_ops(profile: Profile, bundle: Bundle) -> dict[str, float]:
    """Busy operations the bundle never saw, with their time, longest first."""
    strange = {
        c: profile.ops[c]
        for c in opnames.busy_columns(list(profile.ops))
        if c not in bundle.manifest.operations and profile.ops[c] > 0
    }
    return dict(sorted(strange.items(), key=lambda item: -item[1]))


def refuse_strangers(profile: Profile, bundle: Bundle) -> None:
    """Refuse a profile most of whose time the bundle knows nothing about.

    Raises
    ------
    ProfileError
        Naming the operations and their share of busy device time.
    """
    strange = unknown_ops(profile, bundle)
    share = sum(strange.values()) / profile.busy_us
    if share > MOST_UNKNOWN:
        named = ", ".join(
            f"{c} ({t / profile.busy_us:.0%})" for c, t in list(strange.items())[:5]
        )
        raise ProfileError(
            f"{profile.source}: {share:.0%} of its device time is in operations that "
            f"the bundle was not fitted on: {named}",
            "fit on a corpus that has such models, or check that the file is a "
            "TensorFlow op profile",
        )


def verdict(profile: Profile, bundle: Bundle) -> Verdict:
    """How far the profile is from what the bundle was fitted on, with reasons."""
    reasons = list(profile.notes)
    m = bundle.manifest
    strange = unknown_ops(profile, bundle)
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        reasons.append(
            f"{share:.0%} of device time is in operations not seen in training: "
            + ", ".join(list(strange)[:5])
        )
    low, high = m.busy_range_us
    if not low / 3 <= profile.busy_us <= high * 3:
        reasons.append(
            f"device time {profile.busy_us:.4g} µs is far outside training "
            f"({low:.4g} to {high:.4g} µs)"
        )
    if profile.instance is not None:
        try:
            ran_on = catalogue().instance(profile.instance).name
        except XlateError:
            ran_on = profile.instance
        if ran_on != m.anchor:
            reasons.append(f"the file says it ran on {ran_on}, not on {m.anchor}")
    level = "widen" if reasons else "ok"
    if profile.step_time_us is None:
        reasons.append(
            "no step time on the anchor was given; it was taken from the window "
            "(--step-time gives it)"
        )
    if m.simulated:
        reasons.append("the bundle was fitted on simulated data")
        level = "widen"
    return Verdict(level, tuple(reasons))
