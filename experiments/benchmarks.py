"""How long things take and what they need: ``python -m experiments.benchmarks [NAME …]``.

Each figure is taken in separate processes, compared commands in turns
(A B A B …), medians reported. Results go to ``results/benchmarks.json``.
``--against COMMIT`` runs the tasks of :mod:`experiments.speed_comparison` in an earlier
commit and in this checkout instead; these go to ``results/speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments import speed_comparison
from experiments.traces import write_trace
from xlate.cli import output
from xlate.data import corpus
from xlate.data.sources import import_corpus

FOLDER = Path(__file__).resolve().parent
PAIR = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]
RUNS = 7


def timed(command: list[str], env: dict[str, str] | None = None) -> dict[str, float]:
    """Wall and cpu seconds, and peak memory in MB, of one command."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1e3,
    }


def ratio_of(command: list[str], other: list[str]) -> dict[str, float]:
    """Median wall seconds of both, and the median of the ratio pair by pair."""
    timed(command), timed(other)
    pairs = [(timed(command)["wall_s"], timed(other)["wall_s"]) for _ in range(RUNS)]
    return {
        "seconds": statistics.median(a for a, _ in pairs),
        "reference_seconds": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
    }


def xlate(*args: str) -> list[str]:
    """Command line of the program."""
    return [sys.executable, "-m", "xlate", *args]


def compare_one_pair() -> dict[str, Any]:
    """``xlate compare`` for one pair, all translators."""
    used = timed(xlate("compare", *PAIR, "--data", "profet"))
    return used | {
        "cores_used": used["cpu_s"] / used["wall_s"],
        "asked": "under 60 s and 600 MB, two cores not oversubscribed",
        "reached": used["wall_s"] < 60
        and used["peak_mb"] < 600
        and used["cpu_s"] / used["wall_s"] < 2.1,
    }


def compare_all_pairs() -> dict[str, Any]:
    """``xlate compare --all-pairs``."""
    used = timed(xlate("compare", "--all-pairs", "--data", "profet"))
    return used | {
        "cores_used": used["cpu_s"] / used["wall_s"],
        "asked": "under 480 s",
        "reached": used["wall_s"] < 480,
    }


def start_help() -> dict[str, Any]:
    """``xlate --help`` against importing typer."""
    r = ratio_of(xlate("--help"), [sys.executable, "-c", "import typer"])
    return r | {"asked": "ratio under 2.5", "reached": r["ratio"] < 2.5}


def start_translate() -> dict[str, Any]:
    """``xlate translate`` on one profile, cold."""
    example = next((FOLDER.parent / "datasets" / "examples").iterdir())
    with tempfile.TemporaryDirectory() as home:
        os.environ["XLATE_HOME"] = home
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import xlate; xlate.fit('g3s', 'p3', 'simulated', translators=())",
            ],
            check=True,
        )
        r = ratio_of(
            xlate("translate", str(example), *PAIR),
            [sys.executable, "-c", "import sklearn.ensemble, polars"],
        )
    return r | {"asked": "ratio under 1.5", "reached": r["ratio"] < 1.5}


def start_predict_freq() -> dict[str, Any]:
    """``xlate predict-freq`` on one profile, cold."""
    example = next((FOLDER.parent / "datasets" / "examples").iterdir())
    with tempfile.TemporaryDirectory() as home:
        os.environ["XLATE_HOME"] = home
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import xlate; xlate.fit('g3s', 'p3', 'simulated', translators=()); "
                "xlate.fit_clocks('p3', sweeps=['simulated'])",
            ],
            check=True,
        )
        r = ratio_of(
            xlate("predict-freq", str(example), *PAIR),
            [sys.executable, "-c", "import sklearn.ensemble, polars"],
        )
    return r | {"asked": "ratio under 2", "reached": r["ratio"] < 2}


_WARM = """
import time, xlate
from xlate import engine
from xlate.store import clock_bundle
done = xlate.fit('g3s', 'p3', 'profet', translators=(), save=False)
clocks = xlate.fit_clocks('p3', save=False)
(profile,) = engine.read_profiles(['{example}'], batch_size=64, dataset='128px')
def answer():
    start = time.perf_counter()
    (a,) = xlate.predict_freq(
        profile, 'g3s', 'p3', bundle=done.bundle, clock_bundle=clocks.bundle
    )
    return time.perf_counter() - start, len(a.curve)
answer()
times = sorted(answer()[0] for _ in range(21))
print(times[10], answer()[1])
"""


