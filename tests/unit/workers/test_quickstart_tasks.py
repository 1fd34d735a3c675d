"""The built-in tasks over the packages that are installed here."""

import dataclasses
import json
import logging
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from workers.contract.task_card import BuiltinSource, Metric, RowLimits, Split, TaskKind, TaskRef
from workers.errors import TaskError
from workers.tasks.load import load_task, resolve_task
from workers.tasks.quickstart import docstrings
from workers.tasks.quickstart import tasks as quickstart
from workers.tasks.quickstart.docstrings import LIBRARIES, build_docstrings, load_docstrings
from workers.tasks.quickstart.tasks import BUILTIN_TASKS, builtin_card, builtin_rows
from workers.tasks.rows import Rows


def resolve(name: str, metric: Metric | None = None) -> TaskRef:
    return resolve_task(
        name,
        BuiltinSource(name=name),
        columns=None,
        metric=metric,
        limits=RowLimits(train=100),
        validation_fraction=None,
        folder_root=Path(),
    )


def sentences(rows: Rows) -> set[str]:
    return {*rows.texts, *(rows.pairs or ())}


@pytest.mark.parametrize("name", BUILTIN_TASKS)
def test_sizes_and_labels_fit_the_card(name: str) -> None:
    card, splits = builtin_card(name), builtin_rows(name)
    assert {split.value: len(rows) for split, rows in splits.items()} == {
        "train": 1200,
        "validation": 400,
        "test": 400,
    }
    for rows in splits.values():
        assert (rows.pairs is not None) == (card.columns.text_pair is not None)
        counts = Counter(rows.labels)
        if card.kind is TaskKind.CLASSIFICATION:
            assert sorted(counts) == list(range(len(card.label_names)))
            assert max(counts.values()) - min(counts.values()) <= 8
        else:
            assert sorted(counts) == [0, 1, 2, 3]
            assert min(counts.values()) > len(rows) / 6


@pytest.mark.parametrize("name", BUILTIN_TASKS)
def test_no_sentence_is_in_two_splits(name: str) -> None:
    splits = builtin_rows(name)
    for one, other in combinations(splits.values(), 2):
        assert not sentences(one) & sentences(other)


def test_no_docstring_is_in_two_splits_even_between_tasks() -> None:
    home = {
        sentence: (each.module, each.name)
        for each in load_docstrings()
        for sentence in each.sentences
    }
    splits_of: dict[tuple[str, str], set[Split]] = defaultdict(set)
    for name in BUILTIN_TASKS:
        if name == "docs/word_order":  # half of its sentences are disordered
            continue
        for split, rows in builtin_rows(name).items():
            for sentence in sentences(rows):
                splits_of[home[sentence]].add(split)
    assert {len(splits) for splits in splits_of.values()} == {1}


def test_sentences_are_plain_and_name_no_library() -> None:
    words = re.compile(r"\b(" + "|".join(LIBRARIES) + r"|pytorch|numpy)\b", re.IGNORECASE)
    for name in BUILTIN_TASKS:
        for sentence in sentences(builtin_rows(name)[Split.TRAIN]):
            assert 5 <= len(sentence.split()) <= 25
            assert sentence.endswith(".")
            assert not set(sentence) & set("`_=<>[]{}|\\\n")
            assert "://" not in sentence
            assert not words.search(sentence)


def test_a_negative_pair_comes_from_two_docstrings_of_one_library() -> None:
    home = {s: each for each in load_docstrings() for s in each.sentences}
    rows = builtin_rows("docs/same_docstring")[Split.VALIDATION]
    assert rows.pairs is not None
    for first, second, label in zip(rows.texts, rows.pairs, rows.labels, strict=True):
        assert (home[first] == home[second]) == bool(label)
        assert home[first].library == home[second].library


def test_disordered_sentences_hold_the_same_words_as_real_ones() -> None:
    def bag(sentence: str) -> str:
        return " ".join(sorted(sentence.split()))

    real = {s for each in load_docstrings() for s in each.sentences}
    bags = {bag(sentence) for sentence in real}
    rows = builtin_rows("docs/word_order")[Split.TRAIN]
    for sentence, intact in zip(rows.texts, rows.labels, strict=True):
        assert (sentence in real) == bool(intact)
        assert bag(sentence) in bags


