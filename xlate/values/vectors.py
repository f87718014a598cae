"""Op vectors of several profiles as arrays: the one form in which they are computed with.

A reader gives a :class:`~xlate.values.profile.Profile`; from there on every stage takes
these arrays, and nothing else turns a profile into numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlate.values.frozen import EqualByContent
from xlate.values.profile import Profile

__all__ = ["Vectors"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Vectors(EqualByContent):
    """Op vectors of n profiles over the same k columns.

    Attributes
    ----------
    columns : tuple of str, length k
        Operations.
    times : ndarray of shape (n, k)
        µs over the profile window; 0 where an operation did not run.
    steps : ndarray of shape (n,)
        µs a step; NaN where not known.

    Examples
    --------
    >>> from xlate.values.profile import Profile
    >>> from xlate.values.vectors import Vectors
    >>> two = Vectors.of([Profile({"Device_Relu": 3.0}), Profile({"Device_Add": 1.0})])
    >>> two.columns, two.times.tolist()
    (('Device_Add', 'Device_Relu'), [[0.0, 3.0], [1.0, 0.0]])
    """

    columns: tuple[str, ...]
    times: Floats
    steps: Floats

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> Vectors:
        """Those of some profiles, over every operation that one of them has, by name."""
        columns = tuple(sorted({c for p in profiles for c in p.ops}))
        return cls(
            columns,
            np.array([[p.ops.get(c, 0.0) for c in columns] for p in profiles]),
            np.array([p.step_time_us or np.nan for p in profiles]),
        )

    def __len__(self) -> int:
        return len(self.times)

    def rows(self, which: Sequence[int] | slice) -> Vectors:
        """Some of the profiles."""
        chosen = which if isinstance(which, slice) else list(which)
        return Vectors(self.columns, self.times[chosen], self.steps[chosen])

    def without_steps(self) -> Vectors:
        """The same operations, as if no step time were known."""
        return replace(self, steps=np.full(len(self), np.nan))
