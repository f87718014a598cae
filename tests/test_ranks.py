"""Traces of many ranks in one folder."""

from __future__ import annotations

import gzip
import json

import pytest
from typer.testing import CliRunner

from tests import profiles_made as made
from xlate import api, engine
from xlate.cli import app
from xlate.errors import ProfileError
from xlate.readers.ranks import jobs_in, rank_of

NCCL = "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"


def trace(
    rank=None, world=4, *, length=400_000, wait=0, behind=False, device="Tesla T4"
):
    """A rank's trace: steps of ``length`` µs, ``wait`` µs of them in NCCL."""
    events = made.steps(length=length)
    for i in range(4):
        if wait:
            events += made.launched(500 + i, "nccl:all_reduce", NCCL, i * length + 1000, wait)  # fmt: skip
    document = json.loads(made.trace(events, device=device))
    if rank is not None:
        said = {"backend": "nccl", "rank": rank, "world_size": world, "pg_count": 1,
                "pg_config": [{"pg_name": "0", "ranks": list(range(world))}]}  # fmt: skip
        rest = {"distributedInfo": said}
        document = document | rest if behind else rest | document
    return json.dumps(document).encode()


def folder(tmp_path, **files):
    for name, content in files.items():
        (tmp_path / f"{name}.pt.trace.json").write_bytes(content)
    return tmp_path


def notes(profile):
    return " | ".join(profile.notes)


def test_the_slowest_rank_stands_for_the_job(tmp_path):
    lengths = {0: 400_000, 1: 500_000, 2: 410_000, 3: 405_000}
    folder(tmp_path, **{f"host_{100 - r}": trace(r, length=n) for r, n in lengths.items()})  # fmt: skip
    (profile,) = engine.read_profiles([tmp_path])
    assert profile.step_time_us == 500_000
    assert profile.source.endswith("host_99.pt.trace.json [rank 1 of 4]")
    said = notes(profile)
    assert "4 ranks of one job: rank 1 is the slowest and stands for it" in said
    assert "the fastest, rank 0, takes 400 ms (20.0% less)" in said


def test_the_answer_says_which_rank_was_taken(tmp_path):
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=450_000))
    (answer,) = api.translate(tmp_path, "g4dn.xlarge", "p5.48xlarge")
    assert answer.file.endswith("[rank 1 of 2]")
    assert any("2 ranks of one job" in r for r in answer.verdict.reasons)


def test_of_equally_long_steps_the_rank_that_waits_least_is_taken(tmp_path):
    waits = {0: 90_000, 1: 20_000, 2: 80_000, 3: 85_000}
    folder(tmp_path, **{f"r{r}": trace(r, wait=n) for r, n in waits.items()})
    (profile,) = engine.read_profiles([tmp_path])
    said = notes(profile)
    assert "rank 1 is the slowest" in said
    assert "the others take as long" in said
    assert "least on rank 1" in said


def test_missing_and_repeated_ranks_are_said(tmp_path):
    folder(tmp_path, a=trace(0), b=trace(2), c=trace(2, length=420_000))
    (profile,) = engine.read_profiles([tmp_path])
    said = notes(profile)
    assert "ranks 1, 3 of the job are not in the folder" in said
    assert "of rank 2 there are several recordings" in said
    assert profile.step_time_us == 420_000


def test_a_rank_that_cannot_be_read_is_a_failure_and_said(tmp_path):
    broken = trace(1, 2)
    folder(tmp_path, a=trace(0, 2), b=broken[: broken.index(b'"traceEvents"') + 20])
    profile, failure = engine.read_profiles([tmp_path])
    assert isinstance(failure, engine.Failure)
    assert "rank 1 could not be read" in notes(profile)


def test_one_rank_alone_says_that_others_are_missing(tmp_path):
    folder(tmp_path, a=trace(3, 8))
    (profile,) = engine.read_profiles([tmp_path])
    assert "rank 3 alone of the 8 of the job" in notes(profile)
    # a file that was named is what was asked for
    (alone,) = engine.read_profiles([tmp_path / "a.pt.trace.json"])
    assert "alone" not in notes(alone)


def test_jobs_of_other_sizes_and_other_files_stay_apart(tmp_path):
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2), c=trace(0, 3), d=trace(), e=trace(0, 1))  # fmt: skip
    found = engine.read_profiles([tmp_path])
    assert len(found) == 4
    assert sum("[rank" in p.source for p in found) == 2


def test_ranks_on_different_gpus_are_one_answer_each(tmp_path):
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, device="NVIDIA A10G"))
    one, two = engine.read_profiles([tmp_path])
    assert {one.device, two.device} == {"Tesla T4", "NVIDIA A10G"}
    assert "2 kinds of GPUs" in notes(one)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_what_is_said_is_found_in_front_and_behind(packed, behind, tmp_path):
    content = trace(5, 8, behind=behind)
    if behind:
        # more events than the head that is looked at first
        document = json.loads(content)
        document["traceEvents"] = document["traceEvents"] * 30
        content = json.dumps(document).encode()
        assert content.index(b"distributedInfo") > 1 << 16
    path = tmp_path / "t.json"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = rank_of(path)
    assert (found.number, found.world) == (5, 8)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("rank-3.Jul_15_10_52_41.1074.pt.trace.json", 3), ("inference_rank_1.json", 1),
        ("rank12.json", 12), ("trace.rank0.json", 0), ("frank3.json", None), ("t3.json", None),
    ],
)  # fmt: skip
def test_a_files_name_may_say_the_rank(name, number, tmp_path):
    (tmp_path / name).write_bytes(trace())
    found = rank_of(tmp_path / name)
    assert (None if found is None else found.number) == number


def test_ranks_by_name_are_one_job_and_gaps_are_said(tmp_path):
    for rank in (0, 1, 3):
        (tmp_path / f"rank-{rank}.pt.trace.json").write_bytes(trace(length=400_000 + rank))  # fmt: skip
    (tmp_path / "other_rank-0.json").write_bytes(trace())
    jobs = jobs_in(sorted(tmp_path.iterdir()))
    assert [[r.number for r in j.ranks] for j in jobs] == [[0, 1, 3]]
    found = engine.read_profiles([tmp_path])
    assert len(found) == 2
    assert any("rank 2 of the job is not in the folder" in notes(p) for p in found)


def test_what_is_no_trace_has_no_rank(tmp_path):
    (tmp_path / "rank0.csv").write_bytes(b"Rank,Host/device,Type\n")
    (tmp_path / "rank1.json").write_bytes(b'{"Device_Relu": 5}')
    assert jobs_in(sorted(tmp_path.iterdir())) == []
    (tmp_path / "rank2.json").write_bytes(b"")
    with pytest.raises(ProfileError, match="is empty"):
        rank_of(tmp_path / "rank2.json")
    assert jobs_in(sorted(tmp_path.iterdir())) == []


def test_a_rank_beyond_its_world_is_none(tmp_path):
    (tmp_path / "a.json").write_bytes(trace(9, 4))
    assert rank_of(tmp_path / "a.json") is None


def test_a_folder_is_shown_and_checked_as_one_job(tmp_path):
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=450_000))
    for command in ("show", "check"):
        result = CliRunner().invoke(app, ["profile", command, str(tmp_path), "--json"])
        assert result.exit_code == 0, result.output
        (one,) = json.loads(result.stdout)
        assert "rank 1 is the slowest" in json.dumps(one)
    (tmp_path / "c.json").write_text("{")
    result = CliRunner().invoke(app, ["profile", "show", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 1
