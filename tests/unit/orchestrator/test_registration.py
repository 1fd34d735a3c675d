"""An alias moves to what is better, by force, or back; and everybody can see who moved it."""

import getpass
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.catalog import Catalog, MoveKind
from orchestrator.errors import CatalogUnavailableError, RegistryError
from orchestrator.mlflow.runs import connect
from orchestrator.registry.lookup import find, pull
from orchestrator.registry.promotion import Measure, objection
from orchestrator.registry.registration import AliasStayed, roll_back
from orchestrator.spec.model import Ranking
from orchestrator.stores import Stores


@pytest.fixture
def catalog(stores):
    with Catalog.open(stores.catalog_url) as opened:
        yield opened


@pytest.fixture
def champion(stores):
    """Say which version `rte@champion` names."""
    return lambda: find("rte@champion", tracking_uri=stores.tracking_uri).version


def on_other_rows(trial):
    task = trial.task.model_copy(update={"fingerprint": "other rows of rte"})
    return trial.model_copy(update={"task": task})


def history(catalog):
    return [
        (m.kind.value, m.from_version, m.to_version)
        for m in catalog.alias_moves(task="rte", alias="champion")
    ]


def measure(mean, *, seeds=3, fingerprint="rows", metric="accuracy", best=None):
    return Measure(
        fingerprint=fingerprint, metric=metric, best=best or mean, mean=mean, seeds=seeds
    )


MEAN, BEST = Ranking.MEAN_OVER_SEEDS, Ranking.BEST_TRIAL


@pytest.mark.parametrize(
    ("new", "rank", "said"),
    [
        (measure(0.81), MEAN, None),
        (measure(0.81, seeds=5), MEAN, None),
        (measure(0.79), MEAN, "not better than its mean accuracy 0.8 over 3 seeds"),
        (measure(0.8), MEAN, "not better than"),
        (measure(0.9, seeds=1), MEAN, "mean accuracy 0.9 over 1 seed, which is fewer seeds"),
        (measure(0.9, fingerprint="others"), MEAN, "measured on other data .* do not compare"),
        (measure(0.9, metric="f1"), MEAN, "chosen by accuracy and the new one by f1"),
        (measure(0.7, best=0.86, seeds=1), BEST, None),
        (measure(0.9, best=0.84), BEST, "accuracy 0.84, which is not better than its accuracy 0.8"),
        (measure(0.9, best=0.9, fingerprint="others"), BEST, "measured on other data"),
    ],
)
def test_only_what_is_better_on_the_same_data_may_replace(new, rank, said):
    old = measure(0.8, best=0.85)
    found = objection(new, old, rank)
    if said is None:
        assert found is None
    else:
        assert re.search(said, str(found))


def test_a_version_that_says_nothing_of_its_rows_is_not_replaced():
    assert "which rows" in objection(measure(0.9), measure(0.1, fingerprint=None), MEAN)


def test_a_worse_adapter_does_not_take_the_alias(register, catalog, stores, samples, champion):
    register(samples.trial(size=1), score=0.8)
    stayed = register(samples.trial(size=2), score=0.7, sweep="small")
    assert isinstance(stayed, AliasStayed)
    assert stayed.version == champion() == "1"
    assert stayed.message == (
        "rte@champion stays version 1: the new one has mean accuracy 0.7 over 3 seeds, which is "
        "not better than its mean accuracy 0.8 over 3 seeds; submit with --force to move it all "
        "the same, or give this sweep an alias of its own (select.alias)"
    )
    (version,) = connect(stores.tracking_uri).search_model_versions("name = 'rte--minilm'")
    assert int(version.version) == 1, "what is refused is not made a version"
    assert history(catalog) == [("registered", None, "1"), ("stayed", "1", None)]
    first, refused = catalog.alias_moves(alias="champion")
    assert (refused.sweep, refused.trial_id) == ("small", samples.trial(size=2).trial_id)
    assert first.moved_by == f"{getpass.getuser()}@{socket.gethostname()}"
    assert "the first" in first.why


def test_scores_on_other_rows_do_not_compare(register, samples, champion):
    register(samples.trial(size=1), score=0.6)
    stayed = register(on_other_rows(samples.trial(size=1)), score=0.9)
    assert isinstance(stayed, AliasStayed)
    assert "measured on other data (fingerprint rows of …, here other ro…)" in stayed.why
    assert champion() == "1"
    register(samples.trial(size=2), score=0.61)
    assert champion() == "2"


def test_force_moves_it_and_is_written_down(register, catalog, samples, champion):
    register(samples.trial(size=1), score=0.8)
    made = register(samples.trial(size=2), score=0.7, force=True)
    assert made.version == champion() == "2"
    forced = catalog.alias_moves(alias="champion")[-1]
    assert (forced.kind, forced.from_version) == (MoveKind.FORCED, "1")
    assert "although the new one has mean accuracy 0.7" in forced.why
    register(samples.trial(size=3), score=0.75, force=True)
    assert catalog.alias_moves(alias="champion")[-1].kind is MoveKind.REGISTERED, "it was better"


