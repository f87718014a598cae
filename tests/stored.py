"""What tests of the store share: a bundle's files, opened and sealed again."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.support.narrowing import as_type
from xlate.store.archive import open_archive, written
from xlate.store.bundle_store import MODEL
from xlate.store.codec import Encoded, decode, encode


def again_of(model: Any) -> Any:
    """Some models, written and read."""
    encoded = encode(model)
    return decode(encoded.tree, encoded.arrays, encoded.estimators, "x")


def read_back(archive: bytes, tmp_path: Path) -> Encoded:
    """What an archive of models holds, through every check."""
    path = tmp_path / MODEL
    path.write_bytes(archive)
    return as_type(
        Encoded, open_archive(path, hashlib.sha256(archive).hexdigest(), "fit")
    )


def unpacked(archive: bytes) -> list[bytes]:
    """Every file in a zip, and in the zips inside it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        inner = [file.read(n) for n in file.namelist()]
    return inner + [t for f in inner if f.startswith(b"PK") for t in unpacked(f)]


def names_no_module(folder: Path) -> bool:
    """Whether no file of a bundle names a module of this program, packed or not."""
    texts = []
    for path in folder.iterdir():
        raw = path.read_bytes()
        texts += [raw, *(unpacked(raw) if raw.startswith(b"PK") else [])]
    return not any(b"xlate." in t for t in texts)


def reseal(folder: Path) -> None:
    """Make the manifest agree with a changed model, as an attacker would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    manifest["files"] = {MODEL: digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def rewritten(folder: Path, encoded: Encoded) -> None:
    """Put other models into a bundle."""
    (folder / MODEL).write_bytes(written(encoded))
    reseal(folder)
