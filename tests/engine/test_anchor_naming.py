"""Which machine is meant: short names, device names, an anchor left out, a file filled in."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import polars as pl
import pytest
import typer

from tests.soak.kinds.catalogues import FACTS, gpu, instance
from tests.support.commands import run
from tests.support.narrowing import present
from xlate.cli import completion
from xlate.cli.examples import EXAMPLES
from xlate.data.corpus import Corpus
from xlate.engine.assembly import Assembly, _recorded
from xlate.engine.machine_choice import anchor_of
from xlate.engine.pair import taken_as
from xlate.engine.session import Session
from xlate.errors import CatalogError, ProfileError, StorageError, UnknownNameError
from xlate.hardware import template
from xlate.hardware.catalogue import Catalogue, catalogue
from xlate.hardware.features import ZERO_SHOT_FACTS
from xlate.settings.paths import shipped
from xlate.values.profile import Profile

CATALOGUE = Catalogue([shipped("anchors")])
KEY = ("--network", "ResNet50", "--batch-size", "64", "--step-time", "128")
A100 = ["A100-PCIe-40GB", "A100-PCIe-80GB", "A100-SXM4-40GB", "A100-SXM4-80GB"]
H100 = ["H100-NVL", "H100-PCIe", "H100-SXM5-80GB"]


def kernels(device: str | None, path: Path, factor: int = 1) -> Path:
    """A trace of PyTorch in which the device has another name."""
    events = []
    for step in range(4):
        at = step * 100_000
        events.append({"ph": "X", "cat": "user_annotation", "name": f"ProfilerStep#{step}", "pid": 1, "tid": 1, "ts": at, "dur": 100_000})  # fmt: skip
        for k, (op, kernel) in enumerate(
            (("aten::mm", "sgemm_128x64"), ("aten::relu", "elementwise_kernel"))
        ):
            n = 10 * step + k + 1
            start = at + 1000 + 45_000 * k
            events += [
                {"ph": "X", "cat": "cpu_op", "name": op, "pid": 1, "tid": 1, "ts": start, "dur": 50, "args": {"External id": n}},
                {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": start + 5, "dur": 5, "args": {"External id": n, "correlation": n}},
                {"ph": "X", "cat": "kernel", "name": kernel, "pid": 0, "tid": 7, "ts": start + 100, "dur": 40_000 * factor, "args": {"External id": n, "correlation": n, "device": 0, "stream": 7}},
            ]  # fmt: skip
    properties = [] if device is None else [{"id": 0, "name": device}]
    path.write_text(
        json.dumps(
            {"schemaVersion": 1, "deviceProperties": properties, "traceEvents": events}
        )
    )
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two machines with an RTX 6090."""
    folder = tmp_path / "own"
    (folder / "gpus").mkdir(parents=True)
    (folder / "gpus/RTX6090.toml").write_text(gpu())
    for name in ("box.4090", "lab.4090"):
        (folder / name).mkdir()
        text = instance(name=f'"{name}"').replace('["box"]', "[]")
        (folder / name / "instance.toml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NVIDIA A100-SXM4-40GB", "A100-SXM4-40GB"),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("NVIDIA A100-PCIE-40GB", "A100-PCIe-40GB"),
        ("NVIDIA A100 80GB PCIe", "A100-PCIe-80GB"),
        ("NVIDIA H100 80GB HBM3", "H100-SXM5-80GB"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("Tesla T4", "T4"),
        ("tesla t4", "T4"),
        ("  Tesla   T4 ", "T4"),
        ("TESLA_T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100-SXM2-16GB"),
        ("Tesla V100-PCIE-32GB", "V100-PCIe-32GB"),
        ("AMD Instinct MI210", "MI210"),
        ("NVIDIA GeForce RTX 3090", "RTX3090"),
        ("geforce rtx 4080 super", "RTX4080-Super"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "RTX4000-SFF-Ada"),
        ("Quadro RTX 6000", "RTX6000-Turing"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla P4", "P4"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX6000-Ada"),
        ("NVIDIA GeForce RTX 4080", "RTX4080"),
        ("NVIDIA GeForce RTX 3080", "RTX3080"),
        ("NVIDIA GeForce RTX 3080 Ti", "RTX3080-Ti"),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "RTX3080-Laptop"),
        ("NVIDIA GeForce RTX 2060 with Max-Q Design", "RTX2060-Max-Q"),
        ("GeForce GTX 1080 Ti", "GTX1080-Ti"),
        ("NVIDIA TITAN X (Pascal)", "Titan-X-Pascal"),
        ("GeForce GTX TITAN X", "Titan-X-Maxwell"),
        ("AMD Instinct MI250X", "MI250X-GCD"),
        ("AMD Instinct MI300X", "MI300X"),
        ("AMD Radeon RX 7900 XTX", "RX7900-XTX"),
        ("Tesla V100-SXM2-32GB", "V100-SXM2-32GB"),
        ("Tesla V100-DGXS-32GB", "V100-DGXS-32GB"),
        ("NVIDIA A100-PG509-200", "A100-SXM4-40GB"),
        ("NVIDIA PG509-210", "A100-SXM4-80GB"),
        ("NVIDIA A800-SXM4-80GB", "A800-SXM4-80GB"),
        ("NVIDIA H800", "H800-SXM5"),
        ("NVIDIA GH200 480GB", "GH200"),
        ("NVIDIA H200", "H200-SXM"),
        ("Quadro RTX 5000", "RTX5000-Turing"),
        ("NVIDIA RTX 5000 Ada Generation", "RTX5000-Ada"),
        (
            "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
            "RTX-PRO-6000-Workstation",
        ),
        ("Tesla P40", "P40"),
        ("NVIDIA L40", "L40"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        # not in the catalogue, though names in it begin alike, or it is not said which
        ("NVIDIA GeForce RTX 6090", None),
        ("NVIDIA GeForce RTX 3090 Laptop GPU", None),
        ("NVIDIA GeForce RTX 4060 Ti", None),
        ("AMD Instinct MI250X / MI250", None),
        ("NVIDIA A100-SXM-64GB", None),
        ("NVIDIA GH200 144G HBM3e", None),
        ("NVIDIA T4G", None),
        ("NVIDIA T4 32GB", None),
        ("AMD T4", None),
        ("gfx942", None),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),
        ("GRID V100D-16Q", None),
        ("AMD Radeon Graphics", None),
        ("TPU v4", None),
        ("Apple M2", None),
        ("NVIDIA Graphics Device", None),
        ("NVIDIA", None),
        ("Tesla", None),
        ("", None),
        ("  ", None),
        # short
        ("A100", None),
        ("H100", None),
        ("V100", None),
    ],
)
def test_the_name_that_a_driver_prints(name: str, meant: str | None) -> None:
    gpu = CATALOGUE.gpu_of_device(name)
    assert (None if gpu is None else gpu.name) == meant
    if gpu is not None:
        assert CATALOGUE.gpus_of_device(name) == (gpu,)
        assert CATALOGUE.gpus_of_device(f" {name.upper()} ") == (gpu,)


