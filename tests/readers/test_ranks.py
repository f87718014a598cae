"""Traces of many ranks in one folder."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support import profiles_made as made
from tests.support.narrowing import all_as, as_type
from xlate import api, engine
from xlate.cli import app
from xlate.errors import ProfileError
from xlate.readers import read
from xlate.readers.traces.ranks import jobs_in, rank_of
from xlate.readers.traces.slowest_rank import slowest
from xlate.values.profile import Profile
from xlate.values.reason import Reason

NCCL = "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"


def trace(
    rank: int | None = None,
    world: int = 4,
    *,
    length: int = 400_000,
    wait: int = 0,
    behind: bool = False,
    device: str = "Tesla T4",
) -> bytes:
    """A rank's trace: steps of ``length`` µs, ``wait`` µs of them in NCCL."""
    events = made.steps(length=length)
    for i in range(4):
        if wait:
            events += made.launched(
                500 + i, "nccl:all_reduce", NCCL, i * length + 1000, wait
            )
    document = json.loads(made.trace(events, device=device))
    if rank is not None:
        said = {"backend": "nccl", "rank": rank, "world_size": world, "pg_count": 1,
                "pg_config": [{"pg_name": "0", "ranks": list(range(world))}]}  # fmt: skip
        rest = {"distributedInfo": said}
        document = document | rest if behind else rest | document
    return json.dumps(document).encode()


def folder(tmp_path: Path, **files: bytes) -> Path:
    for name, content in files.items():
        (tmp_path / f"{name}.pt.trace.json").write_bytes(content)
    return tmp_path


def notes(profile: Profile) -> str:
    return " | ".join(profile.notes)


def test_the_slowest_rank_represents_the_job(tmp_path: Path) -> None:
    lengths = {0: 400_000, 1: 500_000, 2: 410_000, 3: 405_000}
    folder(
        tmp_path, **{f"host_{100 - r}": trace(r, length=n) for r, n in lengths.items()}
    )
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    assert profile.step_time_us == 500_000
    assert profile.source.endswith("host_99.pt.trace.json [rank 1 of 4]")
    said = notes(profile)
    assert "4 ranks of one job: rank 1 is the slowest and stands for it" in said
    assert "the fastest, rank 0, takes 400 ms (20.0% less)" in said


def test_the_answer_says_which_rank_was_taken(tmp_path: Path) -> None:
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=450_000))
    (answer,) = api.translate(tmp_path, "g4dn.xlarge", "p5.48xlarge")
    assert answer.file.endswith("[rank 1 of 2]")
    assert any("2 ranks of one job" in r for r in answer.verdict.reasons)


def test_of_equally_long_steps_the_rank_that_waits_least_is_taken(
    tmp_path: Path,
) -> None:
    waits = {0: 90_000, 1: 20_000, 2: 80_000, 3: 85_000}
    folder(tmp_path, **{f"r{r}": trace(r, wait=n) for r, n in waits.items()})
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    said = notes(profile)
    assert "rank 1 is the slowest" in said
    assert "the others take as long" in said
    assert "least on rank 1" in said


def test_missing_and_repeated_ranks_are_said(tmp_path: Path) -> None:
    folder(tmp_path, a=trace(0), b=trace(2), c=trace(2, length=420_000))
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    said = notes(profile)
    assert "ranks 1, 3 of the job are not in the folder" in said
    assert "of rank 2 there are several recordings" in said
    assert profile.step_time_us == 420_000


def test_a_rank_that_cannot_be_read_is_a_failure_and_said(tmp_path: Path) -> None:
    broken = trace(1, 2)
    folder(tmp_path, a=trace(0, 2), b=broken[: broken.index(b'"traceEvents"') + 20])
    profile, failure = engine.read_profiles([tmp_path])
    assert isinstance(failure, engine.Failure)
    assert isinstance(profile, Profile)
    assert "rank 1 could not be read (" in notes(profile)
    assert "it may be the slowest" in notes(profile)


