"""Files of rows: JSONL, CSV with a header, and Parquet, each row with the place it was found.

What a row must hold is left to `checking`. Nothing is repaired or guessed: what could be read in
two ways, such as a column that stands twice, is refused.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from workers.errors import TaskError
from workers.tasks.labels import called
from workers.tasks.rows import Record

LONGEST_LINE = 2**25
"""Characters of a JSONL line: 32 Mi. A row of the longest texts allowed takes less."""
_PARQUET_ROWS_AT_ONCE = 256


def read_records(file: Path) -> Iterator[Record]:
    """Yield each row of a JSONL, CSV or Parquet file with its place, `FILE line N`.

    Raises:
        TaskError: the file cannot be read, is damaged or not of the format that its name says.
    """
    if file.suffix not in READERS:
        raise TaskError(f"{file}: expected a file of rows, one of {', '.join(READERS)}")
    try:
        yield from READERS[file.suffix](file)
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8: {error}. Save it as UTF-8") from error
    except OSError as error:
        raise TaskError(f"{file} cannot be read: {error.strerror or error}") from error


def parse_json(text: str) -> Any:
    """Parse JSON, and refuse an object that names a field twice.

    Raises:
        ValueError: not JSON, a field stands twice, a number has thousands of digits, or lists and
            objects stand in one another too deeply.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("lists or objects stand in one another too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = str(_first_twice(name for name, _ in pairs))
        raise ValueError(f"the field {twice[:60]!r} stands twice in one object")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _read_jsonl(file: Path) -> Iterator[Record]:
    with file.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(_lines(stream, file), start=1):
            place = f"{file} line {number}"
            if not line.strip():
                continue
            try:
                row = parse_json(line)
            except ValueError as error:
                raise TaskError(f"{place} is not JSON: {error}. Correct the line") from error
            if not isinstance(row, dict):
                raise TaskError(f"{place}: expected a JSON object, found {type(row).__name__}")
            yield place, row


def _lines(stream: TextIO, file: Path) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), ""), start=1):
        if len(line) > LONGEST_LINE:
            raise TaskError(
                f"{file} line {number}: expected a row, found more than {LONGEST_LINE:,} "
                "characters without a line's end. Write one row on each line"
            )
        yield line


def _read_csv(file: Path) -> Iterator[Record]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(_lines(stream, file), strict=True)
        lines = _csv_lines(reader, file)
        _, header = next(lines, ("", []))
        _check_names(header, file)
        for place, fields in lines:
            if len(fields) > len(header):
                raise TaskError(
                    f"{place}: more fields than the header's {len(header)}. "
                    "Quote fields that contain a comma"
                )
            if len(fields) < len(header):
                raise TaskError(
                    f"{place} has no column '{called(header[len(fields)])}': {len(fields)} fields, "
                    f"and {len(header)} in the header. Complete the row, and quote fields that "
                    "contain line ends"
                )
            yield place, dict(zip(header, fields, strict=True))


def _csv_lines(reader: Any, file: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each row that is not blank with the line where it starts."""
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            limit = f" of {csv.field_size_limit():,} characters; quote fields that contain quotes"
            raise TaskError(
                f"{file} is not CSV from line {start} on: {error}. A field has a limit{limit}, or "
                "write JSONL instead"
            ) from error
        if fields is None:
            return
        if fields:
            yield f"{file} line {start}", fields


def _read_parquet(file: Path) -> Iterator[Record]:
    # Imported here: planning over JSONL folders should not wait for it.
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        # Pages carry checksums where their writer was asked for them.
        with pyarrow.parquet.ParquetFile(file, page_checksum_verification=True) as opened:
            _check_names(opened.schema_arrow.names, file)
            for batch in opened.iter_batches(_PARQUET_ROWS_AT_ONCE):
                batch.validate(full=True)
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file} row {number}", row
    except UnicodeDecodeError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        problem = " ".join(str(error).split())
        raise TaskError(f"{file} is not a readable Parquet file: {problem}") from error


def _check_names(names: list[str], file: Path) -> None:
    twice = _first_twice(names)
    if twice is not None:
        raise TaskError(
            f"{file} names the column '{called(twice)}' twice; expected each once. Rename one of "
            "them"
        )


def _first_twice(names: Iterable[str]) -> str | None:
    return next((name for name, times in Counter(names).items() if times > 1), None)


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
