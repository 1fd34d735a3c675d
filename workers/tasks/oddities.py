"""Find what is allowed in a task's rows and probably not meant; a sentence says each.

What is not allowed is refused by `checking`.
"""

from collections.abc import Iterator, Mapping
from itertools import chain

from workers.contract.task_card import Split, TaskCard, TaskKind
from workers.tasks.rows import Rows

_MOST_NAMED = 5


def oddities(card: TaskCard, splits: Mapping[Split, Rows]) -> tuple[str, ...]:
    """Look for rows that are in train too, labels that are all the same, and empty texts."""
    found: list[str] = []
    known = set(_read(splits[Split.TRAIN]))
    learnt = _labels(splits[Split.TRAIN])
    for split, rows in splits.items():
        found += _empty(rows, split)
        labels = _labels(rows)
        if len(rows) > 1 and len(labels) == 1 and card.kind is not TaskKind.SPAN:
            found.append(f"all {len(rows):,} rows of {split} have the same label")
        again = 0 if split is Split.TRAIN else sum(row in known for row in _read(rows))
        if again:
            found.append(
                f"{again:,} of {len(rows):,} rows of {split} are in train too, word for word"
            )
        if card.label_names and (new := sorted(labels - learnt)):
            names = ", ".join(f"'{card.label_names[int(number)]}'" for number in new[:_MOST_NAMED])
            more = f" and {len(new) - _MOST_NAMED} more" if len(new) > _MOST_NAMED else ""
            found.append(f"{split} has labels that train has not: {names}{more}")
    return tuple(found)


def _read(rows: Rows) -> Iterator[tuple[object, ...]]:
    """Yield what is read of each row, without its label."""
    nothing = (None,) * len(rows)
    return zip(rows.texts, rows.pairs or nothing, rows.choices or nothing, strict=True)


def _labels(rows: Rows) -> set[float]:
    """Return the labels that there are, of words too."""
    return set(chain.from_iterable(x if isinstance(x, tuple) else (x,) for x in rows.labels))


def _empty(rows: Rows, split: Split) -> Iterator[str]:
    for texts, what in ((rows.texts, "text"), (rows.pairs or (), "second text")):
        count = sum(not text.strip() for text in texts)
        if count:
            yield f"{count:,} of {len(rows):,} rows of {split} have an empty {what}"
    same = sum(len(set(choices)) < len(choices) for choices in rows.choices or ())
    if same:
        yield f"{same:,} of {len(rows):,} rows of {split} have a choice twice"
