"""Results that are rows: figures of models compared, labels of sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from dataclasses import Field

__all__ = ["Record", "Rows"]


class Record(Protocol):
    """A frozen row with a name for each figure."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Rows(Generic[R]):
    """Rows of one kind, in their order.

    Attributes
    ----------
    items : tuple
        Frozen records: :class:`xlate.evaluation.figures.Row`, for instance.
    notes : tuple of str
        Notes for the user.

    Examples
    --------
    >>> from xlate.evaluation.figures import Row
    >>> row = Row("T4", "L4", "ratio", "own", "model", None, "step_mape", 5.0, 12)
    >>> Rows((row,)).document()[0]["value"]
    5.0
    """

    items: tuple[R, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[R]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def document(self) -> list[dict[str, Any]]:
        """A list with one object for each row."""
        return [asdict(row) for row in self.items]
