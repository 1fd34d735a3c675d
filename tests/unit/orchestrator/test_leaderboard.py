"""Nothing is compared that was not measured alike, and what differs is said."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import orchestrator
from adapter_lib.config.configuration import Initialisation
from orchestrator.catalog import Catalog
from orchestrator.planning.ranking import Planned, rank
from orchestrator.planning.settings import Labels, differing, labelled, unsaid, words
from workers.contract.results import FailureReason, TrialFailure
from workers.contract.task_card import Metric
from workers.contract.trial import Training, Trial


def changed(trial, **fields):
    """Return another trial, with nothing of the first one's cached identity."""
    return Trial(**{name: getattr(trial, name) for name in Trial.model_fields} | fields)


def on_other_rows(trial):
    task = trial.task.model_copy(update={"fingerprint": "after an edit"})
    return changed(trial, task=task)


def scored(catalog, samples, scores, sweep="s"):
    for trial, score in scores:
        catalog.record_result(sweep, samples.result(trial, score))


def fail(catalog, trial):
    failure = {"reason": FailureReason.DIVERGED, "message": "nan", "at_unix_ms": 1}
    catalog.record_failure("s", TrialFailure(trial_id=trial.trial_id, **failure))


def test_a_task_that_was_edited_has_a_table_for_each_of_its_data(catalog, samples):
    old = [samples.trial(seed=n) for n in (1, 2)]
    new = [on_other_rows(samples.trial(seed=n, size=48)) for n in (1, 2)]
    f1 = changed(samples.trial(size=12), task=samples.task(metric=Metric.F1))
    catalog.begin_submission("s", "", old)
    scored(catalog, samples, [(old[0], 0.95), (old[1], 0.93)])
    catalog.begin_submission("s", "", new)
    scored(catalog, samples, [(new[0], 0.8), (new[1], 0.7)])
    catalog.begin_submission("s", "", [f1])
    f1_result = samples.result(f1, 0.6).model_copy(update={"metric": "f1"})
    catalog.record_result("s", f1_result)

    rows = catalog.leaderboard("s")
    # The data submitted last first; the highest score of all is of the rows before the edit.
    assert [(r.fingerprint, r.metric, round(r.mean, 3)) for r in rows] == [
        ("rows of rte", "f1", 0.6),
        ("after an edit", "accuracy", 0.75),
        ("rows of rte", "accuracy", 0.94),
    ]
    assert catalog.leaderboard(limit=1) == rows
    catalog.begin_submission("s", "", old)
    first = catalog.leaderboard("s")[0]
    assert (first.fingerprint, first.metric) == ("rows of rte", "accuracy")


def test_a_configuration_that_misses_seeds_ranks_behind_every_whole_one(catalog, samples):
    whole = [samples.trial(seed=n, size=24) for n in (1, 2, 3)]
    failed = [samples.trial(seed=n, size=48) for n in (1, 2, 3)]
    pending = [samples.trial(seed=n, size=96) for n in (1, 2, 3)]
    catalog.begin_submission("s", "", [*whole, *failed, *pending])
    scored(catalog, samples, [(t, 0.6) for t in whole])
    scored(catalog, samples, [(failed[0], 0.9), (pending[0], 0.8), (pending[1], 0.9)])
    fail(catalog, failed[1])
    fail(catalog, failed[2])
    found = [
        (r.best.bottleneck_size, r.mean, r.seeds, r.planned, r.complete)
        for r in catalog.leaderboard("s")
    ]
    assert found == [
        (24, pytest.approx(0.6), 3, 3, True),
        (48, pytest.approx(0.9), 1, 3, False),
        (96, pytest.approx(0.85), 2, 3, False),
    ]
    assert [r.best.bottleneck_size for r in catalog.leaderboard("s", limit=1)] == [24]


def test_a_trial_that_no_sweep_asks_for_any_more_is_not_missed(catalog, samples):
    done, dropped = samples.trial(seed=1), samples.trial(seed=2)
    catalog.begin_submission("s", "", [done, dropped])
    scored(catalog, samples, [(done, 0.6)])
    assert [r.planned for r in catalog.leaderboard()] == [2]
    catalog.begin_submission("s", "", [done])
    assert [r.planned for r in catalog.leaderboard()] == [1]
    assert [r.planned for r in catalog.leaderboard("s")] == [1]


def test_test_scores_are_a_mean_over_seeds_too(catalog, samples):
    trials = [samples.trial(seed=n) for n in (1, 2, 3)]
    catalog.begin_submission("s", "", trials)
    scored(catalog, samples, zip(trials, (0.7, 0.8, 0.9), strict=True))
    (row,) = catalog.leaderboard("s")
    assert row.test is not None
    assert (row.test.mean, row.test.std, row.test.seeds) == (
        pytest.approx(0.75),  # 0.05 below validation, as the samples are
        pytest.approx(0.1),
        3,
    )
    deep = samples.trial(depth=2)  # the samples are tested at depth 0 alone
    catalog.begin_submission("t", "", [deep])
    scored(catalog, samples, [(deep, 0.7)], sweep="t")
    assert [r.test for r in catalog.leaderboard("t")] == [None]


