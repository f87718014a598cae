"""Where things lie: what ships with the package, and what belongs to the user.

``XLATE_HOME``, or ``data_home`` in ``xlate.toml`` (:mod:`xlate.settings`)
    The user's data home, written to by ``datasets import`` and ``fit``.
    Default: ``$XDG_DATA_HOME/xlate`` or ``~/.local/share/xlate``.
``XLATE_DATA_HOME``, or ``raw_home`` in ``xlate.toml``
    A folder of raw public corpora as they were downloaded, one sub-folder
    each. Only read. ``datasets import NAME`` looks there without ``--from``.
``XLATE_ANCHORS``
    Extra catalogue folders, separated as in ``PATH``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xlate import settings

__all__ = ["atomic_folder", "data_home", "raw_home", "shipped"]


def shipped(kind: str) -> Path:
    """Folder of data that ships with xlate.

    A wheel carries the data inside the package; an editable checkout has the
    same folders beside it.

    Parameters
    ----------
    kind : {"anchors", "datasets"}
    """
    package = Path(__file__).resolve().parents[1]
    inside = package / "_data" / kind
    return inside if inside.is_dir() else package.parent / kind


def data_home() -> Path:
    """The user's data home; not created here.

    Raises
    ------
    SettingsError
        If a setting cannot be used.
    """
    return settings.current().data_home


def raw_home() -> Path | None:
    """Folder of raw public corpora, or None where neither of both names one.

    Raises
    ------
    SettingsError
        If a setting cannot be used.
    """
    return settings.current().raw_home


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Fill a scratch folder that takes the place of ``target`` only when whole.

    See :func:`xlate.files.atomic_folder`. What killed processes left behind in the
    data home is removed first.

    Raises
    ------
    StorageError
        If the data home cannot be written, or is full.
    """
    from xlate import files

    home = data_home()
    # corpora/NAME, models/ANCHOR/to-TARGET, models/clocks/TARGET
    for pattern in ("*", "*/*"):
        for folder in home.glob(pattern):
            if not folder.name.startswith(".") and folder.is_dir():
                files.remove_stale(folder, unlocked=True)
    hint = "free some space or point XLATE_HOME at a folder you can write"
    with files.atomic_folder(target, hint) as scratch:
        yield scratch
