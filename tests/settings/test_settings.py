"""Settings: their order, their file, and that they reach what they are for."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.documents import Json
from tests.support.narrowing import present
from xlate import parallel, settings
from xlate.cli import app
from xlate.engine.session import Session
from xlate.errors import UnknownNameError
from xlate.hardware.catalogue import catalogue
from xlate.hardware.prices import rent_of_instance, why_no_rent
from xlate.objectives import OBJECTIVES
from xlate.settings import SettingsError, paths

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROFILE = str(EXAMPLES / "my_stats.csv")
PAIR = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, below one that may hold a file; nothing of the user's."""
    below = tmp_path / "project/part"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv("XLATE_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return below


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, [str(w) for w in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_nearest_file_is_read_and_no_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.file_in_use() is None
    user = write(tmp_path / "config/xlate/xlate.toml", "level = 0.5\nregion = 'r'")
    assert settings.file_in_use() == user
    project = write(tmp_path / "project/xlate.toml", "level = 0.6")
    assert settings.current().level == 0.6
    assert settings.current().region is None  # the user's file is not merged in
    nearest = write(folder / "xlate.toml", "level = 0.7")
    assert settings.current().origin("level") == settings.Origin("file", str(nearest))
    monkeypatch.setenv("XLATE_CONFIG", str(project))
    assert settings.current().level == 0.6
    monkeypatch.setenv("XLATE_CONFIG", os.devnull)
    assert settings.file_in_use() is None


def test_option_before_environment_before_file_before_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(settings.current().origin("level")) == "default"
    path = write(folder / "xlate.toml", "level = 0.5")
    assert str(settings.current().origin("level")) == f"file {path}"
    monkeypatch.setenv("XLATE_LEVEL", "0.6")
    assert str(settings.current().origin("level")) == "environment XLATE_LEVEL"
    with settings.using(level=0.7, region=None) as now:
        assert (now.level, str(now.origin("level"))) == (0.7, "option")
    assert settings.current().level == 0.6
    monkeypatch.setenv("XLATE_LEVEL", "")
    assert settings.current().level == 0.5


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("levle = 0.5", "settings.unknown-key", "level"),
        ("electricity = 0.5", "settings.unknown-key", "electricity_usd_per_kwh"),
        ("[level]\nx = 1", "settings.invalid", "a number"),
        ('level = "0.9"', "settings.invalid", "a number"),
        ("level = true", "settings.invalid", "true"),
        ("level = 90", "settings.invalid", "between 0 and 1"),
        ("level = nan", "settings.invalid", "between 0 and 1"),
        ("level = 1", "settings.invalid", "between 0 and 1"),
        ("electricity_usd_per_kwh = -1", "settings.invalid", "between 0 and 100"),
        ("electricity_usd_per_kwh = inf", "settings.invalid", "between 0 and 100"),
        ("region = 3", "settings.invalid", "in quotes"),
        ('region = " "', "settings.invalid", "not empty"),
        ('data_home = ""', "settings.invalid", "not empty"),
        ('currency = "EUR"', "settings.invalid", "USD"),
        ('objective = "enrgy"', "settings.invalid", "did you mean energy"),
        ('parallel = "proceses"', "settings.invalid", "did you mean processes"),
        ('parallel = "threads:0"', "settings.invalid", "between 1 and"),
        ('parallel = "threads:x"', "settings.invalid", "number of workers"),
        ("level = ", "settings.unreadable", "level = 0.9"),
        ("\udcff", "settings.unreadable", "level = 0.9"),
    ],
)
def test_what_cannot_be_names_file_key_value_and_what_to_try(
    folder: Path, text: str, code: str, hint: str
) -> None:
    path = folder / "xlate.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        settings.current()
    error = caught.value
    assert error.code == code
    assert str(path) in error.what
    assert error.hint
    assert hint in error.text("cli")
    if code != "settings.unreadable":
        key, _, value = text.strip("[").replace("]\nx", "").partition(" = ")
        assert key in error.what
        assert value.strip("\"' ") in error.what.replace("'", "").replace("{x: 1}", "1")


def test_a_variable_is_checked_like_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLATE_LEVEL", "much")
    with pytest.raises(
        SettingsError, match=r"XLATE_LEVEL .*must be a number, got 'much'"
    ):
        settings.current()


def test_a_named_file_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLATE_CONFIG", str(folder / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml, which is not there"):
        settings.current()


def test_an_unknown_setting_of_a_caller(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="levels"), settings.using(levels=1):
        pass


def test_settings_are_frozen_and_pickle(folder: Path) -> None:
    now = settings.current()
    assert pickle.loads(pickle.dumps(now)) == now
    with pytest.raises(FrozenInstanceError):
        now.level = 0.5  # type: ignore[misc]


def test_folders_are_relative_to_the_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XLATE_HOME")
    monkeypatch.delenv("XLATE_DATA_HOME", raising=False)
    write(tmp_path / "project/xlate.toml", 'data_home = "data"\nraw_home = "~/raw"')
    assert paths.data_home() == tmp_path / "project/data"
    assert paths.raw_home() == Path.home() / "raw"
    (tmp_path / "project/xlate.toml").unlink()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert paths.data_home() == tmp_path / "xlate"


