"""Whether two configurations differ by more than chance: what `compare` finds row by row.

The statistics are `workers.tasks.paired`'s.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import LeaderboardRow, TrialRow
from orchestrator.errors import OrchestratorError
from workers.contract.paths import Workspace
from workers.contract.predictions import Place, Predictions, read_predictions
from workers.contract.task_card import Metric, Split, TaskCard
from workers.errors import WorkerError
from workers.tasks.load import load_task
from workers.tasks.paired import Difference, McNemar, mcnemar, paired_bootstrap, right_rows
from workers.tasks.rows import Rows

_SHOWN_CHARACTERS = 160
_DIGITS = 3


@dataclass(frozen=True)
class Answered:
    """What one configuration's finished trials said: seed → split and drop depth → predictions."""

    own_depth: int
    seeds: Mapping[int, Mapping[Place, Predictions]]

    def at(self, split: Split, depth: int) -> dict[int, Predictions]:
        """Return seed → predictions, of those that were measured there."""
        place = (split, depth)
        return {seed: found[place] for seed, found in self.seeds.items() if place in found}


@dataclass(frozen=True)
class Compared:
    """One difference with its doubt, and for each shared seed the rows that one side has right."""

    split: Split
    depths: tuple[int, int]
    metric: Metric
    seeds: tuple[int, int]
    difference: Difference
    by_seed: Mapping[int, McNemar]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "split": self.split.value,
            "depth_a": self.depths[0],
            "depth_b": self.depths[1],
            "metric": self.metric.value,
            "seeds_a": self.seeds[0],
            "seeds_b": self.seeds[1],
            **asdict(self.difference),
            "mcnemar": {str(seed): asdict(found) for seed, found in self.by_seed.items()},
        }


@dataclass(frozen=True)
class DifferingRow:
    """A row that one side answers better than the other.

    Attributes:
        number: of the row in its split, from 0.
        a, b: the share of seeds that have it right; for values, the mean error's size.
        says_a, says_b: the most frequent answer, or the mean value.
    """

    number: int
    text: str
    label: str
    a: float
    b: float
    says_a: str
    says_b: str


def answered(opened: Catalog, rows: Sequence[TrialRow], workspace: Workspace) -> Answered:
    """Read what the finished ones of a configuration's trials said.

    Raises:
        OrchestratorError: none is finished, or one has kept nothing.
        WorkerError: a file is gone or damaged.
    """
    results = opened.results(row.trial_id for row in rows if row.score is not None)
    if not results:
        raise OrchestratorError(f"no trial of {rows[0].label} is finished")
    seeds = {}
    brought = opened.brought(results)
    for row in rows:
        if (result := results.get(row.trial_id)) is None:
            continue
        if result.predictions is None:
            raise OrchestratorError(
                f"trial {row.trial_id[:8]} kept no predictions: it was trained before they were "
                "kept, or with keep_predictions: false; without them there is no test of the "
                "difference"
            )
        paths, kept = workspace.trial(row.trial_id), result.predictions
        if row.trial_id in brought and not paths.files.has_adapter(None):
            raise OrchestratorError(
                f"the predictions of trial {row.trial_id[:8]} are not in this workspace, since its "
                "result was imported; compare where it was trained"
            )
        with paths.files.kept(paths.predictions.name, kept.sha256) as path:
            seeds[row.seed] = read_predictions(path, kept)
    return Answered(rows[0].drop_depth, seeds)


def splits_of(opened: Catalog, trial_id: str) -> tuple[TaskCard, Mapping[Split, Rows]]:
    """Load the rows that a trial was measured on.

    Raises:
        OrchestratorError: they cannot be read here, or are no longer the same.
    """
    try:
        task = load_task(opened.planned([trial_id])[trial_id].task)
    except WorkerError as error:
        raise OrchestratorError(f"the rows cannot be compared one by one here: {error}") from error
    return task.card, task.splits


def differences(
    card: TaskCard,
    splits: Mapping[Split, Rows],
    sides: tuple[Answered, Answered],
    *,
    all_depths: bool,
) -> Iterator[Compared]:
    """Compare both at their own drop depths, and where asked at every one that both have."""
    for split in (Split.VALIDATION, Split.TEST):
        pairs = [(sides[0].own_depth, sides[1].own_depth)]
        if all_depths:
            depths = [{d for s in side.seeds.values() for _, d in s} for side in sides]
            pairs += [(d, d) for d in sorted(depths[0] & depths[1])]
        for pair in dict.fromkeys(pairs):
            found = [side.at(split, depth) for side, depth in zip(sides, pair, strict=True)]
            if split in splits and all(found):
                yield _compared(card, splits[split], split, pair, (found[0], found[1]))


