"""Steps whose kernels are in the file: every launch of a kernel must have its kernel.

A file that breaks off, a full buffer of the profiler or lost records leave launches
without kernels. Launches while a CUDA graph is captured run no kernel: they are counted
apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.values.reason import Reason

__all__ = ["Launches", "complete_steps", "places", "while_capturing"]

Bools = NDArray[np.bool_]
#: share of a step's launches whose kernel must have been recorded; below the second no
#: step is answered at all
_RECORDED, _LEAST_RECORDED = 0.95, 0.90
_CAPTURE = "record steps after the warm-up and after capture"


class _Span(Protocol):
    @property
    def start(self) -> float: ...
    @property
    def length(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Launches:
    """Launches of kernels by the host, or operations that are known to launch some.

    Attributes
    ----------
    asked : ndarray of shape (n,)
        µs.
    recorded : ndarray of bool, shape (n,)
        Whether its kernel is in the recording.
    captured : ndarray of bool, shape (n,), optional
        Whether a graph was captured at that moment, so that no kernel ran.
    """

    asked: NDArray[np.float64]
    recorded: Bools
    captured: Bools | None = None

    def share(self, steps: Sequence[_Span]) -> NDArray[np.float64]:
        """Share of each step's launches that was recorded; 1 where nothing was launched."""
        return self._share(steps, np.ones(len(self.asked), dtype=np.bool_))

    def share_that_ran(self, steps: Sequence[_Span]) -> NDArray[np.float64]:
        """The same, without the launches that a capture explains."""
        if self.captured is None:
            return self.share(steps)
        return self._share(steps, ~self.captured | self.recorded)

    def _share(self, steps: Sequence[_Span], counted: Bools) -> NDArray[np.float64]:
        step_of, inside = places(self.asked, steps)
        inside &= counted
        n = np.bincount(step_of[inside], minlength=len(steps))
        with_kernel = np.bincount(step_of[inside & self.recorded], minlength=len(steps))
        return np.where(n > 0, with_kernel / np.maximum(n, 1), 1.0)


def places(
    asked: NDArray[np.float64], steps: Sequence[_Span]
) -> tuple[NDArray[np.int64], Bools]:
    """Index of the step of each moment, and whether the moment is inside it."""
    begin = np.array([s.start for s in steps])
    end = begin + np.array([s.length for s in steps])
    step_of = np.searchsorted(begin, asked, side="right") - 1
    return step_of, (step_of >= 0) & (asked < end[np.maximum(step_of, 0)])


def while_capturing(
    moments: NDArray[np.float64],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> Bools:
    """Whether each moment lies in a capture; a side that was not recorded is open.

    Parameters
    ----------
    moments : ndarray of shape (n,)
        µs.
    begins, ends : ndarray
        When captures begin and end, µs; of any length.

    Examples
    --------
    >>> import numpy as np
    >>> from xlate.readers.traces.complete_steps import while_capturing
    >>> while_capturing(np.array([1.0, 5.0, 9.0]), np.array([2.0]), np.array([7.0])).tolist()
    [False, True, False]
    """
    if not len(begins) + len(ends):
        return np.zeros(len(moments), dtype=np.bool_)
    begins, ends = np.sort(begins), np.sort(ends)

    def depth(
        at: NDArray[np.float64], side: Literal["left", "right"]
    ) -> NDArray[np.int64]:
        return np.searchsorted(begins, at, side="right") - np.searchsorted(
            ends, at, side=side
        )

    # more ends than begins: the first captures began before the recording
    open_before = max(0, -int(depth(ends, "right").min(initial=0)))
    return np.asarray(depth(moments, "left") + open_before > 0)


def complete_steps(
    steps: Sequence[_Span], ran: Bools, truncated: bool, launches: Sequence[Launches]
) -> tuple[Bools | None, list[str]]:
    """Steps whose kernels were recorded, and notes on the others.

    Parameters
    ----------
    steps : sequence of spans
        µs.
    ran : ndarray of bool, shape (len(steps),)
        Whether anything ran on the GPU in each.
    truncated : bool
        Whether the recording breaks off.
    launches : sequence of Launches

    Returns
    -------
    complete : ndarray of bool or None
        None where every step may stand for the job.
    notes : list of str

    Raises
    ------
    ProfileError
        If kernels of every step are missing, and no capture explains that.
    """
    if not launches:
        return None, []
    share = np.min([each.share(steps) for each in launches], axis=0)
    complete = share >= _RECORDED
    n_incomplete = int((~complete).sum())
    if not n_incomplete:
        return None, []
    if (complete & ran).any():
        verb = "was" if n_incomplete == 1 else "were"
        note = (
            f"{n_incomplete} of {len(steps)} steps {verb} left out: less than {_RECORDED:.0%} of "
            "their launches have a kernel in the file"
        )
        return complete & ran, [Reason(note, informs=True)]
    best = f"{share[~complete].max():.0%}"
    that_ran = np.min([each.share_that_ran(steps) for each in launches], axis=0)
    explained = (that_ran >= _RECORDED) & ran
    if explained.any() and not truncated:
        note = (
            f"only {best} of the launches have a kernel in the file: CUDA graphs were "
            "captured while it was recorded"
        )
        return explained, [Reason(note, _CAPTURE, unsound=True)]
    if truncated or float(share[~complete].max()) < _LEAST_RECORDED:
        raise _incomplete(len(steps), best, truncated)
    note = f"only {best} of the launches have a kernel in the file: some of its kernels were lost"
    return None, [Reason(note, "record it again, with fewer steps", unsound=True)]


def _incomplete(steps: int, best: str, truncated: bool) -> ProfileError:
    """The error where kernels are missing from every step."""
    problem = (
        f"in none of its {steps} steps at least {_RECORDED:.0%} of the launches "
        f"have their kernel ({best} in the best)"
        if steps > 1
        else f"only {best} of the launches have their kernel"
    )
    if truncated:
        return ProfileError(
            f"{problem}: the file breaks off before the GPU's events",
            "copy the whole file, or record fewer steps",
            code="profile.damaged",
        )
    return ProfileError(
        f"{problem}: kernels are missing from the file, as where it was cut, the "
        "profiler's buffer was full, or graphs were captured",
        f"record it again with fewer steps and one profiler; {_CAPTURE}",
        code="profile.damaged",
    )
