"""Words that are not used here, each with a plain alternative, and where they stand.

The text should be read once by an engineer whose first language is not English: no
metaphor, no inverted sentence, and no name that says only that something was computed.

``python -m tests.plain_words`` prints every use outside the files that may still hold
it, ``python -m tests.plain_words FILE …`` every use in these files, and
``python -m tests.plain_words --renew`` writes ``plain_words_allowed.txt`` anew; a file
that was not in it, and has not been moved, stays out of it. ``--accept`` takes what is
there now as it is: for merging work that was begun before the list.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ALLOWED", "NAMES", "WORDS", "Use", "allowed", "files", "main", "uses"]

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = Path(__file__).with_name("plain_words_allowed.txt")
#: the list itself, its test, and a page made from texts that are looked at themselves
_LEFT_OUT = ("tests/plain_words.py", "tests/test_plain_words.py", "docs/cli.md")
_FOLDERS = ("xlate", "tests", "experiments", "examples", "docs")
_TOP = ("*.md", "*.toml", "Makefile", "CITATION.cff")

#: the word as it is listed -> (substrings, one of which a text must have; expression;
#: plain alternative)
WORDS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "heard": (("heard",), r"heard", "read, recorded"),
    "told": (("told",), r"(un)?told", "given, reported, distinguished"),
    "betray": (("betray",), r"betray(s|ed|ing)?", "show, reveal"),
    "teach": (("teach", "taught"), r"teach(es|ing)?|taught", "are used in the fit; donor GPU, donor rows"),
    "kinship": (("kin",), r"kin(ship|dred|ds?folk)?", "similarity, similar GPUs"),
    "whence": (("whence",), r"whence", "provenance; where it comes from"),
    "errs": (("err",), r"errs|erred|err (most|least|elsewhere)", "is wrong; has an error of"),
    "is none": ((" none",), r"(?<!there )(?-i:(is|are|be|was|were) none)(?! of)", "must be …, got …; there is no …"),
    "so that it stands": (("so that",), r"so that (it|they) stands?", "so that it is"),
    "the way": (("the way",), r"(?<!by )the way", "how; the path"),
    "so many": (("so many",), r"so many", "the number; N"),
    "twin": (("twin",), r"twins?", "counterpart; the same function in MODULE"),
    "believe": (("belie",), r"(dis)?believ(e|es|ed|ing)|belief", "weight; shrinkage; used as measured"),
    "honest": (("honest",), r"honest(y|ly)?", "correct; calibrated; measured"),
    "has a say": ((" a say",), r"(has|have|having|had) a say", "is included with weight …"),
    "stray": (("stray",), r"stray(s|ed|ing)?", "leaves the set clock; differs"),
    "hold against": (("against",), r"(hold|holds|held|holding) \w* ?against", "lower the confidence because of"),
    "swear": (("swear", "sworn", "witness"), r"swears?|sworn|witness(es|ed)?", "state; record"),
    "of its own": ((" own",), r"of (its|their|one's) own", "separate; own"),
    "hand-off": (("hand-off",), r"hand-offs?", "power model"),
    "sweet": (("sweet",), r"sweet(er|est)?", "better"),
    "lend": (("lend", "lent"), r"lends?|lent", "donor; is used for"),
    "owe": (("owe",), r"owes?|owed", "is due to"),
    "ought": (("ought", "shall"), r"ought|shall", "should; must"),
    "hence": (("hence", "where", "there", "hereby"), r"hence|whereby|thereby|therein|thereof|hereby", "therefore; by which"),
    "in silence": (("in silence",), r"in silence", "silently; without a message"),
    "obey": (("obey",), r"obey(s|ed|ing)?", "interpret; follow"),
}  # fmt: skip

#: names of variables, arguments, functions: each says only that there is something
NAMES: Mapping[str, str] = {
    "found": "what it is: matches, readers, table, …",
    "known": "what it is: catalogue, clocks, names, …",
    "whole": "what it is: total_us, all_rows, …",
    "mine": "what it is: own_bundle, local_rows, …",
    "here": "what it is: local_path, current_gpu, …",
    "theirs": "what it is: others_rows, donor_rows, …",
}

_EXPRESSIONS = {
    word: re.compile(rf"(?<![a-zA-Z])(?:{expression})(?![a-zA-Z])", re.IGNORECASE)
    for word, (_, expression, _) in WORDS.items()
}


@dataclass(frozen=True)
class Use:
    """A word that stands where it should not.

    Attributes
    ----------
    file : str
        Path from the root of the repository.
    line : int
        From 1.
    word : str
        As it is listed.
    alternative : str
    """

    file: str
    line: int
    word: str
    alternative: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word} -> {self.alternative}"


def files() -> list[str]:
    """Every file with our prose in it, as a path from the root."""
    candidates = [p for folder in _FOLDERS for p in (ROOT / folder).rglob("*")]
    candidates += [p for pattern in _TOP for p in ROOT.glob(pattern)]
    paths = (
        p.relative_to(ROOT).as_posix()
        for p in candidates
        if p.suffix in (".py", ".md", ".toml", ".cff") or p.name == "Makefile"
    )
    return sorted(p for p in paths if p not in _LEFT_OUT)


def uses(file: str, text: str) -> list[Use]:
    """The listed words in a text, in order; in Python the listed names too."""
    seen = []
    lower = text.lower()
    for word, (substrings, _, alternative) in WORDS.items():
        # an expression takes a hundred times as long to try as a substring
        if any(s in lower for s in substrings):
            for match in _EXPRESSIONS[word].finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                seen.append(Use(file, line, word, alternative))
    if file.endswith(".py"):
        seen += _names(file, text)
    return sorted(seen, key=lambda u: u.line)


def _names(file: str, text: str) -> Iterator[Use]:
    """Definitions of listed names: each variable once in a function, not every use."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name, line = node.id, node.lineno
        elif isinstance(node, ast.arg):
            name, line = node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            name, line = node.name, node.lineno
        else:
            continue
        name = name.strip("_").lower()
        if name in NAMES:
            yield Use(file, line, f"name {name}", NAMES[name])


def allowed() -> dict[str, set[str]]:
    """Words that a file may still hold, by file."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines if line and line[0] != "#")
    return {file: set(words.split(", ")) for file, words in pairs}


def _held() -> dict[str, list[Use]]:
    return {f: uses(f, (ROOT / f).read_text(encoding="utf-8")) for f in files()}


def _list(accept: bool) -> str:
    """The list as the files are now; without ``accept``, new in it is what was moved."""
    before = allowed()
    names_before = {Path(f).name for f in before if not (ROOT / f).exists()}
    lines = []
    for file, seen in _held().items():
        words = {u.word for u in seen}
        if accept:
            pass
        elif file in before:
            words &= before[file]
        elif Path(file).name not in names_before:
            continue
        if words:
            lines.append(f"{file}: {', '.join(sorted(words))}")
    head = ALLOWED.read_text(encoding="utf-8").split("\n\n")[0]
    return head + "\n\n" + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Exit code: 1 where a word stands where it should not."""
    if arguments in (["--renew"], ["--accept"]):
        ALLOWED.write_text(_list("--accept" in arguments), encoding="utf-8")
        return 0
    may = {} if arguments else allowed()
    held = _held()
    wrong = [
        u
        for file in arguments or held
        for u in held.get(file, [])
        if u.word not in may.get(file, ())
    ]
    sys.stdout.write("".join(f"{u}\n" for u in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
