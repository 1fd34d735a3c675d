"""What an adapter answers to rows, as columns; the same for `predict` and for MLflow's pyfunc.

Reading rows and writing answers is left to others.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workers.contract.task_card import TaskCard, TaskKind
from workers.tasks.rows import Record

if TYPE_CHECKING:
    from workers.objectives import Prediction
    from workers.predict import LatencyBudget, Predictor

ANSWER_COLUMNS = ("prediction", "prediction_index", "probability", "probabilities")


def answers_to(
    predictor: "Predictor",
    rows: Sequence[Record],
    *,
    drop_depth: int,
    budget: "LatencyBudget | None" = None,
) -> "list[Prediction]":
    """Answer each row, in order; a line without words has no labels.

    Args:
        budget: chooses the drop depth instead, for all rows as one request.

    Raises:
        TaskError: a row is none of the task's kind; its place is named.
        TrialFailedError: what is computed for a row is not finite.
    """
    from workers.objectives import Prediction

    # A line without words has no labels either; every other part of a row must be there.
    asked = [i for i, (_, row) in enumerate(rows) if not _is_wordless(row, predictor.card)]
    found = predictor.predict_rows(
        [rows[i][1] for i in asked],
        places=[rows[i][0] for i in asked],
        drop_depth=drop_depth,
        budget=budget,
    )
    answers = [Prediction("", 1.0, {})] * len(rows)
    for i, answer in zip(asked, found, strict=True):
        answers[i] = answer
    return answers


def _is_wordless(row: Mapping[str, object], card: TaskCard) -> bool:
    text = row[card.columns.text]
    words = card.kind is TaskKind.TOKEN_CLASSIFICATION
    return words and (text == [] or (isinstance(text, str) and not text.strip()))


def answer_fields(
    card: TaskCard, row: Mapping[str, Any], answer: "Prediction"
) -> dict[str, object]:
    """Return the columns of an answer, as `ANSWER_COLUMNS` names them, that its task has."""
    if card.kind is TaskKind.REGRESSION:
        return {"prediction": answer.value}
    if card.kind is TaskKind.TOKEN_CLASSIFICATION:
        return {"prediction": list(answer.labels), "probability": answer.value}
    fields: dict[str, object] = {"prediction": answer.label}
    named = card.label_names if card.choices is None else row[card.columns.choices]
    if card.kind is not TaskKind.SPAN:
        fields["prediction_index"] = list(named).index(answer.label)
    fields["probability"] = answer.value
    if card.kind is not TaskKind.SPAN:
        fields["probabilities"] = answer.probabilities
    return fields
