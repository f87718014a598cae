"""A GPU's work as TensorFlow's and JAX's profilers record it, made into profiles.

The trace viewer's JSON and ``xplane.pb`` hold the same data under different names: for
each GPU kernels on streams, sometimes a line of steps; on the host launches that share
a correlation id with their kernel, and annotations that begin a step. Steps are taken
from, in this order: the user's options, the GPU's line of steps, the host's step
annotations, executions of one compiled program that repeat, else the complete recording;
a note names the source.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xlate import op_names
from xlate.errors import ProfileError
from xlate.readers.step_choice import StepChoice
from xlate.readers.tensorflow.gpu_steps import Cut, Kernels, Mark, cut
from xlate.readers.traces.steps import Launches, Step, Work, of_step
from xlate.readers.traces.time_unit import unit_note
from xlate.readers.traces.work_mode import trains
from xlate.values.kernel_precision import kernel_precision
from xlate.values.profile import Profile, WorkloadKey

__all__ = ["Gpu", "Operation", "Recording", "is_training"]

#: parts of names that only a step of training has: TensorFlow's gradients and
#: updates, JAX's transposed operations, cuDNN's two kinds of gradients
_TRAINING = re.compile(
    r"Backprop|Grad(?![a-z])|Apply[A-Z]|gradient_tape|gradients/|transpose\(jvp|[wd]grad"
)
_COPY = re.compile(r"mem(?:cpy|set)", re.IGNORECASE)
#: calls of the driver and the runtime after which nothing runs on the GPU
_NO_LAUNCH = re.compile(
    r"^(?:cu|cuda|hip)[A-Z]\w*(?:Synchronize|Query|Alloc|Free|Event|Wait|Module|Ctx|Get|Create|Destroy)"
)
#: most events of one GPU, which limits memory and time
MOST_EVENTS = 4_000_000


@dataclass(frozen=True)
class Operation:
    """The operation that a kernel is counted under, and facts about the kernel.

    Attributes
    ----------
    name : str
        Operation type, or the kernel's own name.
    kernel : str
        As the profiler printed it.
    program : str
        Compiled program it is of (``hlo_module``), empty where there is none.
    training : bool
        Whether only a step of training has such an operation.
    """

    name: str
    kernel: str
    program: str = ""
    training: bool = False


@dataclass
class Gpu:
    """Events of one GPU, µs.

    Attributes
    ----------
    index : int
        As the profiler numbers it.
    device : str or None
        Name of the GPU; None where the file does not hold it.
    steps : list of Step
        Steps in the GPU's line of the trace.
    """

    index: int
    device: str | None = None
    steps: list[Step] = field(default_factory=list)
    start: array[float] = field(default_factory=lambda: array("d"))
    length: array[float] = field(default_factory=lambda: array("d"))
    operation: array[int] = field(default_factory=lambda: array("q"))
    correlation: array[int] = field(default_factory=lambda: array("q"))

    def add(
        self, start: float, length: float, operation: int, correlation: int
    ) -> None:
        """Add a kernel or a copy; ``correlation`` is -1 where it has no id."""
        self.add_all([start], [length], [operation], [correlation])

    def add_all(
        self,
        start: list[float],
        length: list[float],
        operation: list[int],
        correlation: list[int],
    ) -> None:
        """Add kernels and copies.

        Raises
        ------
        ProfileError
            If there are more than any recording of a few steps has.
        """
        if len(self.start) + len(start) > MOST_EVENTS:
            raise ProfileError(
                f"GPU {self.index} has over {MOST_EVENTS:,} events",
                "record fewer steps",
                code="profile.too-large",
            )
        self.start.extend(start)
        self.length.extend(length)
        self.operation.extend(operation)
        self.correlation.extend(correlation)


class Recording:
    """The contents of a file, from which profiles are made.

    Parameters
    ----------
    path : Path
        Named in errors and profiles.
    choice : StepChoice
        Options of the user about steps.

    Attributes
    ----------
    gpus : dict of int to Gpu
    marks : list of Mark
        The host's annotations that may begin a step.
    truncated : bool
        Whether the file broke off.
    notes : list of str
    framework : str
    """

    def __init__(self, path: Path, choice: StepChoice) -> None:
        self.path = path
        self.choice = choice
        self.gpus: dict[int, Gpu] = {}
        self.marks: list[Mark] = []
        self.truncated = False
        self.notes: list[str] = []
        self.framework = "tensorflow"
        self._operations: dict[Operation, int] = {}
        self._launch_start = array("d")
        self._launch_id = array("q")
        self._is_launch: dict[str, bool] = {}

    def gpu(self, index: int) -> Gpu:
        """The GPU of a number; it is created where the number is new."""
        return self.gpus.setdefault(index, Gpu(index))

    def operation(self, operation: Operation) -> int:
        """Number of an operation in this recording."""
        return self._operations.setdefault(operation, len(self._operations))

    def add_launch(self, name: str, correlation: int, start: float) -> None:
        """Add the host's call that launched the kernel of that id, µs.

        Calls that wait or allocate have ids too, but no kernel.
        """
        if name not in self._is_launch:
            self._is_launch[name] = _NO_LAUNCH.search(name) is None
        if self._is_launch[name]:
            self._launch_id.append(correlation)
            self._launch_start.append(start)

    def profiles(self, hint: str) -> list[Profile]:
        """One profile for each GPU on which anything ran.

        Parameters
        ----------
        hint : str
            How to record a complete file.

        Raises
        ------
        ProfileError
            If nothing ran on a GPU, or in no step; or the user's mark is not found.
        """
        ran = [g for _, g in sorted(self.gpus.items()) if len(g.start)]
        if not ran:
            raise ProfileError(
                f"{self.path}: no GPU kernel was recorded, {_named_gpus(len(self.gpus))}",
                f"the profiler needs CUPTI (or ROCm's tracer) and the right to use it; {hint}",
                code="profile.no-gpu-work",
            )
        self.choice.check_count(self.path, sum(len(g.start) for g in ran))
        made = [self._profile(g, len(ran) > 1) for g in ran]
        profiles = [p for p in made if p is not None]
        if not profiles:
            raise ProfileError(
                f"{self.path}: no GPU kernel ran in any of its steps",
                hint,
                code="profile.no-gpu-work",
            )
        return profiles

    def _profile(self, gpu: Gpu, several: bool) -> Profile | None:
        operations = list(self._operations)
        start, operation = np.array(gpu.start), np.array(gpu.operation)
        end = start + np.array(gpu.length)
        kernels = Kernels(
            start, end, self._asked(gpu), operation, [o.program for o in operations]
        )
        steps = cut(
            self.path,
            self.choice,
            gpu.steps,
            self.marks,
            kernels,
            truncated=self.truncated,
        )
        return self._vector(gpu, kernels, steps, operations, several)

    def _vector(
        self,
        gpu: Gpu,
        kernels: Kernels,
        steps: Cut,
        operations: Sequence[Operation],
        several: bool,
    ) -> Profile | None:
        """Profile of the step that represents the job; None where nothing ran in any."""
        work = _work(kernels, steps, operations)
        vector = of_step(work, steps.steps, self.truncated, self._launches())
        if vector is None:
            return None
        training = any(operations[k].training for k in np.unique(kernels.operation))
        notes = [*unit_note(kernels.end - kernels.start), *steps.notes, *self.notes]
        if steps.counted:
            notes.append(vector.step.reason)
        notes += vector.notes
        if self.truncated:
            notes.insert(
                0, f"{self.path.name} breaks off; it was read up to where it is whole"
            )
        share = 1.0 / steps.parts
        return Profile(
            {k: v * share for k, v in vector.ops.items() if v > 0},
            WorkloadKey(
                mode="training" if training else "inference", framework=self.framework
            ),
            step_time_us=vector.step.length * share,
            source=f"{self.path} [GPU {gpu.index}]" if several else str(self.path),
            notes=tuple(notes),
            device=gpu.device,
            precision_us={k: v * share for k, v in vector.precision_us.items()},
        )

    def _launches(self) -> list[Launches]:
        """Launches in a file that breaks off, whose host events come first."""
        if not self.truncated or not len(self._launch_id):
            return []
        ran = [np.array(g.correlation) for g in self.gpus.values()]
        recorded = np.isin(np.array(self._launch_id), np.concatenate(ran))
        return [Launches(np.array(self._launch_start), recorded)]

    def _asked(self, gpu: Gpu) -> Any:
        """When the host launched each kernel, µs; its start where that is not known."""
        start, wanted = np.array(gpu.start), np.array(gpu.correlation)
        if not len(self._launch_id):
            return start
        ids, when = np.array(self._launch_id), np.array(self._launch_start)
        order = np.lexsort((when, ids))
        ids, when = ids[order], when[order]
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        has_launch = (wanted >= 0) & (ids[at] == wanted) & (when[at] <= start)
        return np.where(has_launch, when[at], start)


def _named_gpus(count: int) -> str:
    """How many GPUs a file without kernels names, in words."""
    if not count:
        return "and the file names no GPU"
    return f"though the file names {count} GPU{'s' if count > 1 else ''}"


def is_training(names: Iterable[str]) -> bool:
    """Whether one of a kernel's names is that of training."""
    return any(_TRAINING.search(n) is not None or trains(n) for n in names)


def _work(kernels: Kernels, steps: Cut, operations: Sequence[Operation]) -> Work:
    """Kernels by column and precision; several operations may have one column."""
    names = [op_names.column("device", o.name) for o in operations]
    columns = tuple(dict.fromkeys(names))
    # copies, and events without a kernel's name, have no precision
    kinds = [
        None if not o.kernel or _COPY.match(o.kernel) else kernel_precision(o.kernel)
        for o in operations
    ]
    precisions = tuple(dict.fromkeys(k for k in kinds if k is not None))
    place = {None: -1} | {k: n for n, k in enumerate(precisions)}
    column = {name: n for n, name in enumerate(columns)}
    return Work(
        start=kernels.start,
        end=kernels.end,
        asked=steps.asked,
        column=np.array([column[n] for n in names])[kernels.operation],
        columns=columns,
        precision=np.array([place[k] for k in kinds])[kernels.operation],
        precisions=precisions,
    )
