"""What a person and a script see of a catalog: tables, JSON and CSV say the same."""

import csv
import io
import json
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from orchestrator.catalog import Catalog
from orchestrator.catalog.reading import SORTED_BY
from orchestrator.command_line import app
from orchestrator.commands.browsing import HEADINGS, LEADERBOARD_COLUMNS, TRIAL_COLUMNS
from orchestrator.errors import CatalogError
from orchestrator.stores import Stores
from workers.contract.results import FailureReason, TrialFailure


@pytest.fixture
def workspace(samples, tmp_path):
    """Two sizes and two rates with two seeds each, of which one diverged; a fusion; other rows."""
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    seeds = (1, 2)
    grid = [
        samples.trial(size=size, rate=rate, seed=seed)
        for size in (8, 24)
        for rate in (1e-4, 1e-3)
        for seed in seeds
    ]
    cola = [samples.trial(task="cola", size=8, seed=seed) for seed in seeds]
    fusions = [samples.fusion(grid[i], cola[i], seed=seed) for i, seed in enumerate(seeds)]
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("s", "", [*grid, *cola, *fusions])
        for n, trial in enumerate([*grid[:-1], *cola]):
            catalog.record_result("s", samples.result(trial, 0.5 + n / 100))
        failed = {"reason": FailureReason.DIVERGED, "message": "nan", "at_unix_ms": 1}
        catalog.record_failure("s", TrialFailure(trial_id=grid[-1].trial_id, **failed))
        for fusion in fusions:
            more = {
                "attention": {0: {"rte": 0.75, "cola": 0.25}},
                "sources": {s.task: s.candidates[0] for s in fusion.fusion.sources},
            }
            catalog.record_result("s", samples.result(fusion, 0.9).model_copy(update=more))
    return stores.workspace.root, grid, fusions


@pytest.fixture
def ask(workspace):
    def run(*words):
        return CliRunner().invoke(app, [*map(str, words), "-w", str(workspace[0])])

    def answer(*words):
        done = run(*words)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            assert isinstance(done.exception, CatalogError), done.exception
            return 2, str(done.exception)
        return done.exit_code, done.output if done.exit_code else done.stdout

    return answer


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_leaderboard_says_what_differs_and_marks_what_is_incomplete(ask):
    code, text = ask("best", "--task", "rte")
    assert code == 0
    lines = text.splitlines()
    shown = next(line for line in lines if "pfeiffer r24 · learning rate 0.0001" in line)
    # Validation 0.54 and 0.55, test 0.05 below: means with the sample's deviation.
    assert shown.split()[-7:-2] == ["0.545", "0.007", "2", "0.495", "0.007"]
    assert "pfeiffer r24 · learning rate 0.001" in lines[-3]
    assert "1 of 2" in lines[-3]
    assert "ranks last" in lines[-1]


def test_json_and_csv_of_a_leaderboard_agree(ask):
    rows = json.loads(ask("best", "--json")[1])
    table = read_csv(ask("best", "--csv")[1])
    assert list(table[0]) == LEADERBOARD_COLUMNS
    assert [(r["task"], r["place"]) for r in rows] == [
        *[("cola", 1)],
        *[("rte", place) for place in range(1, 6)],
    ]
    for row, cells in zip(rows, table, strict=True):
        assert (cells["label"], float(cells["mean"])) == (row["label"], row["mean"])
        assert float(cells["test_mean"]) == row["test"]["mean"]
        assert cells["complete"] == str(row["complete"]).lower()
        assert float(cells["learning_rate"]) == row["settings"]["learning_rate"]
        assert cells["best_trial"] == row["best"]["trial_id"]
    assert rows[-1]["complete"] is False
    assert (rows[-1]["seeds"], rows[-1]["planned"]) == (1, 2)


def test_trials_say_everything_in_json_and_keep_their_columns_in_csv(ask, workspace):
    _, grid, fusions = workspace
    rows = {r["trial_id"]: r for r in json.loads(ask("trials", "--json")[1])}
    table = read_csv(ask("trials", "--csv", "--task", "rte")[1])
    assert list(table[0]) == TRIAL_COLUMNS
    assert len(TRIAL_COLUMNS) == len(set(TRIAL_COLUMNS))
    fusion = rows[fusions[0].trial_id]
    assert fusion["settings"]["source_bottleneck_size"] == 8
    assert fusion["settings"]["source_tasks"] == ["rte", "cola"]
    row = rows[grid[0].trial_id]
    depths = {s["depth"]: s["value"] for s in row["scores"] if s["split"] == "validation"}
    assert depths == {0: 0.5, 1: 0.49, 2: 0.48}
    assert row["test_score"] == pytest.approx(0.45)
    cells = {c["trial_id"]: c for c in table}[grid[0].trial_id]
    assert (cells["score"], cells["max_length"], cells["optimiser"]) == ("0.5", "128", "adamw")