def warm_predict_freq() -> dict[str, Any]:
    """A second answer in one process, from profile to recommendation."""
    for name in ("ttu-dvfs", "cloud-hw-trainpred"):
        if corpus.installed(name) is None:
            import_corpus(name)
    example = next((FOLDER.parent / "datasets" / "examples").iterdir())
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WARM.format(example=example)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    seconds, clocks = float(out[-2]), int(out[-1])
    return {
        "milliseconds": 1e3 * seconds,
        "legal_clocks_in_the_one_call": clocks,
        "asked": "under 20 ms",
        "reached": seconds < 0.020,
    }


_BULK = """
import time, resource, numpy as np, polars as pl, xlate
done = xlate.fit('g3s', 'p3', '{data}', translators=(), save=False)
wide = xlate.data.corpus.load('{data}').runs_on('g3s.xlarge')
ops = [c for c in wide.columns if c.startswith(('Device_', 'Host_'))]
frame = wide.select(*ops, 'step_time_us')[np.arange(100_000) % wide.height]
rng = np.random.default_rng(0)
frame = frame.with_columns(pl.col(ops) * pl.Series(rng.uniform(0.5, 2, frame.height)))
xlate.translate(frame[:2000], 'g3s', 'p3', bundle=done.bundle)
start = time.perf_counter()
out = xlate.translate(frame, 'g3s', 'p3', bundle=done.bundle)
print(out.height / (time.perf_counter() - start))
"""


_WARM_TRANSLATE = """
import statistics, time, xlate
profile = xlate.read_profile('{example}')
times = []
for _ in range(60):
    start = time.perf_counter()
    xlate.translate(profile, 'g3s.xlarge', 'p3.2xlarge')
    times.append(time.perf_counter() - start)
print(statistics.median(times[5:]))
"""

#: a table of 10,000 operations, as a graph compiler names them, read and translated
_MANY_OPERATIONS = """
import time, xlate
xlate.translate('{example}', 'g3s.xlarge', 'p3.2xlarge')
lines = open('{example}').read().splitlines()
head, names = lines[0].split(','), lines[0]
row = dict(zip(head, next(l for l in lines if 'Conv2D' in l).split(',')))
place = head.index('Operation')
made = [next(l for l in lines if 'Conv2D' in l).split(',') for _ in range(10_000)]
for k, cells in enumerate(made):
    cells[place] = f'net/op_{{k}}'
    cells[head.index('Type')] = f'Kind{{k}}' if k % 10 else 'Conv2D'
open('{table}', 'w').write('\\n'.join([names, *map(','.join, made)]))
start = time.perf_counter()
xlate.translate('{table}', 'g3s.xlarge', 'p3.2xlarge')
print(time.perf_counter() - start)
"""


