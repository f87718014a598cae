"""What ``config show`` and ``config path`` answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlate.settings import Settings

__all__ = ["SettingsFile", "SettingsInUse"]


@dataclass(frozen=True)
class SettingsInUse:
    """Every setting, and the file that was read for it.

    Attributes
    ----------
    settings : Settings
    file : Path or None
        None where no file was found.
    """

    settings: Settings
    file: Path | None

    def document(self) -> dict[str, object]:
        """The promised document of ``config show --json``."""
        file = None if self.file is None else str(self.file)
        return {"file": file, "settings": self.settings.document()}


@dataclass(frozen=True)
class SettingsFile:
    """Which file of settings is read, and the places where one is looked for.

    Attributes
    ----------
    in_use : Path or None
        None where no file was found.
    places : tuple of Path
        In the order in which they are looked at.
    """

    in_use: Path | None
    places: tuple[Path, ...]

    def document(self) -> dict[str, object]:
        """The promised document of ``config path --json``."""
        return {
            "file": None if self.in_use is None else str(self.in_use),
            "looked_for": [str(p) for p in self.places],
        }
