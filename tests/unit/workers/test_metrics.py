"""Metrics against values worked out by hand, and on the inputs where formulas break down."""

import math

import numpy as np
import pytest

from workers.contract.task_card import Metric, TaskCard, TaskKind
from workers.errors import TrialFailedError
from workers.tasks.metrics import majority_baseline, score
from workers.tasks.rows import Rows

CLASS_METRICS = (Metric.ACCURACY, Metric.F1, Metric.F1_MACRO, Metric.MATTHEWS)
CORRELATIONS = (Metric.PEARSON, Metric.SPEARMAN, Metric.PEARSON_SPEARMAN)


def card(kind: TaskKind, metric: Metric, names: tuple[str, ...] = ()) -> TaskCard:
    return TaskCard(name="t", kind=kind, label_names=names, metric=metric, metrics=(metric,))


def test_class_metrics_equal_their_definitions() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    predictions = np.array([1, 1, 0, 0, 0, 1, 0, 0])
    tp, fp, fn, tn = 2, 1, 2, 3
    f1 = 2 * tp / (2 * tp + fp + fn)
    f1_of_zero = 2 * tn / (2 * tn + fp + fn)
    matthews = (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert score(CLASS_METRICS, predictions, labels) == pytest.approx(
        {"accuracy": 5 / 8, "f1": f1, "f1-macro": (f1 + f1_of_zero) / 2, "matthews": matthews}
    )


def test_macro_f1_weighs_rare_classes_as_much_as_frequent_ones() -> None:
    labels = np.array([0] * 8 + [1, 2])
    predictions = np.array([0] * 9 + [2])
    expected = (2 * 8 / (2 * 8 + 1) + 0 + 1) / 3
    assert score((Metric.F1_MACRO,), predictions, labels)["f1-macro"] == pytest.approx(expected)


def test_correlations_equal_their_definitions() -> None:
    labels = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    predictions = np.array([0.0, 1.0, 4.0, 9.0, 8.0])
    x, y = labels - labels.mean(), predictions - predictions.mean()
    pearson = (x @ y) / math.sqrt((x @ x) * (y @ y))
    spearman = 1 - 6 * (1 + 1) / (5 * (25 - 1))  # the last two ranks are exchanged
    assert score(CORRELATIONS, predictions, labels) == pytest.approx(
        {
            "pearson": pearson,
            "spearman": spearman,
            "pearson-spearman": (pearson + spearman) / 2,
        }
    )


@pytest.mark.parametrize("metric", CORRELATIONS)
@pytest.mark.parametrize(
    "predictions",
    [np.full(4, 2.5), np.full(4, 0.1, np.float32), 1e6 + np.arange(4) * 1e-9],
    ids=["constant", "float32", "rounding"],
)
def test_predictions_that_do_not_differ_correlate_with_nothing(
    metric: Metric, predictions: np.ndarray
) -> None:
    labels = np.array([0.0, 1.0, 2.0, 3.0])
    assert score((metric,), predictions, labels) == {metric.value: 0.0}
    assert score((metric,), labels, predictions) == {metric.value: 0.0}


def test_one_class_alone_scores_without_warnings() -> None:
    zeros, ones = np.zeros(4, int), np.ones(4, int)
    assert score(CLASS_METRICS, zeros, ones) == {
        "accuracy": 0.0,
        "f1": 0.0,
        "f1-macro": 0.0,
        "matthews": 0.0,
    }
    assert score(CLASS_METRICS, zeros, zeros)["accuracy"] == 1.0


def test_a_small_spread_that_is_real_is_scored() -> None:
    labels = np.array([0.0, 1.0, 2.0, 3.0])
    assert score((Metric.PEARSON,), 1 + labels * 1e-6, labels)["pearson"] == pytest.approx(1.0)


def test_predictions_that_are_not_finite_fail_the_trial() -> None:
    with pytest.raises(TrialFailedError, match="1 of 3 predictions are not finite") as failure:
        score((Metric.PEARSON,), np.array([0.0, np.nan, 1.0]), np.arange(3.0))
    assert failure.value.reason == "diverged"


def test_predictions_must_match_labels() -> None:
    with pytest.raises(ValueError, match="one prediction per label"):
        score((Metric.ACCURACY,), np.zeros(3, int), np.zeros(4, int))


def test_majority_comes_from_train_and_is_measured_elsewhere() -> None:
    train = Rows(("a", "b", "c"), None, (0, 1, 1))
    evaluation = Rows(("d", "e", "f", "g"), None, (0, 0, 0, 1))
    names = ("no", "yes")
    accuracy = card(TaskKind.CLASSIFICATION, Metric.ACCURACY, names)
    assert majority_baseline(accuracy, train, evaluation) == 0.25
    f1 = card(TaskKind.CLASSIFICATION, Metric.F1, names)
    assert majority_baseline(f1, train, evaluation) == pytest.approx(2 / 5)


def test_the_mean_is_no_better_than_zero_correlation() -> None:
    rows = Rows(("a", "b", "c"), None, (0.0, 1.0, 5.0))
    assert majority_baseline(card(TaskKind.REGRESSION, Metric.PEARSON_SPEARMAN), rows, rows) == 0.0
