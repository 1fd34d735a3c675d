"""`predict`: a text, the lines of standard input, or a file of rows; one answer each, in order.

What several adapters answer is left to `orchestrator.commands.predicting_many`.
"""

import itertools
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.adapters import Source, predictor_for
from orchestrator.commands.answer_files import check_output, open_answers
from orchestrator.commands.asked_rows import RowFiles, given_rows, row_for
from orchestrator.commands.budgeting import AskedBudget, budget_for, finish
from orchestrator.commands.output import console, print_json
from orchestrator.errors import OrchestratorError
from orchestrator.registry.answers import ANSWER_COLUMNS, answer_fields, answers_to
from workers.tasks.files import read_records
from workers.tasks.rows import Record

if TYPE_CHECKING:
    from workers.objectives import Prediction
    from workers.predict import LatencyBudget, Predictor

ROWS_AT_ONCE = 1000
"""Rows that are read, predicted and written together, so that a file of any length fits."""


def predict(
    adapter: str,
    texts: tuple[str | None, str | None],
    files: RowFiles,
    source: Source,
    *,
    drop_depth: int,
    asked: AskedBudget,
    as_json: bool,
) -> int:
    """Predict one text, every line of standard input, or every row of a file.

    Args:
        texts: the text and the second of a pair, as given as arguments.
        asked: with a budget, each text or row is a request of its own.

    Returns:
        The exit code: 1 if a budget was not held.
    """
    check_call(texts, files)
    predictor = predictor_for(
        adapter, source.stores, base=source.base, base_folder=source.base_folder
    )
    served = Served(predictor, drop_depth, budget_for(predictor, asked))
    if files.input is not None and files.output is not None:
        _answer_file(served, files, files.input, files.output)
        return finish(served.budget)
    card = predictor.card
    rows: Iterator[Record]
    if files.input is not None:
        rows = ((p, row_for(row, card, files, p)) for p, row in read_records(files.input))
    else:
        rows = given_rows(texts, card)
    answers: list[Prediction] = []
    for _, part in served.answered(rows):
        if as_json:
            answers += part
        for answer in part if not as_json else ():
            sys.stdout.write(f"{one_line(str(answer))}\n")  # as it is: no markup, no emoji
    if as_json:
        print_json([as_plain(answer) for answer in answers])
    return finish(served.budget)


def one_line(text: str) -> str:
    """Return an answer in one line, which one over the ends of a context's lines is not."""
    return text.replace("\r", " ").replace("\n", " ")


def as_plain(answer: "Prediction") -> dict[str, object]:
    """Return an answer as JSON has it."""
    of_words = {"labels": answer.labels} if answer.labels else {}
    return {
        "label": answer.label,
        "value": answer.value,
        "probabilities": answer.probabilities,
        **of_words,
    }


def check_call(texts: tuple[str | None, str | None], files: RowFiles) -> None:
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


@dataclass(frozen=True)
class Served:
    """An adapter, and at which depth it answers."""

    predictor: "Predictor"
    drop_depth: int
    budget: "LatencyBudget | None"

    def answered(
        self, rows: Iterator[Record]
    ) -> "Iterator[tuple[Sequence[Record], list[Prediction]]]":
        """Yield rows with their answers, some at a time; with a budget one by one."""
        at_once = ROWS_AT_ONCE if self.budget is None else 1
        while part := list(itertools.islice(rows, at_once)):
            found = answers_to(self.predictor, part, drop_depth=self.drop_depth, budget=self.budget)
            yield part, found


def _answer_file(served: Served, files: RowFiles, source: Path, target: Path) -> None:
    """Write every row of `source` with its answer to `target`, which is there whole or not."""
    card = served.predictor.card
    done = 0
    with open_answers(target, source, {"": card}) as answers:
        records = read_records(source)
        while part := list(itertools.islice(records, ROWS_AT_ONCE)):
            check_free(part, ANSWER_COLUMNS)
            asked = iter([(place, row_for(row, card, files, place)) for place, row in part])
            fields = [
                answer_fields(card, row, answer)
                for read, found in served.answered(asked)
                for (_, row), answer in zip(read, found, strict=True)
            ]
            answers.write([{**r, **f} for (_, r), f in zip(part, fields, strict=True)])
            done += len(part)
    say_done(done, target)


def check_free(part: Sequence[Record], columns: Collection[str]) -> None:
    """Refuse rows that have a column already that answers would take the place of.

    Raises:
        OrchestratorError: names the first of them.
    """
    for place, row in part:
        taken = [name for name in columns if name in row]
        if taken:
            raise OrchestratorError(
                f"{place}: the column '{taken[0]}' is there already, and the answer would "
                "take its place; rename it in the input"
            )


def say_done(rows: int, target: Path) -> None:
    """Say where the answers are."""
    console().print(f"{rows:,} rows with their answers are in {target}", soft_wrap=True)
