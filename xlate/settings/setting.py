"""One setting: its name, where it is looked for, and what it can be."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate.errors import UnknownNameError, XlateError

__all__ = ["OBJECTIVES", "SETTINGS", "Origin", "Setting", "SettingsError", "shown"]

#: what can be minimised; a test holds them to :data:`xlate.objectives.OBJECTIVES`
OBJECTIVES = ("edp", "ed2p", "energy", "cost")
#: where large work is done; a test holds it to :data:`xlate.parallel.DEFAULT`
_PARALLEL = "threads"
#: more dollars than anybody pays for a kWh
_MOST_USD_PER_KWH = 100.0


class SettingsError(XlateError):
    """A setting has a value it cannot have, or its file cannot be used."""

    code = "settings.invalid"


@dataclass(frozen=True)
class Origin:
    """Where the value of a setting is from.

    Attributes
    ----------
    kind : {"option", "environment", "file", "default"}
    name : str or None
        Of the variable, or path of the file.
    """

    kind: str
    name: str | None = None

    def __str__(self) -> str:
        return self.kind if self.name is None else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Setting:
    """One thing that can be set.

    Attributes
    ----------
    name : str
        Key in the file, and attribute of :class:`Settings`.
    variable : str
        Of the environment.
    help : str
        What it is, with its unit.
    kind : type
        ``str``, ``float`` or ``Path``.
    default : object
    check : callable
        Of a value of that type: what must hold, where it does not; else None.
    example : str
        A line of the file.
    """

    name: str
    variable: str
    help: str
    kind: type
    default: Any
    check: Callable[[Any], str | None]
    example: str

    def value_of(self, raw: object, origin: Origin, folder: Path | None = None) -> Any:
        """A value that was given, checked.

        Parameters
        ----------
        raw : object
            Text of the environment, or a value of the file.
        origin : Origin
            Named in errors.
        folder : Path, optional
            That relative paths are relative to; the current one by default.

        Raises
        ------
        SettingsError
            If it has another type, or is out of range.
        """
        value = self._typed(raw, origin, folder)
        fault = self.check(value)
        if fault is not None:
            raise self._error(origin, raw, fault)
        return value

    def _typed(self, raw: object, origin: Origin, folder: Path | None) -> Any:
        if self.kind is float:
            number: float | None = None
            if isinstance(raw, int | float) and not isinstance(raw, bool):
                number = float(raw)
            elif isinstance(raw, str) and origin.kind != "file":
                try:
                    number = float(raw)
                except ValueError:
                    number = None
            if number is None:
                raise self._error(origin, raw, "it must be a number")
            return number
        if not isinstance(raw, str | os.PathLike):
            raise self._error(origin, raw, "it must be text, in quotes")
        text = os.fspath(raw)
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise self._error(origin, raw, "it must be text that is not empty")
        if self.kind is Path:
            path = Path(text).expanduser()
            return path if folder is None else folder / path
        return text.strip()

    def _error(self, origin: Origin, raw: object, fault: str) -> SettingsError:
        where = {
            "file": f"{origin.name}: {self.name}",
            "environment": f"{origin.name} (environment)",
            "option": f"option {self.name}",
        }.get(origin.kind, self.name)
        hint = f"write {self.example}" if origin.kind == "file" else self.help
        return SettingsError(f"{where}: {fault}, got {shown(raw)}", hint)


def shown(raw: object) -> str:
    """A value as it stands in a file, cut where it is long."""
    text = {True: "true", False: "false"}[raw] if isinstance(raw, bool) else repr(raw)
    return text if len(text) <= 80 else text[:77] + "..."


def _anything(value: Any) -> str | None:
    del value
    return None


def _level(value: float) -> str | None:
    return None if 0 < value < 1 else "it must be between 0 and 1"


def _electricity(value: float) -> str | None:
    if 0 <= value <= _MOST_USD_PER_KWH:
        return None
    return f"it must be between 0 and {_MOST_USD_PER_KWH:g} dollars a kWh"


def _currency(value: str) -> str | None:
    if value == "USD":
        return None
    return (
        "it must be USD: prices of the catalogue are in US dollars, and no exchange "
        "rate is known"
    )


def _objective(value: str) -> str | None:
    if value in OBJECTIVES:
        return None
    return _in_a_line(UnknownNameError("objective", value, OBJECTIVES))


def _parallel(value: str) -> str | None:
    # the layer is loaded where somebody names a place; the default one is sound
    from xlate import parallel

    try:
        parallel.backend(value)
    except XlateError as e:
        return _in_a_line(e)
    return None


def _in_a_line(error: XlateError) -> str:
    return error.what if error.hint is None else f"{error.what} ({error.hint})"


#: in the order they are shown
SETTINGS: Mapping[str, Setting] = {
    s.name: s
    for s in (
        Setting(
            "data_home", "XLATE_HOME",
            "folder of corpora that were imported and models that were fitted",
            kind=Path, default=None, check=_anything, example='data_home = "~/xlate-data"',
        ),
        Setting(
            "raw_home", "XLATE_DATA_HOME",
            "folder of public corpora as they were downloaded, only read",
            kind=Path, default=None, check=_anything, example='raw_home = "~/downloads/corpora"',
        ),
        Setting(
            "region", "XLATE_REGION",
            "region of the cloud whose prices count; the newest of all by default",
            kind=str, default=None, check=_anything, example='region = "us-east-1"',
        ),
        Setting(
            "currency", "XLATE_CURRENCY", "currency of money",
            kind=str, default="USD", check=_currency, example='currency = "USD"',
        ),
        Setting(
            "electricity_usd_per_kwh", "XLATE_ELECTRICITY_USD_PER_KWH",
            "price of electricity in US dollars a kWh, paid on top for own machines",
            kind=float, default=0.10, check=_electricity, example="electricity_usd_per_kwh = 0.31",
        ),
        Setting(
            "objective", "XLATE_OBJECTIVE", "what a clock minimises",
            kind=str, default="edp", check=_objective, example='objective = "energy"',
        ),
        Setting(
            "level", "XLATE_LEVEL", "level of intervals, 0.9 for 90 %",
            kind=float, default=0.9, check=_level, example="level = 0.9",
        ),
        Setting(
            "parallel", "XLATE_PARALLEL",
            "where much work is done: serial, threads or processes, with :WORKERS",
            kind=str, default=_PARALLEL, check=_parallel, example='parallel = "threads:2"',
        ),
    )
}  # fmt: skip
