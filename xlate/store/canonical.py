"""skops archives that are the same bytes on every run.

skops names its parts after memory addresses and stamps the time of day. Both
carry no meaning for loading, so they are replaced by counters and a fixed date.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

__all__ = ["canonical", "plain_entry"]

#: the earliest date a zip can hold
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: the system that an entry is said to come from, whichever it is
_UNIX = 3


def canonical(archive: bytes) -> bytes:
    """Rewrite a skops archive with part names, ids and dates of no origin.

    Parameters
    ----------
    archive : bytes
        As ``skops.io.dumps`` gives it.

    Returns
    -------
    bytes
        An archive that loads to the same object. Its files are stored plainly: it is
        packed with the rest of a bundle.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        schema = json.loads(source.read("schema.json"))
        parts = {n: source.read(n) for n in source.namelist() if n != "schema.json"}
    names: dict[str, str] = {}
    ids: dict[object, int] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            out: dict[str, Any] = {}
            value: Any
            # in one order, so that what was loaded is saved as it was
            for key, value in sorted(node.items()):
                if key == "__id__":
                    # whether two equal texts or numbers are one object is chance
                    plain = node.get("is_json") is True
                    who = (node["__class__"], node["content"]) if plain else value
                    out[key] = ids.setdefault(who, len(ids) + 1)
                elif key == "file" and value in parts:
                    ending = value.rpartition(".")[2]
                    out[key] = names.setdefault(value, f"{len(names):06d}.{ending}")
                else:
                    out[key] = walk(value)
            return out
        return [walk(v) for v in node] if isinstance(node, list) else node

    schema = walk(schema)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        out.writestr(plain_entry("schema.json"), json.dumps(schema, sort_keys=True))
        for old, new in names.items():
            out.writestr(plain_entry(new), parts[old])
    return buffer.getvalue()


def plain_entry(name: str, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    """An entry of a zip that says nothing of when and where it was made."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = method
    info.create_system = _UNIX
    info.external_attr = 0o644 << 16
    return info