def test_whatever_differs_in_a_table_stands_in_its_labels(catalog, samples):
    plain = samples.trial()
    slow = changed(plain, training=Training(learning_rate=1e-5, epochs=3))
    short = changed(plain, training=plain.training.model_copy(update={"max_length": 64}))
    drawn = plain.adapter.__class__(bottleneck_size=24, initialisation=Initialisation.HOULSBY)
    drawn = changed(plain, adapter=drawn)
    cola = samples.trial(task="cola")
    catalog.begin_submission("s", "", [plain, slow, short, drawn, cola])
    scored(catalog, samples, [(plain, 0.9), (slow, 0.8), (short, 0.7), (drawn, 0.6), (cola, 0.5)])
    adapter = "adapter · pfeiffer r24"
    assert [r.label for r in catalog.leaderboard("s")] == [
        f"cola · {adapter}",
        f"rte · {adapter} · initialisation bert · learning rate 0.0001 · max length 128",
        f"rte · {adapter} · initialisation bert · learning rate 1e-05 · max length 128",
        f"rte · {adapter} · initialisation bert · learning rate 0.0001 · max length 64",
        f"rte · {adapter} · initialisation houlsby · learning rate 0.0001 · max length 128",
    ]
    # What was swept is said of the rows that are shown, too, where these agree on it.
    assert "learning rate 0.0001" in catalog.leaderboard("s", "rte", limit=1)[0].label


def test_bases_of_one_name_are_told_apart(catalog, samples):
    one = samples.trial()
    other = changed(one, base=one.base.model_copy(update={"identity": "sha256:" + "77bb" * 16}))
    large = changed(one, base=other.base.model_copy(update={"name": "large"}), seed=5)
    catalog.begin_submission("s", "", [one, other])
    scored(catalog, samples, [(one, 0.9), (other, 0.8)])
    labels = [r.label.removeprefix("rte · adapter · pfeiffer r24") for r in catalog.leaderboard()]
    assert labels == [" · base identity 53aa53aa", " · base identity 77bb77bb"]
    rows = [unsaid(one, {}), unsaid(large, {})]
    assert differing(rows) == ("base_model",)
    assert list(words(rows[1], ("base_model",))) == ["base large"]


def test_what_a_trial_builds_on_is_said_where_it_differs(samples):
    def fusion(size):
        sources = [samples.trial(task=t, size=size) for t in ("rte", "cola")]
        fused = samples.fusion(*sources)
        parents = {t.trial_id: t for t in (*sources, fused)}
        return unsaid(fused, parents), unsaid(samples.pruned(fused), parents)

    small, large = fusion(8), fusion(16)
    for few, many in zip(small, large, strict=True):
        assert differing([few, many]) == ("source_bottleneck_size",)
        assert list(words(few, ("source_bottleneck_size",))) == ["source bottleneck size 8"]
    adapter = unsaid(samples.trial(), {})
    assert list(words(adapter, ("source_bottleneck_size", "source_epochs"))) == []
    assert list(words(adapter, ("patience", "frozen_dropout"))) == [
        "no patience",
        "no frozen dropout",
    ]


def test_failures_and_plans_say_what_is_swept(catalog, samples):
    trials = [samples.trial(rate=rate) for rate in (1e-4, 1e-2)]
    catalog.begin_submission("s", "", trials)
    fail(catalog, trials[1])
    expected = "rte · adapter · pfeiffer r24 · learning rate 0.01 · seed 1"
    assert [f.label for f in catalog.failures("s")] == [expected]
    assert Labels({t.trial_id: t for t in trials}).of(trials[1].trial_id) == expected


def test_a_label_takes_more_words_before_its_seed():
    assert labelled("a · b · seed 1", ["c"]) == "a · b · c · seed 1"
    assert labelled("a · b", ["c"]) == "a · b · c"


def test_an_empty_configuration_has_no_rank():
    assert rank([Planned("a", "1", 0, None)]) == []


def make_first_version(path):
    """Make an empty catalog of the first schema."""
    config = Config()
    folder = Path(orchestrator.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()


def test_a_catalog_of_the_first_version_is_brought_up_to_date(samples, tmp_path):
    trials = [samples.trial(seed=n) for n in (1, 2)]
    new, old = tmp_path / "new.sqlite", tmp_path / "old.sqlite"
    with Catalog.open(f"sqlite:///{new}") as catalog:
        catalog.begin_submission("s", "", trials)
        scored(catalog, samples, [(trials[0], 0.9)])
        expected = catalog.trials(sort="seed")
    make_first_version(old)
    with closing(sqlite3.connect(old)) as raw:
        raw.execute("ATTACH ? AS new", (str(new),))
        for table in ("sweeps", "submissions", "trials", "sweep_trials"):
            columns = [row[1] for row in raw.execute(f"PRAGMA main.table_info({table})")]
            names = ", ".join(columns)
            raw.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")

        raw.execute("UPDATE main.trials SET metric = NULL WHERE state = 'pending'")
        raw.commit()
    with Catalog.open(f"sqlite:///{old}") as catalog:
        rows = catalog.trials(sort="seed")
        board = catalog.leaderboard()
    assert [(r.fingerprint, r.metric) for r in rows] == [("rows of rte", "accuracy")] * 2
    assert [r.model_dump(exclude={"unsaid"}) for r in rows] == [
        r.model_dump(exclude={"unsaid"}) for r in expected
    ]
    assert [(r.fingerprint, r.planned) for r in board] == [("rows of rte", 2)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("random_sources", ("random sources", "trained sources")),
        ("pretrained", ("pretrained", "not pre-trained")),
        ("frozen_dropout", ("frozen dropout", "no frozen dropout")),
    ],
)
def test_what_is_off_is_said_in_english(name, said):
    assert tuple(next(words({name: value}, [name])) for value in (True, False)) == said
