"""A bundle in the data home: edited, of another pair, cut, a link, of another kind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused, same_step
from tests.soak.lab import ROOT, Lab
from tests.soak.made import ANCHOR, TARGET, base_answer, flipped, given_all, stats_csv

_PAIR = "the manifest's pair, kind and version must match what was asked"
_DAMAGED = "no traceback, no hang over 10 s, no silent wrong"


def placed(lab: Lab, anchor: str = ANCHOR, target: str = TARGET) -> Path:
    """A shipped bundle copied to where the user's own of the asked pair would lie."""
    there = lab.own_home() / "models" / ANCHOR / f"to-{TARGET}"
    shutil.copytree(ROOT / "anchors" / anchor / f"to-{target}", there)
    return there


def ask(lab: Lab) -> Any:
    return lab.xlate("translate", lab.write("a.csv", stats_csv()), *given_all())


def _refused_or_said(lab: Lab, says: str | None = None) -> Iterator[str]:
    """Refused by name; or passed over for what ships, and that is said."""
    run = ask(lab)
    if run.exit == 0:
        said = (
            run.err + json.dumps(answers(run)[0]["verdict"])
            if answers(run)
            else run.err
        )
        if "bundle" not in said and "manifest" not in said:
            yield f"a bad bundle is used, or ignored without a message: verdict {answers(run)[0]['verdict']['level'] if answers(run) else None}"
    else:
        yield from refused(run, says, (1,))
    for command in (("models", "list"), ("models", "show", f"{ANCHOR}/to-{TARGET}")):
        lab.xlate(*command)


def _own(lab: Lab) -> Iterator[str]:
    placed(lab)
    run = ask(lab)
    yield from accepted(run)
    yield from same_step(run, base_answer(lab))


def _of(anchor: str, target: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        placed(lab, anchor, target)
        yield from refused(ask(lab), None, (1,))

    return judge


def _edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        there = placed(lab)
        manifest = json.loads((there / "manifest.json").read_text())
        (there / "manifest.json").write_text(json.dumps(change(manifest)))
        yield from _refused_or_said(lab)

    return judge


def _operations_fewer(lab: Lab) -> Iterator[str]:
    """A manifest that forgets operations makes the profile's own ones unknown."""
    there = placed(lab)
    manifest = json.loads((there / "manifest.json").read_text())
    manifest["operations"] = manifest["operations"][:3]
    (there / "manifest.json").write_text(json.dumps(manifest))
    yield from doubted(ask(lab), "operations")


def _quiet_edit(key: str, value: Any) -> Callable[[Lab], Iterator[str]]:
    """A field of the wrong type: any answer or refusal, but no traceback."""

    def judge(lab: Lab) -> Iterator[str]:
        there = placed(lab)
        manifest = json.loads((there / "manifest.json").read_text())
        manifest[key] = value
        (there / "manifest.json").write_text(json.dumps(manifest))
        ask(lab)
        lab.xlate("models", "list")
        lab.xlate("models", "show", f"{ANCHOR}/to-{TARGET}")
        yield from ()

    return judge


def _file(name: str, change: Callable[[Path], Any]) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        change(placed(lab) / name)
        yield from _refused_or_said(lab)

    return judge


def _resealed(seed: int) -> Callable[[Lab], Iterator[str]]:
    """A changed model whose checksum in the manifest was made to fit."""

    def judge(lab: Lab) -> Iterator[str]:
        there = placed(lab)
        raw = flipped((there / "model.zip").read_bytes(), seed, 30)
        (there / "model.zip").write_bytes(raw)
        manifest = json.loads((there / "manifest.json").read_text())
        manifest["files"] = {"model.zip": hashlib.sha256(raw).hexdigest()}
        (there / "manifest.json").write_text(json.dumps(manifest))
        ask(lab)
        yield from ()

    return judge


def _replaced(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


def _without(m: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in m.items() if k != key}


def _cut(path: Path, share: float) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])


def _flip(path: Path, seed: int) -> None:
    path.write_bytes(flipped(path.read_bytes(), seed))


