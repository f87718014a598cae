"""Files: the one place that opens what a user names, to read it or to write it.

:mod:`xlate.files.reading` opens regular files only, and never more than a bound of
bytes: a FIFO would wait for ever, a device would never end.
:mod:`xlate.files.writing` writes a file whole or not at all, through links, with
the mode it had. :mod:`xlate.files.scratch` does the same for folders, and removes
what a killed process left behind.
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
