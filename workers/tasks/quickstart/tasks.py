"""The quickstart's tasks: real text without a download, from the installed packages' docstrings.

`docs/library`: which library does a sentence document (one class per library).
`docs/same_docstring`: are two sentences from one docstring, or from two of the same library.
`docs/word_order`: is the word order intact, or were a few neighbouring words shuffled.
`docs/relatedness`: how close are two sentences, from 0 (two libraries) to 3 (one docstring).

Rows follow from the package versions alone. A docstring belongs to one split, by its hash, in
every task. How sentences are found is left to `docstrings` and `sentences`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from random import Random

from workers.contract.task_card import Columns, Metric, Split, TaskCard, TaskKind
from workers.errors import TaskError
from workers.tasks.quickstart.docstrings import LIBRARIES, Docstring, load_docstrings
from workers.tasks.rows import Rows

_ROWS = {Split.TRAIN: 1200, Split.VALIDATION: 400, Split.TEST: 400}
_SHUFFLED_WORDS = 6
_Row = tuple[str, str | None, int | float]


@dataclass(frozen=True)
class _Builtin:
    card: TaskCard
    build: Callable[[Sequence[Docstring], int, Random], list[_Row]]


def builtin_card(name: str) -> TaskCard:
    """Return the card of a built-in task.

    Raises:
        TaskError: there is no such task.
    """
    return _builtin(name).card


def builtin_rows(name: str) -> dict[Split, Rows]:
    """Build every split of a built-in task: 1200 rows to train on, 400 and 400 to measure.

    Raises:
        TaskError: there is no such task, or a library whose docstrings it needs is missing.
    """
    task = _builtin(name)
    parts = _by_split(load_docstrings())
    return {
        split: _as_rows(task.build(parts[split], count, Random(f"{name} {split}")))
        for split, count in _ROWS.items()
    }


def _builtin(name: str) -> _Builtin:
    if name not in BUILTIN_TASKS:
        raise TaskError(f"there is no built-in task '{name}'; known are {', '.join(BUILTIN_TASKS)}")
    return BUILTIN_TASKS[name]


def _as_rows(rows: list[_Row]) -> Rows:
    pairs = tuple(pair for _, pair, _ in rows if pair is not None)
    return Rows(tuple(text for text, _, _ in rows), pairs or None, tuple(row[2] for row in rows))


def _by_split(docstrings: Sequence[Docstring]) -> dict[Split, list[Docstring]]:
    """Deal docstrings to splits in the proportion of their rows, in an order without meaning."""
    parts: dict[Split, list[Docstring]] = {split: [] for split in _ROWS}
    total = sum(_ROWS.values())
    for docstring in sorted(docstrings, key=_hash):
        place = _hash(docstring) % total
        for split, count in _ROWS.items():
            if place < count:
                parts[split].append(docstring)
                break
            place -= count
    return parts


def _hash(docstring: Docstring) -> int:
    # A property's getter and setter share a name, and so a split.
    path = f"{docstring.module} {docstring.name}"
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big")


def _library(docstrings: Sequence[Docstring], count: int, random: Random) -> list[_Row]:
    rows: list[_Row] = []
    for label, library in enumerate(LIBRARIES):
        own = [docstring for docstring in docstrings if docstring.library == library]
        rows += [(each.sentences[0], None, label) for each in own[: count // len(LIBRARIES)]]
    random.shuffle(rows)
    return rows


def _same_docstring(docstrings: Sequence[Docstring], count: int, random: Random) -> list[_Row]:
    """Pair the first two sentences of a docstring, or those of two docstrings.

    Within a library, the second sentences of every second docstring are passed on by one, so that
    both classes hold first and second sentences of the same libraries.
    """
    rows: list[_Row] = []
    several = [docstring for docstring in docstrings if len(docstring.sentences) > 1][:count]
    for library in LIBRARIES:
        own = [docstring.sentences for docstring in several if docstring.library == library]
        split_up = own[::2]
        rows += [(each[0], each[1], 1) for each in own[1::2]]
        rows += [
            (each[0], other[1], 0)
            for each, other in zip(split_up, split_up[1:] + split_up[:1], strict=True)
        ]
    random.shuffle(rows)
    return rows


def _word_order(docstrings: Sequence[Docstring], count: int, random: Random) -> list[_Row]:
    rows: list[_Row] = []
    for docstring in docstrings:
        sentence = docstring.sentences[-1]
        disordered = _disorder(sentence, random)
        # Sentences that cannot be disordered are left out of both classes.
        if disordered is not None and len(rows) < count:
            intact = len(rows) % 2
            rows.append((sentence if intact else disordered, None, intact))
    random.shuffle(rows)
    return rows


def _disorder(sentence: str, random: Random) -> str | None:
    """Shuffle a few neighbouring words, but neither the first word nor words with punctuation.

    Every one of them changes its place. Return None where no such words stand together.
    """
    words = sentence.split()
    starts = [
        start
        for start in range(1, len(words) - _SHUFFLED_WORDS)
        if all(word.isalpha() for word in words[start : start + _SHUFFLED_WORDS])
        and len(set(words[start : start + _SHUFFLED_WORDS])) == _SHUFFLED_WORDS
    ]
    if not starts:
        return None
    start = random.choice(starts)
    end = start + _SHUFFLED_WORDS
    moved = words[start:end]
    while any(old == new for old, new in zip(words[start:end], moved, strict=True)):
        random.shuffle(moved)
    return " ".join([*words[:start], *moved, *words[end:]])


class _Relation(IntEnum):
    """What two sentences have in common, and nothing closer."""

    NOTHING = 0
    LIBRARY = 1
    MODULE = 2
    DOCSTRING = 3


def _relatedness(docstrings: Sequence[Docstring], count: int, random: Random) -> list[_Row]:
    """Pair a docstring's first sentence with the last of one that is related as each in turn."""
    by_module: dict[str, list[Docstring]] = defaultdict(list)
    by_library: dict[str, list[Docstring]] = defaultdict(list)
    for docstring in docstrings:
        by_module[docstring.module].append(docstring)
        by_library[docstring.library].append(docstring)
    several = [docstring for docstring in docstrings if len(docstring.sentences) > 1]
    rows: list[_Row] = []
    for number, docstring in enumerate(several):
        wanted = _Relation(number % len(_Relation))
        near = {
            _Relation.DOCSTRING: [docstring],
            _Relation.MODULE: by_module[docstring.module],
            _Relation.LIBRARY: by_library[docstring.library],
            _Relation.NOTHING: docstrings,
        }[wanted]
        others = [other for other in near if _relation(docstring, other) is wanted]
        if others and len(rows) < count:
            rows.append((docstring.sentences[0], random.choice(others).sentences[-1], int(wanted)))
    random.shuffle(rows)
    return rows


