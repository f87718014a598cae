"""Fit the bundles that ship with xlate: every pair of a measured corpus.

``python -m experiments.ship`` writes ``anchors/<anchor>/to-<target>/``. The same
libraries on the same corpus give the same bytes.
"""

from __future__ import annotations

from xlate import corpus, engine
from xlate.store import bundle as bundles

CORPUS = "profet"
#: bytes that all bundles together may have
MOST_BYTES = 12_000_000


def main() -> None:
    """Fit and write every pair, and say how large they are together."""
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
