"""The quickstart's tasks, built from the documentation of the installed packages."""

from workers.errors import TaskError
from workers.tasks.card import Split, TaskCard
from workers.tasks.rows import Rows


def builtin_card(name: str) -> TaskCard:
    """Return the card of a built-in task.

    Raises:
        TaskError: there is no such task.
    """
    raise TaskError(f"there is no built-in task '{name}' yet")


def builtin_rows(name: str) -> dict[Split, Rows]:
    """Return every row of a built-in task.

    Raises:
        TaskError: there is no such task.
    """
    raise TaskError(f"there is no built-in task '{name}' yet")
