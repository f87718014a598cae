"""The shipped catalogue, checked, in a form that is read fast.

Parsing and checking some 200 TOML files takes longer than answering. They are compiled
into one JSON file, ``anchors/catalogue.json``, by ``python -m xlate.hardware.compiled``.
It holds a checksum of these files: where any of them has changed, it is not used and the
files themselves are read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from xlate.files import read_bytes
from xlate.hardware.tables import MOST_BYTES
from xlate.hardware.values import ClockList, Fact, Gpu, Instance, Price

__all__ = ["FILE", "compiled_text", "digest_of", "read_compiled"]

FILE = "catalogue.json"
_FORMAT = 1
_MOST_BYTES = 1 << 24


def digest_of(folder: Path) -> str:
    """Checksum of the names and bytes of all catalogue files of a folder.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    checksum = hashlib.sha256(f"{_FORMAT}\n".encode())
    root = str(folder)
    for path in _toml_files(root):
        # a file is small: one system call reads it
        handle = os.open(path, os.O_RDONLY)
        try:
            text = os.read(handle, MOST_BYTES + 1)
        finally:
            os.close(handle)
        checksum.update(f"{path[len(root) :]}\n{len(text)}\n".encode())
        checksum.update(text)
    return checksum.hexdigest()


def _toml_files(root: str) -> list[str]:
    """Paths of the files of :func:`xlate.hardware.tables.files_of`, and maybe others."""
    paths: list[str] = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith(".toml"):
                paths.append(entry.path)
            elif entry.name == "gpus":
                with os.scandir(entry.path) as gpus:
                    paths += [e.path for e in gpus if e.name.endswith(".toml")]
            elif entry.is_dir():
                instance = Path(entry.path, "instance.toml")
                if instance.exists():
                    paths.append(str(instance))
    return sorted(paths)


def compiled_text(
    folder: Path, gpus: Iterable[Gpu], instances: Iterable[Instance]
) -> str:
    """The compiled form of a folder's GPUs and instances.

    Parameters
    ----------
    folder : Path
        Folder that they were read from, without a fault.
    gpus : iterable of Gpu
    instances : iterable of Instance
    """
    sources: dict[str, int] = {}

    def facts(of: Mapping[str, Fact]) -> dict[str, list[Any]]:
        return {
            k: [f.value, f.standing, sources.setdefault(f.source, len(sources))]
            for k, f in of.items()
        }

    rows = [
        [
            g.name, g.architecture, list(g.aliases), facts(g.facts),
            [list(astuple(c)) for c in g.clocks], g.note, g.chip,
        ]
        for g in gpus
    ]  # fmt: skip
    machines = [
        [
            i.name, i.provider, list(i.aliases), None if i.gpu is None else i.gpu.name,
            i.gpu_count, [list(astuple(p)) for p in i.prices], facts(i.facts), i.note,
        ]
        for i in instances
    ]  # fmt: skip
    document = {
        "digest": digest_of(folder), "sources": list(sources), "gpus": rows,
        "instances": machines,
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_compiled(folder: Path) -> tuple[list[Gpu], list[Instance]] | None:
    """GPUs and instances of a folder; None where its files were changed since compiling.

    Parameters
    ----------
    folder : Path
    """
    try:
        document = json.loads(read_bytes(folder / FILE, _MOST_BYTES))
        if document["digest"] != digest_of(folder):
            return None
        return _values(document)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _values(document: Mapping[str, Any]) -> tuple[list[Gpu], list[Instance]]:
    sources = document["sources"]

    def facts(of: Mapping[str, Any]) -> dict[str, Fact]:
        return {k: Fact(v, standing, sources[s]) for k, (v, standing, s) in of.items()}

    gpus = {
        name: Gpu(
            name=name,
            architecture=architecture,
            aliases=tuple(aliases),
            facts=facts(of),
            clocks=tuple(ClockList(c[0], tuple(c[1]), *c[2:]) for c in clocks),
            note=note,
            chip=chip,
        )
        for name, architecture, aliases, of, clocks, note, chip in document["gpus"]
    }
    instances = [
        Instance(
            name=name,
            provider=provider,
            aliases=tuple(aliases),
            gpu=None if gpu is None else gpus[gpu],
            gpu_count=count,
            prices=tuple(Price(*p) for p in prices),
            facts=facts(of),
            note=note,
        )
        for name, provider, aliases, gpu, count, prices, of, note in document[
            "instances"
        ]
    ]
    return list(gpus.values()), instances


def _main() -> None:
    from xlate.hardware.faults import CatalogFaultsError
    from xlate.hardware.merging import merge
    from xlate.settings.paths import shipped

    folder = shipped("anchors")
    merged = merge([folder], folder, compiled=False)
    if merged.faults:
        raise CatalogFaultsError(merged.faults)
    text = compiled_text(folder, merged.gpus.values(), merged.instances.values())
    (folder / FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _main()