def _relation(one: Docstring, other: Docstring) -> _Relation:
    if one is other:
        return _Relation.DOCSTRING
    if one.module == other.module:
        return _Relation.MODULE
    return _Relation.LIBRARY if one.library == other.library else _Relation.NOTHING


def _card(
    name: str,
    *,
    label_names: tuple[str, ...] = (),
    pair: bool = False,
    metrics: tuple[Metric, ...],
) -> TaskCard:
    return TaskCard(
        name=name,
        kind=TaskKind.CLASSIFICATION if label_names else TaskKind.REGRESSION,
        columns=Columns(text_pair="sentence2" if pair else None),
        label_names=label_names,
        label_range=None if label_names else (float(min(_Relation)), float(max(_Relation))),
        metric=metrics[0],
        metrics=metrics,
        licence="that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based",
        origin="docstrings of the installed packages",
    )


_TASKS = (
    _Builtin(
        _card("docs/library", label_names=LIBRARIES, metrics=(Metric.ACCURACY, Metric.F1_MACRO)),
        _library,
    ),
    _Builtin(
        _card(
            "docs/same_docstring",
            label_names=("different", "same"),
            pair=True,
            metrics=(Metric.ACCURACY, Metric.F1),
        ),
        _same_docstring,
    ),
    _Builtin(
        _card(
            "docs/word_order",
            label_names=("disordered", "intact"),
            metrics=(Metric.MATTHEWS, Metric.ACCURACY),
        ),
        _word_order,
    ),
    _Builtin(
        _card(
            "docs/relatedness",
            pair=True,
            metrics=(Metric.PEARSON_SPEARMAN, Metric.PEARSON, Metric.SPEARMAN),
        ),
        _relatedness,
    ),
)
BUILTIN_TASKS = {task.card.name: task for task in _TASKS}
