"""`compare`: what differs, and whether the difference is more than chance."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from orchestrator.catalog.catalog import Catalog
from orchestrator.command_line import app
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from orchestrator.stores import Stores
from tests.conftest import write_task
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_result
from workers.contract.trial import Method, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

SWEEP = """\
name: small
base_models: {{ toy: {{ source: "folder:{base}" }} }}
tasks: {{ one: {{ folder: "{tasks}/one" }} }}
seeds: [0, 1]
adapter: {{ bottleneck_size: 4 }}
training: {{ learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 4 }}
keep_predictions: {keep}
trials:
  - drop: {{ mode: [none, specialised], depth: 2 }}
  - method: full_fine_tuning
    training: {{ learning_rate: 3e-3, epochs: 8 }}
  - method: head_only
    training: {{ learning_rate: 1e-6, epochs: 1 }}
"""


class Ran:
    """A small sweep that was run."""

    def __init__(self, folder: Path, base: Path, tasks: Path, *, keep: str = "true") -> None:
        sweep = folder / "small.yaml"
        sweep.write_text(SWEEP.format(base=base, tasks=tasks, keep=keep))
        self.folder = folder / "workspace"
        stores = Stores.at(self.folder)
        stores.prepare()
        plan = plan_sweep(sweep)[0]
        self.trials = list(plan.trials.values())
        with Catalog.open(stores.catalog_url) as catalog:
            submission = catalog.begin_submission("small", "", self.trials)
            board = Board(WorkQueue(plan.trials), catalog, stores.workspace, submission)
            warm = WarmState(torch.device("cpu"), keep_predictions=plan.spec.keep_predictions)
            while bundle := board.next_bundle(size=8, workers=1):
                for event in run_bundle(bundle, stores.workspace, warm):
                    board.take(event)

    def trial(self, method: Method, depth: int = 0, seed: int = 0) -> Trial:
        return next(
            t for t in self.trials if (t.method, t.drop.depth, t.seed) == (method, depth, seed)
        )

    def result(self, trial: Trial) -> TrialResult:
        result = read_result(Workspace(self.folder).trial(trial.trial_id))
        assert result is not None
        return result

    def ask(self, *arguments: str) -> str:
        said = CliRunner().invoke(app, ["compare", *arguments, "-w", str(self.folder)])
        assert said.exit_code == 0, said.output
        return said.stdout

    def compare(self, a: Trial, b: Trial, *options: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(a.trial_id, b.trial_id, "--json", *options))
        return found


@pytest.fixture(scope="module")
def ran(toy_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One for all tests here, each of which leaves it as it was."""
    folder = tmp_path_factory.mktemp("ran")
    write_task(folder / "tasks", "one", seed=0, train=160, held_out=60)
    return Ran(folder, toy_base, folder / "tasks")


def test_the_difference_is_that_of_the_scores_and_comes_with_its_doubt(ran: Ran) -> None:
    poor, good = ran.trial(Method.HEAD_ONLY), ran.trial(Method.FULL_FINE_TUNING)
    found = ran.compare(poor, good)
    validation = found["differences"][0]
    means = [
        sum(ran.result(ran.trial(t.method, seed=seed)).score for seed in (0, 1)) / 2
        for t in (poor, good)
    ]
    assert validation["value"] == pytest.approx(means[1] - means[0])
    assert validation["value"] > 0.2, "one of them has learnt nothing, the other has"
    assert 0 < validation["low"] < validation["value"] < validation["high"]
    assert validation["p"] < 0.01
    assert validation["paired_seeds"] is True
    assert set(validation["mcnemar"]) == {"0", "1"}
    assert [d["split"] for d in found["differences"]] == ["validation", "test"]
    back = ran.compare(good, poor)["differences"][0]
    assert back["value"] == pytest.approx(-validation["value"])


def test_the_rows_on_which_they_differ_are_named(ran: Ran) -> None:
    poor, good = ran.trial(Method.HEAD_ONLY), ran.trial(Method.FULL_FINE_TUNING)
    found = ran.compare(poor, good, "--rows", "3")
    assert len(found["rows"]) == 3
    for row in found["rows"]:
        assert row["a"] != row["b"]
        assert (row["says_b"] == row["label"]) is (row["b"] > 0.5) or row["b"] == 0.5
    assert ran.compare(poor, good, "--rows", "0")["rows"] == []
    text = ran.ask(poor.trial_id, good.trial_id)
    for words in ("More than chance?", "McNemar's exact test", "on which they differ most"):
        assert words in text


def test_a_leaderboard_marks_what_cannot_be_told_apart_from_the_best(ran: Ran) -> None:
    said = CliRunner().invoke(app, ["best", "--doubt", "--json", "-w", str(ran.folder)])
    first, *others = json.loads(said.stdout)
    assert first["against_best"] is None
    for row in others:
        back = ran.compare(
            *(
                next(t for t in ran.trials if t.trial_id == r["best"]["trial_id"])
                for r in (first, row)
            )
        )["differences"][0]
        assert row["against_best"]["value"] == pytest.approx(row["mean"] - first["mean"])
        assert row["against_best"]["p"] == back["p"]
    clear = {row["label"]: row["against_best"]["p"] >= 0.05 for row in others}
    text = CliRunner().invoke(app, ["best", "--doubt", "-w", str(ran.folder)]).stdout
    assert text.count("≈ ") == sum(clear.values()) + 1, "and once where it is explained"
    assert not all(clear.values())


def test_every_depth_is_tested_where_asked(ran: Ran) -> None:
    plain, dropped = ran.trial(Method.ADAPTER), ran.trial(Method.ADAPTER, depth=2)
    own = ran.compare(plain, dropped)["differences"]
    assert [(d["split"], d["depth_a"], d["depth_b"]) for d in own] == [
        ("validation", 0, 2),
        ("test", 0, 2),
    ]
    every = ran.compare(plain, dropped, "--all-depths")["differences"]
    pairs = [(d["split"], d["depth_a"], d["depth_b"]) for d in every]
    assert pairs == [("validation", 0, 2), ("validation", 2, 2), ("test", 0, 2)]


def test_one_configuration_is_not_tested_against_itself(ran: Ran) -> None:
    one, other = ran.trial(Method.ADAPTER), ran.trial(Method.ADAPTER, seed=1)
    found = ran.compare(one, other)
    assert (found["differences"], found["why_none"]) == (None, "they are one configuration")


def test_it_says_why_there_is_no_test(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    make_task("one")
    ran = Ran(tmp_path, toy_base, tmp_path / "tasks", keep="false")
    text = ran.ask(ran.trial(Method.HEAD_ONLY).trial_id, ran.trial(Method.ADAPTER).trial_id)
    assert "kept no predictions" in text
    assert "Scores over seeds" in text, "the rest is shown"


def test_damaged_predictions_and_changed_rows_are_said(ran: Ran) -> None:
    one, other = ran.trial(Method.HEAD_ONLY), ran.trial(Method.ADAPTER)
    path = Workspace(ran.folder).trial(one.trial_id).predictions
    kept = path.read_bytes()
    path.write_bytes(kept[:-1])
    assert "its checksum differs" in ran.ask(one.trial_id, other.trial_id)
    path.write_bytes(kept)
    rows = ran.folder.parent / "tasks" / "one" / "validation.jsonl"
    whole = rows.read_text()
    try:
        rows.write_text(whole.partition("\n")[2])
        assert "cannot be compared one by one here" in ran.ask(one.trial_id, other.trial_id)
    finally:
        rows.write_text(whole)
