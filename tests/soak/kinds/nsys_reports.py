"""Nsight Systems: the sqlite export and ``nsys stats`` csv."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, refused
from tests.soak.lab import Lab
from tests.soak.made import flipped
from tests.support import profiles_made as pm

_DAMAGED = "no traceback, no hang, no silent wrong"
_VALID = "valid variants must be accepted"
# a GPU by name has no price, so that a wrong rent (kind money) does not hide what else is wrong
ASK = (
    "--anchor",
    "g4dn.xlarge",
    "--target",
    "H100-SXM5-80GB",
    "--step-time",
    "1",
    "--json",
)


def _text(content: bytes, right: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.csv", content), "--json")
        yield from (
            refused(run, right, (1,)) if isinstance(right, str) else accepted(run)
        )
        lab.xlate("translate", "a.csv", *ASK)

    return judge


def _database(how: dict[str, Any], right: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        pm.nsys(lab.dir / "a.sqlite", **how)
        run = lab.xlate("profile", "show", "a.sqlite", "--json")
        yield from (
            refused(run, right, (1,)) if isinstance(right, str) else accepted(run)
        )
        lab.xlate("translate", "a.sqlite", *ASK)

    return judge


def _edited(*statements: str) -> Callable[[Lab], Iterator[str]]:
    """SQL run on a sound report: any answer or refusal, but no traceback."""

    def judge(lab: Lab) -> Iterator[str]:
        pm.nsys(lab.dir / "a.sqlite")
        db = sqlite3.connect(lab.dir / "a.sqlite")
        for s in statements:
            db.execute(s)
        db.commit()
        db.close()
        lab.xlate("profile", "show", "a.sqlite", "--json")
        lab.xlate("translate", "a.sqlite", *ASK)
        yield from ()

    return judge


def _flips(seed: int, lot: int = 6) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        pm.nsys(lab.dir / "a.sqlite")
        raw = (lab.dir / "a.sqlite").read_bytes()
        for k in range(lot):
            # the schema stands at the head, where a changed byte does most
            head, tail = raw[:4096], raw[4096:]
            damaged = (
                flipped(head, 100 * seed + k, 4) + tail
                if k % 2
                else flipped(raw, 100 * seed + k, 20)
            )
            lab.xlate("profile", "show", lab.write("b.sqlite", damaged), "--json")
        yield from ()

    return judge


def _schema_not_utf8(lab: Lab) -> Iterator[str]:
    pm.nsys(lab.dir / "a.sqlite")
    raw = (
        (lab.dir / "a.sqlite")
        .read_bytes()
        .replace(b"demangledName", b"demangl\xffdName", 1)
    )
    sound = lab.xlate("profile", "show", "a.sqlite", "--json")
    run = lab.xlate("profile", "show", lab.write("b.sqlite", raw), "--json")
    # a name that only a lost column holds may be had from another column, but times stay
    if run.exit == 0:
        changed, right = (
            [p["step_time_us"], sum(p["ops"].values())]
            for (p,) in (run.document, sound.document)
        )
        if changed != right:
            yield f"step and sum {changed} where the sound file gives {right}"
    else:
        yield from refused(run, codes=(1,))


def _names_not_utf8(lab: Lab) -> Iterator[str]:
    pm.nsys(lab.dir / "a.sqlite")
    db = sqlite3.connect(lab.dir / "a.sqlite")
    db.execute("UPDATE StringIds SET value = CAST(x'FF41FE' AS TEXT)")
    db.commit()
    db.close()
    lab.xlate("profile", "show", "a.sqlite", "--json")
    yield from ()


def _nested(lab: Lab) -> Iterator[str]:
    """Ranges pushed and never popped."""
    pm.nsys(lab.dir / "a.sqlite")
    db = sqlite3.connect(lab.dir / "a.sqlite")
    db.execute("UPDATE NVTX_EVENTS SET end = 4000000")
    db.commit()
    db.close()
    run = lab.xlate("profile", "show", "a.sqlite", "--json")
    shown = run.document
    if run.exit == 0 and shown and not 900 < (shown[0].get("step_time_us") or 0) < 1100:
        yield f"a step of {shown[0].get('step_time_us')} µs where ranges begin every 1000 µs"


def _os_only(lab: Lab) -> Iterator[str]:
    head = "Time (%),Total Time (ns),Num Calls,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n"
    text = (
        "Processing [a.sqlite] with [osrt_sum.py]...\n"
        + head
        + "69.9,4467639532,316,1,1,1,1,1,pthread_cond_wait\n18.7,1194933697,2,1,1,1,1,1,epoll_wait\n"
    )
    yield from refused(
        lab.xlate("translate", lab.write("a.csv", text), *ASK), codes=(1,)
    )


def _api_only(lab: Lab) -> Iterator[str]:
    head = "Time (%),Total Time (ns),Num Calls,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n"
    yield from refused(
        lab.xlate(
            "translate",
            lab.write(
                "a.csv",
                head
                + "90,900000,3,1,1,1,1,1,cudaLaunchKernel\n10,100000,3,1,1,1,1,1,cudaMalloc\n",
            ),
            *ASK,
        ),
        codes=(1,),
    )


def _foreign(lab: Lab) -> Iterator[str]:
    db = sqlite3.connect(lab.dir / "a.sqlite")
    db.execute("CREATE TABLE bookmarks (id INT, url TEXT)")
    db.commit()
    db.close()
    yield from refused(lab.xlate("profile", "show", "a.sqlite"), codes=(1,))


def _cut(share: float) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        pm.nsys(lab.dir / "a.sqlite")
        raw = (lab.dir / "a.sqlite").read_bytes()
        yield from refused(
            lab.xlate(
                "profile", "show", lab.write("b.sqlite", raw[: int(share * len(raw))])
            ),
            codes=(1,),
        )

    return judge


def _in_place(lab: Lab) -> Iterator[str]:
    """Reading changes nothing and leaves nothing beside the file."""
    pm.nsys(lab.dir / "a.sqlite")
    before = (lab.dir / "a.sqlite").read_bytes()
    lab.xlate("profile", "show", "a.sqlite", "--json")
    if (lab.dir / "a.sqlite").read_bytes() != before:
        yield "the report was changed"
    beside = [p.name for p in Path(lab.dir).iterdir() if p.name.startswith("a.sqlite-")]
    if beside:
        yield f"{beside[0]} was left beside it"


_KERNELS = "CUPTI_ACTIVITY_KIND_KERNEL"
_SQL = {
    "start-text": [f"UPDATE {_KERNELS} SET start = 'soon'"],
    "start-null": [f"UPDATE {_KERNELS} SET start = NULL"],
    "end-real": [f"UPDATE {_KERNELS} SET end = 1e300"],
    "end-inf": [f"UPDATE {_KERNELS} SET end = 9e999"],
    "end-huge": [f"UPDATE {_KERNELS} SET end = 9223372036854775807"],
    "start-lowest": [f"UPDATE {_KERNELS} SET start = -9223372036854775808"],
    "name-null": [f"UPDATE {_KERNELS} SET shortName = NULL, demangledName = NULL"],
    "name-blob": [f"UPDATE {_KERNELS} SET shortName = x'00FF', demangledName = x'00FF'"],
    "device-text": [f"UPDATE {_KERNELS} SET deviceId = 'gpu'"],
    "device-null": [f"UPDATE {_KERNELS} SET deviceId = NULL"],
    "correlation-null": [f"UPDATE {_KERNELS} SET correlationId = NULL"],
    "strings-numbers": ["UPDATE StringIds SET value = 5"],
    "strings-blob": ["UPDATE StringIds SET value = x'FFFE00'"],
    "strings-null": ["UPDATE StringIds SET value = NULL"],
    "strings-escape": ["UPDATE StringIds SET value = char(27) || '[31mred'"],
    "strings-empty": ["UPDATE StringIds SET value = ''"],
    "strings-long": ["UPDATE StringIds SET value = hex(zeroblob(100000)) || id"],
    "gpu-null": ["UPDATE TARGET_INFO_GPU SET name = NULL"],
    "gpu-blob": ["UPDATE TARGET_INFO_GPU SET name = x'FF'"],
    "gpu-number": ["UPDATE TARGET_INFO_GPU SET name = 7"],
    "nvtx-end-null": ["UPDATE NVTX_EVENTS SET end = NULL"],
    "nvtx-text-blob": ["UPDATE NVTX_EVENTS SET text = x'FF'"],
    "nvtx-backwards": ["UPDATE NVTX_EVENTS SET start = end, end = start"],
    "view": ["ALTER TABLE StringIds RENAME TO s2", "CREATE VIEW StringIds AS SELECT * FROM s2"],
    "endless-view": [
        f"ALTER TABLE {_KERNELS} RENAME TO k2",
        f"CREATE VIEW {_KERNELS} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT k2.* FROM k2, n",
    ],
    "column-lost": [f"ALTER TABLE {_KERNELS} DROP COLUMN start"],
    "table-lost": [f"DROP TABLE {_KERNELS}"],
    "table-empty": [f"DELETE FROM {_KERNELS}"],
}  # fmt: skip


def cases() -> Cases:
    """About 95."""
    collected = Cases("nsys_reports")
    for name, (content, right) in pm.NSYS_CSV.items():
        collected.add(f"csv-{name}", _VALID, _text(content, right))
    for name, (how, right) in pm.NSYS_SQLITE.items():
        collected.add(f"sqlite-{name}", _VALID, _database(how, right))
    for name, statements in _SQL.items():
        collected.add(f"sql-{name}", _DAMAGED, _edited(*statements))
    for seed in range(12):
        collected.add(f"flips-{seed}", _DAMAGED, _flips(seed))
    for share in (0.1, 0.5, 0.8):
        collected.add(f"cut-{share:g}", _DAMAGED, _cut(share))
    collected.add(
        "schema-not-utf8",
        "an Nsight sqlite whose schema holds a byte that is not UTF-8",
        _schema_not_utf8,
    )
    collected.add(
        "names-not-utf8",
        "an Nsight sqlite whose schema holds a byte that is not UTF-8",
        _names_not_utf8,
    )
    collected.add(
        "nested-ranges",
        "cases/traces: steps that overlap their successor cannot be steps",
        _nested,
    )
    collected.add(
        "os-runtime-only", "cases/traces: only kernel reports may count", _os_only
    )
    collected.add("api-only", "cases/traces: only kernel reports may count", _api_only)
    collected.add("foreign-database", _DAMAGED, _foreign)
    collected.add("nothing-is-left", _DAMAGED, _in_place)
    raw = pm.NSYS_CSV["with-steps"][0]
    for seed in range(8):
        collected.add(f"csv-flip-{seed}", _DAMAGED, _quiet(flipped(raw, seed)))
    return collected


def _quiet(raw: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate("translate", lab.write("a.csv", raw), *ASK)
        yield from ()

    return judge
