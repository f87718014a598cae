"""Names of hardware: which are well formed, and which are equivalent.

A GPU has many names: that of the catalogue (``A100-SXM4-40GB``), that of the driver
(``NVIDIA A100-SXM4-40GB``), and short ones (``A100``) that several GPUs share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "bare",
    "fold",
    "name_fault",
    "names_another",
    "shortens",
    "squash",
    "with_article",
]

#: characters of a name that becomes part of a path or of ANCHOR=FILE
_NAME = re.compile(r"[^\W_][\w .+()-]*")
_MOST = 64
#: words of a vendor or a product line, before the name proper
_LINE = {"nvidia", "amd", "intel", "tesla", "quadro", "geforce", "instinct", "graphics"}

#: letters whose own names begin with a vowel: "an L4", "an NVIDIA", but "a T4"
_SPOKEN_WITH_VOWEL = frozenset("AEFHILMNORSX")
#: capitals with a vowel are read as a word from this number of letters on: "a RADEON"
_FEWEST_OF_A_WORD = 5


def with_article(name: str) -> str:
    """A name with the article "a" or "an", by its pronunciation.

    Capitals at its beginning are read as letters unless they are a word.

    Examples
    --------
    >>> [with_article(n) for n in ("NVIDIA A100", "A10G", "Tesla T4", "RTX 3090", "8-core")]
    ['an NVIDIA A100', 'an A10G', 'a Tesla T4', 'an RTX 3090', 'an 8-core']
    """
    word = re.match(r"[^\W\d_]*", name)
    letters = word.group() if word else ""
    if not letters:
        return ("an " if re.match(r"8|1[18](?!\d)", name) else "a ") + name
    first, second = letters[0].upper(), letters[1:2].lower()
    vowels = re.search("[AEIOUY]", letters, re.IGNORECASE)
    spelled = not vowels or (letters.isupper() and len(letters) < _FEWEST_OF_A_WORD)
    # "nv" is read as letters, in upper and in lower case
    if spelled or (first == "N" and second == "v"):
        vowel = first in _SPOKEN_WITH_VOWEL
    else:
        vowel = first in "AEIOU" and not letters.lower().startswith(("uni", "use"))
    return f"{'an' if vowel else 'a'} {name}"


def name_fault(name: str, path_safe: bool = True) -> str | None:
    """Why a name is not well formed, or None.

    Parameters
    ----------
    name : str
    path_safe : bool
        Names of GPUs and instances become parts of paths; aliases do not.
    """
    if not name.strip():
        return "is empty"
    if name != name.strip():
        return "begins or ends with a space"
    if not name.isprintable():
        return "holds control characters"
    if len(name) > _MOST:
        return f"is longer than {_MOST} characters"
    if path_safe and not _NAME.fullmatch(name):
        return "may hold letters, digits, spaces and . + ( ) _ - alone, and begins with a letter or digit"
    return None


def fold(name: str) -> str:
    """A name in lower case, with one separator: ``"Tesla_T4"`` is ``"tesla-t4"``."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def bare(name: str) -> str:
    """A folded name without vendor and product line: ``"NVIDIA Tesla T4"`` is ``"t4"``."""
    words = [w for w in fold(name).split("-") if w]
    while len(words) > 1 and words[0] in _LINE:
        del words[0]
    # the driver prints "NVIDIA RTX 4000 SFF Ada Generation"
    if len(words) > 1 and words[-1] == "generation":
        del words[-1]
    return "-".join(words)


def squash(name: str) -> str:
    """A bare name without separators: ``"GeForce RTX 3090"`` is ``"rtx3090"``."""
    return bare(name).replace("-", "")


def shortens(short: str, full: str) -> bool:
    """Whether ``short`` is ``full`` without some parts: ``A100-SXM`` of ``A100-SXM4-40GB``.

    The first word must be complete, so that ``A10`` does not shorten ``A100``.
    """
    head, *rest = bare(short).split("-")
    first, *others = bare(full).split("-")
    if head != first:
        return False
    return all(any(o.startswith(r) for o in others) for r in rest)


def names_another(device: str, own: Iterable[str]) -> bool:
    """Whether a device name is that of another GPU, by the names of a GPU.

    A name without a GPU, or with only a vendor, is not that of another GPU. Where there is
    a catalogue, :meth:`xlate.hardware.catalogue.Catalogue.likeness` is more precise.

    Parameters
    ----------
    device : str
        What a profiler or a driver printed; the catalogue need not know it.
    own : iterable of str
        Name and aliases of the GPU.

    Examples
    --------
    >>> from xlate.hardware.naming import names_another
    >>> names_another("NVIDIA GeForce RTX 2070", ["K80", "Tesla K80"])
    True
    >>> names_another("NVIDIA A100-PG509-200", ["A100-SXM4-40GB"])
    False
    """
    # imported here because it imports squash of this module
    from xlate.hardware.identity import Likeness, likeness_of_names

    return likeness_of_names(device, own) is Likeness.ANOTHER
