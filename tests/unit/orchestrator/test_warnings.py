"""What a tokenizer and `max_length` left unread is said at the end of a submission."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.warnings import data_warnings, print_warnings, reading_warnings
from workers.contract.results import Reading
from workers.contract.task_card import Split


def test_what_was_cut_is_said_once_for_all_trials_that_read_the_same(
    samples: Any, tmp_path: Path
) -> None:
    trials = [samples.trial(seed=seed) for seed in (1, 2)] + [samples.trial(task="cola")]
    readings = {
        Split.TRAIN: Reading(rows=2000, cut=1500),
        Split.VALIDATION: Reading(rows=9, cut=9, same_choices=4),
        Split.TEST: Reading(rows=9),
    }
    plan: Any = SimpleNamespace(trials={trial.trial_id: trial for trial in trials})
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        catalog.begin_submission("sweep", "", trials)
        for trial in trials[:2]:
            result = samples.result(trial).model_copy(update={"readings": readings})
            catalog.record_result("sweep", result)
        catalog.record_result("sweep", samples.result(trials[2]))
        assert reading_warnings(plan, catalog) == [
            "task rte, train, base minilm, max_length 128: 1,500 of 2,000 rows cut at max_length",
            "task rte, validation, base minilm, max_length 128: 9 of 9 rows cut at max_length, "
            "4 of 9 rows with different choices that read the same",
        ]
    assert data_warnings(plan) == []


def test_a_warning_is_printed_as_it_is(capsys: Any) -> None:
    print_warnings(Console(width=40), ["task one: 3 of 4 rows [bold]are[/] odd, and so on and on"])
    assert capsys.readouterr().out == (
        "warning task one: 3 of 4 rows [bold]are[/] odd, and so on and on\n"
    )
