"""The file of settings: where it is looked for, and what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from xlate.errors import UnknownNameError
from xlate.settings.setting import SETTINGS, SettingsError, shown

__all__ = ["FILE_NAME", "file_in_use", "places", "read"]

FILE_NAME = "xlate.toml"


def file_in_use() -> Path | None:
    """The file that is read, see the module; None where no file is there.

    Raises
    ------
    SettingsError
        If ``XLATE_CONFIG`` names a file that is not there.
    """
    if os.environ.get("XLATE_CONFIG"):
        (path,) = places()
        if not path.exists():
            raise SettingsError(
                f"XLATE_CONFIG names {path}, which is not there",
                f"name a file like {FILE_NAME}, or unset it",
                code="settings.no-file",
            )
        return None if path.samefile(os.devnull) else path
    return next((p for p in places() if _is_there(p)), None)


def places() -> tuple[Path, ...]:
    """Where a file of settings is looked for, in this order."""
    named = os.environ.get("XLATE_CONFIG")
    if named:
        return (Path(named).expanduser().absolute(),)
    try:
        current = Path.cwd()
    except OSError:  # the folder was removed under us
        current = Path("/")
    base = os.environ.get("XDG_CONFIG_HOME")
    user = (Path(base) if base else Path.home() / ".config") / "xlate"
    return tuple(folder / FILE_NAME for folder in (current, *current.parents, user))


def _is_there(path: Path) -> bool:
    # a folder that may not be looked into holds no settings of this user's
    try:
        return path.is_file()
    except OSError:
        return False


def read(path: Path) -> dict[str, Any]:
    """Keys and values of a file; every key is a setting.

    Raises
    ------
    SettingsError
        If it cannot be read, is no TOML, or has a key that is no setting.
    """
    import tomllib

    from xlate.files import read_bytes

    try:
        written = tomllib.loads(read_bytes(path).decode())
    except (OSError, ValueError, RecursionError) as e:
        why = e.strerror if isinstance(e, OSError) else str(e)
        raise SettingsError(
            f"{path} cannot be read as settings: {why}",
            f"one line a setting: {SETTINGS['level'].example}",
            code="settings.unreadable",
        ) from e
    for key, value in written.items():
        if key not in SETTINGS:
            like = UnknownNameError("setting", key, SETTINGS)
            by_word = [n for n in SETTINGS if key.lower() in n.split("_")]
            raise SettingsError(
                f"{path}: {like.what}, with the value {shown(value)}",
                f"did you mean {by_word[0]}?" if by_word else like.hint,
                code="settings.unknown-key",
            )
    return written
