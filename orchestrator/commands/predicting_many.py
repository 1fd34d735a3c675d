"""`predict` with several adapters: all of them for every text, or one for each row of a file."""

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.commands.adapters import Source, adapter_folder
from orchestrator.commands.answer_files import open_answers
from orchestrator.commands.asked_rows import RowFiles, given_rows, row_for
from orchestrator.commands.budgeting import AskedBudget, budget_for, finish
from orchestrator.commands.output import print_json
from orchestrator.commands.predicting import (
    ROWS_AT_ONCE,
    as_plain,
    check_call,
    check_free,
    one_line,
    say_done,
)
from orchestrator.errors import OrchestratorError
from orchestrator.registry.answers import ANSWER_COLUMNS, answer_fields
from workers.contract.task_card import TaskCard
from workers.tasks.files import read_records
from workers.tasks.rows import Record

if TYPE_CHECKING:
    from workers.objectives import Prediction
    from workers.predict import LatencyBudget, ManyTasks

_REFERENCE = re.compile(r"[^\s@]+@([a-z][a-z0-9_-]*|[0-9]+)")
"""TASK@ALIAS or TASK@VERSION, as the registry takes them."""
_MANIFEST = "adapter.json"

Asked = tuple[str, Mapping[str, Mapping[str, object]]]
"""A row's place, and what each adapter reads of it."""


def split_arguments(
    arguments: Sequence[str], *, named_in_rows: bool
) -> tuple[list[str], tuple[str | None, str | None]]:
    """Return the adapters, which come first, and the text with its second one.

    Args:
        named_in_rows: whether there may be no adapter.

    Raises:
        OrchestratorError: more than two texts are left.
    """
    first = 0 if named_in_rows else 1
    ends = next(
        (i for i, word in enumerate(arguments) if i >= first and not _is_adapter(word)), None
    )
    adapters = list(arguments if ends is None else arguments[:ends])
    texts = list(() if ends is None else arguments[ends:])
    if len(texts) > 2:
        raise OrchestratorError(
            f"expected adapters, then one text or two, found {len(texts)} texts after "
            f"{', '.join(adapters) or 'no adapter'}; put each text in quotes"
        )
    text, pair = (*texts, None, None)[:2]
    return adapters, (text, pair)


def _is_adapter(word: str) -> bool:
    try:
        return bool(_REFERENCE.fullmatch(word)) or (Path(word) / _MANIFEST).is_file()
    except (OSError, ValueError):  # a text that is no name of a folder
        return False


def load(adapters: Sequence[str], source: Source) -> "ManyTasks":
    """Load adapters over one base, each called as it was asked for; a folder by its own name.

    Raises:
        OrchestratorError: one is not there, or two have one name.
    """
    from workers.predict import ManyTasks

    folders: dict[str, Path] = {}
    for number, adapter in enumerate(adapters):
        name = name_of(adapter)
        if name in folders:
            raise OrchestratorError(
                f"expected adapters of different names, found {name} twice; leave one out"
            )
        folders[name] = _folder(adapter, source, first=number == 0)
    return ManyTasks.load(folders, base_folder=source.base_folder)


def _folder(adapter: str, source: Source, *, first: bool) -> Path:
    """Return the folder of one; an unknown name may have been meant as a text."""
    try:
        return adapter_folder(adapter, source.stores, base=source.base)
    except OrchestratorError as error:
        if first:
            raise
        raise type(error)(
            f"{error}; a text that looks like TASK@ALIAS is read from standard input"
        ) from error


def name_of(adapter: str) -> str:
    return Path(adapter).resolve().name if Path(adapter).is_dir() else adapter