def test_objectives_are_those_there_are() -> None:
    assert tuple(OBJECTIVES) == settings.OBJECTIVES
    assert settings.SETTINGS["parallel"].default == parallel.DEFAULT


def test_a_price_is_that_of_the_region_or_not_known(folder: Path) -> None:
    machines = catalogue()
    instance = machines.instance("p3.2xlarge")
    without = present(rent_of_instance(instance))
    assert without.region == "us-east-1"
    with settings.using(region="us-east-1"):
        assert rent_of_instance(instance) == without
    with settings.using(region="eu-west-1"):
        assert rent_of_instance(instance) is None
        assert "in region eu-west-1, only in us-east-1" in why_no_rent(
            instance, machines
        )


def test_own_machines_pay_the_electricity_that_is_set(folder: Path) -> None:
    from dataclasses import replace

    own = replace(catalogue().instance("p3.2xlarge"), provider="own")
    assert present(rent_of_instance(own)).usd_per_kwh == 0.10
    with settings.using(electricity_usd_per_kwh=0.31, region="home"):
        assert (
            present(rent_of_instance(own)).usd_per_kwh == 0.31
        )  # its price holds in every region


def test_the_level_reaches_translate(folder: Path) -> None:
    def level(*options: str) -> float:
        out = run("translate", PROFILE, *PAIR, "--step-time", "128", "--json", *options)
        (document,) = json.loads(out)
        return float(document["step_time_s"]["level"])

    write(folder / "xlate.toml", "level = 0.5")
    assert level() == 0.5
    assert level("--level", "0.8") == 0.8


def test_region_and_electricity_reach_translate(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rent(*options: str) -> Json | None:
        out = run("translate", PROFILE, *PAIR, "--step-time", "128", "--json", *options)
        document: Json = json.loads(out)[0]
        rented: Json | None = document["rent"]
        return rented

    assert present(rent())["region"] == "us-east-1"
    assert rent("--region", "eu-west-1") is None
    monkeypatch.setenv("XLATE_REGION", "eu-west-1")
    assert rent() is None
    assert rent("--region", "us-east-1") is not None


@pytest.mark.parametrize(
    "command", [["predict-freq"], ["clocks", "curve"]], ids=" ".join
)
def test_the_price_of_electricity_reaches_the_use_case(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:

    class ReachedError(Exception):
        pass

    def stop(*_args: object, **_options: object) -> None:
        raise ReachedError(settings.current().electricity_usd_per_kwh)

    monkeypatch.setattr(Session, "predict_freq", stop)
    with pytest.raises(ReachedError, match=r"0\.25"):
        run(*command, PROFILE, *PAIR, "--electricity", "0.25")
    with pytest.raises(SettingsError, match="between 0 and 100"):
        run(*command, PROFILE, *PAIR, "--electricity", "-1")
    assert settings.current().electricity_usd_per_kwh == 0.10


def test_every_option_with_the_name_of_a_setting_has_its_value(folder: Path) -> None:
    """Whatever command has it, a new one too."""
    import typer.main

    from xlate.cli.shared_options import PROVIDED

    def leaves(command: Any) -> list[Any]:
        inner = getattr(command, "commands", None)
        return (
            [command]
            if inner is None
            else [x for c in inner.values() for x in leaves(c)]
        )

    write(folder / "xlate.toml", 'level = 0.5\nobjective = "energy"')
    want, asked = {"level": 0.5, "objective": "energy"}, set()
    for command in leaves(typer.main.get_command(app)):
        for p in command.params:
            if p.name not in PROVIDED or p.name in getattr(
                command.callback, "sets", ()
            ):
                continue
            words = [w for q in command.params if q.required for w in _given(q)]
            ctx = command.make_context("x", words)
            assert ctx.params[p.name] == want[p.name], command.name
            asked.add(p.name)
    assert asked == set(PROVIDED)


def _given(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [PROFILE]
    return [parameter.opts[0], "p3.2xlarge"]


def test_config_show_says_where_each_is_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(folder / "xlate.toml", "level = 0.5\nregion = 'us-east-2'")
    monkeypatch.setenv("XLATE_OBJECTIVE", "energy")
    shown = json.loads(run("config", "show", "--json", "--electricity", "0.2"))
    assert shown["file"] == str(path)
    said = {n: (s["value"], s["from"], s["name"]) for n, s in shown["settings"].items()}
    assert set(said) == set(settings.SETTINGS)
    assert said["level"] == (0.5, "file", str(path))
    assert said["region"] == ("us-east-2", "file", str(path))
    assert said["objective"] == ("energy", "environment", "XLATE_OBJECTIVE")
    assert said["electricity_usd_per_kwh"] == (0.2, "option", None)
    assert said["parallel"] == ("threads", "default", None)
    text = run("config", "show")
    assert "environment XLATE_OBJECTIVE" in text
    assert "us-east-2" in text


def test_config_path_works_with_a_broken_file(folder: Path) -> None:
    path = write(folder / "xlate.toml", "nonsense")
    assert run("config", "path").strip() == str(path)
    assert json.loads(run("config", "path", "--json"))["file"] == str(path)
    # and so does help
    assert "Usage" in run("translate", "--help")
    with pytest.raises(SettingsError, match="cannot be read as settings"):
        run("translate", PROFILE, *PAIR)
