"""Small profiles of every format, sound and broken, as text: the corpus of the readers' tests.

Each case is (content, what comes of it): a dict of columns and µs that the first
profile must hold, or a pattern that the error must match.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.documents import Json

Case = tuple[bytes, Any]


def span(
    cat: str, name: str, ts: int, dur: float, pid: int = 1, tid: int = 1, **args: int
) -> Json:
    return {"ph": "X", "cat": cat, "name": name, "pid": pid, "tid": tid, "ts": ts, "dur": dur,
            "args": args}  # fmt: skip


def launched(
    k: int,
    op: str,
    kernel: str,
    at: int,
    dur: int,
    *,
    device: int = 0,
    stream: int = 7,
    pid: int = 1,
    ids: bool = True,
    launch: str = "cudaLaunchKernel",
) -> list[Json]:
    """An operation, its launch and its kernel."""
    ext = {"External id": 1000 * pid + k} if ids else {}
    return [
        span("cpu_op", op, at, 8, pid=pid, **ext),
        span("cuda_runtime", launch, at + 2, 3, pid=pid, correlation=k, **ext),
        span(
            "kernel",
            kernel,
            at + 20,
            dur,
            pid=device,
            tid=stream,
            device=device,
            stream=stream,
            correlation=k,
            **ext,
        ),
    ]


GEMM = "void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm>(Params)"
ADD = "void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float> >(int)"


def steps(
    n: int = 4,
    *,
    pid: int = 1,
    length: int = 1000,
    start: int = 0,
    name: str = "ProfilerStep#{}",
    cat: str = "user_annotation",
    **how: Any,
) -> list[Json]:
    """Steps of one product of 400 µs and one sum of 100 µs each."""
    events = []
    for i in range(n):
        at = start + i * length
        events.append(span(cat, name.format(i), at, length, pid=pid))
        k = 10 * (i + 1)
        events += launched(k, "aten::addmm", GEMM, at + 10, 400, pid=pid, **how)
        events += launched(k + 1, "aten::add", ADD, at + 450, 100, pid=pid, **how)
    return events


def trace(
    events: list[Json],
    *,
    indent: int | None = None,
    listed: bool = False,
    device: str = "Tesla T4",
    **more: str | list[Json],
) -> bytes:
    """A Kineto trace of some events."""
    if listed:
        return json.dumps(events, indent=indent).encode()
    head = {"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": device}]}
    return json.dumps({**head, "traceEvents": events, **more}, indent=indent).encode()


VECTOR = {"Device_aten::addmm": 400, "Device_aten::add": 100, "Device_IDLE": 500}
_COMPLETE = trace(steps(), indent=1)
_BACK = [e if i != 1 else {**e, "dur": -5} for i, e in enumerate(steps())]
_TURNED = [
    span("user_annotation", "ProfilerStep#1", 5000, 10),
    span("user_annotation", "ProfilerStep#2", 10, 10),
]
_FAR = [
    {**e, "ts": e["ts"] + 1e9, "args": {**e["args"], "correlation": None}}
    if e["cat"] == "kernel"
    else e
    for e in steps()
]

KINETO: dict[str, Case] = {
    "plain": (trace(steps()), VECTOR),
    "indented": (_COMPLETE, VECTOR),
    "packed": (gzip.compress(_COMPLETE), VECTOR),
    "listed": (trace(steps(), listed=True), VECTOR),
    "keys-behind": (trace(steps(), traceName="a", displayTimeUnit="ms", more=[{"a": [{}]}]), VECTOR),
    "hopper": (trace(steps(launch="cudaLaunchKernelExC"), device="NVIDIA H100 80GB HBM3"), VECTOR),
    "without-ids": (trace(steps(ids=False)), VECTOR),
    "steps-as-cpu-op": (trace(steps(cat="cpu_op")), VECTOR),
    "gpu-annotations": (trace([*steps(), span("gpu_user_annotation", "ProfilerStep#9", 0, 9e9)]), VECTOR),
    "one-step": (trace(steps(1)), VECTOR),
    "overlapping-streams": (
        trace(steps() + [
            span("kernel", GEMM, 1000 * i + 30, 400, tid=8, device=0, stream=8, correlation=10 * (i + 1))
            for i in range(4)
        ]),
        {"Device_aten::addmm": 400, "Device_aten::add": 100, "Device_IDLE": 500},
    ),
    "copies": (
        trace(steps() + [
            span("gpu_memcpy", "Memcpy HtoD (Pageable -> Device)", 1000 * i + 700, 50, device=0, correlation=-1)
            for i in range(4)
        ]),
        VECTOR | {"Device_Memcpy HtoD": 50, "Device_IDLE": 450},
    ),
    "cut-in-an-event": (_COMPLETE[: int(len(_COMPLETE) * 0.9)], VECTOR),
    "cut-behind-an-event": (_COMPLETE[: _COMPLETE.rindex(b"{")].rstrip(b" \n,"), VECTOR),
    "cut-and-packed": (gzip.compress(_COMPLETE)[:-30], VECTOR),
    "two-gpus": (
        trace(steps() + steps(pid=2, device=1)), VECTOR,
    ),
    "old-external-id": (_COMPLETE.replace(b"External id", b"external id"), VECTOR),
    "no-steps": (trace(launched(1, "aten::add", ADD, 0, 5)), {"Device_aten::add": 5}),
    "no-gpu-event": (
        trace([e for e in steps() if e["cat"] != "kernel" and e["cat"] != "cuda_runtime"]),
        {"Host_aten::addmm": 8, "Host_aten::add": 8},
    ),
    "another-tool": (
        trace([{"ph": "X", "cat": "cuda_thing", "name": "x", "ts": 1, "dur": 2}]),
        r"no operation of PyTorch and no GPU event, but events of cuda_thing",
    ),
    "negative-length": (trace(_BACK), r"takes -5 µs.*negative"),
    "backwards": (trace(_TURNED + launched(1, "aten::add", ADD, 20, 5)), r"step 2 begins before step 1"),
    "two-clocks": (trace(_FAR), r"no GPU event was launched, or ran, in any"),
    "no-number": (trace([{**steps()[1], "ts": "soon"}]), r"begins at 'soon'"),
    "empty-list": (trace([]), r"no trace event"),
    "no-events": (b'{"schemaVersion": 1, "deviceProperties": [], "traceEvents": 3}', r"no list named|no format"),
    "not-events": (b'{"schemaVersion": 1, "deviceProperties": [], "traceEvents": [1, 2, 3]}', r"no trace event|no trace that"),
}  # fmt: skip


def table(
    rows: Sequence[tuple[Any, ...]],
    unit: str = "us",
    cuda: bool = True,
    calls: int = 3,
    step: float = 3000.0,
    total: str | None = None,
) -> bytes:
    """A printed key_averages table."""
    heads = [
        "Name",
        "Self CPU %",
        "Self CPU",
        "CPU total %",
        "CPU total",
        "CPU time avg",
    ]
    heads += ["Self CUDA", "Self CUDA %", "CUDA total", "CUDA time avg"] if cuda else []
    heads += ["CPU Mem", "CUDA Mem", "# of Calls"]
    if step:
        rows = [("ProfilerStep*", 1.0, 0.0, step), *rows]
    # kernels repeat what their operations took
    if total is None:
        by_op = any(r[1] and r[2] for r in rows)
        total = f"{sum(r[2] for r in rows if r[1] or not by_op):g}{unit}"
    lines = []
    for name, cpu, dev, *total_cpu in rows:
        cells = [
            name,
            "1.0%",
            f"{cpu:.3f}{unit}",
            "1%",
            f"{(total_cpu or [cpu])[0]:.3f}{unit}",
            "1us",
        ]
        cells += [f"{dev:.3f}{unit}", "1%", f"{dev:.3f}{unit}", "1us"] if cuda else []
        lines.append([*cells, "0 b", "4.00 Mb", str(calls)])
    widths = [max(len(r[k]) for r in [heads, *lines]) + 2 for k in range(len(heads))]
    rule = "  ".join("-" * w for w in widths)
    text = [
        rule,
        "  ".join(h.rjust(w) for h, w in zip(heads, widths, strict=True)),
        rule,
    ]
    text += [
        "  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in lines
    ]
    return "\n".join(
        [
            *text,
            rule,
            "Self CPU time total: 9ms",
            f"Self CUDA time total: {total}",
            "",
        ]
    ).encode()


ROWS = [
    ("aten::addmm", 30.0, 1200.0),
    ("aten::add", 15.0, 300.0),
    ("cudaLaunchKernel", 60.0, 0.0),
]
MEANS = {"Device_aten::addmm": 400, "Device_aten::add": 100, "Device_IDLE": 500, "Host_aten::addmm": 10, "Host_cudaLaunchKernel": 20}  # fmt: skip
CSV = "key,count,self_cpu_time_total,cpu_time_total,self_device_time_total,device_memory_usage\n"
_BODY = "ProfilerStep*,3,1,3000,0,0\naten::addmm,3,30,30,1200,4194304\naten::add,3,15,15,300,0\ncudaLaunchKernel,6,60,60,0,0\n"

KEY_AVERAGES: dict[str, Case] = {
    "table": (table(ROWS), MEANS),
    "table-ms": (table([(n, c / 1e3, d / 1e3) for n, c, d in ROWS], "ms", step=3.0), MEANS),
    "table-with-kernels": (table([*ROWS, (GEMM[:40], 0.0, 1200.0), (ADD[:40], 0.0, 300.0)]), MEANS),
    "table-cpu-only": (table([("aten::addmm", 30.0, 0.0), ("aten::add", 15.0, 0.0)], cuda=False), {"Host_aten::addmm": 10, "Host_aten::add": 5}),
    "table-without-steps": (table(ROWS, step=0), {"Device_aten::addmm": 1200, "Device_aten::add": 300}),
    "table-packed": (gzip.compress(table(ROWS)), MEANS),
    "csv": ((CSV + _BODY).encode(), MEANS),
    "csv-cuda": ((CSV + _BODY).replace("device", "cuda").encode(), MEANS),
    "csv-headings": (b"Name,Self CPU,CPU total,Self CUDA,# of Calls\nProfilerStep*,1us,3ms,0us,3\naten::addmm,30us,30us,1.2ms,3\naten::add,15us,15us,300us,3\ncudaLaunchKernel,60us,60us,0us,3\n", MEANS),
    "csv-tabs": ((CSV + _BODY).replace(",", "\t").encode(), MEANS),
    "csv-semicolons": ((CSV + _BODY).replace(",", ";").encode(), MEANS),
    "decimal-commas": ((CSV + _BODY).replace(",", ";").replace("1200", "1200,5").encode(), r"1200,5.*decimal points"),
    "commas-in-a-comma-csv": ((CSV + _BODY).replace("1200", "1200,5").encode(), r"7 fields where the header has 6.*decimal points"),
    "no-number": ((CSV + _BODY).replace("1200", "long").encode(), r"a time of 'long'"),
    "negative": ((CSV + _BODY).replace("1200", "-1200").encode(), r"a time of '-1200'"),
    "no-rows": (CSV.encode(), r"headings and no operation"),
    "no-name": (CSV.replace("key,", "kez,name_of_it,").replace("self_cpu_time_total", "self_cpu_time_tot").encode() + b"a,b,1,2,3,4,5\n", r"no column"),
    "table-cut": (table(ROWS)[:150], r"breaks off|no column|no format"),
}  # fmt: skip

KERN = "Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name"
COPY = "Time (%),Total Time (ns),Count,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Operation"
NVTX = "Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Style,Range"
_KERN_ROWS = f'80.0,1200000,3,400000,400000,1,2,0,"{GEMM}"\n20.0,300000,3,100000,100000,1,2,0,"{ADD}"\n'
_COPY_ROWS = "100,150000,3,50000,50000,1,2,0,[CUDA memcpy Host-to-Device]\n"
_NVTX_ROWS = "99,3000000,3,1000000,1000000,1,2,0,PushPop,:step\n1,3000,9,3,3,1,2,0,PushPop,:forward\n"
KERNELS = {
    "Device_cutlass::Kernel2": 400,
    "Device_at::native::vectorized_elementwise_kernel": 100,
}
_SUMS = {k: 3 * v for k, v in KERNELS.items()}
_TALK = "Generating SQLite file x.sqlite\nProcessing [x.sqlite]...\n\n ** CUDA GPU Kernel Summary (cuda_gpu_kern_sum):\n\n"

NSYS_CSV: dict[str, Case] = {
    "kernels": (f"{KERN}\n{_KERN_ROWS}".encode(), _SUMS),
    "with-talk": (f"{_TALK}{KERN}\n{_KERN_ROWS}\n".encode(), _SUMS),
    "with-steps": (f"{KERN}\n{_KERN_ROWS}\n{NVTX}\n{_NVTX_ROWS}".encode(), KERNELS | {"Device_IDLE": 500}),
    "numbered-steps": ((f"{KERN}\n{_KERN_ROWS}\n{NVTX}\n" + "".join(f"33,1000000,1,1000000,1,1,2,0,PushPop,:step {i}\n" for i in range(3))).encode(), KERNELS | {"Device_IDLE": 500}),
    "with-copies": (f"{KERN}\n{_KERN_ROWS}\n{COPY}\n{_COPY_ROWS}\n{NVTX}\n{_NVTX_ROWS}".encode(), KERNELS | {"Device_CUDA memcpy Host-to-Device": 50, "Device_IDLE": 450}),
    "copies-only": (f"{COPY}\n{_COPY_ROWS}".encode(), {"Device_CUDA memcpy Host-to-Device": 150}),
    "microseconds": (f"{KERN}\n{_KERN_ROWS}".replace("(ns)", "(us)").replace("1200000", "1200").replace("300000", "300").encode(), _SUMS),
    "milliseconds": (f"{KERN}\n{_KERN_ROWS}".replace("(ns)", "(ms)").replace("1200000", "1.2").replace("300000", "0.3").encode(), _SUMS),
    "old-headings": (f"Time(%),Total Time (ns),Instances,Average,Minimum,Maximum,Name\n80.0,1200000,3,4,4,4,\"{GEMM}\"\n20,300000,3,1,1,1,\"{ADD}\"\n".encode(), _SUMS),
    "packed": (gzip.compress(f"{KERN}\n{_KERN_ROWS}".encode()), _SUMS),
    "semicolons": (f"{KERN}\n80;1200000;3;4;4;1;2;0;{GEMM}\n20;300000;3;4;4;1;2;0;\"{ADD}\"\n".replace("%),", "%);").replace("Time (%);", "Time (%);").replace(KERN.replace("%),", "%);"), KERN.replace(",", ";")).encode(), _SUMS),
    "decimal-commas": (f"{KERN.replace(',', ';')}\n80,0;1200000,5;3;4;4;1;2;0;{GEMM}\n".encode(), r"decimal points"),
    "negative": (f"{KERN}\n80,-5,3,4,4,1,2,0,k\n".encode(), r"a time of -5"),
    "no-number": (f"{KERN}\n80,many,3,4,4,1,2,0,k\n".encode(), r"'many' is not a number"),
    "cut": (f"{KERN}\n{_KERN_ROWS}20.0,3000,".encode(), r"3 fields where the header has 9"),
    "no-kernel": (f"{KERN}\n".encode(), r"holds no kernel"),
    "ranges-only": (f"{NVTX}\n{_NVTX_ROWS}".encode(), r"holds no kernel"),
}  # fmt: skip
NSYS_CSV = {
    k: (c if isinstance(c, bytes) else c.encode(), w) for k, (c, w) in NSYS_CSV.items()
}


def tf_event(
    name: str, ts: float | str, dur: float, tid: int, pid: int = 1, **args: Any
) -> Json:
    return {
        "ph": "X",
        "pid": pid,
        "tid": tid,
        "ts": ts,
        "dur": dur,
        "name": name,
        "args": args,
    }


def tf_trace(
    n: int = 4,
    *,
    gpus: int = 1,
    steps: bool = True,
    named: bool = True,
    tf_op: bool = True,
    last: list[Json] | tuple[Any, ...] = (),
) -> bytes:
    """TensorBoard's trace viewer json."""
    events = []
    for g in range(gpus):
        pid = 1 + g
        if named:
            events += [
                {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": f"/device:GPU:{g}"}},
                {"ph": "M", "pid": pid, "tid": 1, "name": "thread_name", "args": {"name": "Steps"}},
                {"ph": "M", "pid": pid, "tid": 7, "name": "thread_name", "args": {"name": "Stream #13(Compute)"}},
                {"ph": "M", "pid": pid, "tid": 8, "name": "thread_name", "args": {"name": "TensorFlow Ops"}},
            ]  # fmt: skip
        for i in range(n):
            at = 1000 * i
            if steps:
                events.append(tf_event(str(i), at, 1000, 1, pid, group_id=i))
            op = {"tf_op": "net/conv/Conv2D:Conv2D"} if tf_op else {}
            events.append(
                tf_event("volta_sgemm_128x64_tn(int)", at + 10, 400, 7, pid, **op)
            )
            op = {"tf_op": "net/relu:Relu"} if tf_op else {}
            events.append(
                tf_event("void EigenMetaKernel<Relu>(x)", at + 500, 100, 7, pid, **op)
            )
            events.append(
                tf_event("Conv2D", at + 10, 400, 8, pid, long_name="net/conv:Conv2D")
            )
    events.append(
        {"ph": "M", "pid": 701, "name": "process_name", "args": {"name": "/host:CPU"}}
    )
    return json.dumps(
        {"displayTimeUnit": "ns", "metadata": {}, "traceEvents": [*events, *last]}
    ).encode()


TF = {"Device_Conv2D": 400, "Device_Relu": 100, "Device_IDLE": 500}
_TF = tf_trace()
TENSORFLOW_TRACE: dict[str, Case] = {
    "plain": (_TF, TF),
    "packed": (gzip.compress(_TF), TF),
    "one-step": (tf_trace(1), TF),
    "two-gpus": (tf_trace(gpus=2), TF),
    "kernels-without-op": (tf_trace(tf_op=False), {"Device_volta_sgemm_128x64_tn": 400, "Device_EigenMetaKernel": 100}),
    "empty-event-behind": (tf_trace(last=[{}]), TF),
    "cut": (_TF[: int(len(_TF) * 0.8)], TF),
    "no-steps": (tf_trace(steps=False), {"Device_Conv2D": 1600, "Device_Relu": 400, "Device_IDLE": 1590}),
    "host-only": (tf_trace(named=False), r"no GPU kernel was recorded, and the file names no GPU"),
    "negative": (tf_trace(last=[tf_event("k", 5, -1, 7)]), r"takes -1 µs"),
    "no-number": (tf_trace(last=[tf_event("k", "now", 1, 7)]), r"begins at 'now'"),
    "names-behind": (json.dumps({"displayTimeUnit": "ns", "metadata": {"n": "/host:CPU"}, "traceEvents": list(reversed(json.loads(_TF)["traceEvents"]))}).encode(), TF),
}  # fmt: skip


def nsys(
    path: Path,
    *,
    kernels: bool = True,
    steps: int = 4,
    ids: bool = True,
    runtime: bool = True,
    old: bool = False,
    gpus: int = 1,
    copies: bool = False,
    backwards: bool = False,
    text: bool = True,
    name: str = "step {}",
) -> None:
    """A database as Nsight Systems exports it."""
    db = sqlite3.connect(path)
    strings: dict[str, int] = {}

    def s(value: str) -> int:
        return strings.setdefault(value, len(strings) + 1)

    if kernels:
        columns = "start INT, end INT, deviceId INT, streamId INT, correlationId INT, demangledName INT, shortName INT"
        if old:
            columns = (
                "start INT, end INT, deviceId INT, correlationId INT, shortName INT"
            )
        db.execute(f"CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL ({columns})")
    if runtime:
        db.execute(
            "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INT, end INT, nameId INT, correlationId INT)"
        )
    if copies:
        db.execute(
            "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INT, end INT, deviceId INT, copyKind INT, correlationId INT, bytes INT)"
        )
    if steps:
        db.execute(
            "CREATE TABLE NVTX_EVENTS (start INT, end INT, eventType INT, text TEXT, textId INT)"
        )
    corr = 0
    for i in range(max(steps, 1)):
        at = 1_000_000 * i
        if steps:
            said = name.format(i)
            db.execute(
                "INSERT INTO NVTX_EVENTS VALUES (?,?,59,?,?)",
                (at, at + 1_000_000, said if text else None, None if text else s(said)),
            )
        for gpu in range(gpus if kernels else 0):
            for begin, dur, kernel in (
                (10_000, 400_000, GEMM),
                (450_000, 100_000, ADD),
            ):
                corr += 1
                if runtime:
                    db.execute(
                        "INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?,?,?,?)",
                        (
                            at + begin - 5000,
                            at + begin - 2000,
                            s("cudaLaunchKernel_v7000"),
                            corr,
                        ),
                    )
                start, end = at + begin, at + begin + dur
                if backwards:
                    start, end = end, start
                row: tuple[int, ...]
                if old:
                    row = (start, end, gpu, corr, s(kernel))
                else:
                    row = (start, end, gpu, 7, corr, s(kernel), s(kernel[:20]))
                db.execute(
                    f"INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES ({','.join('?' * len(row))})",
                    row,
                )
        if copies:
            db.execute(
                "INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (?,?,0,1,-1,9)",
                (at + 700_000, at + 750_000),
            )
    if ids:
        db.execute("CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT)")
        db.executemany(
            "INSERT INTO StringIds VALUES (?,?)", [(v, k) for k, v in strings.items()]
        )
    db.execute("CREATE TABLE TARGET_INFO_GPU (id INT, name TEXT)")
    db.execute("INSERT INTO TARGET_INFO_GPU VALUES (0, 'Tesla T4')")
    db.commit()
    db.close()


STEPPED = KERNELS | {"Device_IDLE": 500}
#: how a database is made, and what comes of it
NSYS_SQLITE: dict[str, tuple[dict[str, Any], Any]] = {
    "plain": ({}, STEPPED),
    "old-columns": ({"old": True}, STEPPED),
    "without-runtime": ({"runtime": False}, STEPPED),
    "copies": ({"copies": True}, STEPPED | {"Device_Memcpy HtoD": 50, "Device_IDLE": 450}),
    "two-gpus": ({"gpus": 2}, STEPPED),
    "texts-by-id": ({"text": False}, STEPPED),
    "iterations": ({"name": "iteration {}"}, STEPPED),
    "one-step": ({"steps": 1}, STEPPED),
    "without-steps": ({"steps": 0}, KERNELS),
    "other-ranges": ({"name": "forward"}, {k: 4 * v for k, v in KERNELS.items()}),
    "without-strings": ({"ids": False}, {"Device_kernel 3": 400, "Device_kernel 5": 100}),
    "no-kernel-table": ({"kernels": False}, r"no kernel of an Nsight Systems report"),
    "backwards": ({"backwards": True}, r"ends 400 µs before it begins"),
}  # fmt: skip

TEXTS: dict[str, dict[str, Case]] = {
    "kineto": KINETO,
    "key_averages": KEY_AVERAGES,
    "nsys_csv": NSYS_CSV,
    "tensorflow_trace": TENSORFLOW_TRACE,
}
