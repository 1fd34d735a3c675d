"""Random tasks in every format: read exactly as they were meant, or refused with a message."""

from collections import Counter
from pathlib import Path

from task_cases import Case, Meaning, make_case
from task_folders import resolve

from workers.contract.task_card import Columns, RowLimits, TaskRef
from workers.errors import TaskError
from workers.tasks.load import load_task
from workers.tasks.rows import Rows

CASES = 500
"""Enough for every kind, format and trap; more were run once, and can be run by changing it."""


def meanings(rows: Rows) -> list[Meaning]:
    nothing = (None,) * len(rows)
    parts = (rows.texts, rows.pairs or nothing, rows.labels, rows.choices or nothing)
    answers = rows.answers or nothing
    return list(zip(*parts, answers, strict=True))


def outcome(case: Case) -> str:
    """Read a case, and say how that went."""
    columns = None if case.sweep is None else Columns.model_validate(case.sweep)
    try:
        ref = resolve(
            case.folder,
            columns=columns,
            limits=RowLimits(train=case.most),
            validation_fraction=case.held_out,
        )
        data = load_task(TaskRef.model_validate_json(ref.model_dump_json()))
    except TaskError as error:
        if case.plain or len(str(error)) > 2000:
            return f"refused without a reason: {error}"
        return "refused"
    if case.expected is None:
        return "wrongly accepted"
    found = {split.value: meanings(rows) for split, rows in data.splits.items()}
    return "accepted" if is_cut_from(found, case.expected, case) else "wrongly accepted"


def is_cut_from(
    found: dict[str, list[Meaning]], whole: dict[str, list[Meaning]], case: Case
) -> bool:
    """Tell whether splits are the official ones, after holding out and drawing from train."""
    expected = dict(whole)
    if case.held_out is not None:
        expected["test"] = whole["validation"]
        held = expected["validation"] = found["validation"]
        if len(held) != round(case.held_out * len(whole["train"])):
            return False
        if not is_part_of(held, whole["train"]):
            return False
        expected["train"] = list((Counter(whole["train"]) - Counter(held)).elements())
    rest = expected["train"]
    if len(found["train"]) != min(len(rest), case.most or len(rest)):
        return False
    if Counter(found["train"]) - Counter(rest) or not is_part_of(found["train"], whole["train"]):
        return False
    expected["train"] = found["train"]
    return found == expected


def is_part_of(rows: list[Meaning], whole: list[Meaning]) -> bool:
    """Tell whether rows stand in that order in a whole."""
    left = iter(whole)
    return all(row in left for row in rows)


def test_every_row_means_what_it_was_written_for(tmp_path: Path) -> None:
    outcomes: Counter[tuple[str, str, str]] = Counter()
    for seed in range(CASES):
        case = make_case(tmp_path / str(seed), seed)
        found = outcome(case)
        assert found in ("accepted", "refused"), (seed, found, case)
        outcomes[case.kind, case.form, found] += 1
    seen = {(kind, form) for kind, form, _ in outcomes}
    assert len(seen) == 13
    for kind, form in seen:
        assert outcomes[kind, form, "accepted"] > 0  # an oracle that is refused shows nothing
    assert sum(n for (*_, how), n in outcomes.items() if how == "refused") > CASES // 10