def warm_translate() -> dict[str, Any]:
    """A further answer through Python, the bundle found anew, intervals and all."""
    example = FOLDER.parent / "examples" / "my_stats.csv"
    with tempfile.TemporaryDirectory() as home:
        os.environ["XLATE_HOME"] = home
        out = subprocess.run(
            [sys.executable, "-c", _WARM_TRANSLATE.format(example=example)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    ms = 1e3 * float(out)
    return {"milliseconds": ms, "asked": "at most 5 ms", "reached": ms <= 5}


def many_operations() -> dict[str, Any]:
    """A table of 10,000 operations of 9,001 kinds, read and translated."""
    example = FOLDER.parent / "examples" / "my_stats.csv"
    with tempfile.TemporaryDirectory() as home:
        os.environ["XLATE_HOME"] = home
        code = _MANY_OPERATIONS.format(example=example, table=f"{home}/many.csv")
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    seconds = float(out)
    return {"seconds": seconds, "asked": "under 1 s", "reached": seconds < 1}


def fit_one_pair() -> dict[str, Any]:
    """``xlate fit`` of the default with nested calibration, no other translators."""
    code = (
        "import time, xlate; s = time.perf_counter(); "
        "xlate.fit('g3s', 'p3', 'profet', translators=(), save=False); "
        "print(time.perf_counter() - s)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return {"seconds": float(out), "asked": "under 90 s", "reached": float(out) < 90}


def bulk() -> dict[str, Any]:
    """100,000 profiles in one call, a table in and a table out."""
    code = _BULK.format(data="profet").replace(
        "xlate.data.corpus", "__import__('xlate.data.corpus').corpus"
    )
    rates = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(3)
    ]
    rate = statistics.median(rates)
    return {
        "profiles_per_s": rate,
        "asked": "20,000 a second",
        "reached": rate >= 20_000,
    }


_ALIGN = """
import sys, time, resource, numpy as np
n = 1_000_000
def table(instance, seed):
    rng = np.random.default_rng(seed)
    k = rng.permutation(n)
    t = dict(instance=np.full(n, instance), model=np.char.add('m', (k % 997).astype(str)),
             dataset=np.char.add((k // 997 % 13 * 32).astype(str), 'px'),
             batch_size=k // (997 * 13), optimizer=np.full(n, 'SGD'),
             mode=np.full(n, 'training'), precision=np.full(n, 'fp32'),
             framework=np.full(n, 'tensorflow'), repeat=np.ones(n, dtype=np.int64),
             step_time_us=rng.random(n))
    t |= {f'Device_op{j:02d}': rng.random(n) for j in range(65)}
    return t
key = ['model', 'dataset', 'batch_size', 'optimizer', 'mode', 'precision', 'framework', 'repeat']
"""
_ALIGN_XLATE = """
import polars as pl
from xlate.data.pairing import align
a, b = (pl.DataFrame(table(x, i)) for i, x in enumerate('ab'))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
pairs = align(a, b, 'same')
paired = time.perf_counter() - start
X, Y = pairs.anchor_matrix(), pairs.target_matrix()
print(paired, time.perf_counter() - start, len(pairs), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_ALIGN_PANDAS = """
import pandas as pd
a, b = (pd.DataFrame(table(x, i)) for i, x in enumerate('ab'))
start = time.perf_counter()
both = a.merge(b, on=key, suffixes=('_a', '_b'))
merged = time.perf_counter() - start
both = both.sort_values(key)
ops = [f'Device_op{j:02d}' for j in range(65)]
X, Y = (both[[o + s for o in ops]].to_numpy() for s in ('_a', '_b'))
print(merged, time.perf_counter() - start, len(both), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def align() -> dict[str, Any]:
    """Two tables of 1,000,000 runs × 65 ops, against pandas ``merge``."""
    taken: dict[str, list[list[float]]] = {"xlate": [], "pandas": []}
    for _ in range(3):
        for name, code in (("xlate", _ALIGN_XLATE), ("pandas", _ALIGN_PANDAS)):
            done = subprocess.run(
                [sys.executable, "-c", _ALIGN + code],
                check=True,
                capture_output=True,
                text=True,
            )
            taken[name].append([float(x) for x in done.stdout.split()])
    mid = {
        name: [statistics.median(column) for column in zip(*runs, strict=True)]
        for name, runs in taken.items()
    }
    assert mid["xlate"][2] == mid["pandas"][2] == 1_000_000
    xlate_runs, pandas_runs = mid["xlate"], mid["pandas"]
    return {
        "align_s": xlate_runs[0],
        "pandas_merge_s": pandas_runs[0],
        "ratio": pandas_runs[0] / xlate_runs[0],
        "with_sorted_matrices_s": xlate_runs[1],
        "pandas_with_sorted_matrices_s": pandas_runs[1],
        "ratio_with_sorted_matrices": pandas_runs[1] / xlate_runs[1],
        "peak_mb": xlate_runs[3] / 1e3,
        "pandas_peak_mb": pandas_runs[3] / 1e3,
        # the same is what comes out: pairs sorted by key, both sides as matrices
        "asked": "5 times faster with sorted matrices, at no more memory",
        "reached": pandas_runs[1] / xlate_runs[1] >= 5
        and xlate_runs[3] <= pandas_runs[3],
    }


#: the standard library loading the file, and nothing more
_JSON = """
import json, sys
with open(sys.argv[1], "rb") as f:
    json.load(f)
"""

#: the standard library and polars doing the same: kernels of each step by operation
_JSON_AND_POLARS = """
import json, sys
import polars as pl
with open(sys.argv[1]) as f:
    events = json.load(f)["traceEvents"]
rows = [
    {"cat": e.get("cat"), "name": e["name"], "ts": float(e["ts"]), "dur": float(e.get("dur", 0)),
     "corr": (e.get("args") or {}).get("correlation"), "ext": (e.get("args") or {}).get("External id")}
    for e in events if e["ph"] == "X"
]
t = pl.DataFrame(rows, infer_schema_length=None)
steps = t.filter(pl.col("name").str.starts_with("ProfilerStep")).sort("ts")
ops = t.filter(pl.col("cat") == "cpu_op").select("ext", op="name")
asked = t.filter(pl.col("cat") == "cuda_runtime").select("corr", "ext", asked="ts")
kernels = t.filter(pl.col("cat") == "kernel").select("corr", "dur")
joined = kernels.join(asked, on="corr").join(ops, on="ext").sort("asked")
joined = joined.join_asof(steps.select(asked="ts", step="name"), on="asked")
print(joined.group_by("step", "op").agg(pl.col("dur").sum()).height)
"""
_READ = """
import sys
from xlate import readers
print(len(readers.read(sys.argv[1])[0].ops))
"""


def read_trace() -> dict[str, Any]:
    """A gigabyte of Kineto trace, against the standard library's json and polars."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        write_trace(path, 1e9)
        size = path.stat().st_size
        xlate_runs, pandas_runs, bare = (
            [timed([sys.executable, "-c", code, str(path)]) for _ in range(3)]
            for code in (_READ, _JSON_AND_POLARS, _JSON)
        )
    faster = statistics.median(
        b["wall_s"] / a["wall_s"] for a, b in zip(xlate_runs, pandas_runs, strict=True)
    )
    than_json = statistics.median(
        b["wall_s"] / a["wall_s"] for a, b in zip(xlate_runs, bare, strict=True)
    )
    used = {
        k: statistics.median(r[k] for r in xlate_runs) for k in ("wall_s", "peak_mb")
    }
    return {
        "trace_gb": size / 1e9,
        **used,
        "json_and_polars_s": statistics.median(r["wall_s"] for r in pandas_runs),
        "json_and_polars_peak_mb": statistics.median(r["peak_mb"] for r in pandas_runs),
        "times_faster": faster,
        "times_faster_than_json_alone": than_json,
        "asked": "over 4.5 times faster than json, peak under 400 MB",
        "reached": than_json >= 4.5 and used["peak_mb"] < 400,
    }


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "start_help": start_help,
    "start_translate": start_translate,
    "start_predict_freq": start_predict_freq,
    "warm_predict_freq": warm_predict_freq,
    "warm_translate": warm_translate,
    "many_operations": many_operations,
    "fit_one_pair": fit_one_pair,
    "bulk": bulk,
    "align": align,
    "compare_one_pair": compare_one_pair,
    "compare_all_pairs": compare_all_pairs,
    "read_trace": read_trace,
}


def main() -> None:
    """Run the benchmarks named, all by default, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="experiments.benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--against", metavar="COMMIT", help="compare with an earlier commit, in turns"
    )
    given = parser.parse_args()
    if given.against:
        compare(given.against, given.names)
        return
    if corpus.installed("profet") is None:
        import_corpus("profet")
    path = FOLDER / "results" / "benchmarks.json"
    figures = json.loads(path.read_text()) if path.is_file() else {}
    home = os.environ.get("XLATE_HOME")
    for name in given.names or list(BENCHMARKS):
        output.talk(f"{name} …")
        measured = BENCHMARKS[name]()
        if home is not None:
            os.environ["XLATE_HOME"] = home
        else:
            os.environ.pop("XLATE_HOME", None)
        figures[name] = {
            k: round(v, 3) if isinstance(v, float) else v for k, v in measured.items()
        }
        output.document({name: figures[name]})
    path.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")


def compare(commit: str, names: list[str]) -> None:
    """Compare with an earlier commit and keep the figures of all tasks that ran."""
    path = FOLDER / "results" / "speed.json"
    figures = json.loads(path.read_text()) if path.is_file() else {}
    if figures.get("against") != commit:
        figures = {"against": commit, "tasks": {}}
    with speed_comparison.earlier(commit) as before:
        for name, compared in speed_comparison.compare_trees(before, names):
            figures["tasks"][name] = compared.document()
            output.document({name: figures["tasks"][name]})
    path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