@pytest.mark.parametrize("left", [0, 30])
def test_a_cut_rank_that_its_name_says_is_there_but_cannot_be_read(
    tmp_path: Path, left: int
) -> None:
    """What says the rank may be in the part that is gone, or behind it."""
    folder(
        tmp_path,
        rank0=trace(0, 3),
        rank1=trace(1, 3),
        rank2=trace(2, 3, behind=True)[:left],
    )
    profile, failure = engine.read_profiles([tmp_path])
    assert isinstance(failure, engine.Failure)
    assert isinstance(profile, Profile)
    (said,) = [n for n in profile.notes if "could not be read" in n]
    assert failure.error.what in said
    assert isinstance(said, Reason)
    assert said.remedy == failure.error.hint
    assert not said.informs
    assert "not in the folder" not in notes(profile)


def test_a_rank_read_from_a_cut_file_is_of_the_job_that_lacks_it(
    tmp_path: Path,
) -> None:
    cut = trace(2, 3, behind=True)[:-60]
    folder(tmp_path, rank0=trace(0, 3), rank1=trace(1, 3), rank2=cut)
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    assert "3 ranks of one job" in notes(profile)
    assert "not in the folder" not in notes(profile)
    # names that another job of the folder has as well say nothing
    folder(tmp_path, rank0_b=trace(), rank2=trace())
    assert len(all_as(Profile, engine.read_profiles([tmp_path]))) > 1


def test_an_unread_file_without_a_rank_may_be_of_one_that_is_missing(
    tmp_path: Path,
) -> None:
    folder(tmp_path, a=trace(0, 3), b=trace(1, 3), c=b"{")
    profile = as_type(Profile, engine.read_profiles([tmp_path])[0])
    assert (
        "rank 2 of the job is not in the folder, or in a file that could not be read"
        in notes(profile)
    )


def test_ranks_with_very_different_steps_or_modes_are_doubted_as_one_job(
    tmp_path: Path,
) -> None:
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=4_000_000))
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    (said,) = [n for n in profile.notes if "times apart" in n]
    assert "10 times apart" in said
    assert isinstance(said, Reason)
    assert said.unsound


def test_ranks_that_train_and_others_that_do_not_are_kept_apart(tmp_path: Path) -> None:
    files = [tmp_path / n for n in "ab"]
    for rank, file in enumerate(files):
        file.write_bytes(trace(rank, 2))
    (job,) = jobs_in(files)
    (one,) = read(files[0])
    trained = replace(one, workload=replace(one.workload, mode="training"))
    used = replace(one, workload=replace(one.workload, mode="inference"))
    jobs = slowest(job, {files[0]: [trained], files[1]: [used]})
    assert [p.workload.mode for _, p in jobs] == ["training", "inference"]
    for _, profile in jobs:
        assert "some are of inference and some of training" in notes(profile)
        assert "alone" not in notes(profile)


def test_one_rank_alone_says_that_others_are_missing(tmp_path: Path) -> None:
    folder(tmp_path, a=trace(3, 8))
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path]))
    assert "rank 3 alone of the 8 of the job" in notes(profile)
    # a file that was named is what was asked for
    (alone,) = all_as(Profile, engine.read_profiles([tmp_path / "a.pt.trace.json"]))
    assert "alone" not in notes(alone)


def test_jobs_of_other_sizes_and_other_files_stay_apart(tmp_path: Path) -> None:
    folder(
        tmp_path, a=trace(0, 2), b=trace(1, 2), c=trace(0, 3), d=trace(), e=trace(0, 1)
    )
    profiles = all_as(Profile, engine.read_profiles([tmp_path]))
    assert len(profiles) == 4
    assert sum("[rank" in p.source for p in profiles) == 2


