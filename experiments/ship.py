"""Fit what ships with xlate: every pair of a corpus, and the zero-shot answer.

``python -m experiments.ship`` writes ``anchors/<anchor>/to-<target>/`` and
``anchors/zero-shot.json``. The same libraries on the same corpora give the same
bytes, on every machine that computes the same last digits
(:mod:`experiments.arithmetic`); ``results/shipped.json`` says which those are.

``python -m experiments.ship --check ANCHOR TARGET`` fits one pair again and
compares it, file by file, with what ships.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from experiments.arithmetic import fingerprint, pinned, run_pinned
from xlate import engine
from xlate.data import corpus
from xlate.engine import zero_shot as unseen
from xlate.hardware.catalogue import catalogue
from xlate.models.zero_shot.left_out import leave_gpus_out
from xlate.models.zero_shot.translator import ZeroShot
from xlate.settings import paths
from xlate.store import bundle as bundles

CORPUS = "profet"
ZERO_SHOT_CORPORA = ("neusight", "profet")
#: bytes that all bundles together may have
MOST_BYTES = 12_000_000
#: digest of the arithmetic of the machine on which the files were made
SHIPPED = Path(__file__).resolve().parent / "results" / "shipped.json"
#: exit statuses of ``--check`` beside 0, the same bytes
DIFFERS, CANNOT_COMPARE = 1, 3


def zero_shot() -> str:
    """Text of the file for translation to GPUs without a measured run."""
    machines = catalogue()
    corpora = [corpus.load(n) for n in ZERO_SHOT_CORPORA]
    left_out = leave_gpus_out(corpora, machines)
    fitted = ZeroShot.fit(corpora, machines).calibrated(left_out, machines)
    return json.dumps(fitted.to_dict(), indent=1) + "\n"


def check(anchor: str, target: str) -> int:
    """Fit one pair again; 0 if the files have the bytes of those that ship."""
    if json.loads(SHIPPED.read_text())["arithmetic"] != fingerprint():
        print(
            "this machine computes other last digits than the one that made the files"
        )
        return CANNOT_COMPARE
    shipped = bundles.shipped_folder(anchor, target)
    if bundles.read_manifest(shipped).versions != bundles.versions():
        print("the files were made with other versions of the libraries")
        return CANNOT_COMPARE
    done = engine.fit(anchor, target, corpus.load(CORPUS), translators=(), save=False)
    with tempfile.TemporaryDirectory() as folder:
        again = bundles.save(
            done.bundle.manifest, done.bundle.model, Path(folder) / "again"
        )
        other = [
            f.name
            for f in sorted(shipped.iterdir())
            if (again / f.name).read_bytes() != f.read_bytes()
        ]
    print(f"other bytes: {', '.join(other)}" if other else "the same bytes")
    return DIFFERS if other else 0


def write_all() -> None:
    """Fit and write every pair, and say how large they are together."""
    path = paths.shipped("anchors") / unseen.FILE
    path.write_text(zero_shot(), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
    data = corpus.load(CORPUS)
    total = 0
    for anchor in data.instances:
        for target in data.instances:
            if anchor == target:
                continue
            done = engine.fit(anchor, target, data, translators=(), save=False)
            folder = bundles.shipped_folder(anchor, target)
            bundles.save(done.bundle.manifest, done.bundle.model, folder)
            size = sum(f.stat().st_size for f in folder.iterdir())
            total += size
            error = done.bundle.manifest.error("step_mape")
            print(f"{anchor} → {target}: {size / 1e6:.2f} MB, step MAPE {error:.1f} %")
    print(f"together {total / 1e6:.2f} MB")
    if total > MOST_BYTES:
        raise SystemExit(
            f"more than {MOST_BYTES / 1e6:g} MB: fewer trees, or larger leaves"
        )
    SHIPPED.write_text(json.dumps({"arithmetic": fingerprint()}, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Write all, or check one, with the arithmetic pinned."""
    parser = argparse.ArgumentParser(prog="experiments.ship", description=__doc__)
    parser.add_argument("--check", nargs=2, metavar=("ANCHOR", "TARGET"))
    asked = parser.parse_args(arguments)
    if not pinned():
        run_pinned("experiments.ship", ["--check", *asked.check] if asked.check else [])
    if asked.check:
        return check(*asked.check)
    write_all()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
