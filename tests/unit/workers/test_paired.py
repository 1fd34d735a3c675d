"""Differences between two models over the same rows: their size, their doubt, and their rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.contract.task_card import Metric, TaskCard, TaskKind
from workers.tasks.metrics import score_rows
from workers.tasks.paired import mcnemar, paired_bootstrap, right_rows
from workers.tasks.resampled_scores import resampled_scores
from workers.tasks.rows import Answer, Rows

TEXTS = ("the film", "film", "a good film", "bad", "good", "")


def card(kind: TaskKind, *metrics: Metric, names: tuple[str, ...] = ()) -> TaskCard:
    choices = 3 if kind is TaskKind.MULTIPLE_CHOICE else None
    return TaskCard(
        name="one",
        kind=kind,
        label_names=names,
        metric=metrics[0],
        metrics=metrics,
        choices=choices,
    )


CLASSES = card(
    TaskKind.CLASSIFICATION,
    *(Metric.ACCURACY, Metric.F1_MACRO, Metric.MATTHEWS),
    names=("a", "b", "c"),
)
TWO = card(TaskKind.CLASSIFICATION, Metric.F1, Metric.ACCURACY, names=("no", "yes"))
VALUES = card(TaskKind.REGRESSION, Metric.PEARSON, Metric.SPEARMAN, Metric.PEARSON_SPEARMAN)
CHOICES = card(TaskKind.MULTIPLE_CHOICE, Metric.ACCURACY)
SPANS = card(TaskKind.SPAN, Metric.F1, Metric.EXACT_MATCH)
WORDS = card(
    TaskKind.TOKEN_CLASSIFICATION,
    *(Metric.F1, Metric.ACCURACY, Metric.F1_MACRO),
    names=("O", "B-X", "I-X"),
)


@st.composite
def answered(draw: st.DrawFn, of: TaskCard) -> tuple[list[Any], Rows]:
    n = draw(st.integers(1, 12))

    def many(of: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(of, min_size=n, max_size=n))

    texts = ("x",) * n
    match of.kind:
        case TaskKind.REGRESSION:
            values = st.sampled_from([0.0, 0.5, 1.0, 2.5, 7.0])
            return many(values), Rows(texts, None, tuple(many(values)))
        case TaskKind.SPAN:
            right = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2)
            answers = tuple(tuple(Answer(t, 0) for t in each) for each in many(right))
            return many(st.sampled_from(TEXTS)), Rows(texts, None, (0,) * n, answers=answers)
        case TaskKind.TOKEN_CLASSIFICATION:
            sizes = many(st.integers(1, 5))

            def tags() -> tuple[tuple[int, ...], ...]:
                of_word = st.integers(0, 2)
                return tuple(tuple(draw(st.lists(of_word, min_size=k, max_size=k))) for k in sizes)

            return list(tags()), Rows(texts, None, tags())
    classes = st.integers(0, (of.choices or len(of.label_names)) - 1)
    return many(classes), Rows(texts, None, tuple(many(classes)))


@pytest.mark.parametrize("of", [CLASSES, TWO, VALUES, CHOICES, SPANS, WORDS], ids=lambda c: c.kind)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_draw_scores_as_its_rows_do(of: TaskCard, data: st.DataObject) -> None:
    answers, rows = data.draw(answered(of))
    index = st.integers(0, len(rows) - 1)
    picks = data.draw(st.lists(st.lists(index, min_size=1, max_size=15), min_size=1, max_size=4))
    drawn = np.array([np.bincount(p, minlength=len(rows)) for p in picks], np.float64)
    for metric in of.metrics:
        found = resampled_scores(of, metric, answers, rows, drawn)
        expected = [
            score_rows(of, [answers[i] for i in pick], rows.take(pick))[metric.value]
            for pick in picks
        ]
        assert found == pytest.approx(expected, abs=1e-9), metric


def right_with(chance: float, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    wrong = generator.random(len(labels)) >= chance
    return np.where(wrong, 1 - labels, labels)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    held, trials = 0, 200
    for number in range(trials):
        generator = np.random.default_rng(number)
        labels = generator.integers(2, size=150)
        sides = tuple([right_with(c, labels, generator)] for c in (0.7, 0.8))
        rows = Rows(("x",) * 150, None, tuple(labels.tolist()))
        found = paired_bootstrap(TWO, Metric.ACCURACY, sides, rows, paired_seeds=True, draws=400)
        held += found.low <= 0.1 <= found.high
    assert 0.89 <= held / trials <= 0.99  # 95 %, give or take what 200 trials allow


def test_what_does_not_differ_is_rarely_called_different() -> None:
    generator = np.random.default_rng(5)
    labels = generator.integers(2, size=200)
    rows = Rows(("x",) * 200, None, tuple(labels.tolist()))
    small = 0
    for _ in range(100):
        sides = tuple([right_with(0.75, labels, generator)] for _ in range(2))
        how = {"paired_seeds": True, "draws": 300}
        small += paired_bootstrap(TWO, Metric.ACCURACY, sides, rows, **how).p < 0.05  # type: ignore[arg-type]
    assert small <= 12


def test_seeds_that_disagree_widen_the_interval() -> None:
    generator = np.random.default_rng(2)
    labels = generator.integers(2, size=400)
    rows = Rows(("x",) * 400, None, tuple(labels.tolist()))
    better = [right_with(0.8, labels, generator) for _ in range(3)]
    alike = [right_with(0.7, labels, generator) for _ in range(3)]
    mixed = [right_with(c, labels, generator) for c in (0.55, 0.7, 0.85)]

    def width(side: list[np.ndarray]) -> float:
        sides = (side, better)
        found = paired_bootstrap(TWO, Metric.ACCURACY, sides, rows, paired_seeds=False)
        return found.high - found.low

    assert width(mixed) > 1.5 * width(alike)


def test_one_configuration_differs_from_itself_by_nothing() -> None:
    labels = np.arange(40) % 2
    rows = Rows(("x",) * 40, None, tuple(labels.tolist()))
    side = [right_with(0.7, labels, np.random.default_rng(seed)) for seed in range(2)]
    found = paired_bootstrap(TWO, Metric.F1, (side, side), rows, paired_seeds=True)
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_mcnemar_counts_the_rows_that_one_alone_has_right() -> None:
    rows = Rows(("x",) * 10, None, (1,) * 10)
    first, second = [1] * 9 + [0], [0] * 8 + [1, 1]
    found = mcnemar(TWO, first, second, rows)
    assert found is not None
    assert (found.only_first, found.only_second) == (8, 1)
    assert found.p == pytest.approx(2 * (1 + 9) / 2**9)  # 8 or more heads, or tails, of 9
    assert mcnemar(TWO, first, first, rows).p == 1.0  # type: ignore[union-attr]
    assert mcnemar(VALUES, [0.1], [0.2], Rows(("x",), None, (0.1,))) is None


def test_a_row_of_words_is_right_if_all_of_them_are() -> None:
    rows = Rows(("a b", "c"), None, ((1, 2), (0,)))
    assert right_rows(WORDS, [(1, 2), (1,)], rows).tolist() == [True, False]  # type: ignore[union-attr]
    answers = ((Answer("the film", 0),), (Answer("good", 0),))
    spans = Rows(("x", "y"), None, (0, 0), answers=answers)
    assert right_rows(SPANS, ["Film!", "bad"], spans).tolist() == [True, False]  # type: ignore[union-attr]