def test_trials_are_sorted_by_what_is_printed(ask, workspace):
    code, text = ask("trials")
    headings = text.splitlines()[0]
    at = [headings.index(name) for name in HEADINGS]
    assert code == 0
    assert at == sorted(at)
    for name in HEADINGS:
        for sort in (name, f"-{name}", name.replace(" ", "-").title()):
            assert ask("trials", f"--sort={sort}")[0] == 0, sort
    rows = json.loads(ask("trials", "--sort=-test", "--json")[1])
    scores = [r["test_score"] for r in rows if r["test_score"] is not None]
    assert all(a >= b for a, b in pairwise(scores))
    assert set(HEADINGS.values()) <= set(SORTED_BY)
    code, message = ask("trials", "--sort", "beauty")
    assert code == 2
    assert "best epoch" in message
    assert "'beauty'" in message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trials", "--task", "nope"), "no task 'nope'; it has: cola, rte"),
        (("trials", "--sweep", "nope"), "no sweep 'nope'; it has: s"),
        (("trials", "--method", "nope"), "--method: expected one of"),
        (("trials", "--drop-mode", "nope"), "--drop-mode: expected one of"),
        (("trials", "--sweep", "s", "--task", "nope"), "sweep 's' has no task 'nope'"),
        (("best", "--task", "nope"), "no task 'nope'; it has: cola, rte"),
        (("best", "--sweep", "nope"), "no sweep 'nope'; it has: s"),
        (("best", "--json", "--csv"), "expected one of them"),
        (("trials", "--limit", "0"), "greater than or equal to 1"),
        (("best", "--limit", "0"), "greater than or equal to 1"),
        (("show", "nope"), "digits of 0-9a-f"),
        (("show", "00000000"), "no trial's id starts with"),
        (("compare", "00000000", "00000000"), "no trial's id starts with"),
    ],
)
def test_what_is_not_there_is_bad_input(ask, words, said):
    code, message = ask(*words)
    assert code == 2
    assert said in message


def test_a_filter_that_nothing_meets_is_no_error(ask):
    code, text = ask("trials", "--seed", "99")
    assert code == 0
    assert "no trial is like this" in text


def test_show_tells_all_of_a_trial(ask, workspace):
    root, grid, fusions = workspace
    fusion = fusions[0]
    code, text = ask("show", fusion.trial_id[:10])
    assert code == 0
    for part in (
        fusion.trial_id,
        "Mean fusion weight",
        "0.750",
        "This trial builds on",
        "(joined)",
    ):
        assert part in text
    found = json.loads(ask("show", fusion.trial_id, "--json")[1])
    assert found["result"]["attention"] == {"0": {"rte": 0.75, "cola": 0.25}}
    assert {p["trial_id"] for p in found["parents"]} == set(fusion.parents)
    assert found["sweeps"] == ["s"]
    assert [e["epoch"] for e in found["curve"]] == [1, 2, 3]
    assert found["log"].startswith(str(root))
    source = json.loads(ask("show", grid[0].trial_id, "--json")[1])
    assert [c["trial_id"] for c in source["children"]] == [fusion.trial_id]
    code, text = ask("show", grid[-1].trial_id)
    assert (code, "diverged nan" in text) == (0, True)


def test_compare_says_what_differs_and_compares_means(ask, workspace):
    _, grid, fusions = workspace
    found = json.loads(ask("compare", grid[0].trial_id, grid[2].trial_id, "--json")[1])
    assert found["comparable"] is True
    assert found["differing"] == {"learning_rate": [0.0001, 0.001]}
    first = next(s for s in found["a"]["scores"] if (s["split"], s["depth"]) == ("validation", 0))
    assert (first["mean"], first["seeds"]) == (pytest.approx(0.505), 2)
    assert first["std"] == pytest.approx(0.00707, abs=1e-5)
    code, text = ask("compare", grid[0].trial_id, grid[2].trial_id)
    assert (code, "+0.020" in text) == (0, True)

    cola = fusions[0].fusion.sources[1].candidates[0]
    apart = json.loads(ask("compare", grid[0].trial_id, cola, "--json")[1])
    assert apart["comparable"] is False
    assert "not comparable" in ask("compare", grid[0].trial_id, cola)[1]
    same = ask("compare", grid[0].trial_id, found["a"]["configuration"])[1]
    assert "nothing differs" in same
