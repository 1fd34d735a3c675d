"""`predict`: a text, the lines of standard input, or a file of rows; one answer each, in order."""

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.commands.adapters import predictor_for
from orchestrator.commands.answer_files import ANSWER_COLUMNS, check_output, open_answers
from orchestrator.commands.asked_rows import RowFiles, given_rows, row_for
from orchestrator.commands.output import console, print_json
from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores
from workers.contract.task_card import TaskCard, TaskKind
from workers.tasks.files import read_records
from workers.tasks.rows import Record

if TYPE_CHECKING:
    from workers.objectives import Prediction
    from workers.predict import Predictor

ROWS_AT_ONCE = 1000
"""Rows that are read, predicted and written together, so that a file of any length fits."""


def predict(
    adapter: str,
    texts: tuple[str | None, str | None],
    files: RowFiles,
    *,
    workspace: Path,
    tracking: str | None,
    base: str | None,
    base_folder: Path | None,
    drop_depth: int,
    as_json: bool,
) -> None:
    """Predict one text, every line of standard input, or every row of a file.

    Args:
        texts: the text and the second of a pair, as given as arguments.
    """
    _check_call(texts, files)
    stores = Stores.at(workspace, tracking=tracking)
    predictor = predictor_for(adapter, stores, base=base, base_folder=base_folder)
    if files.input is not None and files.output is not None:
        _answer_file(predictor, files, files.input, files.output, drop_depth=drop_depth)
        return
    card = predictor.card
    rows: Iterator[Record]
    if files.input is not None:
        rows = ((p, row_for(row, card, files, p)) for p, row in read_records(files.input))
    else:
        rows = given_rows(texts, card)
    answers: list[Prediction] = []
    for _, part in _answered(predictor, rows, drop_depth=drop_depth):
        if as_json:
            answers += part
        for answer in part if not as_json else ():
            sys.stdout.write(f"{_one_line(str(answer))}\n")  # as it is: no markup, no emoji
    if as_json:
        print_json([_as_json(answer) for answer in answers])


def _one_line(text: str) -> str:
    """Return an answer in one line, which one over the ends of a context's lines is not."""
    return text.replace("\r", " ").replace("\n", " ")


def _as_json(answer: "Prediction") -> dict[str, object]:
    of_words = {"labels": answer.labels} if answer.labels else {}
    return {
        "label": answer.label,
        "value": answer.value,
        "probabilities": answer.probabilities,
        **of_words,
    }


def _check_call(texts: tuple[str | None, str | None], files: RowFiles) -> None:
    """Refuse what contradicts itself, before anything is loaded."""
    if files.input is None:
        for option, value in (
            ("--output", files.output),
            ("--text-column", files.text),
            ("--pair-column", files.pair),
            ("--choices-column", files.choices),
        ):
            if value is not None:
                raise OrchestratorError(f"{option} belongs to --input, which is not given; add it")
        return
    if texts[0] is not None:
        raise OrchestratorError("expected a text or --input, found both; leave one out")
    if not files.input.is_file():
        raise OrchestratorError(
            f"--input: expected a file of rows, found no file {files.input}; correct the path"
        )
    if files.output is not None:
        check_output(files.output, overwrite=files.overwrite)


def _answered(
    predictor: "Predictor", rows: Iterator[Record], *, drop_depth: int
) -> "Iterator[tuple[Sequence[Record], list[Prediction]]]":
    """Yield rows with their answers, some at a time."""
    from workers.objectives import Prediction

    while part := list(itertools.islice(rows, ROWS_AT_ONCE)):
        # A line without words has no labels either; every other part of a row must be there.
        asked = [i for i, (_, row) in enumerate(part) if not _is_wordless(row, predictor.card)]
        found = predictor.predict_rows(
            [part[i][1] for i in asked], places=[part[i][0] for i in asked], drop_depth=drop_depth
        )
        answers = [Prediction("", 1.0, {})] * len(part)
        for i, answer in zip(asked, found, strict=True):
            answers[i] = answer
        yield part, answers


def _is_wordless(row: Mapping[str, object], card: TaskCard) -> bool:
    text = row[card.columns.text]
    words = card.kind is TaskKind.TOKEN_CLASSIFICATION
    return words and (text == [] or (isinstance(text, str) and not text.strip()))


def _answer_file(
    predictor: "Predictor", files: RowFiles, source: Path, target: Path, *, drop_depth: int
) -> None:
    """Write every row of `source` with its answer to `target`, which is there whole or not."""
    card = predictor.card
    done = 0
    with open_answers(target, source, card) as answers:
        records = read_records(source)
        while part := list(itertools.islice(records, ROWS_AT_ONCE)):
            for place, row in part:
                taken = [name for name in ANSWER_COLUMNS if name in row]
                if taken:
                    raise OrchestratorError(
                        f"{place}: the column '{taken[0]}' is there already, and the answer would "
                        "take its place; rename it in the input"
                    )
            asked = iter([(place, row_for(row, card, files, place)) for place, row in part])
            for read, found in _answered(predictor, asked, drop_depth=drop_depth):
                fields = [
                    answer_fields(card, row, answer)
                    for (_, row), answer in zip(read, found, strict=True)
                ]
                answers.write([{**r, **f} for (_, r), f in zip(part, fields, strict=True)])
            done += len(part)
    console().print(f"{done:,} rows with their answers are in {target}", soft_wrap=True)


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
