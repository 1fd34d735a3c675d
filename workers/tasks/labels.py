"""Read the label of a row: a class by its number or name, or the target of a regression.

The same label means the same in JSONL, CSV and Parquet. Where the names of classes are numbers
that differ from the classes' own (stars from 1 to 5), a number could be either, and the card must
say which.
"""

import decimal
import difflib
import math
import re
from typing import Any

from workers.contract.task_card import LabelValues, TaskCard, TaskKind
from workers.errors import TaskError

_WHOLE = re.compile(r"[+-]?[0-9]+")
_CLASS_NUMBER = re.compile(r"[0-9]{1,9}")  # more digits are no class's, and slow to read
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_MOST_NAMED = 12
"""Classes in a message."""
_MOST_COMPARED = 1000
"""Classes that a misspelled one is compared with, which takes long."""


class LabelReader:
    """Reads the labels of a task's rows, as its card defines them."""

    def __init__(self, card: TaskCard) -> None:
        self._card = card
        self._numbers = {name: number for number, name in enumerate(card.label_names)}
        self._misleading = next(
            (name for name, number in self._numbers.items() if _is_another_number(name, number)),
            None,
        )

    def read(self, value: Any, place: str) -> int | float:
        """Return the class number or the target that a label stands for.

        Raises:
            TaskError: it stands for none, or could stand for two.
        """
        where = f"{place}, column '{self._card.columns.label}'"
        if self._card.kind is TaskKind.REGRESSION:
            return self._target(value, where)
        return self._class(value, where)

    def _class(self, value: Any, where: str) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        text = value if isinstance(value, str) else shown(value) if whole else None
        if text is None:
            raise TaskError(self._unknown(value, where))
        reading = self._card.label_values
        if reading is None and self._misleading is not None and _WHOLE.fullmatch(text):
            raise TaskError(self._ambiguous(value, where))
        found = None
        if reading is not LabelValues.NUMBERS and (reading or isinstance(value, str)):
            found = self._numbers.get(text)
        if found is None and reading is not LabelValues.NAMES and _CLASS_NUMBER.fullmatch(text):
            found = int(text) if int(text) < len(self._numbers) else None
        if found is None:
            raise TaskError(self._unknown(value, where, hidden=text == "-1"))
        return found

    def _ambiguous(self, value: Any, where: str) -> str:
        misleading = self._misleading
        return (
            f"{where}: cannot tell whether label {shown(value)} is a class's number or name, since "
            f"'{called(misleading)}' of the card's label_names is the name of class "
            f"{self._numbers[str(misleading)]}. Add to the card `label_values: names` if labels "
            "stand in label_names as they are, or `label_values: numbers` if they count the "
            "classes from 0"
        )

    def _unknown(self, value: Any, where: str, *, hidden: bool = False) -> str:
        reading, names = self._card.label_values, list(self._numbers)
        allowed = [
            called(name) if reading is LabelValues.NAMES else f"{number} ({called(name)})"
            for number, name in enumerate(names[:_MOST_NAMED])
        ]
        if len(names) > _MOST_NAMED:
            allowed.append(f"… {len(names)} in all")
        hint = "; -1 stands for a hidden label, so leave this split out" if hidden else ""
        close: list[str] = []
        if isinstance(value, str) and reading is not LabelValues.NUMBERS:
            close = difflib.get_close_matches(value[:100], names[:_MOST_COMPARED], 1)
        if close:
            hint = f"; did you mean '{called(close[0])}'?"
        card = called(self._card.name)
        how = f" (read as {reading}, as the card's label_values says)" if reading else ""
        return (
            f"{where}: label {shown(value)} is not on the card of '{card}'{how}; "
            f"allowed are {', '.join(allowed)}{hint}. Correct the row or the card's label_names"
        )

    def _target(self, value: Any, where: str) -> float:
        target = math.nan
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            target = float(value)
        elif isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
            try:
                target = float(value)
            except OverflowError:
                target = math.inf
        if not math.isfinite(target):
            raise TaskError(f"{where}: expected a number, found {shown(value)}. Correct the row")
        bounds = self._card.label_range
        if bounds is not None and not bounds[0] <= target <= bounds[1]:
            raise TaskError(
                f"{where}: label {shown(value)} is outside {bounds[0]:g} to {bounds[1]:g}, the "
                "card's label_range. Correct the row or the card"
            )
        return target


def _is_another_number(name: str, number: int) -> bool:
    """Tell whether a class's name is a number, and not its own."""
    try:
        value = float(name)
    except ValueError:
        return False
    return math.isfinite(value) and value != number


def shown(value: Any) -> str:
    """Return a value as it stands in Python, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or of lists in lists
        text = f"{type(value).__name__} that is too large to show"
    return text if len(text) <= 60 else text[:57] + "..."


def called(name: object) -> str:
    """Return a name from a file as it can be printed, cut where it is long."""
    text = str(name)[:200].encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 60 else text[:57] + "..."