def predict_many(
    adapters: Sequence[str],
    texts: tuple[str | None, str | None],
    files: RowFiles,
    source: Source,
    *,
    drop_depth: int,
    asked: AskedBudget,
    as_json: bool,
) -> int:
    """Answer every text by every adapter; return the exit code, 1 if a budget was not held."""
    check_call(texts, files)
    served = load(adapters, source)
    budget = budget_for(served, asked)
    cards = {name: predictor.card for name, predictor in served.predictors.items()}
    if files.input is not None and files.output is not None:
        _answer_file(served, cards, files, drop_depth=drop_depth, budget=budget)
        return finish(budget)
    rows = _file_rows(files, cards) if files.input is not None else _text_rows(texts, cards)
    found: list[dict[str, Any]] = []
    for answers in _answered(served, rows, drop_depth=drop_depth, budget=budget):
        for each in answers:
            if as_json:
                found.append({name: as_plain(answer) for name, answer in each.items()})
            else:
                said = (f"{name}: {one_line(str(answer))}" for name, answer in each.items())
                sys.stdout.write("\t".join(said) + "\n")
    if as_json:
        print_json(found)
    return finish(budget)


def _file_rows(files: RowFiles, cards: Mapping[str, TaskCard]) -> Iterator[Asked]:
    assert files.input is not None
    for place, row in read_records(files.input):
        yield place, {name: row_for(row, card, files, place) for name, card in cards.items()}


def _text_rows(
    texts: tuple[str | None, str | None], cards: Mapping[str, TaskCard]
) -> Iterator[Asked]:
    """Yield one text or line for all adapters, which must take as many texts each."""
    (first, card), *others = cards.items()
    for name, other in others:
        if _takes(other) != _takes(card):
            raise OrchestratorError(
                f"expected adapters that read the same, found {first}, which takes {_takes(card)}, "
                f"and {name}, which takes {_takes(other)}; give rows with all columns by --input, "
                "or ask them apart"
            )
    for place, row in given_rows(texts, card):
        values = list(row.values())
        yield (
            place,
            {name: dict(zip(_columns(of), values, strict=True)) for name, of in cards.items()},
        )


def _takes(card: TaskCard) -> str:
    if card.choices is not None:
        return f"{card.choices} choices"
    return "one text" if card.columns.text_pair is None else "two texts"


def _columns(card: TaskCard) -> list[str]:
    columns = card.columns
    return [columns.text] if columns.text_pair is None else [columns.text, columns.text_pair]


def _answered(
    served: "ManyTasks",
    rows: Iterator[Asked],
    *,
    drop_depth: int,
    budget: "LatencyBudget | None",
) -> "Iterator[list[dict[str, Prediction]]]":
    """Yield the answers to some rows at a time; with a budget one by one."""
    at_once = ROWS_AT_ONCE if budget is None else 1
    while part := list(itertools.islice(rows, at_once)):
        by_adapter = {name: [row[name] for _, row in part] for name in served.predictors}
        places = [place for place, _ in part]
        found = served.predict_rows(by_adapter, places=places, drop_depth=drop_depth, budget=budget)
        yield [{name: of[i] for name, of in found.items()} for i in range(len(part))]


def _answer_file(
    served: "ManyTasks",
    cards: Mapping[str, TaskCard],
    files: RowFiles,
    *,
    drop_depth: int,
    budget: "LatencyBudget | None",
) -> None:
    """Write every row with the answers of all, each in columns that begin with its name."""
    assert files.input is not None
    assert files.output is not None
    columns = [f"{name}.{column}" for name in cards for column in ANSWER_COLUMNS]
    done = 0
    with open_answers(files.output, files.input, {f"{n}.": c for n, c in cards.items()}) as answers:
        records = read_records(files.input)
        while part := list(itertools.islice(records, ROWS_AT_ONCE)):
            check_free(part, columns)
            asked: list[Asked] = [
                (place, {n: row_for(row, c, files, place) for n, c in cards.items()})
                for place, row in part
            ]
            fields: list[dict[str, object]] = []
            for some in _answered(served, iter(asked), drop_depth=drop_depth, budget=budget):
                for each in some:
                    own = asked[len(fields)][1]
                    fields.append(_fields(cards, own, each))
            answers.write([{**r, **f} for (_, r), f in zip(part, fields, strict=True)])
            done += len(part)
    say_done(done, files.output)


def _fields(
    cards: Mapping[str, TaskCard],
    rows: Mapping[str, Mapping[str, object]],
    answers: "Mapping[str, Prediction]",
) -> dict[str, object]:
    return {
        f"{name}.{column}": value
        for name, card in cards.items()
        for column, value in answer_fields(card, rows[name], answers[name]).items()
    }


