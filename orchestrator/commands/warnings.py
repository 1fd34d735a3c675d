"""What `plan` and `submit` warn of: rows that are probably not meant, and what was not read."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.planning.plan import Plan


def data_warnings(plan: Plan) -> list[str]:
    """Return what is odd about the rows of each task, as planning read them.

    Tasks from the Hub that are pinned by their revision are not read before a worker does.
    """
    tasks = {trial.task.name: trial.task for trial in plan.trials.values()}
    return [f"task {name}: {oddity}" for name, task in tasks.items() for oddity in task.oddities]


def reading_warnings(plan: Plan, catalog: Catalog) -> list[str]:
    """Return what of each task's rows the tokenizers and `max_length` left unread."""
    found: dict[str, None] = {}
    for trial_id, result in catalog.results(plan.trials).items():
        trial = plan.trials[trial_id]
        for split, reading in result.readings.items():
            if losses := reading.losses():
                found[
                    f"task {trial.task.name}, {split}, base {trial.base.name}, "
                    f"max_length {trial.training.max_length}: {', '.join(losses)}"
                ] = None
    return list(found)


def missing_words(missing: int) -> str:
    """Say what it means that finished trials lost their files, and what to do."""
    return (
        f"{missing} finished trials have lost their files in this workspace; their scores stay "
        "valid, and `submit --retrain-missing` trains them again"
    )


def print_warnings(out: Console, warnings: Iterable[str]) -> None:
    for warning in warnings:
        out.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
