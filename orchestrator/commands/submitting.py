"""`submit`: run a sweep with a live view, and say what came out."""

import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from adapter_lib.errors import AdapterLibError
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.driver_log import logging_to
from orchestrator.commands.outcome_report import outcome_as_json, show_outcome
from orchestrator.commands.output import console, print_json
from orchestrator.commands.outside import UNSEEN, Outside, observed
from orchestrator.commands.progress import ProgressView
from orchestrator.commands.warnings import data_warnings, print_warnings, reading_warnings
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED
from orchestrator.planning.plan import Plan
from orchestrator.running.cluster_address import check_address
from orchestrator.running.driver import Outcome, plan_sweep
from orchestrator.running.driver import submit as run_submission
from orchestrator.stores import Stores
from workers.contract.task_card import Split, TaskKind
from workers.errors import WorkerError


def submit(
    sweep: Path,
    workspace: Path,
    *,
    catalog: str | None,
    tracking: str | None,
    address: str | None,
    as_json: bool,
    sample: bool,
    force: bool,
    retrain_missing: bool = False,
    outside: Outside = UNSEEN,
) -> int:
    """Run the sweep with a live view, print what came out, and return the exit code.

    Args:
        force: let aliases of the registry name the winners even where they are no better.
        outside: how it is seen from outside: figures, notices, the form of its log.
        sample: predict a row of the data with the first winner, as a check; it takes seconds.
    """
    check_address(address)
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    planned, source = plan_sweep(sweep)
    stores.prepare()
    with logging_to(stores.workspace.root / "driver.log", outside.log_format):
        out = Console(stderr=True) if as_json else console()
        _announce(out, planned, stores)
        # Ray prints of lost nodes to standard output, which with --json holds JSON alone.
        quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()
        with (
            quiet,
            ProgressView(out) as view,
            observed(outside, planned.spec.name, stores, view.watch, out) as seen,
        ):
            outcome = run_submission(
                planned,
                source,
                stores,
                address=address,
                watch=seen.watch,
                retrain_missing=retrain_missing,
                force=force,
            )
            seen.ended(outcome)
        if as_json:
            _print_as_json(outcome, stores)
        else:
            show_outcome(out, outcome, stores, workspace)
            _show_sample(out, outcome, stores, wanted=sample)
        return _exit_code(outcome)


def _announce(out: Console, planned: Plan, stores: Stores) -> None:
    words = (f"{n} {m.value.replace('_', ' ')}" for m, n in planned.count_by_method().items())
    stages = f"{len(planned.trials)} trials ({', '.join(words)})"
    out.print(f"[bold]{planned.spec.name}[/]: {stages} in {stores.workspace.root}")
    print_warnings(out, data_warnings(planned))


def _exit_code(outcome: Outcome) -> int:
    if outcome.interrupted:
        return INTERRUPTED
    return 0 if outcome.complete else 1


def _print_as_json(outcome: Outcome, stores: Stores) -> None:
    with Catalog.open(stores.catalog_url) as opened:
        warnings = data_warnings(outcome.plan) + reading_warnings(outcome.plan, opened)
    print_json(outcome_as_json(outcome) | {"warnings": warnings})


def _show_sample(out: Console, outcome: Outcome, stores: Stores, *, wanted: bool) -> None:
    """Print a prediction, or why there is none."""
    if not wanted or not outcome.registered:
        return
    try:
        _predict_sample(out, outcome, stores)
    except (OrchestratorError, WorkerError, AdapterLibError) as error:
        out.print(f"[red]no sample prediction:[/] {escape(str(error))}")


def _predict_sample(out: Console, outcome: Outcome, stores: Stores) -> None:
    """Pull the first winner as a user would, and predict the first row of its last split."""
    from orchestrator.commands.adapters import predictor_for
    from workers.tasks.load import load_task

    winner, _ = outcome.registered[0]
    trial = winner.standing.best
    if trial.task.card.kind not in (TaskKind.CLASSIFICATION, TaskKind.REGRESSION):
        return  # `predict` takes sentences and pairs alone
    data = load_task(trial.task)
    rows = data.splits.get(Split.TEST, data.splits[Split.VALIDATION])
    name = f"{trial.task.name}@{winner.alias}"
    predictor = predictor_for(name, stores, base=trial.base.name, base_folder=None)
    pair = rows.pairs[0] if rows.pairs else None
    answer = predictor.predict([rows.texts[0]], [pair] if pair is not None else None)[0]
    true = rows.labels[0]
    assert not isinstance(true, tuple)
    expected = (
        trial.task.card.label_names[int(true)] if trial.task.card.label_names else f"{true:.2f}"
    )
    shown = " ".join(shlex.quote(t) for t in (rows.texts[0], pair) if t is not None)
    out.print(
        f"\nA sample:       adaptersweep predict {name} {shown}", soft_wrap=True, markup=False
    )
    out.print(f"                → {answer} (in the data: {expected})", markup=False)
