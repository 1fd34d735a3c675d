"""A split and a task as the worker keeps them: tokens, and what the loss compares with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from workers.tasks.card import Split
from workers.tasks.rows import Rows
from workers.tokens import Tokens


@dataclass(frozen=True)
class Examples:
    """One split, tokenised.

    Attributes:
        labels: one entry per row, as the task's objective made it.
        rows: what was tokenised.
    """

    tokens: Tokens
    labels: NDArray[Any]
    rows: Rows

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class TaskExamples:
    splits: Mapping[Split, Examples]
    majority: float
