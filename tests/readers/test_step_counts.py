"""More steps than there was work are refused, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import profiles_made as made
from xlate import readers
from xlate.errors import ProfileError
from xlate.readers.step_choice import StepChoice

ROCPROF = b'"Name","Calls","TotalDurationNs","AverageNs","Percentage"\n"gemm",3,12000000,4000000,80\n"add",3,3000000,1000000,20\n'
FILES = {
    "kineto": made.KINETO["no-steps"][0],
    "key_averages": made.KEY_AVERAGES["table-without-steps"][0],
    "nsys_csv": made.NSYS_CSV["kernels"][0],
    "tensorflow_trace": made.TENSORFLOW_TRACE["no-steps"][0],
    "rocprof_csv": ROCPROF,
}


@pytest.mark.parametrize("format", FILES)
def test_more_steps_than_gpu_events_are_refused(format: str, tmp_path: Path) -> None:
    path = tmp_path / "a.any"
    path.write_bytes(FILES[format])
    readers.read(path, steps=StepChoice(count=1))
    with pytest.raises(ProfileError, match=r"100000 is more than the .* GPU event"):
        readers.read(path, steps=StepChoice(count=100_000))


def test_more_steps_than_kernels_of_a_database_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    made.nsys(path, steps=0)
    readers.read(path, steps=StepChoice(count=2))
    with pytest.raises(ProfileError, match="1000 is more than the 2 GPU events"):
        readers.read(path, steps=StepChoice(count=1000))


def test_a_gpu_with_less_work_than_steps_is_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    more = made.launched(9, "aten::add", made.ADD, 10, 30, device=1)
    path.write_bytes(made.trace(made.steps() + more))
    assert len(readers.read(path, steps=StepChoice(count=4))) == 2