@pytest.mark.parametrize(("short", "variants"), [("A100", A100), ("H100", H100)])
def test_a_short_name_lists_its_variants(short: str, variants: list[str]) -> None:
    assert sorted(g.name for g in CATALOGUE.gpus_of_device(short)) == variants
    for look in (CATALOGUE.gpu, CATALOGUE.instance):
        for typed in (short, short.lower(), f"NVIDIA {short}"):
            with pytest.raises(UnknownNameError) as e:
                look(typed)
            assert all(v in present(e.value.hint) for v in variants)


def test_a_short_name_is_settled_by_what_the_corpus_holds() -> None:
    assert CATALOGUE.instance("A100", ["A100-SXM4-80GB", "T4"]).name == "A100-SXM4-80GB"
    assert CATALOGUE.instance("V100", ["T4", "V100-PCIe-32GB"]).name == "V100-PCIe-32GB"
    for among in ([], ["T4"], ["A100-SXM4-80GB", "A100-SXM4-40GB"]):
        with pytest.raises(UnknownNameError, match="say which of"):
            CATALOGUE.instance("A100", among)
    # a full name is never another one
    assert CATALOGUE.instance("T4", ["g4dn.xlarge"]).name == "T4"
    instance = CATALOGUE.instance("H100", ["H100-PCIe"])
    assert taken_as("H100", instance) == "H100 was taken as H100-PCIe"
    assert taken_as("NVIDIA H100 PCIe", instance) is None


