"""The quickstart's tasks: real text without a download, from the installed packages' docstrings.

`docs/library`: which library does a sentence document (one class per library).
`docs/same_docstring`: are two sentences from one docstring, or from two of the same library.
`docs/word_order`: is the word order intact, or were a few neighbouring words shuffled.
`docs/module_distance`: how close in the module tree are two documented things, from 0 to 5.

Rows follow from the package versions alone. A docstring belongs to one split, by its hash, in
every task. How sentences are found is left to `docstrings` and `sentences`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from workers.errors import TaskError
from workers.tasks.card import Columns, Metric, Split, TaskCard, TaskKind
from workers.tasks.docstrings import LIBRARIES, Docstring, load_docstrings
from workers.tasks.rows import Rows

_ROWS = {Split.TRAIN: 1200, Split.VALIDATION: 400, Split.TEST: 400}
_LARGEST_CLOSENESS = 5.0
_SHUFFLED_WORDS = 4
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
    if name not in _BUILTINS:
        raise TaskError(f"there is no built-in task '{name}'; known are {', '.join(_BUILTINS)}")
    return _BUILTINS[name]


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


def _module_distance(docstrings: Sequence[Docstring], count: int, random: Random) -> list[_Row]:
    """Pair each thing with one from anywhere, its library, its subpackage or its module in turn."""
    groups: dict[tuple[str, ...], list[Docstring]] = defaultdict(list)
    for docstring in docstrings:
        for prefix in set(_prefixes(docstring)):
            groups[prefix].append(docstring)
    rows: list[_Row] = []
    for number, docstring in enumerate(docstrings):
        prefixes = _prefixes(docstring)
        other = random.choice(groups[prefixes[number % len(prefixes)]])
        if other is not docstring and len(rows) < count:
            rows.append((docstring.sentences[0], other.sentences[0], _closeness(docstring, other)))
    random.shuffle(rows)
    return rows


def _prefixes(docstring: Docstring) -> list[tuple[str, ...]]:
    path = tuple(docstring.module.split("."))
    return [(), path[:1], path[:2], path]


def _closeness(left: Docstring, right: Docstring) -> float:
    """Return the share of the longer module path that both have in common, times 5."""
    paths = left.module.split("."), right.module.split(".")
    shared = 0
    for one, other in zip(*paths, strict=False):
        if one != other:
            break
        shared += 1
    return round(_LARGEST_CLOSENESS * shared / max(map(len, paths)), 2)


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
        label_range=None if label_names else (0.0, _LARGEST_CLOSENESS),
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
            "docs/module_distance",
            pair=True,
            metrics=(Metric.PEARSON_SPEARMAN, Metric.PEARSON, Metric.SPEARMAN),
        ),
        _module_distance,
    ),
)
_BUILTINS = {task.card.name: task for task in _TASKS}
BUILTIN_TASKS = tuple(_BUILTINS)
