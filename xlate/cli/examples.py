"""Examples at the end of every command's help, and help that is not cut.

The lines run as they stand in a clone, with the files of ``examples/``; a line that
is too long for 80 columns goes on behind a backslash, as a shell takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

__all__ = ["EXAMPLES", "Group", "command_lines", "complete"]

#: command -> lines to try
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "xlate translate examples/trace.json.gz --anchor g4dn.xlarge \\\n"
        "    --target p5.48xlarge",
    ),
    "fit": (
        "xlate fit --anchor g3s.xlarge --target p3.2xlarge --data simulated",
        "xlate fit --anchor g4dn.xlarge --target p5.48xlarge \\\n"
        "    --shots examples/my_runs.parquet",
    ),
    "compare": (
        "xlate compare --anchor g3s.xlarge --target p3.2xlarge --data simulated",
        "xlate compare --all-pairs --data simulated --translators ratio,physics \\\n"
        "    --out figures.csv",
    ),
    "report": (
        "xlate report --anchor g3s.xlarge --target p3.2xlarge --data simulated \\\n"
        "    --out report.html",
    ),
    "translate": (
        "xlate translate examples/trace.json.gz --anchor g4dn.xlarge \\\n"
        "    --target p5.48xlarge",
        "xlate translate examples/my_stats.csv --anchor g3s.xlarge \\\n"
        "    --target p3.2xlarge --batch-size 64 --step-time 128",
        "xlate translate --profile g3s.xlarge=examples/my_stats.csv \\\n"
        "    --profile g4dn.xlarge=examples/my_stats_g4dn.csv --target p3.2xlarge",
    ),
    "predict-freq": (
        "xlate predict-freq examples/my_stats.csv --anchor g3s.xlarge \\\n"
        "    --target p3.2xlarge",
        "xlate predict-freq examples/my_stats_g4dn.csv --anchor g4dn.xlarge \\\n"
        "    --target p3.2xlarge --telemetry examples/telemetry_g4dn.csv \\\n"
        "    --probe-file examples/probe_1530.csv",
        "xlate predict-freq examples/probe_1530.csv --target p3.2xlarge",
        "xlate predict-freq --target p3.2xlarge --live 60 --interval-ms 20",
    ),
    "clocks": ("xlate clocks label --sweeps simulated --gpu T4",),
    "clocks label": (
        "xlate clocks label --sweeps simulated --gpu T4 --max-slowdown 5% \\\n"
        "    --out labels.json",
    ),
    "clocks fit": (
        "xlate clocks fit --target p3.2xlarge --sweeps simulated",
        "xlate clocks fit --gpu V100-SXM2-16GB --sweeps simulated --replace",
    ),
    "clocks compare": (
        "xlate clocks compare --sweeps simulated --gpu T4 \\\n"
        "    --clock-models max-clock,response-linear",
    ),
    "clocks curve": (
        "xlate clocks curve examples/my_stats.csv --anchor g3s.xlarge \\\n"
        "    --target p3.2xlarge --out curve.csv",
    ),
    "sweep": ("xlate sweep read examples/recorded_runs",),
    "sweep read": (
        "xlate sweep read examples/recorded_runs",
        "xlate sweep read examples/recorded_runs --out sweep.csv",
    ),
    "profile": ("xlate profile show examples/trace.json.gz",),
    "profile show": ("xlate profile show examples/trace.json.gz",),
    "profile record": ("xlate profile record -- python examples/train.py",),
    "profile check": ("xlate profile check examples/my_stats.csv",),
    "datasets": ("xlate datasets list",),
    "datasets list": ("xlate datasets list",),
    "datasets show": ("xlate datasets show simulated",),
    "datasets check": ("xlate datasets check simulated",),
    "datasets import": ("xlate datasets import profet --from DIR",),
    "datasets pull": ("xlate datasets pull profet",),
    "datasets build": ("xlate datasets build simulated --out build/simulated",),
    "anchors": ("xlate anchors show T4",),
    "anchors list": ("xlate anchors list",),
    "anchors show": ("xlate anchors show p3.2xlarge", "xlate anchors show T4"),
    "anchors check": ("xlate anchors check",),
    "anchors new": (
        "xlate anchors new RTX6090 --out my-anchors",
        "xlate anchors new lab.v100 --gpu V100-SXM2-16GB --out my-anchors",
    ),
    "config": ("xlate config show",),
    "config show": ("xlate config show", "xlate config show --level 0.8"),
    "config path": ("xlate config path",),
    "models": ("xlate models list",),
    "models list": ("xlate models list",),
    "models show": ("xlate models show g3s.xlarge/to-p3.2xlarge",),
    "models use": ("xlate models use g3s.xlarge/to-p3.2xlarge@1",),
    "models remove": ("xlate models remove g3s.xlarge/to-p3.2xlarge@1 --yes",),
}


def command_lines(command: str) -> list[str]:
    """The examples of a command, each on one line."""
    return [e.replace("\\\n   ", "") for e in EXAMPLES.get(command, ())]


class Group(TyperGroup):
    """A group with examples at the end of its help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        complete(self, "")


def complete(command: Any, path: str) -> None:
    """Set what a command, and those below it, show at the end of help and in lists.

    Parameters
    ----------
    command : click.Command
    path : str
        Its name, with those of the groups around it: ``"clocks fit"``.
    """
    lines = EXAMPLES.get(path, ())
    if lines and not command.epilog:
        # the mark keeps line breaks, which would be filled up to the width otherwise
        shown = "\n".join(f"  {part}" for line in lines for part in line.splitlines())
        command.epilog = f"\b\n{'Examples' if len(lines) > 1 else 'Example'}:\n{shown}"
    if path and not command.short_help and command.help:
        command.short_help = " ".join(command.help.split("\n\n")[0].split())
    for name, inner in getattr(command, "commands", {}).items():
        complete(inner, f"{path} {name}".strip())
