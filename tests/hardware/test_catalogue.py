from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from xlate.errors import CatalogError, UnknownNameError
from xlate.hardware.catalogue import Catalogue, catalogue
from xlate.hardware.clock_grid import legal_clocks
from xlate.settings.paths import shipped


@pytest.mark.parametrize(
    ("gpu", "count", "low", "high"),
    [
        ("K80", 25, 562, 875),
        ("P100-PCIe-16GB", 63, 544, 1328),
        ("V100-PCIe-32GB", 167, 135, 1380),
        ("V100-SXM2-16GB", 187, 135, 1530),
        ("V100S-PCIe-32GB", 196, 135, 1597),
        ("T4", 87, 300, 1590),
        ("A10G", 101, 210, 1710),
        ("L4", 123, 210, 2040),
        ("L40S", 155, 210, 2520),
        ("A100-SXM4-40GB", 81, 210, 1410),
        ("H100-NVL", 97, 345, 1785),
        ("H100-SXM5-80GB", 110, 345, 1980),
        ("P2000", 126, 139, 1721),
        ("RTX4000-SFF-Ada", 194, 210, 3105),
        ("Orin-AGX", 13, 114.75, 1300.5),
    ],
)
def test_legal_clocks_are_those_of_the_dumps(
    gpu: str, count: int, low: float, high: float
) -> None:
    clocks = catalogue().gpu(gpu).legal_mhz()
    assert (len(clocks), clocks[0], clocks[-1]) == (count, low, high)


def test_clocks_depend_on_the_memory_clock() -> None:
    t4 = catalogue().gpu("T4")
    assert len(t4.legal_mhz(5001)) == 87
    assert len(t4.legal_mhz(405)) == 24
    with pytest.raises(CatalogError, match="5001, 405"):
        t4.legal_mhz(999)


def test_volta_grid_alternates_seven_and_eight() -> None:
    clocks = legal_clocks("volta", 135, 1380)
    assert {b - a for a, b in pairwise(clocks)} == {7, 8}


def test_a_range_off_the_grid_is_refused() -> None:
    with pytest.raises(CatalogError, match="grid"):
        legal_clocks("volta", 135, 1381)


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("p3", "V100-SXM2-16GB"),
        ("P3.2xlarge", "V100-SXM2-16GB"),
        ("V100-SXM2-16GB", "V100-SXM2-16GB"),
        ("g4dn", "T4"),
        ("Tesla T4", "T4"),
        ("h100-sxm5", "H100-SXM5-80GB"),
    ],
)
def test_aliases(name: str, gpu: str) -> None:
    assert catalogue().instance(name).require_gpu().name == gpu


def test_instances_of_one_gpu_share_its_facts() -> None:
    gpus = catalogue()
    assert gpus.instance("g4dn.xlarge").gpu is gpus.instance("g4dn.16xlarge").gpu


def test_cpu_instances_have_no_gpu() -> None:
    with pytest.raises(CatalogError, match=r"c5\.4xlarge has no GPU"):
        catalogue().instance("c5.4xlarge").require_gpu()


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"g3s\.xlarge"):
        catalogue().instance("g3s.xlrge")


def test_a100_alone_is_ambiguous() -> None:
    with pytest.raises(UnknownNameError, match="A100-SXM4-40GB"):
        catalogue().instance("A100")


def test_every_price_has_date_and_region() -> None:
    prices = [p for i in catalogue().instances.values() for p in i.prices]
    assert prices
    for price in prices:
        assert price.date
        assert price.region


def test_every_number_needs_a_source(tmp_path: Path) -> None:
    folder = tmp_path / "anchors"
    shutil.copytree(shipped("anchors"), folder)
    t4 = folder / "gpus" / "T4.toml"
    text = t4.read_text()
    t4.write_text(text.replace("[facts]", "[facts]\nl3_mib = 4"))
    with pytest.raises(CatalogError, match="l3_mib"):
        Catalogue([folder])
    t4.write_text(text.replace('standing = "V"', 'standing = "X"', 1))
    with pytest.raises(CatalogError, match="standing"):
        Catalogue([folder])


def test_a_stated_count_must_be_the_rules(tmp_path: Path) -> None:
    folder = tmp_path / "anchors"
    shutil.copytree(shipped("anchors"), folder)
    t4 = folder / "gpus" / "T4.toml"
    t4.write_text(t4.read_text().replace("count = 87", "count = 88"))
    with pytest.raises(CatalogError, match="88 clocks"):
        Catalogue([folder])


def test_users_add_their_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine" / "lab.box"
    own.mkdir(parents=True)
    (own / "instance.toml").write_text(
        'name = "lab.box"\ngpu = "T4"\naliases = ["lab"]\n'
    )
    monkeypatch.setenv("XLATE_ANCHORS", str(tmp_path / "mine"))
    assert catalogue().instance("lab").require_gpu().name == "T4"
    monkeypatch.delenv("XLATE_ANCHORS")
    assert catalogue([tmp_path / "mine"]).instance("lab").name == "lab.box"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        catalogue([tmp_path / "nowhere"])


def test_broken_toml_is_named(tmp_path: Path) -> None:
    own = tmp_path / "lab"
    own.mkdir()
    (own / "instance.toml").write_text("name = ")
    with pytest.raises(CatalogError, match=r"instance\.toml"):
        Catalogue([shipped("anchors"), tmp_path])
