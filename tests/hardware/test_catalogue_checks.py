"""Catalogue files with something wrong in them: every fault is named in one message."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import time
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from tests.soak.kinds.catalogues import CLOCKS, FACTS, PRICE, fact, gpu, instance
from tests.support.commands import run
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate.errors import CatalogError, UnknownNameError
from xlate.hardware.catalogue import CatalogFaultsError, Catalogue, catalogue, read_all
from xlate.hardware.features import GPU_FEATURES, ZERO_SHOT_FACTS
from xlate.hardware.quantities import GPU_FACTS, INSTANCE_FACTS
from xlate.models.zero_shot.roofs import DEFAULT_ROOFS
from xlate.settings.paths import shipped

NUMBERS = (
    "-5",
    "nan",
    "inf",
    "-inf",
    '"5"',
    "0",
    "true",
    "[1]",
    "{}",
    "1e308",
    '"fast"',
)

RULED = '\n[[clocks]]\nrule = "step15"\nmin_mhz = 15\nmax_mhz = 1e15\nstanding = "V"\nsource = "x"\n'


class Own:
    """Writes files of a folder and says what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def lay(
        self,
        gpu_text: str | bytes | None = None,
        instance_text: str | bytes | None = None,
    ) -> Own:
        self.write("gpus/RTX6090.toml", gpu() if gpu_text is None else gpu_text)
        self.write(
            "box/instance.toml",
            instance() if instance_text is None else instance_text,
        )
        return self

    def said(self, *more: Path) -> list[str]:
        return [str(f) for f in read_all((self.folder, *more)).faults]


@pytest.fixture
def own(tmp_path: Path) -> Own:
    return Own(tmp_path / "own")


def test_a_file_without_a_fault_is_usable(own: Own) -> None:
    assert own.lay().said() == []
    box = catalogue([own.folder]).instance("box")
    assert (present(box.gpu).name, box.gpu_count, present(box.price).usd_per_h) == (
        "RTX6090",
        1,
        0.7,
    )


@pytest.mark.slow
@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("key", FACTS)
def test_a_figure_that_cannot_be_is_named(own: Own, key: str, value: str) -> None:
    said = own.lay(gpu({**FACTS, key: value})).said()
    assert any(f"facts.{key} must be" in s for s in said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bandwidth_gb_per_s", "1.008"),  # TB/s
        ("bandwidth_gb_per_s", "1008000"),  # MB/s
        ("fp32_tflop_per_s", "82600"),  # GFLOP/s
        ("memory_gib", "24564"),  # MiB
        ("tdp_w", "450000"),  # mW
        ("max_mhz", "2.52"),  # GHz
        ("max_mhz", "2520000"),  # kHz
        ("process_nm", "5e-9"),  # m
        ("sm_count", "16384"),  # cores
        ("cuda_cores", "128.5"),
        ("sm_count", "1.5"),
        ("fp32_tflop_per_s", "8.26"),  # contradicts cores and clock
        ("cuda_cores", "16385"),  # not a whole number on each SM
        ("power_limit_min_w", "700"),  # above the highest
        ("memory_gib", "1024"),  # three times what any GPU has
        ("memory_gib", "2.4"),  # read in 2.6 ms: no memory is as small as that
    ],
)
def test_another_unit_or_a_contradiction_is_named(
    own: Own, key: str, value: str
) -> None:
    assert any(key in s for s in own.lay(gpu({**FACTS, key: value})).said())


@pytest.mark.parametrize(
    "key", [k for k, q in GPU_FACTS.items() if q.kind in ("number", "count")]
)
def test_both_ends_of_a_range_are_in_it(key: str) -> None:
    quantity = GPU_FACTS[key]
    assert quantity.fault_of(quantity.low) is None
    assert quantity.fault_of(quantity.high) is None
    assert quantity.fault_of(quantity.low * 0.999 - 1e-9)
    assert quantity.fault_of(quantity.high * 1.001)


