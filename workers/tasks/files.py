"""Files of rows: JSONL, CSV with a header, and Parquet, each row with the place it was found.

What a row must hold is left to `rows`.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from workers.errors import TaskError
from workers.tasks.rows import Record


def read_records(file: Path) -> Iterator[Record]:
    """Yield each row of a JSONL, CSV or Parquet file with its place, `FILE line N`.

    Raises:
        TaskError: the file is damaged or not of the format that its name says.
    """
    return READERS[file.suffix](file)


def _read_jsonl(file: Path) -> Iterator[Record]:
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                place = f"{file} line {number}"
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise TaskError(f"{place}: expected a JSON object, found {type(row).__name__}")
                yield place, row
    except json.JSONDecodeError as error:
        raise TaskError(f"{file} line {number} is not JSON: {error}. Correct the line") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8: {error}. Save it as UTF-8") from error


def _read_csv(file: Path) -> Iterator[Record]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            for row in reader:
                place = f"{file} line {reader.line_num}"
                if None in row:
                    raise TaskError(
                        f"{place}: more fields than the header's {len(reader.fieldnames or ())}. "
                        "Quote fields that contain a comma"
                    )
                yield place, {name: value for name, value in row.items() if value is not None}
    except csv.Error as error:
        raise TaskError(f"{file} is not CSV: {error}. Quote fields that contain quotes") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8: {error}. Save it as UTF-8") from error


def _read_parquet(file: Path) -> Iterator[Record]:
    # Imported here: planning over JSONL folders should not wait for it.
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise TaskError(f"{file} is not a readable Parquet file: {error}") from error
    for number, row in enumerate(table.to_pylist(), start=1):
        yield f"{file} row {number}", row


READERS = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
