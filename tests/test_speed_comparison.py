"""Speed against an earlier commit: medians of pairs, and what cannot be compared."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from experiments.speed_comparison import (
    ROOT,
    Comparison,
    Spent,
    Tree,
    compare_trees,
    earlier,
)


def test_ratios_are_those_of_each_pair() -> None:
    pairs = [
        (Spent(1.0, 2.0), Spent(1.05, 2.0)),
        (Spent(10.0, 9.0), Spent(12.0, 9.9)),
        (Spent(2.0, 3.0), Spent(2.3, 6.0)),
    ]
    compared = Comparison.of(pairs)
    assert (compared.before.cpu_s, compared.after.cpu_s) == (2.0, 2.3)
    assert compared.cpu_ratio == pytest.approx(1.15)
    assert compared.wall_ratio == pytest.approx(1.1)
    assert compared.slower
    assert not Comparison.of(pairs[:1]).slower


def test_a_task_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no task is called help2; there are help,"):
        list(compare_trees(ROOT, ["help", "help2"]))


def test_a_commit_that_is_not_there_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError), earlier("no-such-commit"):
        pass


@pytest.mark.slow
def test_the_code_of_another_tree_is_not_taken_for_it(tmp_path: Path) -> None:
    Tree(ROOT, tmp_path).check()
    with pytest.raises(ValueError, match="is imported, not"):
        Tree(tmp_path, tmp_path).check()