def test_which_instances_hold_a_gpu(own: Path) -> None:
    assert [i.name for i in CATALOGUE.instances_with("T4")] == [
        i.name for i in CATALOGUE.instances.values() if i.gpu and i.gpu.name == "T4"
    ]
    assert len(CATALOGUE.instances_with("Tesla T4")) > 1
    assert CATALOGUE.instances_with(CATALOGUE.gpu("MI210")) == ()
    with_own_folder = catalogue([own])
    assert [i.name for i in with_own_folder.instances_with("RTX 6090")] == [
        "box.4090",
        "lab.4090",
    ]
    with pytest.raises(UnknownNameError, match="A100-PCIe-40GB"):
        CATALOGUE.instances_with("A100")
    with pytest.raises(UnknownNameError):
        CATALOGUE.instances_with("nowhere")
    with pytest.raises(CatalogError, match="has no GPU"):
        CATALOGUE.instances_with("c5.4xlarge")


def on(device: str | None = None, **more: Any) -> Profile:
    return Profile(
        ops={"Device_aten::mm": 100.0}, source="x.json", device=device, **more
    )


def test_the_anchor_of_a_file_that_says_it(own: Path) -> None:
    instance, note = anchor_of(on("Tesla V100-SXM2-16GB"), CATALOGUE)
    assert instance.name == "p3.2xlarge"
    assert "the one instance with the V100-SXM2-16GB that the file names" in note
    instance, note = anchor_of(on(instance="g4dn"), CATALOGUE)
    assert (instance.name, "the file says" in note) == ("g4dn.xlarge", True)
    # the machine that the file names is preferred to its GPU
    assert (
        anchor_of(on("Tesla T4", instance="g4dn.4xlarge"), CATALOGUE)[0].name
        == "g4dn.4xlarge"
    )


@pytest.mark.parametrize(
    ("profile", "says", "hints"),
    [
        (on(), "does not say which GPU", ["--anchor NAME"]),
        (
            on("NVIDIA GeForce RTX 6090"),
            "which the catalogue does not know",
            ["--anchor NAME"],
        ),
        (
            on("NVIDIA A100-SXM-64GB"),
            "nearest to it: A100-SXM4-40GB (p4d.24xlarge",
            ["--anchor NAME"],
        ),
        (on("AMD Radeon Graphics"), "which names no GPU", ["--anchor NAME"]),
        (on("NVIDIA A100"), "which may be A100-PCIe-40GB", ["--anchor NAME"]),
        (
            on("Tesla T4"),
            "several instances have one: g4dn.16xlarge, g4dn.4xlarge, g4dn.xlarge",
            ["--anchor g4dn.16xlarge", "--anchor g4dn.4xlarge", "--anchor g4dn.xlarge"],
        ),
        (on("AMD Instinct MI210"), "no instance has one", ["--anchor MI210"]),
        (on(instance="p3.2xlrge"), "which the catalogue does not know", ["p3.2xlarge"]),
    ],
)
def test_the_anchor_of_a_file_that_does_not_say_it(
    profile: Profile, says: str, hints: list[str]
) -> None:
    with pytest.raises(ProfileError) as e:
        anchor_of(profile, CATALOGUE)
    assert says in e.value.what
    assert all(h in present(e.value.hint) for h in hints)