def test_an_alias_of_its_own_is_free(register, samples, stores):
    register(samples.trial(size=1), score=0.8)
    register(samples.trial(size=2), "small", score=0.7)
    found = find("rte@small", tracking_uri=stores.tracking_uri)
    assert (found.version, found.aliases) == ("2", ("small",))


def test_a_mean_over_fewer_seeds_does_not_overwrite_a_fuller_one(register, stores, samples):
    register(samples.trial(), score=0.8, mean=0.78, seeds=5)
    register(samples.trial(), score=0.8, mean=0.8, seeds=1, std=None)
    found = find("rte@champion", tracking_uri=stores.tracking_uri)
    assert (found.score_mean, found.seeds) == (0.78, 5)
    register(samples.trial(), score=0.8, mean=0.77, seeds=6)
    found = find("rte@champion", tracking_uri=stores.tracking_uri)
    assert (found.score_mean, found.seeds) == (0.77, 6)


def test_what_the_catalog_saw_of_more_seeds_counts(register, catalog, samples, champion):
    """One lucky seed was registered; by now its configuration is known to be worse."""
    register(samples.trial(seed=1), score=0.82, seeds=1, std=None)
    others = [samples.trial(seed=seed) for seed in (2, 3)]
    catalog.begin_submission("s", "", others)
    for trial in others:
        catalog.record_result("s", samples.result(trial, 0.76))
    register(samples.trial(seed=1, size=48), score=0.81)
    assert champion() == "2"


def test_an_old_version_is_compared_by_what_the_catalog_knows(register, stores, samples, champion):
    made = register(samples.trial(size=1), score=0.6)
    client = connect(stores.tracking_uri)
    client.delete_model_version_tag(made.name, made.version, "task_fingerprint")
    register(samples.trial(size=2), score=0.7)
    assert champion() == "2"


def test_another_groups_catalog_compares_by_tags_and_leaves_its_mark(
    register, catalog, stores, samples, champion, tmp_path
):
    made = register(samples.trial(size=1), score=0.8)
    with Catalog.open(f"sqlite:///{tmp_path / 'theirs.sqlite'}") as theirs:
        stayed = register(samples.trial(size=2), score=0.7, into=theirs)
        assert isinstance(stayed, AliasStayed)
        assert history(theirs) == [("found", None, "1"), ("stayed", "1", None)]
        register(samples.trial(size=3), score=0.9, into=theirs)
        client = connect(stores.tracking_uri)
        client.delete_model_version_tag(made.name, "2", "task_fingerprint")
    stayed = register(samples.trial(size=4), score=0.95)
    assert "does not say which rows" in stayed.why, "nor does this catalog know its trial"
    assert history(catalog)[-2:] == [("found", "1", "2"), ("stayed", "2", None)]
    assert champion() == "2"


def test_a_version_that_cannot_be_read_is_replaced_by_force_alone(
    register, stores, samples, champion
):
    made = register(samples.trial(size=1), score=0.6)
    connect(stores.tracking_uri).set_model_version_tag(made.name, "1", "score_mean", "good")
    stayed = register(samples.trial(size=2), score=0.9)
    assert "nothing can be compared: version 1 of rte--minilm" in stayed.why
    assert register(samples.trial(size=2), score=0.9, force=True).version == champion() == "2"


@pytest.fixture
def three(register, samples):
    for size, score in ((1, 0.6), (2, 0.7), (3, 0.8)):
        register(samples.trial(size=size), score=score, weights=bytes([size]))


def test_rolling_back_goes_back_step_by_step(three, catalog, stores, champion, tmp_path):
    for before, after in (("3", "2"), ("2", "1")):
        done = roll_back("rte@champion", catalog, stores)
        assert (done.before, done.adapter.version) == (before, after)
        assert after == champion()
        assert "champion" in done.adapter.aliases
    with pytest.raises(RegistryError, match=r"before version 1; say which .* --to: 1, 2, 3"):
        roll_back("rte@champion", catalog, stores)
    assert history(catalog)[-2:] == [("rolled back", "3", "2"), ("rolled back", "2", "1")]
    pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)
    assert (tmp_path / "target" / "adapter.safetensors").read_bytes() == b"\1"


def test_submitting_again_does_not_undo_a_roll_back(
    three, register, catalog, stores, samples, champion
):
    roll_back("rte@champion", catalog, stores, to="1")
    for size, score in ((2, 0.7), (3, 0.8)):
        stayed = register(samples.trial(size=size), score=score, weights=bytes([size]))
        assert stayed.why == f"the new one is version {size}, which was rolled back"
    assert champion() == "1"
    register(samples.trial(size=3), "other", score=0.8, weights=b"\3")  # rolled back there alone
    register(samples.trial(size=4), score=0.65)
    assert champion() == "4", "what is new and better may come"
    register(samples.trial(size=3), score=0.8, weights=b"\3", force=True)
    assert champion() == "3"
    roll_back("rte@champion", catalog, stores)
    assert champion() == "4"
    roll_back("rte@champion", catalog, stores, to="3")
    assert champion() == "3", "by hand it goes forward too"
    register(samples.trial(size=3), score=0.8, weights=b"\3")
    assert champion() == "3"


