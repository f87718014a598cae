"""Names in rocprof's files: of kernels, of copies, and of other rows.

Statistics of kernels, copies and calls have one form; only the names differ.
"""

from __future__ import annotations

import re

from xlate.values.reason import Reason

__all__ = [
    "NO_NAME",
    "UNNAMED",
    "copy_name",
    "is_call",
    "is_domain",
    "is_packet",
    "kernel_name",
    "marketing_name",
]

#: device of a file that names no GPU: the tool records only AMD's GPUs
NO_NAME = "AMD GPU"
UNNAMED = Reason("the file names no GPU, but rocprof records AMD's alone", informs=True)

_CALL = re.compile(
    r"(?:__)?hip[A-Z]\w*$|hsa_\w+$|roctx\w*$|rocprofiler_\w+$|rocdecode\w*$|nccl[A-Z]\w*$|(?:omp|ompt)_\w+$"
)
_DOMAIN = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_COPY = re.compile(
    r"(?:MEMORY_COPY_)?(HOST|DEVICE)_TO_(HOST|DEVICE)$|Copy(Host|Device)To(Host|Device)$",
    re.IGNORECASE,
)
_SIDES = {"host": "H", "device": "D"}


def kernel_name(name: str) -> str:
    """A kernel's name without the mark of its descriptor (``.kd``)."""
    return re.sub(r"(?: \[clone \.kd\]|\.kd)$", "", name.strip()) or "unnamed"


def copy_name(name: str) -> str | None:
    """``Memcpy HtoD`` and so on; None where a name is not of a copy.

    Examples
    --------
    >>> from xlate.readers.rocm.rocprof_names import copy_name
    >>> copy_name("MEMORY_COPY_HOST_TO_DEVICE"), copy_name("CopyDeviceToHost")
    ('Memcpy HtoD', 'Memcpy DtoH')
    """
    match = _COPY.match(name.strip())
    if match is None:
        return None
    a, b = (s for s in match.groups() if s)
    return f"Memcpy {_SIDES[a.lower()]}to{_SIDES[b.lower()]}"


def is_packet(name: str) -> bool:
    """Whether a row is a barrier between kernels, in which nothing runs."""
    return name.strip().startswith("<barrier") or name.strip() == "Barrier"


def is_call(name: str) -> bool:
    """Whether a name is of a call of HIP, HSA or a library: the host's time."""
    return _CALL.match(name.strip()) is not None


def is_domain(name: str) -> bool:
    """Whether a name is of a kind of events (``KERNEL_DISPATCH``), not of one event."""
    return _DOMAIN.match(name.strip()) is not None and copy_name(name) is None


def marketing_name(*names: str | None) -> str | None:
    """The first name that identifies a GPU, with blanks between its words.

    A target (``gfx942``) is shared by several GPUs, and does not identify one.

    Examples
    --------
    >>> from xlate.readers.rocm.rocprof_names import marketing_name
    >>> marketing_name("", "AMDInstinctMI300A"), marketing_name("AMDRadeonRX7900XTX")
    ('AMD Instinct MI300A', 'AMD Radeon RX 7900 XTX')
    """
    for name in names:
        if not name or not name.strip() or re.match(r"gfx[0-9a-f]+", name.strip()):
            continue
        return _spaced(name.strip())
    return None


def _spaced(name: str) -> str:
    """A name with blanks between its words, also where it was written without."""
    if " " in name:
        return name
    name = re.sub(r"^AMD(?=[A-Z])", "AMD ", name)
    name = re.sub(r"(Instinct|Radeon)(?=[A-Z0-9])", r"\1 ", name)
    name = re.sub(r"\b(RX|PRO|Pro|VII)(?=[A-Z0-9])", r"\1 ", name)
    return re.sub(r"(?<=\d)(?=(?:XTX?|GRE)$)", " ", name)