def test_ranks_on_different_gpus_are_one_answer_each(tmp_path: Path) -> None:
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, device="NVIDIA A10G"))
    one, two = all_as(Profile, engine.read_profiles([tmp_path]))
    assert {one.device, two.device} == {"Tesla T4", "NVIDIA A10G"}
    assert "2 kinds of GPUs" in notes(one)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_what_is_said_is_found_in_front_and_behind(
    packed: bool, behind: bool, tmp_path: Path
) -> None:
    content = trace(5, 8, behind=behind)
    if behind:
        # more events than the head that is looked at first
        document = json.loads(content)
        document["traceEvents"] = document["traceEvents"] * 30
        content = json.dumps(document).encode()
        assert content.index(b"distributedInfo") > 1 << 16
    path = tmp_path / "t.json"
    path.write_bytes(gzip.compress(content) if packed else content)
    rank = rank_of(path)
    assert rank is not None
    assert (rank.number, rank.world) == (5, 8)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("rank-3.Jul_15_10_52_41.1074.pt.trace.json", 3),
        ("inference_rank_1.json", 1),
        ("rank12.json", 12),
        ("trace.rank0.json", 0),
        ("frank3.json", None),
        ("t3.json", None),
    ],
)
def test_a_files_name_may_say_the_rank(
    name: str, number: int | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(trace())
    rank = rank_of(tmp_path / name)
    assert (None if rank is None else rank.number) == number


def test_ranks_by_name_are_one_job_and_gaps_are_said(tmp_path: Path) -> None:
    for rank in (0, 1, 3):
        (tmp_path / f"rank-{rank}.pt.trace.json").write_bytes(
            trace(length=400_000 + rank)
        )
    (tmp_path / "other_rank-0.json").write_bytes(trace())
    jobs = jobs_in(sorted(tmp_path.iterdir()))
    assert [[r.number for r in j.ranks] for j in jobs] == [[0, 1, 3]]
    profiles = all_as(Profile, engine.read_profiles([tmp_path]))
    assert len(profiles) == 2
    assert any("rank 2 of the job is not in the folder" in notes(p) for p in profiles)


def test_what_is_no_trace_has_no_rank(tmp_path: Path) -> None:
    (tmp_path / "rank0.csv").write_bytes(b"Rank,Host/device,Type\n")
    (tmp_path / "rank1.json").write_bytes(b'{"Device_Relu": 5}')
    assert jobs_in(sorted(tmp_path.iterdir())) == []
    (tmp_path / "rank2.json").write_bytes(b"")
    with pytest.raises(ProfileError, match="is empty"):
        rank_of(tmp_path / "rank2.json")
    assert jobs_in(sorted(tmp_path.iterdir())) == []


def test_a_rank_beyond_its_world_size_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(trace(9, 4))
    assert rank_of(tmp_path / "a.json") is None


def test_a_folder_is_shown_and_checked_as_one_job(tmp_path: Path) -> None:
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=450_000))
    for command in ("show", "check"):
        result = CliRunner().invoke(app, ["profile", command, str(tmp_path), "--json"])
        assert result.exit_code == 0, result.output
        (one,) = json.loads(result.stdout)
        assert "rank 1 is the slowest" in json.dumps(one)
    (tmp_path / "c.json").write_text("{")
    result = CliRunner().invoke(app, ["profile", "show", str(tmp_path), "--json"])
    assert result.exit_code == 1
    for command in ("show", "check"):
        result = CliRunner().invoke(app, ["profile", command, str(tmp_path), "--json"])
        assert result.exit_code == 1
        _, failed = json.loads(result.stdout)
        assert failed["file"].endswith("c.json")
        assert {"error", "hint", "code", "type"} <= set(failed)
        assert "try:" not in failed["error"]
    arguments = ["translate", str(tmp_path), "--anchor", "g4dn.xlarge", "--target", "p5.48xlarge"]  # fmt: skip
    result = CliRunner().invoke(app, [*arguments, "--json"])
    _, failed = json.loads(result.stdout)
    assert failed["hint"]
    assert failed["hint"] in failed["error"]
    assert (failed["code"], failed["type"]) == (1, "ProfileError")


def test_notes_are_wrapped_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    folder(tmp_path, a=trace(0, 2), b=trace(1, 2, length=450_000))
    result = CliRunner().invoke(
        app, ["profile", "show", str(tmp_path / "a.pt.trace.json")]
    )
    assert result.exit_code == 0
    result = CliRunner().invoke(app, ["profile", "show", str(tmp_path)])
    said = result.stderr.splitlines()
    assert any(line.startswith("note: 2 ranks of one job") for line in said)
    assert max(map(len, said)) <= 60


def test_what_is_left_of_a_cut_rank_has_no_row(tmp_path: Path) -> None:
    document = json.loads(trace(1, 2))
    document["traceEvents"] = [
        e for e in document["traceEvents"] if "ProfilerStep" not in e["name"]
    ]
    text = json.dumps(document)
    fragment = text[: text.rindex('"ph"')].encode()
    folder(tmp_path, a=trace(0, 2), b=fragment)
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path])[:1])
    assert profile.source.endswith("a.pt.trace.json [rank 0 of 2]")
    assert "rank 1 could not be read" in notes(profile)
    assert "breaks off before any step" in notes(profile)
