"""What a fitted model keeps: its kind, and its state as plain values.

A bundle holds no class of this program by its place: it holds the *kind* of a
model, a name of a registry, and the model's *state*, a mapping of names to numbers,
texts, arrays, scikit-learn's own estimators and further models
(:mod:`xlate.store.codec`). A module can therefore move, and a class change its
name, without breaking a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

__all__ = ["Stateful"]


class Stateful:
    """A model that gives its state and can be made from it.

    The state is every parameter (:meth:`parameters`) and every fitted attribute, which
    by scikit-learn's convention ends in an underscore. What begins with one is a cache
    and is not kept.

    Attributes
    ----------
    family : str
        Registry that knows its kind: ``"translator"``, ``"clock-model"`` or ``"part"``.
    kind : str
        Its name there.
    kept : tuple of str
        Names of the attributes that every instance has, fitted or not.

    Examples
    --------
    >>> from xlate.models.translate.two_path import TwoPath
    >>> state = TwoPath.unfitted().state()
    >>> TwoPath.from_state(state).theta_.tolist() == state["theta_"].tolist()
    True
    """

    family: ClassVar[str] = "part"
    kind: ClassVar[str] = ""
    kept: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Names of the attributes that every instance has."""
        return cls.kept

    def state(self) -> dict[str, Any]:
        """All values that the model's answers depend on, by name.

        Raises
        ------
        TypeError
            If an attribute is neither a parameter, nor fitted, nor a cache: it would
            be lost.
        """
        names = self.parameters()
        values: dict[str, Any] = {}
        for name, value in vars(self).items():
            if name.startswith("_"):
                continue
            if name not in names and not name.endswith("_"):
                raise TypeError(
                    f"{type(self).__name__}.{name} is not a parameter, and its name does "
                    "not end in an underscore as that of a fitted attribute must"
                )
            values[name] = value
        return values

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """A model with the same answers as the one that gave the state.

        Parameters
        ----------
        state : mapping
            As :meth:`state` gave it.

        Raises
        ------
        ValueError
            If a parameter is missing, or a name is not that of a possible attribute.
        """
        names = cls.parameters()
        missing = [n for n in names if n not in state]
        if missing:
            raise ValueError(f"the state of a {cls.kind} lacks {missing[0]}")
        for name in state:
            fitted = name.isidentifier() and name.endswith("_") and name[0] != "_"
            if name not in names and not fitted:
                raise ValueError(f"the state of a {cls.kind} has no {name!r}")
        made = cls.__new__(cls)
        vars(made).update(state)
        return made
