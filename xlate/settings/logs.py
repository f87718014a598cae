"""The log of xlate: standard library, logger ``xlate``, silent unless somebody listens.

INFO says what an answer rests on: which reader took a file, which bundle answered, which
corpora were chosen, which fallback took over. DEBUG adds how long the parts took. The
command line shows them on standard error with ``-v`` and ``-vv``; in Python they are
those of any other library::

    logging.basicConfig(level=logging.INFO)
    logging.getLogger("xlate").setLevel(logging.DEBUG)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

__all__ = ["ROOT", "logger", "timed"]

#: name of the logger above all of xlate's
ROOT = "xlate"

# without any handler, a library's warnings would go to standard error
logging.getLogger(ROOT).addHandler(logging.NullHandler())


def logger(module: str) -> logging.Logger:
    """The logger of a module.

    Parameters
    ----------
    module : str
        Its ``__name__``.
    """
    return logging.getLogger(module)


@contextmanager
def timed(log: logging.Logger, what: str) -> Iterator[None]:
    """Say at DEBUG how many seconds a block took, if it ended without an error.

    Parameters
    ----------
    log : logging.Logger
    what : str
        What was done, as the message begins.
    """
    began = perf_counter()
    yield
    log.debug("%s: %.3f s", what, perf_counter() - began)
