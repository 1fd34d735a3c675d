"""Files of rows with their answers: CSV, JSONL or Parquet, written whole or not at all."""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from adapter_lib.storage.atomic_write import replacing
from orchestrator.errors import OrchestratorError
from orchestrator.registry.answers import ANSWER_COLUMNS
from workers.contract.task_card import TaskCard, TaskKind

Row = Mapping[str, Any]
Cards = Mapping[str, TaskCard | None]
"""What stands before the names of an adapter's columns → its task's card; None for any task."""


class AnswerWriter(ABC):
    """Writes rows, some at a time, in the order in which they come."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            OrchestratorError: the format cannot hold them beside those before.
        """

    @abstractmethod
    def close(self) -> None:
        """Write what is left, so that the file is whole."""


def check_output(target: Path, *, overwrite: bool) -> None:
    """Refuse a target of no known format, one that is there, and one that cannot be.

    Raises:
        OrchestratorError: with what to give instead.
    """
    if target.suffix not in _WRITERS:
        raise OrchestratorError(
            f"--output: expected a file that ends in {', '.join(_WRITERS)}, found {target}"
        )
    if target.is_dir() or not target.parent.is_dir():
        raise OrchestratorError(
            f"--output: expected a file in a folder that is there, found {target}; make the folder "
            "or give another"
        )
    if target.exists() and not overwrite:
        raise OrchestratorError(
            f"--output: {target} is there already; give another file, or --overwrite to replace it"
        )


@contextmanager
def open_answers(target: Path, source: Path, cards: Cards) -> Iterator[AnswerWriter]:
    """Give a writer; `target` is replaced when all is written, and stays as it is on any error.

    Args:
        source: where the rows are read, whose column types a Parquet file keeps.
        cards: of the adapters that answer.
    """
    with replacing(target) as part, part.open("wb") as stream:
        writer = _WRITERS[target.suffix](stream, source, cards)
        yield writer
        writer.close()


class _Csv(AnswerWriter):
    def __init__(self, stream: IO[bytes], source: Path, cards: Cards) -> None:
        self._stream = stream
        self._names: list[str] = []
        self._predictions = {f"{before}{ANSWER_COLUMNS[0]}" for before in cards}

    def write(self, rows: Sequence[Row]) -> None:
        if not self._names and rows:
            self._names = list(rows[0])
            self._put([self._names])
        for row in rows:
            more = [name for name in row if name not in self._names]
            if more:
                raise OrchestratorError(
                    f"a row has the column '{more[0]}', which the first row has not; CSV has one "
                    "header for all, so give --output as JSONL"
                )
        self._put(
            [
                [_cell(row.get(name), name in self._predictions) for name in self._names]
                for row in rows
            ]
        )

    def close(self) -> None:
        pass

    def _put(self, rows: Sequence[Sequence[str]]) -> None:
        lines = _Lines()
        csv.writer(lines, lineterminator="\n").writerows(rows)
        self._stream.write("".join(lines).encode("utf-8", "surrogatepass"))


class _Lines(list[str]):
    """What `csv.writer` writes to."""

    def write(self, line: str) -> None:
        self.append(line)


def _cell(value: Any, predicted: bool) -> str:
    if value is None:
        return ""
    if predicted and isinstance(value, list) and not any(" " in v for v in value):
        return " ".join(value)  # labels of words, as the task's own CSV holds them
    return _json(value) if isinstance(value, list | dict) else str(value)


class _Jsonl(AnswerWriter):
    def __init__(self, stream: IO[bytes], source: Path, cards: Cards) -> None:
        self._stream = stream

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._stream.write(f"{_json(row)}\n".encode())

    def close(self) -> None:
        pass


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only escape
        return json.dumps(value, default=str)
    return text


class _Parquet(AnswerWriter):
    """Columns keep the types of a Parquet input; otherwise the first rows decide on them."""

    def __init__(self, stream: IO[bytes], source: Path, cards: Cards) -> None:
        import pyarrow
        import pyarrow.parquet

        self._stream, self._cards = stream, cards
        self._answers = {f"{before}{name}" for before in cards for name in ANSWER_COLUMNS}
        self._maps = {f"{before}{ANSWER_COLUMNS[3]}" for before in cards}
        self._writer: Any = None
        self._schema: Any = None
        if source.suffix == ".parquet":
            fields = list(pyarrow.parquet.read_schema(source))
            self._schema = pyarrow.schema([*fields, *self._answer_fields()])

    def write(self, rows: Sequence[Row]) -> None:
        import pyarrow
        import pyarrow.parquet

        plain = [
            {k: list(v.items()) if k in self._maps and v else v for k, v in r.items()} for r in rows
        ]
        try:
            if self._schema is None and rows:
                others = [{k: v for k, v in r.items() if k not in self._answers} for r in rows]
                inferred = pyarrow.Table.from_pylist(others).schema
                self._schema = pyarrow.schema([*inferred, *self._answer_fields()])
            if self._writer is None:
                self._writer = pyarrow.parquet.ParquetWriter(self._stream, self._schema)
            more = {name for row in rows for name in row} - set(self._schema.names)
            if more:
                raise OrchestratorError(
                    f"a row has the column '{min(more)}', which the first rows have not; Parquet "
                    "has the same columns for all, so give --output as JSONL"
                )
            self._writer.write_table(pyarrow.Table.from_pylist(plain, schema=self._schema))
        except (pyarrow.ArrowException, OverflowError) as error:
            raise OrchestratorError(
                f"the rows do not fit the columns of a Parquet file: {error}; give --output as "
                "JSONL"
            ) from error

    def close(self) -> None:
        if self._writer is None:
            import pyarrow
            import pyarrow.parquet

            schema = self._schema or pyarrow.schema(self._answer_fields())
            self._writer = pyarrow.parquet.ParquetWriter(self._stream, schema)
        self._writer.close()

    def _answer_fields(self) -> list[Any]:
        return [
            field
            for before, card in self._cards.items()
            if card is not None
            for field in _fields(before, card)
        ]


def _fields(before: str, card: TaskCard) -> list[Any]:
    """Return a Parquet file's columns of one adapter's answers."""
    import pyarrow

    text, number = pyarrow.string(), pyarrow.float64()
    fields = {
        "prediction": text,
        "prediction_index": pyarrow.int64(),
        "probability": number,
        "probabilities": pyarrow.map_(text, number),
    }
    match card.kind:
        case TaskKind.REGRESSION:
            fields = {"prediction": number}
        case TaskKind.TOKEN_CLASSIFICATION:
            fields = {"prediction": pyarrow.list_(text), "probability": number}
        case TaskKind.SPAN:
            fields = {"prediction": text, "probability": number}
    return [pyarrow.field(f"{before}{name}", kind) for name, kind in fields.items()]


_WRITERS: dict[str, type[_Csv] | type[_Jsonl] | type[_Parquet]] = {
    ".csv": _Csv,
    ".jsonl": _Jsonl,
    ".parquet": _Parquet,
}