def cases() -> Cases:
    """About 100."""
    collected = Cases("bundles")
    collected.add("own", "your fit takes precedence over the one that ships", _own)
    for anchor, target in (
        ("g3s.xlarge", "p3.2xlarge"),
        ("p2.xlarge", "g4dn.xlarge"),
        ("p3.2xlarge", "p2.xlarge"),
        ("g4dn.xlarge", "p3.2xlarge"),
    ):
        collected.add(
            f"of-{anchor}-to-{target}",
            "a bundle of another pair copied into the pair's folder is used",
            _of(anchor, target),
        )
    for name, change in {
        "anchor-other": lambda m: {**m, "anchor": "g4dn.xlarge"},
        "target-other": lambda m: {**m, "target": "g4dn.xlarge"},
        "pair-swapped": lambda m: {**m, "anchor": m["target"], "target": m["anchor"]},
        "format-99": lambda m: {**m, "format": 99},
        "format-0": lambda m: {**m, "format": 0},
        "format-text": lambda m: {**m, "format": "2"},
        "translator-unknown": lambda m: {**m, "translator": "oracle"},
        "translator-other": lambda m: {**m, "translator": "ratio"},
        "columns-other": lambda m: {**m, "columns": "families"},
        "operations-none": lambda m: {**m, "operations": []},
        "operations-renamed": lambda m: {
            **m,
            "operations": ["Device_X" + o for o in m["operations"]],
        },
        "files-none": lambda m: {**m, "files": {}},
        "files-zero": lambda m: {**m, "files": {"model.zip": "0" * 64}},
        "files-outside": lambda m: {**m, "files": {"../../../../etc/passwd": "0" * 64}},
        "list": lambda m: [m],
        "null": lambda _: None,
        "empty": lambda _: {},
        "number": lambda _: 3,
    }.items():
        collected.add(f"manifest-{name}", _PAIR, _edited(change))
    collected.add("manifest-operations-fewer", _PAIR, _operations_fewer)
    for key in (
        "format",
        "anchor",
        "target",
        "translator",
        "files",
        "operations",
        "groups",
    ):
        collected.add(
            f"manifest-without-{key}",
            _PAIR,
            _edited(partial(_without, key=key)),
        )
    for key in (
        "versions",
        "corpus",
        "simulated",
        "models",
        "n_pairs",
        "card",
        "busy_range_us",
        "groups",
        "licence",
        "seed",
        "policy",
        "split",
        "corpus_sha256",
    ):
        for i, value in enumerate((None, 5, "x", [1], {"a": 1})):
            if i % 2 == len(key) % 2:
                collected.add(
                    f"manifest-type-{key}-{i}", _DAMAGED, _quiet_edit(key, value)
                )
    for share in (0, 0.3, 0.99):
        collected.add(
            f"model-cut-{share:g}",
            _DAMAGED,
            _file(
                "model.zip",
                partial(_cut, share=share),
            ),
        )
        collected.add(
            f"manifest-cut-{share:g}",
            _DAMAGED,
            _file(
                "manifest.json",
                partial(_cut, share=share),
            ),
        )
    for file in ("model.zip", "manifest.json"):
        short = file.partition(".")[0]
        collected.add(
            f"{short}-link-to-zero",
            "a model file that is a link to /dev/zero is read without end",
            _file(file, _replaced(lambda p: p.symlink_to("/dev/zero"))),
        )
        collected.add(
            f"{short}-fifo", "a FIFO waits for ever", _file(file, _replaced(os.mkfifo))
        )
        collected.add(
            f"{short}-folder", _DAMAGED, _file(file, _replaced(lambda p: p.mkdir()))
        )
        collected.add(f"{short}-missing", _DAMAGED, _file(file, lambda p: p.unlink()))
        collected.add(
            f"{short}-loop", _DAMAGED, _file(file, _replaced(lambda p: p.symlink_to(p)))
        )
        collected.add(
            f"{short}-text", _DAMAGED, _file(file, lambda p: p.write_text("hello"))
        )
        collected.add(
            f"{short}-pickle",
            _DAMAGED,
            _file(file, lambda p: p.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")),
        )
    for seed in range(6):
        collected.add(
            f"model-flip-{seed}",
            _DAMAGED,
            _file(
                "model.zip",
                partial(_flip, seed=seed),
            ),
        )
        collected.add(f"model-resealed-{seed}", _DAMAGED, _resealed(seed))
    return collected