@pytest.mark.parametrize("value", NUMBERS)
def test_a_price_that_cannot_be_paid_is_named(own: Own, value: str) -> None:
    said = own.lay(None, instance({**PRICE, "usd_per_h": value})).said()
    assert [s for s in said if "prices[0].usd_per_h must be" in s]


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "nan", "inf", '"8"', "true", "1e9", "[8]"]
)
def test_gpus_that_cannot_be_counted_are_named(own: Own, value: str) -> None:
    assert any(
        "gpu_count must be a whole number" in s
        for s in own.lay(None, instance(count=value)).said()
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ('"yesterday"', "must be a day"),
        ('"2026-13-01"', "must be a day"),
        ('"2026-02-30"', "must be a day"),
        ('"20260924"', "must be a day"),
        ('"24.09.2026"', "must be a day"),
        ("20260924", "must be a day"),
        ("2026-09-24T10:00:00", "must be a day"),
        ('""', "must be a day"),
        ('"1999-12-31"', "is before"),
        (f'"{datetime.now(UTC).date() + timedelta(days=3)}"', "is in the future"),
        (f'"{datetime.now(UTC).date() + timedelta(days=400)}"', "is in the future"),
    ],
)
def test_a_date_that_cannot_be_is_named(own: Own, value: str, wanted: str) -> None:
    said = own.lay(None, instance({**PRICE, "date": value})).said()
    assert any(f"prices[0].date {wanted}" in s or f"{wanted}" in s for s in said)
    assert len(said) == 1


def test_a_date_without_quotes_is_one(own: Own) -> None:
    assert own.lay(None, instance({**PRICE, "date": "2026-09-24"})).said() == []


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("bandwith_gb_per_s", "bandwidth_gb_per_s"),
        ("bandwidth_gbps", "bandwidth_gb_per_s"),
        ("memory_gb", "memory_gib"),
        ("tdp", "tdp_w"),
    ],
)
def test_an_unknown_fact_gets_the_nearest(own: Own, key: str, near: str) -> None:
    (said,) = own.lay(gpu({**FACTS, key: "1"})).said()
    assert f"facts.{key} is not a known field (did you mean {near}?)" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (gpu().replace('name = "RTX6090"\n', ""), "name is missing"),
        (gpu().replace('architecture = "Ada"\n', ""), "architecture is missing"),
        (gpu().replace('"Ada"', '"?"'), 'architecture is still "?"'),
        (gpu().replace(', source = "data sheet" }', " }", 1), "has no source"),
        (gpu().replace('standing = "V", ', "", 1), "has no standing"),
        (
            gpu().replace('standing = "V"', 'standing = "X"', 1),
            "must be one of D, V, C, I, U",
        ),
        (
            gpu().replace('standing = "V"', 'standing = "VD"', 1),
            "must be one of D, V, C, I, U",
        ),
        (gpu().replace('source = "data sheet"', 'source = ""', 1), "has no source"),
        (
            gpu().replace('source = "data sheet"', 'source = "a\\u001b[31m"', 1),
            "control characters",
        ),
        (gpu().replace("[facts]\n", "[facts]\nl3_mib = 72\n"), "l3_mib"),
        (
            gpu().replace("[facts]\n", '[facts]\nset_clock = "locked"\n'),
            "is given twice",
        ),
        (gpu().replace("[facts]", "[fact]"), "did you mean facts?"),
        (gpu(name='"RTX\\u001b[31m6090"'), "control characters"),
        (gpu(name='"RTX\\u202e6090"'), "control characters"),
        (gpu(name='"' + "x" * 65 + '"'), "longer than 64"),
        (gpu(name='"../up"'), "begins with a letter or digit"),
        (gpu(name='"a/b"'), "may hold letters"),
        (gpu(name='" RTX"'), "begins or ends with a space"),
        (gpu(name="5"), "must be text"),
        (gpu().replace('["RTX 6090"]', '["RTX 6090", "RTX 6090"]'), "there twice"),
        (gpu().replace('["RTX 6090"]', '"RTX 6090"'), "must be a list"),
        (gpu().replace('["RTX 6090"]', '["a\\nb"]'), "control characters"),
        (gpu().replace('["RTX 6090"]', '["Tesla T4"]'), "names the gpu 'T4'"),
        (gpu().replace('["RTX 6090"]', '["p3.2xlarge"]'), "p3.2xlarge"),
        (gpu(clocks=CLOCKS.replace('"list"', '"guess"')), "rule must be known"),
        (gpu(clocks=CLOCKS.replace("count = 4", "count = 5")), "5 clocks are stated"),
        (gpu(clocks=CLOCKS.replace("210,", "nan,")), "must be a number in MHz"),
        (gpu(clocks=CLOCKS.replace("2520]", "252000]")), "list_mhz"),
        (gpu(clocks=CLOCKS + CLOCKS.lstrip()), "second list for memory clock"),
        (gpu(clocks=RULED), "max_mhz must be"),
        (gpu(clocks=RULED.replace("1e15", "2500")), "grid"),
        (
            gpu(clocks=RULED.replace("= 15\n", "= 2520\n").replace("1e15", "2520")),
            "is not below",
        ),
        (gpu(clocks="\n[[clocks]]\n"), "rule is missing"),
        (gpu(clocks="").replace('"Ada"\n', '"Ada"\nclocks = 5\n'), "must be tables"),
    ],
)
def test_a_gpu_file_with_a_fault(own: Own, text: str | bytes, wanted: str) -> None:
    said = own.lay(text, "name = 'box'\n").said(shipped("anchors"))
    assert any(wanted in s for s in said), said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (instance(gpu_name='"RTX6091"'), "did you mean RTX6090"),
        (instance(gpu_name='["RTX6090"]'), "must be the name of a GPU"),
        (instance().replace('gpu = "RTX6090"\n', ""), "is given, but no gpu"),
        (instance(name='"p3.2xlarge"'), "replaces"),
        (instance(name='"P3.2XLARGE"'), "replaces"),
        (instance().replace('["box"]', '["p3"]'), "'p3' names the instance"),
        (instance().replace('["box"]', '["box", "Box"]'), None),
        (instance().replace("\n[[prices]]", "\n[prices]"), "must be tables"),
        (instance({**PRICE, "kind": '"cheap"'}), "kind must be one of"),
        (instance({**PRICE, "currency": '"EUR"'}), "currency is not a known field"),
        (
            instance()
            + instance().partition("\n[[prices]]")[2].join(["\n[[prices]]", ""]),
            "second on-demand price",
        ),
        *(
            (instance({k: v for k, v in PRICE.items() if k != lost}), lost)
            for lost in ("usd_per_h", "region", "date", "standing", "source")
        ),
    ],
)
def test_an_instance_file_with_a_fault(
    own: Own, text: str | bytes, wanted: str | None
) -> None:
    own.lay(None, text)
    said = [str(f) for f in read_all([own.folder]).faults]
    assert said == [] if wanted is None else any(wanted in s for s in said), said


