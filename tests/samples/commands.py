"""The commands whose documents are kept, and a folder in which they are run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.small_corpus import save_small_corpus
from xlate.cli import app
from xlate.cli.failures import Failure
from xlate.errors import XlateError

__all__ = ["COMMANDS", "Command", "documents", "sample_file"]

ROOT = Path(__file__).resolve().parents[2]
_PAIR = "--anchor g3s.xlarge --target p3.2xlarge"
_OWN = "examples/my_stats.csv --anchor g3s.xlarge --target p3.2xlarge"
_KEY = "--network ResNet18 --batch-size 64 --input-size 128 --step-time 128"
_T4 = "--sweeps simulated --gpu T4"
_ZEUS = """dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power
cifar100,shufflenetv2,128,Adadelta,100,40.5,92.1
cifar100,shufflenetv2,128,Adadelta,175,30.2,131.7
"""


@dataclass(frozen=True)
class Command:
    """A command line, and the name under which its document is kept.

    Attributes
    ----------
    name : str
        Of the file, without ending: the command, then what is special about the line.
    line : str
        Its words; ``HOME`` stands for the folder it may write to.
    exit_code : int
        With which it ends.
    whole_program : bool
        Whether it is run in a separate process, as errors of options are printed
        only there.
    """

    name: str
    line: str
    exit_code: int = 0
    whole_program: bool = False

    def words(self, home: Path) -> list[str]:
        """The command line, with ``--json``."""
        words = shlex.split(self.line.replace("HOME", str(home)))
        # what stands behind -- is the command line of another program
        at = words.index("--") if "--" in words else len(words)
        return [*words[:at], "--json", *words[at:]]


#: in this order, since some use what those before them have fitted
COMMANDS: tuple[Command, ...] = (
    Command("anchors-list", "anchors list"),
    Command("anchors-show-instance", "anchors show p3.2xlarge"),
    Command("anchors-show-gpu", "anchors show T4"),
    Command("anchors-check", "anchors check"),
    Command("anchors-new", "anchors new lab.v100 --gpu V100-SXM2-16GB --out HOME/anchors"),
    Command("datasets-list", "datasets list"),
    Command("datasets-show", "datasets show simulated"),
    Command("datasets-show-absent", "datasets show profet"),
    Command("datasets-check", "datasets check simulated"),
    Command("datasets-import", "datasets import zeus --from HOME/zeus"),
    Command("profile-show-table", "profile show examples/my_stats.csv"),
    Command("profile-show-trace", "profile show examples/trace.json.gz"),
    Command("profile-show-broken", "profile show HOME/broken.csv", 1),
    Command("profile-check", "profile check examples/my_stats.csv"),
    Command("profile-check-broken", "profile check HOME/broken.csv", 1),
    Command("profile-record", "profile record -- python examples/train.py"),
    Command("sweep-read", "sweep read examples/recorded_runs"),
    Command("translate-bundle", f"translate {_OWN} {_KEY}"),
    Command("translate-window", f"translate {_OWN}"),
    Command("translate-zero-shot", "translate examples/trace.json.gz --anchor g4dn.xlarge --target p5.48xlarge"),
    Command("translate-together", "translate --profile g3s.xlarge=examples/my_stats.csv --profile g4dn.xlarge=examples/my_stats_g4dn.csv --target p3.2xlarge"),
    Command("translate-scale", f"translate {_OWN} {_KEY} --scale batch-size=32..128"),
    Command("translate-broken", f"translate examples/my_stats.csv HOME/broken.csv {_PAIR}", 1),
    Command("clocks-label", f"clocks label {_T4} --max-slowdown 5% --rent 0.5"),
    Command("clocks-fit", "clocks fit --target p3.2xlarge --sweeps simulated --clock-model response-linear"),
    Command("clocks-compare", f"clocks compare {_T4} --clock-models max-clock,response-linear"),
    Command("clocks-compare-importance", f"clocks compare {_T4} --clock-models response-linear --importance"),
    Command("clocks-curve", f"clocks curve {_OWN}"),
    Command("clocks-curve-recording", "clocks curve examples/probe_1530.csv --target p3.2xlarge"),
    Command("predict-freq-profile", f"predict-freq {_OWN} {_KEY} --max-slowdown 5%"),
    Command("predict-freq-telemetry", "predict-freq examples/my_stats_g4dn.csv --anchor g4dn.xlarge --target p3.2xlarge --telemetry examples/telemetry_g4dn.csv --probe-file examples/probe_1530.csv"),
    Command("predict-freq-recording", "predict-freq examples/probe_1530.csv --target p3.2xlarge"),
    Command("predict-freq-cost", f"predict-freq {_OWN} --objective cost"),
    Command("predict-freq-broken", f"predict-freq examples/my_stats.csv HOME/broken.csv {_PAIR}", 1),
    Command("fit", f"fit {_PAIR} --data simulated"),
    Command("fit-shots", "fit --anchor g4dn.xlarge --target p5.48xlarge --shots examples/my_runs.parquet"),
    Command("compare", f"compare {_PAIR} --data simulated --translators ratio"),
    Command("report", f"report {_PAIR} --data simulated --out HOME/report.html"),
    Command("config-show", "config show"),
    Command("config-path", "config path"),
    Command("models-list", "models list"),
    Command("models-show", "models show g4dn.xlarge/to-p5.48xlarge"),
    Command("models-show-clocks", "models show clocks/p3.2xlarge"),
    Command("models-use", "models use g3s.xlarge/to-p3.2xlarge@shipped"),
    Command("models-remove", "models remove g4dn.xlarge/to-p5.48xlarge --yes"),
    Command("error", "translate HOME/broken.csv --anchor g3s.xlarge --target nowhere", 1),
    Command("error-usage", "translate examples/my_stats.csv --level", 2, whole_program=True),
)  # fmt: skip


def sample_file(command: Command) -> Path:
    """Where its document is kept."""
    return Path(__file__).parent / f"{command.name}.json"


def documents(home: Path) -> Iterator[tuple[Command, Any]]:
    """Each command with the document it prints today, in order.

    ``XLATE_HOME`` is to be ``home``, empty at first, and the working folder a clone's.
    """
    _prepare(home)
    for command in COMMANDS:
        text = _program(command, home) if command.whole_program else _run(command, home)
        text = text.replace(str(home), "HOME").replace(str(ROOT), "CLONE")
        # folders that differ from machine to machine, and that settings are looked for in
        text = text.replace(f'"{Path.home()}/', '"USER/')
        for above in ROOT.parents:
            text = text.replace(
                f'"{str(above).rstrip("/")}/xlate.toml"', '"ABOVE/xlate.toml"'
            )
        yield command, json.loads(text)


def _prepare(home: Path) -> None:
    """What the commands name: a small simulated corpus, an origin, a broken file."""
    (home / "broken.csv").write_text("nonsense\n")
    origin = home / "zeus"
    origin.mkdir()
    for gpu in ("a40", "p100", "rtx6000", "v100"):
        (origin / f"summary_power_{gpu}.csv").write_text(_ZEUS)
    save_small_corpus()


def _run(command: Command, home: Path) -> str:
    """What it prints in this process; of an error, what the program prints of it."""
    done = CliRunner().invoke(app, command.words(home))
    error, text, code = done.exception, done.stdout, done.exit_code
    if isinstance(error, XlateError):
        code = error.exit_code
        failure = Failure(error.what, error.hint, code, type(error).__name__)
        text = json.dumps(failure.to_json())
    elif error is not None and not isinstance(error, SystemExit):
        raise error
    if code != command.exit_code:
        raise AssertionError(
            f"{command.line}: exit code {code}: {done.output or error}"
        )
    return text


def _program(command: Command, home: Path) -> str:
    """What it prints in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "xlate", *command.words(home)],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != command.exit_code:
        raise AssertionError(
            f"{command.line}: exit code {done.returncode}: {done.stderr}"
        )
    return done.stdout
