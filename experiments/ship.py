"""Fit what ships with xlate: every pair of a corpus, and the zero-shot answer.

``python -m experiments.ship`` writes ``anchors/<anchor>/to-<target>/`` and
``anchors/zero-shot.json``. The same libraries on the same corpora give the same
bytes.
"""

from __future__ import annotations

import json

from xlate import corpus, engine, paths
from xlate.catalog import catalogue
from xlate.engine import unseen
from xlate.store import bundle as bundles
from xlate.zeroshot import ZeroShot, leave_gpus_out

CORPUS = "profet"
ZERO_SHOT_CORPORA = ("neusight", "profet")
#: bytes that all bundles together may have
MOST_BYTES = 12_000_000


def zero_shot() -> str:
    """Text of the file with which GPUs are translated to that no run was made on."""
    known = catalogue()
    corpora = [corpus.load(n) for n in ZERO_SHOT_CORPORA]
    left_out = leave_gpus_out(corpora, known)
    fitted = ZeroShot.fit(corpora, known).calibrated(left_out, known)
    return json.dumps(fitted.to_dict(), indent=1) + "\n"


def main() -> None:
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


if __name__ == "__main__":
    main()
