"""A quicker start for commands that one waits for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["pandas_left_out"]


@contextmanager
def pandas_left_out() -> Iterator[None]:
    """Import scikit-learn inside without pandas, unless that is loaded already.

    scikit-learn imports pandas where it finds it, to recognise its frames; that
    is a fifth of the time to a first answer, and the command line hands it
    matrices only. Afterwards pandas can be imported as ever.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if sys.modules.get("pandas", 0) is None:
            del sys.modules["pandas"]