def test_a_roll_back_to_nowhere_is_refused(three, catalog, stores, champion):
    for reference, to, said in (
        ("rte@champion", "9", "has no version 9; it has: 1, 2, 3"),
        ("rte@champion", "one", "has no version one; it has: 1, 2, 3"),
        ("rte@champion", "3", "names version 3 already"),
        ("rte@best", None, "rte has no alias 'best'; its aliases are: champion"),
        ("cola@champion", None, "no adapter of cola is registered"),
    ):
        with pytest.raises(RegistryError, match=said):
            roll_back(reference, catalog, stores, to=to)
    for path in stores.workspace.mlflow_artifacts.rglob("adapter.safetensors"):
        path.write_bytes(b"else")
    with pytest.raises(RegistryError, match=r"adapter\.safetensors in .* is damaged"):
        roll_back("rte@champion", catalog, stores)
    assert champion() == "3"
    assert len(history(catalog)) == 3


# Between looking for a version and making one, each gives the other time to do the same.
REGISTER = """
import sys, time
from pathlib import Path
from orchestrator.catalog import Catalog
from orchestrator.registry import registration
from orchestrator.planning.selection import Standing, Winner
from orchestrator.stores import Stores
look = registration.existing_version

def look_slowly(*arguments):
    found = look(*arguments)
    time.sleep(0.3)
    return found

registration.existing_version = look_slowly
stores = Stores.at(Path(sys.argv[1]), catalog=sys.argv[2])
with Catalog.open(stores.catalog_url) as catalog:
    ids = sys.argv[3:]
    trials, results = catalog.planned(ids), catalog.results(ids)
    registration.connect(stores.tracking_uri)  # imports, which takes long
    print("ready", flush=True)
    sys.stdin.readline()
    for trial_id in ids:
        trial, result = trials[trial_id], results[trial_id]
        score = result.score
        numbers = {"mean": score, "std": None, "seeds": 1, "planned": 1}
        standing = Standing(trial, result, "accuracy", score, **numbers)
        for alias in ("champion", "small"):
            winner = Winner(alias, standing)
            registration.register_winner(catalog, stores, winner, sweep="s")
"""


@pytest.mark.slow
def test_two_processes_that_register_together_make_each_version_once(catalog_url, stores, samples):
    """On both databases: they wait for each other, and neither sees half of the other's work."""
    trials = [samples.trial(size=size) for size in (1, 2, 3, 4)]
    with Catalog.open(catalog_url) as catalog:
        catalog.begin_submission("s", "", trials)
        for trial in trials:
            adapter = samples.adapter(stores, trial, bytes([trial.adapter.bottleneck_size]))
            catalog.record_result(
                "s",
                samples.result(trial, 0.5 + trial.adapter.bottleneck_size / 10, adapter=adapter),
            )
        ids = [t.trial_id for t in trials]
        root = str(stores.workspace.root)
        running = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", REGISTER, root, catalog_url, *ids],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        assert [p.stdout.readline() for p in running] == ["ready\n"] * 2
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [p.communicate(timeout=240)[1] for p in running]
        assert [p.returncode for p in running] == [0, 0], errors
        found = connect(stores.tracking_uri).search_model_versions("name = 'rte--minilm'")
        assert sorted(v.tags["trial_id"] for v in found) == sorted(ids)
        moves = catalog.alias_moves(alias="champion")
        taken = [m.to_version for m in moves if m.kind is MoveKind.REGISTERED]
        assert taken == ["1", "2", "3", "4"]
        assert {m.kind for m in moves} <= {MoveKind.REGISTERED, MoveKind.STAYED}


def test_who_waits_too_long_for_another_is_told(catalog_url):
    with Catalog.open(catalog_url) as one, Catalog.open(catalog_url) as other:
        with (
            one.registering(5),
            pytest.raises(CatalogUnavailableError, match="has been registering"),
            other.registering(0.3),
        ):
            pass
        with other.registering(0.3):
            pass


def test_an_address_in_the_catalog_has_no_user(stores):
    for address, kept in (
        ("http://ada:secret@host:5000", "http://host:5000"),
        ("https://host", "https://host"),
        ("postgresql://ada:secret@host/db?password=secret", "postgresql://host/db"),
    ):
        assert Stores.at(stores.workspace.root, tracking=address).tracking_identity == kept
    assert "secret" not in Stores.at(Path("w"), tracking="http://a:secret@h").shown_tracking
    assert stores.tracking_identity == "sqlite in the workspace"
