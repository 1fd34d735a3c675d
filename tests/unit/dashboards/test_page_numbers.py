"""Every number on a page is the one that `best` and `trials --json` give, over random catalogs."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.catalog import Catalog
from orchestrator.command_line import app
from orchestrator.stores import Stores
from tests.unit.dashboards.web_pages import client_of, tables_in
from tests.unit.orchestrator.conftest import Samples
from workers.contract.results import FailureReason, TrialFailure

SAMPLES = Samples()

outcomes = st.one_of(
    st.floats(-1, 1, allow_nan=False).map(lambda x: ("score", x)),
    st.sampled_from([0.5, 0.25, 1 / 3]).map(lambda x: ("score", x)),  # ties
    st.just(("failed", None)),
    st.just(("pending", None)),
)
trials_drawn = st.dictionaries(
    st.tuples(
        st.sampled_from(["rte", "cola", "<b>"]),
        st.sampled_from([8, 24]),
        st.sampled_from([0, 2]),
        st.sampled_from([1e-4, 3e-3]),
        st.integers(0, 3),
    ),
    outcomes,
    min_size=1,
    max_size=24,
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["rte", "cola"]),
        "bottleneck_size": st.sampled_from(["8", "24"]),
        "drop_depth": st.sampled_from(["0", "2"]),
        "seed": st.sampled_from(["0", "1"]),
        "state": st.sampled_from(["finished", "failed"]),
        "min_score": st.sampled_from(["-0.5", "0.3333333333333333"]),
    },
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    stores = Stores.at(tmp_path_factory.mktemp("empty"))
    stores.prepare()
    Catalog.open(stores.catalog_url).close()
    return stores.workspace.root


@pytest.fixture
def filled(empty, tmp_path):
    """Write random trials into a new catalog, and return its workspace and a client."""
    number = iter(range(10_000))

    def fill(drawn):
        root = tmp_path / str(next(number))
        shutil.copytree(empty, root)
        stores = Stores.at(root)
        planned = {
            key: SAMPLES.trial(task=key[0], size=key[1], depth=key[2], rate=key[3], seed=key[4])
            for key in drawn
        }
        with Catalog.open(stores.catalog_url) as catalog:
            catalog.begin_submission("s", "", list(planned.values()))
            for key, (what, score) in drawn.items():
                if what == "score":
                    catalog.record_result("s", SAMPLES.result(planned[key], score))
                elif what == "failed":
                    why = {"reason": FailureReason.DIVERGED, "message": "nan", "at_unix_ms": 1}
                    failure = TrialFailure(trial_id=planned[key].trial_id, **why)
                    catalog.record_failure("s", failure)
        return stores, client_of(stores)

    return fill


def command(stores, *words):
    done = CliRunner().invoke(app, [*words, "--json", "-w", str(stores.workspace.root)])
    return json.loads(done.stdout) if done.exit_code == 0 else None


def three(value):
    return "–" if value is None else f"{value:.3f}"


def spread(row):
    return three(row["mean"]) + (f" ± {three(row['std'])}" if row["std"] is not None else "")


usual = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@usual
@given(trials_drawn)
def test_leaderboards_and_grids_are_those_of_best(filled, drawn):
    stores, client = filled(drawn)
    best = command(stores, "best", "--sweep", "s", "--limit", "50")
    assert client.get("/table/leaderboard.json?sweep=s&limit=50").json() == best
    shown = tables_in(client.get("/sweep?sweep=s&limit=50").text)
    for task in {row["task"] for row in best}:
        mine = [row for row in best if row["task"] == task]
        metric = mine[0]["metric"]
        assert [(r["#"], r[metric], r["trained"]) for r in shown[task]] == [
            (str(r["place"]), spread(r), f"{r['best']['trained_parameters']:,}") for r in mine
        ]
        if any(r["test"] for r in mine):
            told = [spread(r["test"]) if r["test"] else "–" for r in mine]
            assert [r["test"] for r in shown[task]] == told
    grid = client.get("/table/grid.json?sweep=s").json()
    cells = sorted(
        (value, row[name.removesuffix("_mean") + "_std"])
        for row in grid
        for name, value in row.items()
        if name.endswith("_mean") and value is not None
    )
    assert cells == sorted((row["mean"], row["std"]) for row in best)


@usual
@given(trials_drawn, filters)
def test_trials_are_those_of_the_command(filled, drawn, chosen):
    stores, client = filled(drawn)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    if "bottleneck_size" in chosen:
        options = [o for o in options if not o.startswith("--bottleneck")]
    told = command(stores, "trials", "--sweep", "s", "--limit", "200", *options)
    query = "&".join(["sweep=s", *(f"{name}={value}" for name, value in chosen.items())])
    if told is None:
        assert client.get(f"/trials?{query}").status_code == 404
        return
    if size := chosen.get("bottleneck_size"):
        told = [row for row in told if row["bottleneck_size"] == int(size)]
    assert client.get(f"/table/trials.json?{query}").json() == told
    page = client.get(f"/trials?{query}").text
    rows = tables_in(page).get("", tables_in(page).get("Trials", []))
    assert [(r["trial"], r["score"], r["test"]) for r in rows] == [
        (t["trial_id"][:8], three(t["score"]), three(t["test_score"])) for t in told
    ]
    assert f"{len(told):,} trial" in page


@usual
@given(trials_drawn)
def test_groups_fold_seeds_as_best_does(filled, drawn):
    stores, client = filled(drawn)
    best = command(stores, "best", "--sweep", "s", "--limit", "50")
    axes = "drop_depth,bottleneck_size,learning_rate"
    groups = client.get(f"/table/groups.json?sweep=s&by={axes}&sort=-mean").json()
    means = sorted(row["mean"] for row in groups if row["mean"] is not None)
    assert means == pytest.approx(sorted(row["mean"] for row in best), abs=1e-12)
    assert sum(row["trials"] for row in groups) == len(drawn)
    # The same by the settings of each configuration, instead of by columns of the database.
    other = client.get(f"/table/groups.json?sweep=s&by={axes},epochs&sort=-mean").json()
    assert {row.pop("epochs") for row in other} == {"3"}
    key = lambda row: [str(row[name]) for name in ("task", *axes.split(","))]  # noqa: E731
    for mine, theirs in zip(sorted(groups, key=key), sorted(other, key=key), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-12)
    by_task = client.get("/table/groups.json?sweep=s&by=method").json()
    for row in by_task:
        values = [r["mean"] for r in best if r["task"] == row["task"]]
        assert row["mean"] == (pytest.approx(sum(values) / len(values)) if values else None)
        assert row["most"] == (pytest.approx(max(values)) if values else None)


@usual
@given(trials_drawn, st.sampled_from(["-mean", "mean", "-std", "task", "-configurations"]))
def test_groups_come_in_the_order_that_is_asked_for(filled, drawn, sort):
    _, client = filled(drawn)
    rows = client.get(f"/table/groups.json?sweep=s&by=drop_depth,learning_rate&sort={sort}").json()
    values = [row[sort.removeprefix("-")] for row in rows]
    known = [value for value in values if value is not None]
    assert values[: len(known)] == known, "what has no value comes last"
    assert known == sorted(known, reverse=sort.startswith("-"))
