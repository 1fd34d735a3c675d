"""What is allowed in a task's rows and probably not meant, in a sentence each.

What is not allowed is refused by `checking`.
"""

from collections.abc import Iterator, Mapping
from itertools import chain

from workers.tasks.card import Split, TaskCard, TaskKind
from workers.tasks.rows import Rows


def oddities(card: TaskCard, splits: Mapping[Split, Rows]) -> tuple[str, ...]:
    """Look for rows that are in train too, labels that are all the same, and empty texts."""
    found: list[str] = []
    train = splits[Split.TRAIN]
    known = set(_read(train))
    seen = set(chain.from_iterable(map(_classes, train.labels)))
    for split, rows in splits.items():
        found += _empty(rows, split)
        if len(set(map(_classes, rows.labels))) == 1 and card.kind is not TaskKind.SPAN:
            found.append(f"all {len(rows):,} rows of {split} have the same label")
        if split is Split.TRAIN:
            continue
        again = sum(row in known for row in _read(rows))
        if again:
            found.append(
                f"{again:,} of {len(rows):,} rows of {split} are in train too, word for word"
            )
        if card.label_names:
            classes = set(chain.from_iterable(map(_classes, rows.labels))) - seen
            names = [card.label_names[int(number)] for number in sorted(classes)]
            if names:
                shown = ", ".join(f"'{name}'" for name in names[:5])
                found.append(
                    f"{split} has labels that train has not: {shown}"
                    + f" and {len(names) - 5} more" * (len(names) > 5)
                )
    return tuple(found)


def _read(rows: Rows) -> Iterator[tuple[object, ...]]:
    """Yield what is read of each row, without its label."""
    nothing = (None,) * len(rows)
    return zip(rows.texts, rows.pairs or nothing, rows.choices or nothing, strict=True)


def _classes(label: float | tuple[int, ...]) -> tuple[float, ...]:
    return label if isinstance(label, tuple) else (label,)


def _empty(rows: Rows, split: Split) -> Iterator[str]:
    for texts, what in ((rows.texts, "text"), (rows.pairs or (), "second text")):
        count = sum(not text.strip() for text in texts)
        if count:
            yield f"{count:,} of {len(rows):,} rows of {split} have an empty {what}"
    same = sum(len(set(choices)) < len(choices) for choices in rows.choices or ())
    if same:
        yield f"{same:,} of {len(rows):,} rows of {split} have a choice twice"
