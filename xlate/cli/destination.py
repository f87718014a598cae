"""Whether a file can be written, asked before the work and not after it."""

from __future__ import annotations

import os
from pathlib import Path

from xlate.errors import StorageError, install_hint

__all__ = ["check_destination", "check_pictures"]


def check_destination(path: Path | None) -> None:
    """Refuse a path that cannot be written; nothing is created or changed.

    Raises
    ------
    StorageError
        If it is a folder, its folder does not exist, or either may not be written.
    """
    if path is None:
        return
    folder = path.parent
    reason = ""
    if path.is_dir():
        reason = "it is a folder"
    elif not folder.is_dir():
        reason = f"{folder} is not a folder"
    elif path.exists() and not os.access(path, os.W_OK):
        reason = "it may not be written"
    elif not path.exists() and not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{folder} may not be written"
    if reason:
        raise StorageError(
            f"cannot write {path}: {reason}", "name a file you can write"
        )


def check_pictures() -> None:
    """Refuse a picture where matplotlib is not installed, without loading it.

    Raises
    ------
    StorageError
        If it is not installed.
    """
    from importlib.util import find_spec

    try:
        found = find_spec("matplotlib") is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise StorageError(
            "pictures need matplotlib, which is not installed", install_hint("report")
        )
