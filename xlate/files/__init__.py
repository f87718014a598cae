"""Files: the only package that opens files of the user, for reading and for writing.

:mod:`xlate.files.reading` opens only regular files, up to a limit of bytes: a FIFO could
wait for ever, a device may have no end. :mod:`xlate.files.writing` writes a file
completely or not at all, through links, and keeps its mode. :mod:`xlate.files.scratch`
does the same for folders, and removes the scratch files of killed processes.
"""

from xlate.files.reading import (
    IrregularFileError,
    check_regular,
    open_regular,
    read_bytes,
)
from xlate.files.scratch import atomic_folder, remove_stale
from xlate.files.writing import check_file, check_folder, write_bytes, write_text

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
