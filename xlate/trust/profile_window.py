"""How many steps a profile's window holds, and whether a step time can be right.

Of a TensorFlow profile the window covers about two steps. A profiler slows the host,
so that it holds more of them the more the device waits: from 2.0 where it never does
to 4 and over where it waits most of the time. That curve is learnt for each instance
from its corpus, with how far runs are off it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.models.state import Stateful
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["StepDoubt", "WindowBand", "general_doubt", "with_given_step", "with_idle"]

Floats = NDArray[np.float64]

#: shares of idle time between which a point of the curve lies, and runs it takes
_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.01)
_FEWEST_RUNS = 8
#: share of runs off the curve on either side, and what the band is wider than they are
_OFF, _MARGIN = 0.005, float(np.log(1.1))
#: the band is no narrower than this, whatever few or simulated runs say: a trace that is
#: cut holds fewer steps (InceptionResNetV2's 1.34 on a K80, where others' hold 2.4), and
#: nothing makes one much longer
_LEAST_BELOW, _LEAST_ABOVE = float(np.log(1.75)), float(np.log(1.25))
#: busy time over step time where a profile is of one step: from the least to the most
#: in NeuSight's runs on eleven GPUs, and half as far again
_ONE_STEP = (0.58 / 1.5, 1.52 * 1.5)
#: window over step time of 99.8 of 100 TensorFlow runs on PROFET's four instances, and
#: the most of busy time over step time, each a tenth further
_TWO_STEPS, _MOST_BUSY = (1.34 / 1.1, 4.6 * 1.1), 2.8 * 1.1


#: how much faster, and slower, than in its profile a step may be (assumed)
_FASTER, _SLOWER = 1.5, 1.1


@dataclass(frozen=True)
class StepDoubt:
    """That a step time fits the profile it came with.

    Attributes
    ----------
    ratio : float
        Window over step time.
    low, high : float
        What it should be between.
    suggested_us : float
        Step time that the window suggests.
    """

    ratio: float
    low: float
    high: float
    suggested_us: float

    def reason(self, step_us: float) -> Reason:
        """In words, with what to do."""
        cut = self.ratio < self.low
        steps = f"{self.ratio:.3g}"
        said = (
            f"a step of {step_us / 1e3:.4g} ms does not fit the profile: its window would "
            f"hold {steps} {'step' if steps == '1' else 'steps'}, where {self.low:.2g} to {self.high:.2g} are "
            f"usual; the window suggests about {self.suggested_us / 1e3:.3g} ms "
            "for one step"
        )
        if not cut:
            return Reason(said, "check --step-time: it is the time of one step, in ms")
        return Reason(
            f"{said}; or the profile is cut",
            "check --step-time: it is the time of one step, in ms; record whole steps",
        )


def general_doubt(profile: Profile) -> StepDoubt | None:
    """What is wrong with a step time, where no runs on the instance say how much is usual.

    Parameters
    ----------
    profile : Profile
        A TensorFlow profile holds about two steps, any other one.
    """
    if not profile.step_time_us:
        return None
    two = profile.workload.framework == "tensorflow"
    (low, high), usual = (_TWO_STEPS, 2.0) if two else (_ONE_STEP, 1.0)
    ratio = profile.window_us / profile.step_time_us
    busy = profile.busy_us / profile.step_time_us
    if low <= ratio <= high and (not two or busy <= _MOST_BUSY):
        return None
    if ratio <= high:
        high = min(high, _MOST_BUSY * ratio / busy)
    return StepDoubt(ratio, low, high, profile.window_us / usual)


def with_given_step(profile: Profile, step_us: float | None) -> Profile:
    """A profile with the step time that the user gives, compared with the file's.

    Without its profiler a job takes at least half of the time, and never more.

    Examples
    --------
    >>> from xlate.values.profile import Profile
    >>> from xlate.trust.profile_window import with_given_step
    >>> traced = Profile({"Device_Relu": 2e5}, step_time_us=206e3)
    >>> with_given_step(traced, 103e3).notes
    ('a step of 103 ms was given, and those in the file take 206 ms',)
    """
    own = profile.step_time_us
    if step_us is None:
        return profile
    given = replace(profile, step_time_us=step_us)
    taken = any(isinstance(n, Reason) and n.step_taken for n in profile.notes)
    if own is None or taken or own / _FASTER <= step_us <= own * _SLOWER:
        return given
    said = Reason(
        f"a step of {step_us / 1e3:.4g} ms was given, and those in the file take "
        f"{own / 1e3:.4g} ms",
        "leave --step-time out where the file marks its steps, or check that both are "
        "of the same job",
    )
    return replace(given, notes=(*profile.notes, said))


def with_idle(profile: Profile) -> Profile:
    """A profile of one step whose file holds kernels alone, with the rest as idle time.

    Otherwise a step that waits for its host would be taken for one in which each kernel
    is so much longer.

    Examples
    --------
    >>> from xlate.values.profile import Profile, WorkloadKey
    >>> from xlate.trust.profile_window import with_idle
    >>> table = Profile({"Device_Relu": 40.0}, WorkloadKey(framework="pytorch"), step_time_us=100.0)
    >>> dict(with_idle(table).ops)
    {'Device_Relu': 40.0, 'Device_IDLE': 60.0}
    """
    step = profile.step_time_us
    if (
        not step
        or profile.workload.framework == "tensorflow"
        or op_names.DEVICE_IDLE in profile.ops
        or profile.busy_us >= step
    ):
        return profile
    busy = profile.busy_us / step
    said = Reason(
        f"the file holds no idle time: its kernels take {busy:.1%} of the step, "
        "the rest of it was taken for idle",
        "check --step-time: it is the time of one step, in ms",
        # so little work was never measured
        informs=busy >= _ONE_STEP[0],
    )
    ops = {**profile.ops, op_names.DEVICE_IDLE: step - profile.busy_us}
    return replace(profile, ops=ops, notes=(*profile.notes, said))


class WindowBand(Stateful):
    """Window over step time, by the share of it in which the device waits.

    Attributes
    ----------
    shares, logs : ndarray of shape (k,)
        The curve: idle share, and log of window over step time.
    below, above : float
        How far from the curve, in logs, a run may be.
    busy : tuple of float
        Least and most of busy time over step time, for profiles without idle time.
    """

    kind = "window-band"
    kept = ("shares", "logs", "below", "above", "busy")

    def fit(self, ops: Sequence[str], times: Floats, steps: Floats) -> WindowBand:
        """Learn from runs.

        Parameters
        ----------
        ops : sequence of str
        times : ndarray of shape (n, len(ops))
            µs over the window.
        steps : ndarray of shape (n,)
            Step times, µs; runs without are left out.
        """
        device, work = (
            set(f(ops)) for f in (op_names.device_columns, op_names.busy_columns)
        )
        good = np.isfinite(steps) & (steps > 0)
        window = times[:, [c in device for c in ops]].sum(axis=1)
        busy = times[:, [c in work for c in ops]].sum(axis=1)
        good &= busy > 0
        window, busy, steps = window[good], busy[good], steps[good]
        share, ratio = 1 - busy / window, np.log(window / steps)
        points = []
        bins = np.digitize(share, _EDGES)
        for k in np.unique(bins):
            if (bins == k).sum() >= _FEWEST_RUNS:
                points.append(
                    (np.median(share[bins == k]), np.median(ratio[bins == k]))
                )
        if not points:
            points = [(float(np.median(share)), float(np.median(ratio)))]
        self.shares = np.array([p[0] for p in points])
        # the longer the device waits the more the profiler costs
        self.logs = np.maximum.accumulate(np.array([p[1] for p in points]))
        off = ratio - np.interp(share, self.shares, self.logs)
        self.below = float(
            max(_LEAST_BELOW, _MARGIN - np.quantile(off, _OFF, method="lower"))
        )
        self.above = float(
            max(_LEAST_ABOVE, _MARGIN + np.quantile(off, 1 - _OFF, method="higher"))
        )
        over = np.log(busy / steps)
        self.busy = (
            float(np.exp(over.min() - _LEAST_BELOW)),
            float(np.exp(over.max() + _LEAST_ABOVE)),
        )
        return self

    def doubt(self, profile: Profile) -> StepDoubt | None:
        """What is wrong with a profile's step time; None where it fits or there is none.

        Parameters
        ----------
        profile : Profile
            Of the framework of the runs.
        """
        if not profile.step_time_us:
            return None
        window, busy = profile.window_us, profile.busy_us
        ratio = window / profile.step_time_us
        steps = float(np.exp(np.interp(1 - busy / window, self.shares, self.logs)))
        low, high = steps * np.exp(-self.below), steps * np.exp(self.above)
        if op_names.DEVICE_IDLE not in profile.ops:
            # how long the device waited is not known
            low, high = self.busy
        if low <= ratio <= high:
            return None
        return StepDoubt(ratio, float(low), float(high), window / steps)
