"""The mapping inside frozen values."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, cast

import pytest

from xlate.values.frozen import FrozenMap


def test_it_cannot_be_changed() -> None:
    frozen = FrozenMap({"a": 1})
    with pytest.raises(TypeError):
        operator.setitem(cast("dict[str, int]", frozen), "a", 2)
    with pytest.raises(TypeError):
        operator.delitem(cast("dict[str, int]", frozen), "a")
    for attribute in ("a", "__class__", "other"):
        with pytest.raises(AttributeError):
            setattr(frozen, attribute, {})
        with pytest.raises(AttributeError):
            delattr(frozen, attribute)
    assert frozen == {"a": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(a=2),
        lambda m: m.pop("a"),
        lambda m: m.popitem(),
        lambda m: m.clear(),
        lambda m: m.setdefault("b", 2),
        lambda m: m.__ior__({"b": 2}),
    ],
)
def test_no_method_of_a_dict_changes_it(
    change: Callable[[FrozenMap[str, int]], object],
) -> None:
    frozen = FrozenMap({"a": 1})
    with pytest.raises(TypeError, match="cannot be changed"):
        change(frozen)
    assert frozen == {"a": 1}


def test_it_equals_any_mapping_of_the_same_items() -> None:
    frozen = FrozenMap({"a": 1})
    assert frozen == MappingProxyType({"a": 1}) == frozen
    assert frozen == FrozenMap([("a", 1)])


def test_it_owns_its_items() -> None:
    items = {"a": 1}
    frozen = FrozenMap(items)
    items["a"] = 2
    assert frozen["a"] == 1


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_are_equal_and_frozen(copied: Callable[[Any], Any]) -> None:
    frozen = FrozenMap({"b": 1.5, "a": 2.5})
    again = copied(frozen)
    assert again == frozen
    assert list(again) == ["b", "a"]
    assert isinstance(again, FrozenMap)
    assert hash(again) == hash(frozen)


def test_it_reads_as_a_mapping() -> None:
    frozen = FrozenMap([("a", 1), ("b", 2)])
    assert {**frozen} == dict(frozen) == {"a": 1, "b": 2}
    assert (len(frozen), "a" in frozen, frozen.get("c")) == (2, True, None)
    assert list(frozen.items()) == [("a", 1), ("b", 2)]
    assert frozen != {"a": 1}
