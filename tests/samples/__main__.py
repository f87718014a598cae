"""Keep the documents anew, or compare their values: ``python -m tests.samples``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.samples.commands import ROOT, documents, sample_file
from tests.samples.paths import broken_promises, different_values, paths


def _same(kept: Any, document: Any) -> bool:
    """Whether nothing but last digits and times of day has changed."""
    return paths(kept) == paths(document) and not [*different_values(kept, document)]


def _rounded(value: Any) -> Any:
    """Numbers to ten digits: the last ones differ from machine to machine."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def main(arguments: list[str]) -> int:
    """Exit code: 1 where a key would be lost, or a value differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.samples", description=__doc__
    )
    parser.add_argument(
        "--values",
        action="store_true",
        help="keep nothing; say which values differ by more than a relative 1e-6",
    )
    parser.add_argument(
        "--drop", action="store_true", help="keep documents that have lost a key, too"
    )
    chosen = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XLATE_HOME": folder, "NO_COLOR": "1", "COLUMNS": "100"}
        for name in ("XLATE_DATA_HOME", "XLATE_ANCHORS"):
            os.environ.pop(name, None)
        os.chdir(ROOT)
        for command, document in documents(Path(folder)):
            path = sample_file(command)
            kept = json.loads(path.read_text()) if path.exists() else None
            if chosen.values:
                said = list(different_values(kept, document))
            else:
                said = [] if kept is None else broken_promises(kept, document)
                if (not said or chosen.drop) and not _same(kept, document):
                    text = json.dumps(_rounded(document), indent=1, ensure_ascii=False)
                    path.write_text(text + "\n", encoding="utf-8")
            wrong += len(said)
            for one in said:
                sys.stdout.write(f"{command.name}{one}\n")
    return int(wrong > 0 and not chosen.drop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
