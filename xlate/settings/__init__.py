"""Settings: what a user sets once for all commands, and where each value is from.

Each is looked for in this order, and the first that says it counts:

1. the option of the command (``--level 0.8``);
2. the environment (``XLATE_LEVEL=0.8``);
3. one file: the one that ``XLATE_CONFIG`` names; else the nearest ``xlate.toml`` in the
   current folder or a folder above it; else ``$XDG_CONFIG_HOME/xlate/xlate.toml``, which
   is ``~/.config/xlate/xlate.toml`` by default. Only one file is read, so that nobody
   has to merge two in mind. ``XLATE_CONFIG=/dev/null`` reads none;
4. the default.

A file has one key a setting, at its top::

    data_home = "~/xlate-data"          # "." is the folder of the file
    region = "us-east-2"
    electricity_usd_per_kwh = 0.31
    objective = "energy"
    level = 0.8
    parallel = "processes:4"

Where things lie and what they cost (``data_home``, ``raw_home``, ``region``,
``currency``, ``electricity_usd_per_kwh``), and where it is worked on (``parallel``),
holds in Python too, as the environment does. What is asked for (``objective``, ``level``)
is the default of the options of those names: a call in Python says its own, so that a
script does not answer differently in another folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xlate.errors import UnknownNameError
from xlate.settings.file import FILE_NAME, file_in_use, places, read
from xlate.settings.setting import OBJECTIVES, SETTINGS, Origin, Setting, SettingsError

__all__ = [
    "FILE_NAME",
    "OBJECTIVES",
    "SETTINGS",
    "Origin",
    "Setting",
    "Settings",
    "SettingsError",
    "current",
    "file_in_use",
    "places",
    "using",
]

_DEFAULT = Origin("default")


@dataclass(frozen=True)
class Settings:
    """The value of every setting, and where each is from.

    Attributes
    ----------
    data_home : Path
        Folder of imported corpora and fitted models.
    raw_home : Path or None
        Folder of corpora as they were downloaded.
    region : str or None
        Whose prices count; None: the newest price, wherever.
    currency : str
        ``USD``.
    electricity_usd_per_kwh : float
        Price of electricity of own machines, US dollars a kWh.
    objective : str
        One of :data:`OBJECTIVES`.
    level : float
        Of intervals, between 0 and 1.
    parallel : str
        ``NAME`` or ``NAME:WORKERS``, see :func:`xlate.parallel.backend`.
    origins : tuple of (str, Origin)
        Setting -> where its value is from, in the order of :data:`SETTINGS`.
    """

    data_home: Path
    raw_home: Path | None
    region: str | None
    currency: str
    electricity_usd_per_kwh: float
    objective: str
    level: float
    parallel: str
    origins: tuple[tuple[str, Origin], ...]

    def origin(self, name: str) -> Origin:
        """Where the value of a setting is from."""
        return dict(self.origins)[name]

    def document(self) -> dict[str, dict[str, Any]]:
        """The promised document: each setting's value, where it is from, and its unit."""
        return {
            name: {
                "value": str(v) if isinstance(v := getattr(self, name), Path) else v,
                "from": origin.kind,
                "name": origin.name,
                "help": SETTINGS[name].help,
            }
            for name, origin in self.origins
        }


_NONE: Mapping[str, Any] = MappingProxyType({})
_options: ContextVar[Mapping[str, Any]] = ContextVar(
    "settings of options", default=_NONE
)


@contextmanager
def using(**options: Any) -> Iterator[Settings]:
    """Settings that options say, for as long as the block lasts.

    Parameters
    ----------
    **options
        By name of setting; None where the option was not given.

    Raises
    ------
    SettingsError
        If a value cannot be.

    Examples
    --------
    >>> from xlate import settings
    >>> with settings.using(level=0.8) as chosen:
    ...     chosen.level, str(chosen.origin("level"))
    (0.8, 'option')
    """
    given = {k: v for k, v in options.items() if v is not None}
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise UnknownNameError(
            "setting", unknown[0], SETTINGS, code="settings.unknown-key"
        )
    token = _options.set({**_options.get(), **given})
    try:
        yield current()
    finally:
        _options.reset(token)


def current() -> Settings:
    """Every setting as it is now, from options, environment, file and defaults.

    Raises
    ------
    SettingsError
        If a value cannot be, the file cannot be read, or has a key that is no setting.
    """
    path = file_in_use()
    written = {} if path is None else read(path)
    values: dict[str, Any] = {}
    origins = []
    for name, setting in SETTINGS.items():
        values[name], origin = _value(setting, path, written)
        origins.append((name, origin))
    return Settings(**values, origins=tuple(origins))


def _value(
    setting: Setting, path: Path | None, written: Mapping[str, Any]
) -> tuple[Any, Origin]:
    given: tuple[Any, Origin] | None = None
    if path is not None and setting.name in written:
        # a wrong line is an error even where something else counts
        origin = Origin("file", str(path))
        given = setting.value_of(written[setting.name], origin, path.parent), origin
    from_environment = os.environ.get(setting.variable)
    if from_environment:  # an empty variable says nothing, as in a shell
        origin = Origin("environment", setting.variable)
        given = setting.value_of(from_environment, origin), origin
    options = _options.get()
    if setting.name in options:
        origin = Origin("option")
        given = setting.value_of(options[setting.name], origin), origin
    if given is not None:
        return given
    if setting.name == "data_home":
        base = os.environ.get("XDG_DATA_HOME")
        return (
            Path(base) if base else Path.home() / ".local/share"
        ) / "xlate", _DEFAULT
    return setting.default, _DEFAULT
