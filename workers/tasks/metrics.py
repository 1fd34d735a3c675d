"""Scores of predictions, as GLUE and SuperGLUE define them, all as fractions; larger is better.

Sources: Wang et al. 2018 (GLUE), §3 and table 1; Wang et al. 2019 (SuperGLUE), §3.1 for CB's
macro F1. What is scored, and when, is left to `evaluation`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from workers.contract.results import FailureReason
from workers.contract.task_card import Metric, TaskCard, TaskKind
from workers.errors import TrialFailedError
from workers.tasks.answer_scores import score_answers
from workers.tasks.rows import Label, Rows

Vector = NDArray[Any]

_RELATIVE_SPREAD = 1e-12
"""Values that spread less than this around their mean differ by rounding alone."""


def score(metrics: Sequence[Metric], predictions: Vector, labels: Vector) -> dict[str, float]:
    """Score predictions by every metric asked for.

    Predictions that are all the same correlate with nothing: Matthews, Pearson and Spearman are
    then 0, and so is the F1 of a class that is neither predicted nor there.

    Args:
        predictions: (rows,), class numbers or values.
        labels: (rows,), class numbers or targets.

    Raises:
        TrialFailedError: a prediction is not a finite number.
    """
    if predictions.shape != labels.shape or predictions.ndim != 1 or not len(labels):
        raise ValueError(
            f"expected one prediction per label, found {predictions.shape} for {labels.shape}"
        )
    if not np.isfinite(predictions).all():
        raise TrialFailedError(
            FailureReason.DIVERGED,
            f"{int((~np.isfinite(predictions)).sum())} of {len(predictions)} predictions are not "
            "finite; try a lower learning rate",
        )
    return {metric.value: float(_SCORES[metric](predictions, labels)) for metric in metrics}


def score_rows(card: TaskCard, answers: Sequence[Any], rows: Rows) -> dict[str, float]:
    """Score what was answered to rows, in their order, by every metric of the card.

    Raises:
        TrialFailedError: a value is not a finite number.
    """
    if card.kind is TaskKind.SPAN:
        assert rows.answers is not None
        return score_answers(card.metrics, answers, rows.answers)
    if card.kind is TaskKind.TOKEN_CLASSIFICATION:
        return score_words(card, answers, rows.labels)
    return score(card.metrics, np.asarray(answers), np.asarray(rows.labels))


def majority_baseline(card: TaskCard, train: Rows, evaluation: Rows) -> float:
    """Return the primary metric of always predicting train's most frequent class, or its mean.

    The lowest class number wins a tie. For a regression the prediction is constant, so 0.
    """
    labels = np.asarray(train.labels)
    if card.kind is TaskKind.REGRESSION:
        constant: Any = labels.mean()
    else:
        constant = np.bincount(labels).argmax()
    predictions = np.full(len(evaluation), constant)
    return score((card.metric,), predictions, np.asarray(evaluation.labels))[card.metric]


def score_words(
    card: TaskCard, predicted: Sequence[Sequence[int]], labels: Sequence[Label]
) -> dict[str, float]:
    """Score labels of words, (words,) for each row, by every metric of the card.

    Accuracy and macro F1 are over all words; F1 is over entities, which must agree in beginning,
    end and type (Tjong Kim Sang and De Meulder 2003, CoNLL-2003, §2.4).
    """
    rows = [np.asarray(tags) for tags in labels]
    words, wanted = np.concatenate([np.asarray(p) for p in predicted]), np.concatenate(rows)
    plain = [metric for metric in card.metrics if metric is not Metric.F1]
    scores = score(plain, words, wanted)
    if Metric.F1 in card.metrics:
        pairs = zip(predicted, rows, strict=True)
        sets = [(entities(card, p), entities(card, list(r))) for p, r in pairs]
        right = sum(len(found & true) for found, true in sets)
        total = sum(len(found) + len(true) for found, true in sets)
        scores[Metric.F1.value] = 2 * right / total if total else 0.0
    return {metric.value: scores[metric.value] for metric in card.metrics}


def entities(card: TaskCard, tags: Sequence[int]) -> set[tuple[int, int, str]]:
    """Return each entity of a row: its first word, the one behind its last, and its type.

    An `I-` that follows no word of its type begins an entity too, as in CoNLL's own evaluation.
    """
    found: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for place, name in enumerate([*(card.label_names[tag] for tag in tags), "O"]):
        mark, _, own = name.partition("-")
        goes_on = mark == "I" and own == kind
        if kind and not goes_on:
            found.add((start, place, kind))
        if not goes_on:
            start, kind = place, own if mark in ("B", "I") else ""
    return found


def _is_constant(values: Vector) -> bool:
    wide = values.astype(np.float64)
    spread = np.abs(wide - wide.mean()).max()
    return bool(spread <= _RELATIVE_SPREAD * np.abs(wide).max())


def _accuracy(predictions: Vector, labels: Vector) -> float:
    return float(accuracy_score(labels, predictions))


def _f1(predictions: Vector, labels: Vector) -> float:
    return float(f1_score(labels, predictions, pos_label=1, zero_division=0.0))


def _f1_macro(predictions: Vector, labels: Vector) -> float:
    return float(f1_score(labels, predictions, average="macro", zero_division=0.0))


def _matthews(predictions: Vector, labels: Vector) -> float:
    if _is_constant(predictions) or _is_constant(labels):
        return 0.0
    return float(matthews_corrcoef(labels, predictions))


def _pearson(predictions: Vector, labels: Vector) -> float:
    if _is_constant(predictions) or _is_constant(labels):
        return 0.0
    return float(stats.pearsonr(predictions.astype(np.float64), labels.astype(np.float64))[0])


def _spearman(predictions: Vector, labels: Vector) -> float:
    if _is_constant(predictions) or _is_constant(labels):
        return 0.0
    return float(stats.spearmanr(predictions, labels)[0])


def _pearson_spearman(predictions: Vector, labels: Vector) -> float:
    return (_pearson(predictions, labels) + _spearman(predictions, labels)) / 2


_SCORES: dict[Metric, Callable[[Vector, Vector], float]] = {
    Metric.ACCURACY: _accuracy,
    Metric.F1: _f1,
    Metric.F1_MACRO: _f1_macro,
    Metric.MATTHEWS: _matthews,
    Metric.PEARSON: _pearson,
    Metric.SPEARMAN: _spearman,
    Metric.PEARSON_SPEARMAN: _pearson_spearman,
}