def test_translate_takes_the_anchor_that_fits(tmp_path: Path) -> None:
    trace = kernels("Tesla V100-SXM2-16GB", tmp_path / "a.json")
    out, err = run("translate", trace, "--target", "T4", *KEY, "--json")
    (answer,) = json.loads(out)
    assert (answer["anchor"], answer["target"]) == ("p3.2xlarge", "T4")
    assert "p3.2xlarge was taken" in err + json.dumps(answer)
    named, _ = run(
        "translate", trace, "--anchor", "p3.2xlarge", "--target", "T4", *KEY, "--json"
    )
    assert json.loads(named)[0]["step_time_s"] == answer["step_time_s"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("translate", *KEY),
        ("translate", *KEY, "--scale", "batch-size=128"),
        ("predict-freq", *KEY),
        ("clocks curve",),
    ],
)
@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("Tesla T4", "several instances have one"),
        ("GeForce GTX 6080 Ti", "which the catalogue does not know"),
        ("NVIDIA A100", "which may be"),
        (None, "does not say which GPU it ran on"),
    ],
)
def test_every_command_asks_for_the_anchor_it_cannot_find(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    command: tuple[str, ...],
    device: str | None,
    says: str,
) -> None:
    if command[0] in ("predict-freq", "clocks curve"):
        request.getfixturevalue("clocked")  # they need a clock model to come so far
    trace = kernels(device, tmp_path / "a.json")
    name, *more = command
    _, err = run(*name.split(), trace, "--target", "p3.2xlarge", *more, code=1)
    assert says in err
    assert "--anchor" in err


def test_scale_takes_the_anchor_that_fits(tmp_path: Path) -> None:
    trace = kernels("Tesla V100-SXM2-16GB", tmp_path / "a.json")
    args = (
        "translate",
        trace,
        "--target",
        "T4",
        *KEY,
        "--scale",
        "batch-size=128",
        "--json",
    )

    def said(*more: str) -> str:
        try:
            return run(*args, *more)[0]
        except AssertionError as e:
            return str(e)

    # whatever it answers, it is the answer to the named anchor
    left_out, named = said(), said("--anchor", "p3.2xlarge")
    assert "no anchor was named" not in left_out
    strip = re.compile(r'"notes?": \[[^\]]*\],?')
    assert strip.sub("", left_out) == strip.sub("", named)


def test_files_of_two_machines_need_a_name(tmp_path: Path) -> None:
    one = kernels("Tesla V100-SXM2-16GB", tmp_path / "a.json")
    two = kernels("NVIDIA L4", tmp_path / "b.json")
    several = KEY[:4]
    _, err = run("translate", one, two, "--target", "T4", *several, code=1)
    assert "several instances: p3.2xlarge, g6.xlarge" in err
    # a file that does not say it is a separate error, beside the answer to the other
    three = kernels(None, tmp_path / "c.json")
    out, _ = run("translate", one, three, "--target", "T4", *several, "--json", code=1)
    good, bad = json.loads(out)
    assert good["anchor"] == "p3.2xlarge"
    assert "does not say which GPU" in bad["error"]


def test_an_own_machine_is_the_anchor_of_its_files(tmp_path: Path, own: Path) -> None:
    trace = kernels("NVIDIA GeForce RTX 6090", tmp_path / "a.json")
    _, err = run(
        "translate", trace, "--target", "T4", *KEY, "--anchors-dir", own, code=1
    )
    assert "--anchor box.4090 or --anchor lab.4090" in err
    (own / "lab.4090/instance.toml").unlink()
    out, _ = run(
        "translate", trace, "--target", "T4", *KEY, "--anchors-dir", own, "--json"
    )
    assert json.loads(out)[0]["anchor"] == "box.4090"


def test_a_user_machine_with_the_same_gpu_counts_as_the_anchor(
    own: Path, simulated: Corpus
) -> None:
    runs = simulated.runs_on("g3s.xlarge")
    sides = {
        n: runs.with_columns(pl.lit(n).alias("instance"))
        for n in ("box.4090", "lab.4090", "T4")
    }
    given = SimpleNamespace(
        pair=SimpleNamespace(anchor=catalogue([own]).instance("box.4090")),
        corpus=SimpleNamespace(instances=tuple(sides), runs_on=sides.get),
        session=Session((own,)),
    )
    recorded = _recorded(cast(Assembly, given), sides["box.4090"])
    assert list(recorded) == ["box.4090", "T4"]


