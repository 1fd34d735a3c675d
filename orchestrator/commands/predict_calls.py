"""Which way of `predict` a command line asks for: one adapter, several, or one for each row."""

from collections.abc import Sequence

from orchestrator.commands.adapters import Source
from orchestrator.commands.asked_rows import RowFiles
from orchestrator.commands.budgeting import AskedBudget
from orchestrator.commands.predicting import predict as predict_one
from orchestrator.commands.predicting_many import predict_many, predict_named, split_arguments
from orchestrator.errors import OrchestratorError


def predict(
    arguments: Sequence[str],
    files: RowFiles,
    source: Source,
    *,
    adapter_column: str | None,
    drop_depth: int,
    asked: AskedBudget,
    as_json: bool,
) -> int:
    """Predict, and return the exit code.

    Args:
        arguments: adapters, then texts.

    Raises:
        OrchestratorError: options or arguments contradict each other.
    """
    asked.check(drop_depth=drop_depth)
    adapters, texts = split_arguments(arguments, named_in_rows=adapter_column is not None)
    if adapter_column is not None:
        if texts[0] is not None or asked.budget_ms is not None:
            other = "a text" if texts[0] is not None else "--latency-budget-ms"
            raise OrchestratorError(
                f"--adapter-column: expected rows by --input, each answered on its own, found "
                f"{other} too; leave one out"
            )
        return predict_named(
            adapter_column, adapters, files, source, drop_depth=drop_depth, as_json=as_json
        )
    if not adapters:
        raise OrchestratorError(
            "expected an adapter's folder or TASK@ALIAS, found none; `adaptersweep best` lists "
            "the tasks"
        )
    if len(adapters) > 1:
        return predict_many(
            adapters, texts, files, source, drop_depth=drop_depth, asked=asked, as_json=as_json
        )
    return predict_one(
        adapters[0], texts, files, source, drop_depth=drop_depth, asked=asked, as_json=as_json
    )
