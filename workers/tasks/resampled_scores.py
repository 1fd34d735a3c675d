"""A task's metrics over rows that are drawn again and again, as a bootstrap does it.

All metrics but the rank correlation depend on sums over rows alone (of right answers, of cells of a
confusion matrix, of moments), so that one product with how often each row was drawn gives the
metric of every draw. `workers.tasks.metrics` says what the metrics are; both agree for every draw.

Legend for shapes: n rows, d draws, c classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from workers.contract.task_card import Metric, TaskCard, TaskKind
from workers.tasks.answer_scores import score_answers
from workers.tasks.metrics import entities
from workers.tasks.rows import Rows

Array = NDArray[Any]
Floats = NDArray[np.float64]

_RELATIVE_SPREAD = 1e-12
"""A variance that is smaller beside the mean's square is rounding alone."""


def resampled_scores(
    card: TaskCard, metric: Metric, answers: Sequence[Any], rows: Rows, drawn: Floats
) -> Floats:
    """Return the metric of each draw, (d,).

    Args:
        answers: (n,), as `Predictions` has them.
        rows: the rows that were answered, with their labels.
        drawn: (d, n), how often each row is in each draw; every draw has at least one.
    """
    if card.kind is TaskKind.SPAN:
        each = _answer_scores(metric, answers, rows)
        return np.asarray(drawn @ each / drawn.sum(axis=1))
    if card.kind is TaskKind.REGRESSION:
        return _correlation(metric, np.asarray(answers), np.asarray(rows.labels), drawn)
    if metric is Metric.F1 and card.kind is TaskKind.TOKEN_CLASSIFICATION:
        right, total = (drawn @ _entity_counts(card, answers, rows)).T
        return _ratio(2 * right, total)
    classes = card.choices or len(card.label_names)
    cells = (_confusion(card, answers, rows, classes).T @ drawn.T).T
    return _of_confusion(metric, cells.reshape(-1, classes, classes))


def _answer_scores(metric: Metric, answers: Sequence[Any], rows: Rows) -> Floats:
    assert rows.answers is not None
    pairs = zip(answers, rows.answers, strict=True)
    return np.array([score_answers((metric,), [a], [right])[metric.value] for a, right in pairs])


def _confusion(card: TaskCard, answers: Sequence[Any], rows: Rows, classes: int) -> Any:
    """Return each row's counts by label and answer, (n, c·c) and sparse: of itself or its words."""
    if card.kind is TaskKind.TOKEN_CLASSIFICATION:
        sizes = [len(tags) for tags in answers]
        found = np.concatenate([np.asarray(tags) for tags in answers])
        wanted = np.concatenate([np.asarray(tags) for tags in rows.labels])
    else:
        sizes = [1] * len(answers)
        found, wanted = np.asarray(answers), np.asarray(rows.labels)
    of_row = np.repeat(np.arange(len(answers)), sizes)
    cell = wanted.astype(np.int64) * classes + found.astype(np.int64)
    size = len(answers), classes * classes
    return sparse.csr_array((np.ones(len(cell)), (of_row, cell)), shape=size)


def _entity_counts(card: TaskCard, answers: Sequence[Any], rows: Rows) -> Floats:
    """Return for each row how many entities are right, and how many there are on both sides."""
    counts = []
    for found, wanted in zip(answers, rows.labels, strict=True):
        ours, theirs = entities(card, found), entities(card, list(wanted))  # type: ignore[arg-type]
        counts.append((len(ours & theirs), len(ours) + len(theirs)))
    return np.array(counts, np.float64)


def _of_confusion(metric: Metric, cells: Floats) -> Floats:
    """Return the metric of confusion matrices (d, label, answer)."""
    right = np.diagonal(cells, axis1=1, axis2=2)
    labels, found, total = cells.sum(axis=2), cells.sum(axis=1), cells.sum(axis=(1, 2))
    if metric is Metric.ACCURACY:
        return np.asarray(right.sum(axis=1) / total)
    if metric is Metric.MATTHEWS:
        covariance = right.sum(axis=1) * total - (labels * found).sum(axis=1)
        spread = [total**2 - (side**2).sum(axis=1) for side in (labels, found)]
        return _ratio(covariance, np.sqrt(spread[0] * spread[1]))
    f1 = _ratio(2 * right, labels + found)
    if metric is Metric.F1:
        return np.asarray(f1[:, 1])
    there = labels + found > 0
    return np.asarray(f1.sum(axis=1) / there.sum(axis=1))


def _correlation(metric: Metric, values: Array, targets: Array, drawn: Floats) -> Floats:
    if metric is Metric.PEARSON:
        shape = drawn.shape
        return _pearson(np.broadcast_to(values, shape), np.broadcast_to(targets, shape), drawn)
    if metric is Metric.SPEARMAN:
        return _pearson(_ranks(values, drawn), _ranks(targets, drawn), drawn)
    both = (Metric.PEARSON, Metric.SPEARMAN)
    one, other = (_correlation(each, values, targets, drawn) for each in both)
    return (one + other) / 2


def _pearson(x: Array, y: Array, drawn: Floats) -> Floats:
    """Return the correlation of (d, n) with (d, n), weighted; 0 where one of them is constant."""
    total = drawn.sum(axis=1)
    sides, constant = [], np.zeros(len(drawn), bool)
    for values in (x.astype(np.float64), y.astype(np.float64)):
        mean = (drawn * values).sum(axis=1) / total
        centred = values - mean[:, None]
        spread = np.abs(np.where(drawn > 0, centred, 0)).max(axis=1)
        constant |= spread <= _RELATIVE_SPREAD * np.abs(values).max(axis=1)
        sides.append(centred)
    one, other = sides
    norms = [(drawn * side**2).sum(axis=1) for side in sides]
    found = _ratio((drawn * one * other).sum(axis=1), np.sqrt(norms[0] * norms[1]))
    return np.where(constant, 0.0, found)


def _ranks(values: Array, drawn: Floats) -> Floats:
    """Return each row's mean rank among the rows of each draw, ties shared, (d, n)."""
    _, group = np.unique(values, return_inverse=True)
    sizes = np.zeros((len(drawn), int(group.max()) + 1))
    np.add.at(sizes.T, group, drawn.T)
    before = np.cumsum(sizes, axis=1) - sizes
    ranks: Floats = (before + (sizes + 1) / 2)[:, group]
    return ranks


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return the quotient; 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