# --- a file to fill in


def filled(text: str, name: str = "RTX6090") -> str:
    for key, value in {**FACTS, "set_clock": '"locked"'}.items():
        text = re.sub(
            rf'^{key} = {{ value = "\?", standing = "\?", source = "\?" }}',
            f'{key} = {{ value = {value}, standing = "V", source = "data sheet" }}',
            text,
            flags=re.MULTILINE,
        )
    for old, new in (
        ('architecture = "?"', 'architecture = "Ada"'),
        ('aliases = ["?"]', f'aliases = ["NVIDIA GeForce {name}"]'),
        ('usd_per_h = "?"', "usd_per_h = 0.7"),
        ('region = "?"', 'region = "home"'),
        ('date = "?"', 'date = "2026-09-24"'),
    ):
        text = text.replace(old, new)
    head, price, tail = text.partition("[[instance.prices]]")
    tail = tail.replace('standing = "?"', 'standing = "U"').replace(
        'source = "?"', 'source = "own"'
    )
    return head + price + tail


def test_a_template_filled_in_answers(tmp_path: Path) -> None:
    out, err = run("anchors", "new", "RTX6090", "--out", tmp_path / "mine")
    path = tmp_path / "mine/RTX6090.toml"
    assert out.strip() == str(path)
    assert f"xlate anchors check --anchors-dir {path}" in err
    text = path.read_text()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert tomllib.loads(text)
    for key in (*ZERO_SHOT_FACTS, "memory_gib", "set_clock", "usd_per_h", "gpu_count"):
        assert key in text
    _, err = run("anchors", "check", "--anchors-dir", path, code=1)
    assert 'gpu.architecture is still "?": write what it is' in err

    path.write_text(filled(text))
    out, _ = run("anchors", "check", "--anchors-dir", path)
    assert "\\n" not in out
    assert "xlate fit needs runs measured on both machines" in out
    ready = dict(re.findall(r"RTX6090\s+(\S.*?)\s{2,}(ready|lacks)", out))
    assert ready == {
        "zero-shot": "ready", "memory fit": "ready", "origin check": "ready", "money": "ready",
        "clocks": "lacks",
    }  # fmt: skip
    trace = kernels("Tesla V100-SXM2-16GB", tmp_path / "a.json")
    args = ("translate", trace, "--target", "RTX6090", *KEY, "--anchors-dir", path)
    (answer,) = json.loads(run(*args, "--json")[0])
    assert answer["translator"] == "zero-shot"
    step = answer["step_time_s"]["value"]
    assert answer["usd_per_1000_steps"]["value"] == pytest.approx(step * 0.7 / 3.6)
    assert answer["memory"]["have_bytes"] == 24 << 30
    out, _ = run(*args)
    assert "$" in out
    assert "RTX6090 has 24.0 GiB" in out


def test_a_template_not_filled_in_names_everything_that_is_missing(
    tmp_path: Path,
) -> None:
    run("anchors", "new", "RTX6090", "--out", tmp_path)
    path = tmp_path / "RTX6090.toml"
    path.write_text(
        path.read_text().replace('architecture = "?"', 'architecture = "Ada"')
    )
    trace = kernels("Tesla V100-SXM2-16GB", tmp_path / "a.json")
    _, err = run(
        "translate", trace, "--target", "RTX6090", *KEY, "--anchors-dir", path, code=1
    )
    assert all(key in err for key in ZERO_SHOT_FACTS)
    assert "xlate anchors new" in err
    document = json.loads(run("anchors", "check", "--anchors-dir", path, "--json")[0])
    added = [x for x in document["lacking"] if x["added"]]
    assert {x["kind"] for x in added} == {"gpu", "instance"}
    for one in added:
        assert all(one["features"].values())  # each says what it lacks


