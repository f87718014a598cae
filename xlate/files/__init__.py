"""Files: the only package that opens files of the user, for reading and for writing.

:mod:`xlate.files.reading` opens only regular files, up to a limit of bytes: a FIFO could
wait for ever, a device may have no end. :mod:`xlate.files.writing` writes a file
completely or not at all, through links, and keeps its mode. :mod:`xlate.files.scratch`
does the same for folders, and removes the scratch files of killed processes.
Each module is loaded when a name of it is first used: a command that reads a profile
does not load what writes files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlate.files.reading import IrregularFileError as IrregularFileError
    from xlate.files.reading import check_regular as check_regular
    from xlate.files.reading import open_regular as open_regular
    from xlate.files.reading import read_bytes as read_bytes
    from xlate.files.scratch import atomic_folder as atomic_folder
    from xlate.files.scratch import remove_stale as remove_stale
    from xlate.files.writing import check_file as check_file
    from xlate.files.writing import check_folder as check_folder
    from xlate.files.writing import write_bytes as write_bytes
    from xlate.files.writing import write_text as write_text

#: name -> module that has it
_PLACE = {
    "IrregularFileError": "xlate.files.reading",
    "atomic_folder": "xlate.files.scratch",
    "check_file": "xlate.files.writing",
    "check_folder": "xlate.files.writing",
    "check_regular": "xlate.files.reading",
    "open_regular": "xlate.files.reading",
    "read_bytes": "xlate.files.reading",
    "remove_stale": "xlate.files.scratch",
    "write_bytes": "xlate.files.writing",
    "write_text": "xlate.files.writing",
}

__all__ = [
    "IrregularFileError",
    "atomic_folder",
    "check_file",
    "check_folder",
    "check_regular",
    "open_regular",
    "read_bytes",
    "remove_stale",
    "write_bytes",
    "write_text",
]

if not TYPE_CHECKING:
    # for a type checker, what is not imported above does not exist

    def __getattr__(name: str) -> object:
        """Load a name with its module when it is first used."""
        if name not in _PLACE:
            raise AttributeError(f"module 'xlate.files' has no attribute {name!r}")
        return getattr(import_module(_PLACE[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACE)
