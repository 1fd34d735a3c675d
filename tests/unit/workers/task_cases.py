"""Random tasks with an oracle: what each row means, known before it is written in some format.

The oracle knows the rows as they were made up and the rules of the documentation, and nothing of
the readers. A case is `plain` if nothing about it gives a reason to refuse it.
"""

import csv
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

Row = dict[str, Any]
Meaning = tuple[Any, ...]  # text, pair, label, choices, answers
SPLITS = ("train", "validation", "test")
KINDS = ("classification",) * 4 + ("regression", "token_classification", "multiple_choice", "span")
METRICS = {
    "classification": "accuracy",
    "regression": "pearson",
    "token_classification": "accuracy",
    "multiple_choice": "accuracy",
    "span": "f1",
}
NAMES = [
    ["bad", "good"],
    ["bad", "good", "fair"],
    ["O", "B-X", "I-X"],
    ["0", "1"],
    ["0", "1", "other"],
    ["1", "2", "3", "4", "5"],
    ["2", "1"],
    ["-1", "0", "1"],
    ["01", "02", "03"],
    ["1.0", "2.0"],
    ["1e0", "0e0"],
    ["true", "false"],
    ["null", "nan", "inf"],
    ["é", "e\u0301"],
    ["שלום", "مرحبا", "👍🏽"],
    ["with space", "with\u00a0space", "Bad", "bad"],
    ["one", "1"],
]
PIECES = [
    *("good", "bad", "film", "a", "the", "don't", "naïve", "1", "0", "NaN", "null", "3.5"),
    *("\u2028", "\u2029", "\u0085", "\x1c", "\x0c", "\t", "\r\n", "\n", "\r", " ", "\u00a0"),
    *("\u200b", "\u200d", "\ufeff", "\ufe0f", "e\u0301", "é", "שלום", "\u202eabc\u202c", "👩‍👩‍👧"),
    *("🇩🇪", "𝔘", "\x00", "\x7f", '"', '""', ",", ";", "\\", "\\u2028", "{", "}", "[1]", "'", "#"),
]
MARKS = [piece for piece in PIECES if piece and not any(c.isspace() for c in piece)]
FIELDS = ("text", "text_pair", "label", "choices", "answers")
USUAL = {
    "text": "sentence1",
    "text_pair": "sentence2",
    "label": "label",
    "choices": "choices",
    "answers": "answers",
}


@dataclass
class Case:
    """A task that is written, with what it means.

    Attributes:
        sweep: the columns that the sweep names, or None.
        held_out: the share of train that becomes validation, or None.
        most: rows of train at most, or None.
        expected: split → the meaning of each row; None where it must be refused.
        plain: there is no reason to refuse it.
    """

    folder: Path
    kind: str
    form: str
    sweep: Row | None = None
    held_out: float | None = None
    most: int | None = None
    expected: dict[str, list[Meaning]] | None = None
    plain: bool = True
    notes: list[str] = field(default_factory=list)


def make_case(folder: Path, seed: int) -> Case:
    """Make up a task and write it into `folder`."""
    return _Maker(folder, random.Random(seed)).make()