@pytest.mark.parametrize(
    ("args", "holds"),
    [
        (("lab.v100", "--gpu", "V100-SXM2-16GB"), {"instance"}),
        (("lab.v100", "--gpu", "p3.2xlarge"), {"instance"}),
        (("RTX6090", "--gpu-only"), {"gpu"}),
        (("RTX6090",), {"gpu", "instance"}),
    ],
)
def test_what_a_new_file_describes(
    tmp_path: Path, args: tuple[str, ...], holds: set[str]
) -> None:
    document = json.loads(run("anchors", "new", *args, "--out", tmp_path, "--json")[0])
    table = tomllib.loads((tmp_path / f"{args[0]}.toml").read_text())
    assert set(table) == holds
    assert document["file"] == str(tmp_path / f"{args[0]}.toml")
    assert (document["instance"] is None) == ("instance" not in holds)
    if "gpu" not in holds:
        assert table["instance"]["gpu"] == document["gpu"] == "V100-SXM2-16GB"
        run("anchors", "check", "--anchors-dir", tmp_path)


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    existing = tmp_path / "RTX6090.toml"
    existing.write_text("mine")
    target = tmp_path / "elsewhere"
    (tmp_path / "link.toml").symlink_to(target)
    (tmp_path / "folder.toml").mkdir()
    for out, says in (
        (tmp_path, "is there already"),
        (existing, "is there already"),
        (tmp_path / "link.toml", "is there already"),
        (existing / "deeper", "cannot write"),
        ("/dev/full", "cannot write"),
        ("/proc/nowhere", "cannot write"),
    ):
        _, err = run("anchors", "new", "RTX6090", "--out", out, code=1)
        assert says in err, out
    assert existing.read_text() == "mine"
    assert not target.exists()
    # a folder may end in .toml; the file is written into it
    out, _ = run("anchors", "new", "RTX6090", "--out", tmp_path / "folder.toml")
    assert out.strip() == str(tmp_path / "folder.toml/RTX6090.toml")


def test_half_a_template_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def full(self: Path, *args: Any, **kwargs: Any) -> _Full:
        return _Full(real(self, *args, **kwargs))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match="No space left"):
        template.write_new(tmp_path, "X", "text")
    assert list(tmp_path.iterdir()) == []


class _Full:
    def __init__(self, file: IO[Any]) -> None:
        self.file = file

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, _: str) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "../up",
        "/abs",
        ".",
        "..",
        "-x",
        "a\nb",
        "a\x1b[31m",
        "x" * 65,
        '"',
        "a\\b",
        "T4",
        "t4",
        "Tesla T4",
        "p3",
        "p3.2xlarge",
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    args = ["anchors", "new", "--out", tmp_path, "--", name]
    _, err = run(*args, code=1)
    assert "\x1b" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_empty_is_refused(tmp_path: Path) -> None:
    for name in ("", " "):
        _, err = run("anchors", "new", name, "--out", tmp_path, code=2)
        assert "it is empty" in err


@pytest.mark.parametrize("name", ["nowhere", "A100", "c5.4xlarge"])
def test_a_name_that_is_no_gpu_is_refused(tmp_path: Path, name: str) -> None:
    run("anchors", "new", "lab", "--gpu", name, "--out", tmp_path, code=1)
    run("anchors", "new", "lab", "--gpu", "T4", "--gpu-only", "--out", tmp_path, code=2)
    assert list(tmp_path.iterdir()) == []


def test_the_examples_of_new_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in EXAMPLES["anchors new"]:
        run(*line.split()[1:])
    assert sorted(p.name for p in (tmp_path / "my-anchors").iterdir()) == [
        "RTX6090.toml",
        "lab.v100.toml",
    ]


def test_a_shell_completes_own_machines(own: Path, tmp_path: Path) -> None:
    ctx = cast(typer.Context, SimpleNamespace(params={"anchors_dir": [own]}))
    assert completion.instances(ctx, "box") == ["box.4090"]
    assert completion.gpus(ctx, "rtx609") == ["RTX6090"]
    # a shell cannot show what is wrong with a folder
    for folder in (tmp_path / "nowhere", own / "box.4090"):
        ctx = cast(typer.Context, SimpleNamespace(params={"anchors_dir": [folder]}))
        assert completion.instances(ctx, "p3.2") == ["p3.2xlarge"]