def against_best(
    opened: Catalog, table: Sequence[LeaderboardRow], workspace: Workspace
) -> dict[str, Difference]:
    """Return configuration → its difference to the first of a leaderboard's rows, on validation.

    Raises:
        OrchestratorError: one has kept nothing, or the rows cannot be read here.
        WorkerError: a file is gone or damaged.
    """
    first, *others = table
    if not others:
        return {}
    card, splits = splits_of(opened, first.best.trial_id)

    def of(row: LeaderboardRow) -> Answered:
        return answered(opened, opened.configuration_rows(row.configuration), workspace)

    best, found = of(first), {}
    for row in others:
        (compared, *_) = differences(card, splits, (best, of(row)), all_depths=False)
        found[row.configuration] = compared.difference
    return found


def _compared(
    card: TaskCard,
    rows: Rows,
    split: Split,
    depths: tuple[int, int],
    found: tuple[Mapping[int, Predictions], Mapping[int, Predictions]],
) -> Compared:
    paired = sorted(found[0]) == sorted(found[1])
    one, other = ([side[seed].answers for seed in sorted(side)] for side in found)
    difference = paired_bootstrap(card, card.metric, (one, other), rows, paired_seeds=paired)
    tests = {}
    for seed in sorted(found[0].keys() & found[1].keys()):
        test = mcnemar(card, found[0][seed].answers, found[1][seed].answers, rows)
        if test is not None:
            tests[seed] = test
    return Compared(split, depths, card.metric, (len(one), len(other)), difference, tests)


def differing_rows(
    card: TaskCard,
    rows: Rows,
    found: tuple[Mapping[int, Predictions], Mapping[int, Predictions]],
    *,
    most: int,
) -> list[DifferingRow]:
    """Return the rows that one side answers better than the other, the clearest first."""
    sides = [[side[seed].answers for seed in sorted(side)] for side in found]
    merits = [_merits(card, side, rows) for side in sides]
    apart = merits[1] - merits[0]
    order = [int(i) for i in np.argsort(-np.abs(apart), kind="stable") if apart[i]][:most]
    return [
        DifferingRow(
            number=i,
            text=_text(rows, i),
            label=_named(card, _label(rows, i)),
            a=abs(float(merits[0][i])),
            b=abs(float(merits[1][i])),
            says_a=_said(card, [answers[i] for answers in sides[0]]),
            says_b=_said(card, [answers[i] for answers in sides[1]]),
        )
        for i in order
    ]


def _merits(card: TaskCard, seeds: Sequence[Any], rows: Rows) -> Any:
    """Return each row's share of seeds that have it right; of values, minus their mean error."""
    right = [right_rows(card, answers, rows) for answers in seeds]
    if right[0] is not None:
        return np.mean(right, axis=0)  # type: ignore[arg-type]
    targets = np.asarray(rows.labels)
    return -np.mean([np.abs(np.asarray(answers) - targets) for answers in seeds], axis=0)


def _label(rows: Rows, index: int) -> Any:
    if rows.answers is not None:
        return rows.answers[index][0].text
    label = rows.labels[index]
    return rows.choices[index][int(label)] if rows.choices is not None else label  # type: ignore[arg-type]


def _said(card: TaskCard, answers: Sequence[Any]) -> str:
    if not card.label_names and isinstance(answers[0], float | np.floating):
        return f"{fmean(map(float, answers)):.{_DIGITS}f}"
    return _named(card, Counter(map(_plain, answers)).most_common(1)[0][0])


def _plain(answer: Any) -> Any:
    return answer if isinstance(answer, str | tuple) else int(answer)


def _named(card: TaskCard, answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, tuple):
        return " ".join(card.label_names[tag] for tag in answer)
    if card.label_names:
        return card.label_names[int(answer)]
    return f"{answer:.{_DIGITS}f}" if isinstance(answer, float) else f"choice {answer}"


def _text(rows: Rows, index: int) -> str:
    parts = [rows.texts[index]]
    if rows.pairs is not None:
        parts.append(rows.pairs[index])
    text = " | ".join(" ".join(part.split()) for part in parts)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
