"""What GPUs did, event by event, where no operation of a framework is recorded.

Nsight Systems and rocprof write kernels and copies with their times; the columns of the
vector come from their names. Where streams overlap, time is counted once. The precision
of a kernel is read from its name.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import ProfileError
from xlate.hardware.kernel_architecture import newest
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.attribution import clean_kernel
from xlate.readers.traces.marks import Marks
from xlate.readers.traces.steps import Launches, Step, Vector, Work, of_step
from xlate.readers.traces.time_unit import unit_note
from xlate.readers.traces.work_mode import mode_note, work_mode
from xlate.values.kernel_precision import kernel_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["DeviceTrace", "NamedDevices"]

#: prefix of names of copies, which have no precision
_COPY = "copy:"


@dataclass(frozen=True)
class NamedDevices:
    """Which GPU a device of a process is.

    Attributes
    ----------
    names : mapping of (process, device) to str
        Name of the GPU, where the file has it.
    labels : mapping of (process, device) to str
        Name of the GPU in ``source`` where there are several; its number
        where not listed.
    """

    names: Mapping[tuple[int, int], str] = field(default_factory=dict)
    labels: Mapping[tuple[int, int], str] = field(default_factory=dict)


class DeviceTrace:
    """Kernels and copies of all GPUs of a recording.

    Parameters
    ----------
    path : Path
        Named in errors.
    what : str
        Name of the ranges that mark steps (``NVTX``), for messages.

    Examples
    --------
    >>> from pathlib import Path
    >>> from xlate.readers.traces.device_trace import DeviceTrace
    >>> from xlate.readers.step_choice import StepChoice
    >>> trace = DeviceTrace(Path("a"), "NVTX")
    >>> trace.add("sgemm", 10.0, 14.0)
    >>> trace.add("sgemm", 20.0, 24.0)
    >>> (profile,) = trace.profiles({}, StepChoice(count=2))
    >>> profile.ops["Device_sgemm"], profile.step_time_us
    (4.0, 7.0)
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        self._start, self._end, self._asked = array("d"), array("d"), array("d")
        self._name, self._place = array("l"), array("l")
        self._names: dict[str, int] = {}
        self._places: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._start)

    @property
    def asked(self) -> NDArray[np.float64]:
        """When each was launched, µs."""
        return np.array(self._asked)

    @property
    def places(self) -> list[tuple[int, int]]:
        """Processes and devices that did something, sorted."""
        return sorted(self._places)

    def add(
        self,
        name: str,
        start: float,
        end: float,
        *,
        device: int = 0,
        process: int = 0,
        asked: float | None = None,
        kernel: bool = True,
    ) -> None:
        """Keep one event; times in µs, ``asked`` where the launch is known.

        Raises
        ------
        ProfileError
            If a time is not a finite number, or it ends before it begins.
        """
        # also false for NaN, in one expression: there are millions of events
        if not -math.inf < start <= end < math.inf:
            raise self._impossible(name, start, end)
        self._start.append(start)
        self._end.append(end)
        self._asked.append(start if asked is None else asked)
        key = name if kernel else _COPY + name
        self._name.append(self._names.setdefault(key, len(self._names)))
        self._place.append(
            self._places.setdefault((process, device), len(self._places))
        )

    def _impossible(self, name: str, start: float, end: float) -> ProfileError:
        """The error for an event whose times are not finite, or end before they begin."""
        if math.isfinite(start) and math.isfinite(end):
            return ProfileError(
                f"{self.path}: {name!r} ends {start - end:g} µs before it begins",
                "record it again",
                code="profile.bad-value",
            )
        return ProfileError(
            f"{self.path}: {name!r} runs from {start:g} to {end:g} µs",
            "times are finite numbers; record it again",
            code="profile.bad-value",
        )

    def profiles(
        self,
        marks: Mapping[int, Marks],
        choice: StepChoice,
        devices: NamedDevices = NamedDevices(),
        *,
        framework: str = "unknown",
        notes: tuple[str, ...] = (),
        launches: Mapping[int, Launches] = {},
    ) -> list[Profile]:
        """One profile for each process and GPU.

        Parameters
        ----------
        marks : mapping of int to Marks
            Steps of each process; empty where no range marks them.
        choice : StepChoice
            ``count`` cuts the recording into steps of equal length.
        devices : NamedDevices
        framework : str
        notes : tuple of str
            Added to the notes of each profile.
        launches : mapping of int to Launches
            Launches of kernels by each process; empty where they are not recorded.

        Raises
        ------
        ProfileError
            If no event lies in any step.
        """
        place = np.array(self._place)
        profiles: list[Profile] = []
        choice.check_count(self.path, len(self))
        without: list[str] = []
        labels = self._labels(devices)
        for key, label in labels.items():
            profile = self._of_gpu(
                np.flatnonzero(place == self._places[key]),
                self._steps_of(marks, key[0]),
                choice,
                source=f"{self.path} [{label}]" if len(labels) > 1 else str(self.path),
                device=devices.names.get(key),
                framework=framework,
                notes=notes,
                launches=[*filter(None, [launches.get(key[0])])],
            )
            if profile is None:
                without.append(label)
            else:
                profiles.append(profile)
        if not profiles:
            raise self._no_work(sum(len(m.steps) for m in marks.values()))
        if without:
            note = f"{', '.join(without)}: nothing ran in any step; left out"
            profiles = [_noted(p, note) for p in profiles]
        return profiles

    def _no_work(self, steps: int) -> ProfileError:
        """The error where no event lies in any step."""
        return ProfileError(
            f"{self.path}: no kernel lies in any of its {steps} {self.what} steps",
            "the clocks of host and device may differ; record it again, or cut the "
            "whole recording with --trace-steps N",
            code="profile.no-gpu-work",
        )

    def _labels(self, devices: NamedDevices) -> dict[tuple[int, int], str]:
        given = {k: devices.labels.get(k, f"GPU {k[1]}") for k in self.places}
        shared = list(given.values())
        return {
            k: v if shared.count(v) == 1 else f"process {k[0]}, {v}"
            for k, v in given.items()
        }

    def _steps_of(self, marks: Mapping[int, Marks], process: int) -> Marks | None:
        """Steps of a process; where it marked none, those of the only process that did."""
        if process in marks or not marks:
            return marks.get(process)
        return next(iter(marks.values())) if len(marks) == 1 else Marks((), ())

    def _of_gpu(
        self,
        chosen: NDArray[np.int64],
        marks: Marks | None,
        choice: StepChoice,
        *,
        source: str,
        device: str | None,
        framework: str,
        notes: tuple[str, ...],
        launches: list[Launches],
    ) -> Profile | None:
        """The profile of one GPU; None where nothing ran on it in any step."""
        work, precision, names = self._work(chosen)
        begin, end = float(work.asked.min()), float(work.end.max())
        divided, length = 1, None
        recording = [Step(0, begin, end - begin + 1e-3)]
        steps = recording if marks is None or choice.count else marks.steps
        vector = of_step(work, steps, launches=launches) if steps else None
        if vector is None:
            return None
        about_steps: tuple[str, ...]
        if choice.count:
            divided, length = choice.count, (end - begin) / choice.count
            about_steps = (
                Reason(
                    f"the whole recording is taken for {divided} steps of equal length",
                    informs=True,
                ),
            )
        elif marks is None:
            about_steps = (
                f"no {self.what} range named step or iteration: everything is taken for "
                "one step",
            )
        else:
            length, about_steps = vector.step.length, (*marks.notes, vector.step.reason)
        by_precision = of_step(precision, steps, launches=launches)
        mode = work_mode(names)
        if (about_mode := mode_note(mode)) is not None:
            about_steps = (*about_steps, Reason(about_mode, informs=True))
        return Profile(
            {k: v / divided for k, v in vector.ops.items() if v > 0},
            WorkloadKey(mode=mode, framework=framework),
            step_time_us=length or None,
            source=source,
            notes=(
                *unit_note(work.end - work.start),
                *about_steps,
                *vector.notes,
                *notes,
            ),
            device=device,
            precision_us=_times(by_precision, divided),
            newest_kernel=newest(names),
        )

    def _work(self, chosen: NDArray[np.int64]) -> tuple[Work, Work, list[str]]:
        """Events by operation and by precision, and names of kernels among them."""
        used, at = np.unique(np.array(self._name)[chosen], return_inverse=True)
        listed = list(self._names)
        keys = [listed[k] for k in used.tolist()]
        start, end = np.array(self._start)[chosen], np.array(self._end)[chosen]
        asked = np.array(self._asked)[chosen]

        def by(names: list[str]) -> Work:
            columns: dict[str, int] = {}
            place = np.array([columns.setdefault(n, len(columns)) for n in names])
            return Work(start, end, asked, place[at], tuple(columns))

        ops = [
            op_names.column("device", clean_kernel(k.removeprefix(_COPY))) for k in keys
        ]
        kinds = ["" if k.startswith(_COPY) else kernel_precision(k) for k in keys]
        return by(ops), by(kinds), [k for k in keys if not k.startswith(_COPY)]


def _times(vector: Vector | None, divided: int) -> dict[str, float]:
    """Time of each precision, without copies and idle time."""
    times: Mapping[str, Any] = vector.ops if vector is not None else {}
    return {
        k: v / divided
        for k, v in times.items()
        if k not in ("", op_names.DEVICE_IDLE) and v > 0
    }


def _noted(profile: Profile, note: str) -> Profile:
    return replace(profile, notes=(*profile.notes, note))