def test_what_ships_is_replaced_only_where_the_file_says_so(own: Own) -> None:
    text = instance({**PRICE, "usd_per_h": "9.5"}, name='"p3.2xlarge"')
    own.lay(None, text)
    with pytest.raises(CatalogFaultsError, match=r'write replaces = "p3\.2xlarge"'):
        catalogue([own.folder])
    own.lay(None, 'replaces = "p3.2xlarge"\n' + text)
    assert (
        present(catalogue([own.folder]).instance("p3.2xlarge").price).usd_per_h == 9.5
    )
    assert present(catalogue().instance("p3.2xlarge").price).usd_per_h != 9.5
    own.lay(None, 'replaces = "p2.xlarge"\n' + text)
    assert any("must be its own name" in str(f) for f in read_all([own.folder]).faults)
    own.lay(None, 'replaces = "box.4090"\n' + instance())
    assert any(
        "is in no earlier folder" in str(f) for f in read_all([own.folder]).faults
    )


def test_all_faults_of_all_files_are_said_at_once(own: Own) -> None:
    own.lay(
        gpu({**FACTS, "bandwidth_gb_per_s": "-1008", "memory_gib": '"much"'}),
        instance({**PRICE, "usd_per_h": "-5", "date": '"yesterday"'}, count="0"),
    )
    own.write("broken.toml", "a = = 3")
    out, err = run("anchors", "check", "--anchors-dir", own.folder, code=1)
    for field in ("bandwidth_gb_per_s", "memory_gib", "usd_per_h", "date", "gpu_count"):
        assert len(re.findall(f"error: .*{field} must be", err)) == 1
    assert "broken.toml: cannot be read" in err
    assert "ok" not in out.splitlines()[0]
    out, _ = run("anchors", "check", "--anchors-dir", own.folder, "--json", code=1)
    document = json.loads(out)
    assert document["ok"] is False
    assert len(document["faults"]) == 6
    assert set(document["faults"][0]) == {"file", "field", "message", "hint"}
    with pytest.raises(CatalogFaultsError, match="6 faults"):
        catalogue([own.folder])


