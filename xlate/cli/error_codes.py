"""Codes of errors: each with what it means, for programs and for the documentation.

A code stays the same from release to release while the words of messages change. It is
the attribute ``code`` of an error in Python, and ``error_code`` in the documents of
``--json`` (whose ``code`` is the exit code). ``docs/errors.md`` is made from this table::

    python -m xlate.cli.error_codes docs/errors.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from xlate import files

__all__ = ["CODES", "UNKNOWN_KINDS", "exit_code_of", "table"]

#: what a name can be unknown as; the code is ``unknown.`` and the kind, with hyphens
UNKNOWN_KINDS = (
    "axis of size", "clock model", "column plan", "corpus", "framework", "GPU", "instance",
    "objective", "probe", "profile format", "repeat policy", "response model", "setting",
    "split", "translator", "view",
)  # fmt: skip

#: code -> what it means and what helps, in the order of the documentation
CODES: Mapping[str, str] = {
    # what was asked for
    "request.invalid": "What is asked for contradicts itself, or is not possible.",
    "request.out-of-range": "A number that was asked for is outside what it can be.",
    "request.no-rent": "The objective `cost` needs a price, and none is known.",
    "usage.invalid": "An option or argument is wrong; the command's help says how it is written. Exit code 2.",
    "answer.refused": "The answer does not deserve the trust that was asked for (`--strict`, `--apply`).",
    "gpu.refused": "A command that acts on a GPU here, or samples one, found that it must not or cannot.",
    "pair.same-instance": "Anchor and target are one instance.",
    **{
        "unknown." + kind.lower().replace(" ", "-"): f"No {kind} has that name; the nearest names are in the hint."
        for kind in UNKNOWN_KINDS
    },
    "unknown.name": "A name is not known; the nearest names are in the hint.",
    # settings and where work is done
    "settings.invalid": "A setting has a value of the wrong type, or one that it cannot have.",
    "settings.unknown-key": "A file or a caller names a setting that there is not.",
    "settings.unreadable": "The file of settings cannot be read, or is not TOML.",
    "settings.no-file": "`XLATE_CONFIG` names a file that is not there.",
    "parallel.unknown-backend": "There is no parallel backend of that name.",
    "parallel.bad-workers": "The number of workers is not a number, or too small or large.",
    # profiles
    "profile.invalid": "A profile cannot be used, for a reason without a separate code.",
    "profile.unreadable": "The file cannot be opened, or is a folder where a file is asked for.",
    "profile.damaged": "The file is damaged, truncated, or not in the format it begins as.",
    "profile.empty": "The file or table holds nothing.",
    "profile.not-a-profile": "The file is something else than what is asked for.",
    "profile.too-large": "The file, once unpacked, is larger than any profile.",
    "profile.library-missing": "A library that reads this format is not installed.",
    "profile.no-gpu-work": "The recording holds no work of a GPU.",
    "profile.bad-value": "A time, count or size in the file is one that it cannot be.",
    "profile.bad-field": "A field of a profile has the wrong type, or a name that is not known.",
    "profile.missing-column": "A table lacks a column or a header that is needed, or has one too many.",
    "profile.repeated": "Something stands twice that can stand once only.",
    "profile.steps": "What is a step in the recording is not known, or is not as it was said.",
    "profile.gpu": "The file names another GPU, or several where one is asked for.",
    "probe.unusable": "A probe run cannot be used for this answer.",
    "telemetry.no-power": "A recording of a meter holds no power.",
    "telemetry.unsound": "A recording of a meter is too short, idle, out of order or outside what the card can do.",
    # catalogue and clocks
    "catalog.invalid": "A fact of the catalogue is missing, contradictory or without a source.",
    "catalog.clocks": "Legal clocks of a GPU are not known, or are not those of this GPU.",
    "catalog.missing-fact": "The catalogue lacks a fact that the answer rests on.",
    "catalog.no-folder": "A folder of the catalogue is not there.",
    "catalog.no-gpu": "The instance has no GPU.",
    "catalog.price": "A price, or the number of GPUs it is for, cannot be.",
    "clock.not-settable": "The clock of this GPU cannot be set by the tool that xlate uses.",
    # corpora
    "corpus.invalid": "A corpus is missing, incomplete or contradicts its own card.",
    "corpus.not-here": "The corpus is known, and not on this machine: pull or import it.",
    "corpus.no-runs": "The corpus holds no runs of what is asked for.",
    "corpus.no-sweep": "The corpus holds no sweep of clocks that can be used.",
    "corpus.damaged": "A file of the corpus is missing, damaged or not the one its card describes.",
    "corpus.missing-part": "A table, column or field is missing.",
    "corpus.bad-value": "A value of the corpus has the wrong type, or cannot be.",
    "corpus.repeated": "A workload key stands more than once.",
    "alignment.too-little": "Two instances share too little work.",
    "alignment.repeated": "A workload key stands more than once on one side.",
    # models and files
    "bundle.unusable": "A bundle is foreign, damaged, or of another version of xlate: fit again.",
    "storage.failed": "A file or folder cannot be read or written.",
    "storage.unwritable": "What was asked for cannot be written there.",
    "storage.picture": "A picture cannot be drawn: the library is not installed, or the ending is not known.",
    "storage.in-the-way": "Something is there already and would be lost.",
    "download.failed": "A file could not be fetched whole.",
    "download.checksum": "A file that was fetched is not the one that was expected, or none is known to compare with.",
    "download.refused": "An address or a path of a download is not followed.",
    # the machine
    "system.failed": "The operating system refused something.",
    "memory.exhausted": "There is not enough memory.",
    "interrupted": "The command was interrupted; nothing is left half-written. Exit code 130.",
}  # fmt: skip


def exit_code_of(code: str) -> int:
    """Exit code of a command that ends with an error of this code."""
    if code in ("answer.refused", "gpu.refused"):
        return 3
    return {"usage.invalid": 2, "interrupted": 130}.get(code, 1)


def table() -> str:
    """The page of the documentation, Markdown."""
    rows = [f"| `{c}` | {exit_code_of(c)} | {said} |" for c, said in CODES.items()]
    return "\n".join(
        [
            "# Errors",
            "",
            "Made by `python -m xlate.cli.error_codes docs/errors.md`; a test holds it to the "
            "code.",
            "",
            "An error says what is wrong, which value, and what to try. For programs it "
            "has a code that stays the same from release to release: `error.code` in "
            "Python, `error_code` in the documents of `--json`, where `code` is the exit "
            "code. More codes may come; a program treats one that it does not know as "
            "its beginning (`profile.`, `corpus.`).",
            "",
            "Hints name options on the command line, and arguments in Python.",
            "",
            "| code | exit | meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    files.write_text(Path(sys.argv[1]), table())
