"""Run the cases: ``python -m tests.soak [--kind K] [--case ID] [--list] [--one-in N]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.kinds import every_case
from tests.soak.runner import prepare, run, sampled, table
from tests.soak.worker import judge


def main() -> int:
    """Exit 0 when every case passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument(
        "--kind", action="append", help="only this kind; may be repeated"
    )
    parser.add_argument(
        "--case", action="append", help="only this case; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="name the cases, run none")
    parser.add_argument(
        "--one-in", type=int, default=1, help="every n-th case of each kind"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--home", type=Path, help="data home of the runs; kept, with its clock model"
    )
    parser.add_argument("--report", type=Path, help="write the table here too")
    asked = parser.parse_args()
    cases = [
        c
        for c in every_case()
        if (not asked.kind or c.kind in asked.kind)
        and (not asked.case or c.id in asked.case)
    ]
    if not cases:
        parser.error("no such case; see --list")
    if asked.list:
        for c in cases:
            print(f"{c.id}\t{c.origin}")
        print(f"{len(cases)} cases", file=sys.stderr)
        return 0
    if asked.one_in > 1:
        cases = sampled(cases, asked.one_in)
    home = asked.home or Path(tempfile.mkdtemp(prefix="soak-home-"))
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    if any("clocks" in c.needs for c in cases) and (wrong := prepare(home)):
        print(f"no clock model could be fitted: {wrong}", file=sys.stderr)
        return 1
    if asked.case:
        said = [judge(c, home, process=True) for c in cases]
        for one in said:
            print(
                f"{one['id']}: {'; '.join(one['wrong']) or 'passed'}\n  {one['command']}"
            )
        return 1 if any(one["wrong"] for one in said) else 0
    results = run(
        cases, home, asked.workers, lambda s: print(s, file=sys.stderr, flush=True)
    )
    text = table(results)
    runs = sum(r.commands for r in results)
    text += f"\n\n{len(results)} inputs, {runs} commands, {time.monotonic() - begun:.0f} s\n"
    print(text)
    if asked.report:
        asked.report.write_text(text, encoding="utf-8")
    return 1 if any(r.wrong for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