def test_what_ships_is_whole() -> None:
    out, err = run("anchors", "check")
    assert out.startswith("ok: ")
    assert not err
    document = json.loads(run("anchors", "check", "--json")[0])
    assert (document["ok"], document["faults"]) == (True, [])
    for one in document["lacking"]:
        assert one["added"] is False
        assert "fit" not in one["features"]  # no field makes a fit possible


def test_a_memory_size_is_of_a_dump_or_says_that_it_is_not() -> None:
    facts = {g.name: g.facts.get("memory_gib") for g in catalogue().gpus.values()}
    sizes = {name: memory for name, memory in facts.items() if memory is not None}
    assert sizes
    for name, memory in sizes.items():
        assert "public nvidia-smi" not in memory.source
        # read from a device: the source names the repository
        assert memory.standing != "D" or "/" in memory.source, name


DEEP = {
    "dotted": ".".join(["a"] * 32_000) + " = 1\n",
    "spaced": " . ".join(["a"] * 16_000) + " = 1\n",
    "quoted": ".".join(['"a"'] * 16_000) + " = 1\n",
    "header": "[" + ".".join(["a"] * 30_000) + "]\n",
    "header-and-keys": "[" + ".".join(["a"] * 9000) + "]\n"
    + "".join(f"b{i}=1\n" for i in range(5000)),
    "inline": "a = {" + ".".join(["a"] * 32_000) + " = 1}\n",
    "behind-a-string": 'x = {y = """a"""", ' + ".".join(["a"] * 30_000) + " = 1}\n",
    "arrays": "a = " + "[" * 30_000,
    "tables": "a = " + "{a=" * 20_000,
    "unclosed": '"""\\' * 16_000,
    "integer": "a = " + "9" * 60_000,
    "unknown": "[gpu]\n" + "".join(f"a{i}=1\n" for i in range(7000)),
    "parts": "".join(f"[gp{i}]\n" for i in range(6000)),
    "prices": "[instance]\nname='q'\n" + ("[[instance.prices]]\n" + "".join(f"k{i}=1\n" for i in range(40))) * 180,
    "huge": "#" * (1 << 20),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_a_file_made_to_take_long_does_not(own: Own, name: str) -> None:
    own.write("x.toml", DEEP[name])
    begun = time.process_time()
    said = own.said()
    assert time.process_time() - begun < 1
    assert said or name == "parts"


def test_dots_in_texts_and_figures_are_no_keys(own: Own) -> None:
    dots = "a.b.c.d.e.f.g.h.i.j.k " * 20
    text = gpu().replace(
        'name = "RTX6090"\n',
        f'name = \'RTX6090\' # {dots}\nnote = """{dots}\n\\"{dots}"""\n',
    )
    assert own.lay(text).said() == []


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("", "name is missing"),
        ("\0\1", "cannot be read"),
        (b"name = '\xff'", "cannot be read"),
        (b"\xef\xbb\xbf" + gpu().encode(), "cannot be read"),
        ("[[gpus]]", "name is missing"),
        ("a = = 3", "cannot be read"),
        ('name = "a"\nname = "b"', "cannot be read"),
    ],
)
def test_an_unreadable_file_is_named(
    own: Own, content: str | bytes, wanted: str
) -> None:
    own.write("gpus/x.toml", content)
    assert any("x.toml" in s and wanted in s for s in own.said()), own.said()


def test_what_is_no_file_does_not_make_it_wait(own: Own) -> None:
    own.folder.mkdir()
    os.mkfifo(own.folder / "pipe.toml")
    (own.folder / "zero.toml").symlink_to("/dev/zero")
    (own.folder / "folder.toml").mkdir()
    (own.folder / "away.toml").symlink_to("nowhere")
    said = own.said()
    assert len(said) == 4
    for name in ("pipe", "zero", "folder", "away"):
        assert any(f"{name}.toml" in s for s in said)


def test_a_folder_of_something_else_is_said(own: Own) -> None:
    own.write("pyproject.toml", "[project]\nname = 'x'\n")
    own.write("gpu.toml", gpu())
    assert any("has neither [gpu] nor [instance]" in s for s in own.said())
    _, err = run("anchors", "check", "--anchors-dir", own.folder / "nowhere", code=1)
    assert "no catalogue folder" in err
    (own.folder / "empty").mkdir()
    _, err = run("anchors", "check", "--anchors-dir", own.folder / "empty", code=1)
    assert "holds no catalogue file" in err