class _Maker:
    def __init__(self, folder: Path, draw: random.Random) -> None:
        self.draw = draw
        kind = draw.choice(KINDS)
        forms = ["jsonl", "parquet"]
        if kind not in ("multiple_choice", "span"):
            forms.append("csv")
        self.case = Case(folder, kind, draw.choice(forms))
        self.names: list[str] = []
        self.reading: str | None = None
        self.range: list[float] | None = None
        self.as_text = False

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def make(self) -> Case:
        case, draw = self.case, self.draw
        card: Row = {"name": "made up", "task_type": case.kind, "metric": METRICS[case.kind]}
        if case.kind in ("classification", "token_classification"):
            self.names = list(draw.choice(NAMES))
            card["label_names"] = self.names
            if self.chance(0.3):
                self.reading = card["label_values"] = draw.choice(["names", "numbers"])
        if case.kind == "regression" and self.chance(0.5):
            self.range = card["label_range"] = [0, 5]
        columns, paired = self._columns(card)
        count = draw.choice([2, 3, 4])
        splits: dict[str, list[Row]] = {}
        meanings: dict[str, list[Meaning | None]] = {}
        style = draw.choice(["number", "text", "name", "mixed"])
        mixed = case.form == "parquet" and style == "mixed"  # which a column of it cannot be
        self.as_text = case.form == "csv" or mixed or self.chance(0.3)
        for split in SPLITS[: draw.choice([2, 2, 3])]:
            found = [self._row(columns, paired, count, style) for _ in range(draw.randrange(1, 6))]
            splits[split] = [row for row, _ in found]
            meanings[split] = [meaning for _, meaning in found]
        self._disturb(splits, meanings, columns, paired)
        if self.chance(0.2):
            case.held_out = 0.5
            case.plain = case.plain and len(splits["train"]) > 1  # to leave one for each
        if self.chance(0.2):
            case.most = draw.randrange(1, 4)
        case.folder.mkdir()
        (case.folder / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
        for split, rows in splits.items():
            self._write(case.folder / f"{split}.{case.form}", rows)
        rows = [meaning for split in meanings.values() for meaning in split]
        if None in rows:
            case.plain = False
        elif "refuse" not in case.notes:
            case.expected = {s: [m for m in ms if m is not None] for s, ms in meanings.items()}
        return case

    def _columns(self, card: Row) -> tuple[dict[str, str], bool]:
        """Draw the columns' names, and who names them: the sweep, the card or nobody."""
        case, draw = self.case, self.draw
        paired = case.kind == "span" or (case.kind != "token_classification" and self.chance(0.5))
        own = {name: f"{name}_é" if self.chance(0.3) else f"my {name}" for name in FIELDS}
        columns: dict[str, str] = {}
        of_card, of_sweep = {}, {}
        for name in FIELDS:
            if name == "text_pair" and not paired:
                continue
            who = draw.choice(["nobody", "nobody", "card", "sweep", "both"])
            columns[name] = USUAL[name] if who == "nobody" else own[name]
            if who in ("card", "both"):
                of_card[name] = own[name] if who == "card" else "not there"
            if who in ("sweep", "both"):
                of_sweep[name] = own[name]
        if not paired and case.kind != "span" and self.chance(0.2):
            draw.choice([of_card, of_sweep])["text_pair"] = None
            case.notes.append("null pair")
        if of_card or self.chance(0.1):
            card["columns"] = of_card
        case.sweep = of_sweep if of_sweep or self.chance(0.1) else None
        return columns, paired

    def _row(
        self, columns: dict[str, str], paired: bool, count: int, style: str
    ) -> tuple[Row, Meaning | None]:
        kind, draw = self.case.kind, self.draw
        row: Row = {"extra": draw.choice(["", "x", "7"])}
        text = self._text()
        pair = self._text() if paired else None
        label: Any = None
        choices = answers = None
        if kind == "token_classification":
            words = ["".join(draw.choices(MARKS, k=draw.randrange(1, 3))) for _ in range(3)]
            spelled = [self._label(style)[0] for _ in words]
            row[columns["text"]], row[columns["label"]] = words, spelled
            if self.as_text:
                row[columns["text"]] = draw.choice([" ", "\t", "\u2003", "\n"]).join(words)
                row[columns["label"]] = " ".join(map(str, spelled))
            apart = self.as_text and any(len(str(each).split()) > 1 for each in spelled)
            classes = None if apart else self._all(spelled)
            return row, None if classes is None else (" ".join(words), None, classes, None, None)
        row[columns["text"]] = text
        if pair is not None:
            row[columns["text_pair"]] = pair
        if kind == "span":
            pair = "x" + (pair or "")
            start = draw.randrange(len(pair))
            answer = pair[start : start + draw.randrange(1, 9)]
            if not answer.strip():
                start, answer = 0, "x"
            row[columns["text_pair"]] = pair
            row[columns["answers"]] = [{"text": answer, "start": start}]
            label, answers = start, ((answer, start),)
        elif kind == "multiple_choice":
            choices = tuple(self._text() for _ in range(count))
            label = draw.randrange(count)
            row[columns["choices"]], row[columns["label"]] = list(choices), label
        elif kind == "regression":
            row[columns["label"]], label = self._target()
        else:
            row[columns["label"]], label = self._label(style)
        return row, None if label is None else (text, pair, label, choices, answers)

    def _text(self) -> str:
        draw = self.draw
        if self.chance(0.004):
            self.case.plain = self.case.form != "csv" and self.case.plain
            return "long " * 30_000  # more than a field of CSV may have
        return "".join(
            piece + draw.choice(["", " "]) for piece in draw.choices(PIECES, k=draw.randrange(5))
        )

    def _target(self) -> tuple[Any, float | None]:
        value = self.draw.choice([0, 5, 1.5, 4.25, 3, -1, 5.01, 1e-7])
        trainers = self.range is None or self.range[0] <= value <= self.range[1]
        spelled = str(value) if self.as_text else float(value)
        return spelled, float(value) if trainers else None

    def _label(self, style: str) -> tuple[Any, int | None]:
        """Draw a label's spelling, and the one class that it can mean, or None."""
        draw = self.draw
        style = draw.choice(["number", "text", "name"]) if style == "mixed" else style
        number = draw.randrange(len(self.names) + (1 if self.chance(0.02) else 0))
        spelled: Any = number
        if style == "name":
            spelled = draw.choice(self.names)
        elif style == "text" or self.as_text:
            spelled = str(number)
        return spelled, self._meaning(spelled)

    def _meaning(self, spelled: Any) -> int | None:
        """Return the class that a spelling stands for, by the documentation."""
        text = str(spelled)
        readings = set()
        if self.reading != "numbers":
            readings |= {i for i, name in enumerate(self.names) if name == text}
            # A number that is equal to a name's is that name's in another spelling.
            readings |= {i for i, name in enumerate(self.names) if _same_number(name, text)}
        if self.reading == "names":
            readings = {i for i, name in enumerate(self.names) if name == text}
        elif text.isascii() and text.isdigit() and int(text) < len(self.names):
            readings.add(int(text))
        if self.reading is None and any(
            _same_number(name, name) and float(name) != i for i, name in enumerate(self.names)
        ):
            self.case.plain = False  # it may be refused for what other labels could mean
        return readings.pop() if len(readings) == 1 else None

    def _all(self, spelled: list[Any]) -> tuple[int, ...] | None:
        found = [self._meaning(each) for each in spelled]
        return None if None in found else tuple(each for each in found if each is not None)

    def _disturb(
        self,
        splits: dict[str, list[Row]],
        meanings: dict[str, list[Meaning | None]],
        columns: dict[str, str],
        paired: bool,
    ) -> None:
        """Damage one row in some of the cases."""
        case, draw = self.case, self.draw
        if not self.chance(0.3):
            return
        split = draw.choice(list(splits))
        place = draw.randrange(len(splits[split]))
        row = splits[split][place]
        name = draw.choice([name for name in columns if columns[name] in row])
        values: dict[str, Any] = {"null": None, "number": 1.25, "boolean": True}
        damage = draw.choice(["missing", "half", "stray", *values])
        if case.form == "csv" or (
            case.form == "parquet" and damage in ("half", "number", "boolean")
        ):
            return
        if damage == "stray":
            if paired or "null pair" in case.notes or case.kind == "token_classification":
                return
            row["sentence2"] = "a stray one"
        elif damage == "missing":
            del row[columns[name]]
        elif damage == "half":
            if case.kind == "token_classification":
                return
            row[columns["text"]] = "a\ud83d b"
        elif damage == "number" and case.kind == "regression" and name == "label":
            return
        else:
            row[columns[name]] = values[damage]
        case.notes.append("refuse")
        case.plain = False

    def _write(self, file: Path, rows: list[Row]) -> None:
        draw = self.draw
        names = list(dict.fromkeys(name for row in rows for name in row))
        draw.shuffle(names)
        if file.suffix == ".parquet":
            table = pyarrow.Table.from_pylist([{n: row.get(n) for n in names} for row in rows])
            pyarrow.parquet.write_table(
                table,
                file,
                row_group_size=draw.choice([1, 2, 1000]),
                compression=draw.choice(["none", "snappy", "zstd"]),
            )
            return
        encoding = draw.choice(["utf-8", "utf-8-sig"])
        end = draw.choice(["\n", "\r\n"])
        with file.open("w", encoding=encoding, newline="") as stream:
            if file.suffix == ".csv":
                writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator=end)
                writer.writerow(names)
                writer.writerows([[row[name] for name in names] for row in rows])
                return
            for row in rows:
                shuffled = {name: row[name] for name in names if name in row}
                line = json.dumps(shuffled, ensure_ascii=False)
                if self.chance(0.5) or "\ud83d" in line:
                    line = json.dumps(shuffled)
                stream.write(line + end + draw.choice(["", "", end, f"  {end}"]))


def _same_number(name: str, text: str) -> bool:
    """Tell whether two spellings are one number, as `01` and `1`."""
    try:
        return float(name) == float(text)
    except ValueError:
        return False
