"""What to add to a job so that it records a profile xlate can read."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from xlate.errors import UnknownNameError
from xlate.files import open_regular

__all__ = ["FRAMEWORKS", "recipe"]

_PYTORCH = """\
# {command}
# PyTorch: put the loop's body between these lines and run the job as ever.
from torch.profiler import ProfilerActivity, profile, schedule

with profile(
    activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA],
    schedule=schedule(wait=5, warmup=2, active=6),
    on_trace_ready=lambda p: p.export_chrome_trace("trace.json.gz"),
    profile_memory=True,
) as prof:
    for batch in loader:
        ...            # the step, as it is
        prof.step()

# then: xlate translate trace.json.gz --anchor HERE --target THERE --batch-size N
#
# Where a trace is too large, the table alone will do, inside the with block's
# last step:
#     import csv
#     keys = ["key", "count", "self_cpu_time_total", "cpu_time_total",
#             "self_device_time_total", "device_memory_usage"]
#     with open("profile.csv", "w", newline="") as f:
#         out = csv.writer(f)
#         out.writerow(keys)
#         out.writerows([getattr(e, k) for k in keys] for e in prof.key_averages())
"""
_TENSORFLOW = """\
# {command}
# TensorFlow: profile a few steps after warm-up.
import tensorflow as tf

model.fit(
    data,
    callbacks=[tf.keras.callbacks.TensorBoard("logs", profile_batch=(10, 15))],
)

# then in TensorBoard's profile page: tool tensorflow_stats, export as csv, and
# xlate translate stats.csv --anchor HERE --target THERE --step-time MS
# or, as the profiler wrote it:
# xlate translate logs/train/plugins/profile/*/*.xplane.pb --anchor HERE --target THERE
"""
_JAX = """\
# {command}
# JAX: profile a few steps after warm-up, each annotated.
import jax

jax.profiler.start_trace("logs")
for i in range(6):
    with jax.profiler.StepTraceAnnotation("train", step_num=i):
        ...            # the step, as it is
        jax.block_until_ready(loss)
jax.profiler.stop_trace()

# then: xlate translate logs/plugins/profile/*/*.xplane.pb --anchor HERE --target THERE
"""
_ANY = """\
# {command}
# Any framework: Nsight Systems, without a change to the code.
nsys profile -t cuda,nvtx -o report {command}
nsys export --type sqlite -o report.sqlite report.nsys-rep
xlate translate report.sqlite --anchor HERE --target THERE --step-time MS

# with torch.cuda.nvtx.range_push("step") and range_pop() around each step the
# step time is read from the report
"""
#: framework -> (lines, what its scripts import)
FRAMEWORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pytorch": (_PYTORCH, ("import torch", "from torch", "lightning", "transformers")),
    "tensorflow": (
        _TENSORFLOW,
        ("import tensorflow", "from tensorflow", "import keras"),
    ),
    "jax": (_JAX, ("import jax", "from jax", "import flax", "from flax")),
    "any": (_ANY, ()),
}


def recipe(command: Sequence[str], framework: str | None = None) -> tuple[str, str]:
    """Lines for the framework that a script imports, or for the one named.

    Parameters
    ----------
    command : sequence of str
        How the job is started; its first argument that is a Python file is looked
        into, nothing is run.
    framework : str, optional
        Key of :data:`FRAMEWORKS`.

    Returns
    -------
    str, str
        The framework, and the lines.

    Raises
    ------
    UnknownNameError
        If the framework is none of them.
    """
    if framework is not None and framework not in FRAMEWORKS:
        raise UnknownNameError("framework", framework, FRAMEWORKS)
    chosen = framework or _framework_of(command) or "any"
    text = FRAMEWORKS[chosen][0]
    started = shlex.join(command) or "python train.py"
    return chosen, text.replace("{command}", started).rstrip()


def _framework_of(command: Sequence[str]) -> str | None:
    for word in command:
        path = Path(word)
        if path.suffix != ".py" or not path.is_file():
            continue
        with open_regular(path) as script:
            text = script.read(1 << 20).decode("utf-8", "replace")
        for name, (_, marks) in FRAMEWORKS.items():
            if any(m in text for m in marks):
                return name
    return None