def test_a_folder_named_twice_is_one(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.lay()
    (tmp_path / "link").symlink_to(own.folder)
    (tmp_path / "shipped").symlink_to(shipped("anchors"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLATE_ANCHORS", f"own{os.pathsep}link")
    also = [own.folder, Path("own"), tmp_path / "link", tmp_path / "shipped"]
    assert read_all(also).faults == []
    monkeypatch.delenv("XLATE_ANCHORS")
    assert catalogue([own.folder, own.folder]).instance("box").name == "box.4090"


def test_a_file_that_was_changed_is_read_again(own: Own) -> None:
    own.lay()
    assert present(catalogue([own.folder]).instance("box").price).usd_per_h == 0.7
    assert catalogue([own.folder]) is catalogue([own.folder])
    own.lay(None, instance({**PRICE, "usd_per_h": "0.75"}))
    assert present(catalogue([own.folder]).instance("box").price).usd_per_h == 0.75
    (own.folder / "box/instance.toml").unlink()
    with pytest.raises(UnknownNameError):
        catalogue([own.folder]).instance("box")


def test_values_are_pickled_and_cannot_be_changed() -> None:
    shipped_catalogue = catalogue()
    for value in (
        shipped_catalogue.gpu("T4"),
        shipped_catalogue.instance("p3.2xlarge"),
        shipped_catalogue.instance("c5.4xlarge"),
    ):
        for other in (
            pickle.loads(pickle.dumps(value)),
            copy.deepcopy(value),
            copy.copy(value),
        ):
            assert other == value
            assert hash(other) == hash(value)
        with pytest.raises(FrozenInstanceError):
            value.name = "x"  # type: ignore[misc]
        with pytest.raises(TypeError):
            cast(Json, value.facts)["tdp_w"] = 1
        with pytest.raises(TypeError):
            del cast(Json, value.facts)["tdp_w"]
        assert replace(value, note="another") != value
        assert len({value, replace(value, note="another"), copy.deepcopy(value)}) == 2
    # what was handed in is not what is held
    facts = dict(shipped_catalogue.gpu("T4").facts)
    changed = replace(shipped_catalogue.gpu("T4"), facts=facts)
    facts.clear()
    assert changed.facts


def test_the_roofs_need_what_the_feature_names() -> None:
    t4 = catalogue().gpu("T4")
    (feature,) = (f for f in GPU_FEATURES if f.name == "zero-shot")
    assert feature.fields == ZERO_SHOT_FACTS
    DEFAULT_ROOFS.rates(replace(t4, facts={k: t4.facts[k] for k in ZERO_SHOT_FACTS}))
    for key in ZERO_SHOT_FACTS:
        with pytest.raises(CatalogError, match=f"lacks: {key}\n"):
            DEFAULT_ROOFS.rates(
                replace(t4, facts={k: v for k, v in t4.facts.items() if k != key})
            )


def test_every_fact_that_ships_is_within_its_range() -> None:
    shipped_catalogue = Catalogue([shipped("anchors")])
    assert shipped_catalogue.gpus
    assert shipped_catalogue.instances
    for one in shipped_catalogue.gpus.values():
        for key, figure in one.facts.items():
            assert GPU_FACTS[key].fault_of(figure.value) is None
    for machine in shipped_catalogue.instances.values():
        for key, figure in machine.facts.items():
            assert INSTANCE_FACTS[key].fault_of(figure.value) is None


def test_a_flag_and_a_choice_are_checked(own: Own) -> None:
    text = gpu().replace(
        fact("energy_counter", "true"), fact("energy_counter", '"yes"')
    )
    assert any("must be true or false" in s for s in own.lay(text).said())
    text = gpu().replace('"locked"', '"maybe"')
    assert any(
        "must be one of application, locked, sysfs" in s for s in own.lay(text).said()
    )


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"boost_mhz": "1500"}, "contradicts cuda_cores and boost_mhz"),
        (
            {"memory_bus_bits": "384", "memory_gbit_per_s": "16"},
            "contradicts memory_bus_bits and memory_gbit_per_s",
        ),
        ({"fp64_tflop_per_s": "90"}, "is above fp32_tflop_per_s"),
        (
            {"fp16_vector_tflop_per_s": "200", "fp16_tflop_per_s": "165"},
            "is above fp16_tflop_per_s",
        ),
        (
            {"bf16_matrix_tflop_per_s": "330", "fp16_tflop_per_s": "165"},
            "is above fp16_tflop_per_s",
        ),
        (
            {"tf32_matrix_tflop_per_s": "170", "fp16_tflop_per_s": "165"},
            "is above fp16_tflop_per_s",
        ),
        (
            {"fp8_matrix_tflop_per_s": "100", "fp16_tflop_per_s": "165"},
            "is above fp8_matrix_tflop_per_s",
        ),
        ({"tensor_cores": "0", "tf32_matrix_tflop_per_s": "80"}, "tensor_cores is 0"),
        (
            {
                "tensor_cores": "0",
                "fp16_vector_tflop_per_s": "82",
                "fp16_tflop_per_s": "165",
            },
            "but tensor_cores is 0",
        ),
        ({"tensor_cores": "500"}, "cannot be shared by 128 SMs"),
        ({"l2_mib": "75497472"}, "l2_mib must be"),
        (
            {
                "boost_mhz": "2520",
                "memory_bus_bits": "384",
                "memory_gbit_per_s": "21",
                "tensor_cores": "512",
                "fp64_tflop_per_s": "1.29",
                "tf32_matrix_tflop_per_s": "82.6",
                "fp16_vector_tflop_per_s": "82.6",
                "fp16_tflop_per_s": "165.2",
                "bf16_matrix_tflop_per_s": "165.2",
                "fp8_matrix_tflop_per_s": "330.3",
                "int8_matrix_top_per_s": "660.6",
                "l2_mib": "72",
                "host_link_gb_per_s": "31.5",
            },
            None,
        ),
    ],
)
def test_precisions_and_memory_that_contradict_are_named(
    own: Own, changed: dict[str, str], wanted: str | None
) -> None:
    said = own.lay(gpu({**FACTS, **changed})).said()
    assert said == [] if wanted is None else any(wanted in s for s in said), said