def predict_named(
    column: str,
    adapters: Sequence[str],
    files: RowFiles,
    source: Source,
    *,
    drop_depth: int,
    as_json: bool,
) -> int:
    """Answer every row of a file by the adapter that it names; a row that names none has no answer.

    Args:
        column: that names it.
        adapters: to load before; others are loaded when a row names them.
    """
    check_call((None, None), files)
    if files.input is None:
        raise OrchestratorError("--adapter-column belongs to --input, which is not given; add it")
    if files.output is not None and files.output.suffix == ".parquet":
        raise OrchestratorError(
            "--output: expected a CSV or JSONL file with --adapter-column, since answers of "
            f"different tasks are of different types, found {files.output}; give another"
        )
    named = _Named(column, files, source, drop_depth, load(adapters, source) if adapters else None)
    if files.output is not None:
        named.write(files.input, files.output)
        return 0
    found: list[Any] = []
    for _, answers in named.answered(files.input):
        for _, answer in answers:
            if as_json:
                found.append(None if answer is None else as_plain(answer))
            else:
                sys.stdout.write("\n" if answer is None else f"{one_line(str(answer))}\n")
    if as_json:
        print_json(found)
    return 0


@dataclass
class _Named:
    """Answers rows that name their adapters, which are loaded when they are first named."""

    column: str
    files: RowFiles
    source: Source
    drop_depth: int
    served: "ManyTasks | None"

    def answered(
        self, path: Path
    ) -> "Iterator[tuple[list[Record], list[tuple[dict[str, object], Prediction | None]]]]":
        """Yield rows as they are, with the columns of their answers and these."""
        records = read_records(path)
        while part := list(itertools.islice(records, ROWS_AT_ONCE)):
            yield part, self._answers(part)

    def _answers(
        self, part: Sequence[Record]
    ) -> "list[tuple[dict[str, object], Prediction | None]]":
        rows: list[tuple[str | None, Mapping[str, object]]] = []
        for place, row in part:
            name = self._name(place, row)
            rows.append((name, {} if name is None else self._row(name, place, row)))
        if self.served is None:
            return [({}, None) for _ in part]
        places = [place for place, _ in part]
        found = self.served.predict_mixed(rows, places=places, drop_depth=self.drop_depth)
        answers: list[tuple[dict[str, object], Prediction | None]] = []
        for (name, own), answer in zip(rows, found, strict=True):
            if name is None or answer is None:
                answers.append(({}, None))
            else:
                card = self.served.predictors[name].card
                answers.append((answer_fields(card, own, answer), answer))
        return answers

    def _name(self, place: str, row: Mapping[str, Any]) -> str | None:
        if self.column not in row:
            raise OrchestratorError(
                f"{place} has no column '{self.column}', found {', '.join(row) or 'none'}; name "
                "the right one by --adapter-column"
            )
        named = row[self.column]
        if named is None or not str(named).strip():
            return None
        asked = str(named).strip()
        known = self.served.predictors if self.served is not None else {}
        name = asked if asked in known else name_of(asked)
        if self.served is None:
            self.served = load([asked], self.source)
        elif name not in known:
            try:
                self.served.add(name, _folder(asked, self.source, first=True))
            except OrchestratorError as error:
                raise OrchestratorError(f"{place}: {error}") from error
        return name

    def _row(self, name: str, place: str, row: Mapping[str, Any]) -> dict[str, object]:
        assert self.served is not None
        return row_for(row, self.served.predictors[name].card, self.files, place)

    def write(self, path: Path, target: Path) -> None:
        """Write every row with the columns of its answer, empty where there is none."""
        done = 0
        empty = dict.fromkeys(ANSWER_COLUMNS)
        with open_answers(target, path, {"": None}) as writer:
            for part, answers in self.answered(path):
                check_free(part, ANSWER_COLUMNS)
                pairs = zip(part, answers, strict=True)
                writer.write([{**row, **empty, **fields} for (_, row), (fields, _) in pairs])
                done += len(part)
        say_done(done, target)
