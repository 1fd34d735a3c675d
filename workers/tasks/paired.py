"""How sure a difference is: two sets of predictions for the same rows, compared row by row.

The paired bootstrap (Efron and Tibshirani 1993, §15; Koehn 2004 for tasks of language) draws rows,
and seeds, with replacement, both sides the same ones. McNemar's test (1947) in its exact form looks
at the rows that only one of two models has right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workers.contract.task_card import Metric, TaskCard, TaskKind
from workers.tasks.answer_scores import exact_match
from workers.tasks.resampled_scores import Floats, resampled_scores
from workers.tasks.rows import Rows

DRAWS = 2000
_CELLS_AT_ONCE = 4_000_000
"""Draws × rows that are held in memory at once: 32 MB a matrix."""

Answers = Sequence[Any]


@dataclass(frozen=True)
class Difference:
    """A difference of mean scores, second side minus first, with its doubt.

    Attributes:
        low, high: the interval that holds 95 % of the draws.
        p: two-sided: how rare draws on the other side of 0 are, at least 1 / (draws + 1).
        paired_seeds: whether both sides drew the same seeds.
    """

    value: float
    low: float
    high: float
    p: float
    draws: int
    paired_seeds: bool


@dataclass(frozen=True)
class McNemar:
    """Rows that one model alone has right, and the exact two-sided p of such a split."""

    only_first: int
    only_second: int
    p: float


def paired_bootstrap(
    card: TaskCard,
    metric: Metric,
    sides: tuple[Sequence[Answers], Sequence[Answers]],
    rows: Rows,
    *,
    paired_seeds: bool,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """Compare two configurations by what their seeds answered to the same rows.

    With one seed on a side, what seeds change is not in the interval: it is about rows alone.

    Args:
        sides: for each side the answers of each of its seeds, all over `rows`.
        paired_seeds: both sides have the same seeds in the same order; they are drawn together.
    """
    generator = np.random.default_rng(seed)
    whole = np.ones((1, len(rows)))
    one, other = (_scores(card, metric, side, rows, whole) for side in sides)
    value = float(other.mean() - one.mean())
    found = []
    for count in _pieces(draws, len(rows)):
        drawn = _draw_rows(generator, count, len(rows))
        tables = [_scores(card, metric, side, rows, drawn) for side in sides]
        picks = [generator.integers(len(side), size=(count, len(side))) for side in sides]
        if paired_seeds:
            picks[1] = picks[0]
        means = [
            np.take_along_axis(table.T, pick, axis=1).mean(axis=1)
            for table, pick in zip(tables, picks, strict=True)
        ]
        found.append(means[1] - means[0])
    differences = np.concatenate(found)
    low, high = np.quantile(differences, (0.025, 0.975))
    beyond = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    p = min(1.0, 2 * (beyond + 1) / (draws + 1))
    return Difference(value, float(low), float(high), p, draws, paired_seeds)


def mcnemar(card: TaskCard, first: Answers, second: Answers, rows: Rows) -> McNemar | None:
    """Test whether two models are right equally often; None where rows are not right or wrong."""
    one, other = (right_rows(card, side, rows) for side in (first, second))
    if one is None or other is None:
        return None
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    apart = only_first + only_second
    p = float(stats.binomtest(only_first, apart).pvalue) if apart else 1.0
    return McNemar(only_first, only_second, p)


def right_rows(card: TaskCard, answers: Answers, rows: Rows) -> NDArray[np.bool_] | None:
    """Return which rows are answered rightly, all words of a row included; None for values."""
    match card.kind:
        case TaskKind.REGRESSION:
            return None
        case TaskKind.SPAN:
            assert rows.answers is not None
            pairs = zip(answers, rows.answers, strict=True)
            return np.array([any(exact_match(a, r.text) for r in right) for a, right in pairs])
        case TaskKind.TOKEN_CLASSIFICATION:
            return np.array([a == tuple(r) for a, r in zip(answers, rows.labels, strict=True)])  # type: ignore[arg-type]
    found: NDArray[np.bool_] = np.asarray(answers) == np.asarray(rows.labels)
    return found


def _scores(
    card: TaskCard, metric: Metric, seeds: Sequence[Answers], rows: Rows, drawn: Floats
) -> Floats:
    """Return the metric of each seed in each draw, (seeds, draws)."""
    return np.stack([resampled_scores(card, metric, each, rows, drawn) for each in seeds])


def _draw_rows(generator: np.random.Generator, draws: int, rows: int) -> Floats:
    """Return how often each row is in each draw of as many rows, (draws, rows)."""
    picked = generator.integers(rows, size=(draws, rows))
    cells = picked + rows * np.arange(draws)[:, None]
    counts = np.bincount(cells.ravel(), minlength=draws * rows).reshape(draws, rows)
    return counts.astype(np.float64)


def _pieces(draws: int, rows: int) -> list[int]:
    most = max(1, _CELLS_AT_ONCE // rows)
    return [min(most, draws - start) for start in range(0, draws, most)]