def test_what_ships_agrees_with_itself() -> None:
    """Tighter than what a file of the user must keep to."""
    shipped_catalogue = Catalogue([shipped("anchors")])
    assert shipped_catalogue.gpus
    assert shipped_catalogue.instances
    for one in shipped_catalogue.gpus.values():
        n = one.number
        cores, clock, fp32 = (
            n("cuda_cores"),
            n("boost_mhz") or n("max_mhz"),
            n("fp32_tflop_per_s"),
        )
        if cores and clock and fp32:
            ratio = fp32 / (cores * 2 * clock / 1e6)
            assert min(abs(ratio - 1), abs(ratio - 2)) < 0.05, one.name
        assert one.chip, one.name
        if n("tensor_cores"):
            tensor, plain = one.peak_tflop_per_s("fp16-tensor"), fp32
            assert tensor is None or plain is None or tensor >= 1.9 * plain, one.name
        else:
            assert one.peak_tflop_per_s("fp16-tensor") is None
    for machine in shipped_catalogue.instances.values():
        assert (
            machine.gpu is None
            or machine.gpu is shipped_catalogue.gpus[machine.gpu.name]
        )
        assert machine.price is None or machine.price.date


def test_figures_that_nobody_checked_name_where_they_are_from() -> None:
    unchecked = {
        (one.name, key): figure
        for one in Catalogue([shipped("anchors")]).gpus.values()
        for key, figure in one.facts.items()
        if "TechPowerUp" in figure.source or "general knowledge" in figure.source
    }
    assert unchecked
    assert {n for n, figure in unchecked.items() if figure.standing != "U"} == set()


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("A100-SXM4-40GB", "tf32-tensor", 156),
        ("A100-SXM4-40GB", "fp64", 9.746),
        ("V100-SXM2-16GB", "tf32-tensor", None),
        ("V100-SXM2-16GB", "bf16-tensor", None),
        ("RTX4090", "fp16-tensor", 165.2),
        ("RTX4090", "fp8-tensor", 330.3),
        ("RTX6000-Ada", "fp16-tensor", 364.2),
        ("GTX1080-Ti", "fp16-tensor", None),
        ("GTX1080-Ti", "fp16", 0.1772),
        ("MI300X", "fp32-tensor", 163.4),
        ("T4", "no such precision", None),
    ],
)
def test_peaks_by_precision(name: str, precision: str, peak: float | None) -> None:
    peak_tflop_per_s = catalogue().gpu(name).peak_tflop_per_s(precision)
    assert peak_tflop_per_s == (None if peak is None else pytest.approx(peak, rel=0.01))