def test_a_relation_is_the_closest_that_holds() -> None:
    home = {s: each for each in load_docstrings() for s in each.sentences}
    rows = builtin_rows("docs/relatedness")[Split.VALIDATION]
    assert rows.pairs is not None
    for first, second, label in zip(rows.texts, rows.pairs, rows.labels, strict=True):
        one, other = home[first], home[second]
        common = one.library == other.library, one.module == other.module, one is other
        assert label == sum(common)
        assert first != second


def test_the_library_can_be_learnt_from_the_words() -> None:
    splits = builtin_rows("docs/library")
    train, test = splits[Split.TRAIN], splits[Split.TEST]
    vectors = TfidfVectorizer(sublinear_tf=True).fit(train.texts)
    model = LogisticRegression(max_iter=1000, C=10.0)
    model.fit(vectors.transform(train.texts), train.labels)
    assert model.score(vectors.transform(test.texts), test.labels) > 0.4  # majority: 0.125


def test_related_sentences_share_more_words() -> None:
    rows = builtin_rows("docs/relatedness")[Split.TRAIN]
    assert rows.pairs is not None
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit(rows.texts)
    left, right = vectors.transform(rows.texts), vectors.transform(rows.pairs)
    shared = np.asarray(left.multiply(right).sum(axis=1)).ravel()
    assert spearmanr(shared, rows.labels)[0] > 0.3


def test_planned_rows_are_those_that_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve("docs/word_order", Metric.ACCURACY)
    assert ref.card.metrics == (Metric.ACCURACY, Metric.MATTHEWS)
    assert len(load_task(ref).splits[Split.TRAIN]) == 100
    # Another version of a package is installed on the worker than on the planner.
    others = tuple(dataclasses.replace(d, name=f"{d.name}2") for d in load_docstrings())
    monkeypatch.setattr(quickstart, "load_docstrings", lambda: others)
    with pytest.raises(TaskError, match=r"changed since planning.*installed packages"):
        load_task(ref)


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TaskError, match="no built-in task 'docs/nothing'; known are docs/library"):
        resolve("docs/nothing")


@pytest.fixture
def one_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Only networkx, which parses in a moment, and an empty cache."""
    monkeypatch.setattr(docstrings, "LIBRARIES", ("networkx",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_docstrings.cache_clear()
    yield tmp_path / "adaptersweep"
    load_docstrings.cache_clear()


def test_the_cache_gives_what_was_built(one_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = load_docstrings()
    assert len(built) > 300
    assert len(list(one_library.iterdir())) == 1
    load_docstrings.cache_clear()
    monkeypatch.setattr(docstrings, "build_docstrings", lambda: pytest.fail("built again"))
    assert load_docstrings() == built


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:1000], lambda text: text.replace(" the ", " tha ", 1), lambda text: ""],
    ids=["cut", "one letter", "empty"],
)
def test_a_damaged_cache_is_built_again(
    one_library: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[str], str]
) -> None:
    built = load_docstrings()
    (cache,) = one_library.iterdir()
    cache.write_text(damage(cache.read_text()))
    load_docstrings.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert load_docstrings() == built
    assert "building it again" in caplog.text
    assert len(json.loads(cache.read_text().partition("\n")[2])) == len(built)


def test_another_version_uses_another_cache(
    one_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_docstrings()
    load_docstrings.cache_clear()
    monkeypatch.setattr(docstrings, "_version", lambda _: "0.0.1")
    load_docstrings()
    assert len(list(one_library.iterdir())) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(
    one_library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one_library.touch()  # a file where the folder should be
    assert len(load_docstrings()) > 300
    assert "cannot write the cache" in caplog.text


@pytest.mark.usefixtures("one_library")
def test_packages_are_parsed_in_another_process_alike_and_never_imported() -> None:
    code = (
        "import sys; from workers.tasks.quickstart import docstrings\n"
        "docstrings.LIBRARIES = ('networkx',)\n"
        "built = docstrings.build_docstrings()\n"
        "assert 'networkx' not in sys.modules and 'torch' not in sys.modules\n"
        "print(len(built), built[0].sentences[0], built[-1].sentences[-1], sep='|')"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    ).stdout.strip()
    built = build_docstrings()
    expected = (str(len(built)), built[0].sentences[0], built[-1].sentences[-1])
    assert output == "|".join(expected)


def test_a_library_that_is_missing_is_named(
    one_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docstrings, "LIBRARIES", ("networkx", "notthere"))
    with pytest.raises(TaskError, match="notthere, which is not installed"):
        load_docstrings()
