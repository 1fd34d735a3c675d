"""`submit`: run a sweep with a live view, and say what came out."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from adapter_lib.errors import AdapterLibError
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.driver_log import log_file, logging_to
from orchestrator.commands.forecast_words import wall_sentence
from orchestrator.commands.outcome_report import outcome_as_json, show_outcome
from orchestrator.commands.output import console, print_json
from orchestrator.commands.outside import UNSEEN, Outside, observed
from orchestrator.commands.progress import ProgressView
from orchestrator.commands.sweep_pictures import leave_pictures
from orchestrator.commands.warnings import data_warnings, print_warnings, reading_warnings
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED
from orchestrator.planning.plan import Plan
from orchestrator.running.cluster_address import check_address
from orchestrator.running.driver import Outcome, Phase, Watch, plan_sweep
from orchestrator.running.driver import submit as run_submission
from orchestrator.running.forecasting.measured_costs import (
    known_costs,
    settled_trials,
    workers_here,
)
from orchestrator.running.forecasting.plan_forecast import forecast_plan
from orchestrator.running.forecasting.time_left import TimeLeft
from orchestrator.running.only import Only
from orchestrator.stores import Stores
from workers.contract.task_card import Split, TaskKind
from workers.errors import WorkerError


@dataclass(frozen=True)
class Wishes:
    """How a sweep is to be submitted.

    Attributes:
        values: of the YAML's variables, `name=value` each.
        retrain_missing: run finished trials again whose files are gone.
        force: let aliases of the registry name the winners even where they are no better.
        sample: predict a row of the data with the first winner, as a check; it takes seconds.
        only: which of the trials that are not finished to run; None for all of them.
    """

    values: Sequence[str] = ()
    retrain_missing: bool = False
    force: bool = False
    sample: bool = False
    only: Only | None = None

    @property
    def options(self) -> list[str]:
        """Return the options of `submit` that say the same, but for values of variables."""
        flags = {
            "--retrain-missing": self.retrain_missing,
            "--sample": self.sample,
            "--force": self.force,
        }
        only = ["--only", self.only.value] if self.only else []
        return [name for name, wanted in flags.items() if wanted] + only


def kept_to(only: str | None) -> Only | None:
    """Return what `--only` asks for.

    Raises:
        OrchestratorError: it is none of these.
    """
    if only is not None and only not in set(Only):
        raise OrchestratorError(f"--only: expected {', '.join(Only)}, found {only!r}")
    return Only(only) if only is not None else None


def run_sweep(
    sweep: Path,
    workspace: Path,
    wishes: Wishes,
    *,
    catalog: str | None,
    tracking: str | None,
    address: str | None,
    as_json: bool,
    outside: Outside = UNSEEN,
) -> int:
    """Run the sweep with a live view, print what came out, and return the exit code.

    Args:
        outside: how it is seen from outside: figures, notices, the form of its log.
    """
    check_address(address)
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    _check_seen_by_workers(stores)
    planned, source = plan_sweep(sweep, wishes.values)
    stores.prepare()
    with log_file(stores.workspace) as log, logging_to(log, outside.log_format):
        out = Console(stderr=True) if as_json else console()
        _announce(out, planned, stores)
        # Ray prints of lost nodes to standard output, which with --json holds JSON alone.
        quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()
        with (
            quiet,
            ProgressView(out, _time_left(out, planned, stores)) as view,
            observed(outside, planned.spec.name, stores, view.watch, out) as seen,
        ):
            outcome = run_submission(
                planned,
                source,
                stores.patient(),
                address=address,
                watch=seen.watch,
                retrain_missing=wishes.retrain_missing,
                force=wishes.force,
                only=wishes.only,
            )
            seen.ended(outcome)
            report = _leave_pictures(outcome, stores, seen.watch)
        if as_json:
            _print_as_json(outcome, stores, report)
        else:
            show_outcome(out, outcome, stores, workspace)
            _show_last(out, outcome, stores, sample=wishes.sample, report=report)
        return _exit_code(outcome)


def _check_seen_by_workers(stores: Stores) -> None:
    if stores.workspace.address.startswith("memory:"):
        raise OrchestratorError(
            f"--workspace: {stores.workspace.address} lives in one process, workers are others; "
            "give a folder, or s3://BUCKET/PREFIX"
        )


def _leave_pictures(outcome: Outcome, stores: Stores, watch: Watch) -> str | None:
    """Leave the report and the page in MLflow, and return where the report is."""
    if not outcome.interrupted:
        watch.phase(Phase.DRAWING)
    return leave_pictures(outcome, stores)


def _announce(out: Console, planned: Plan, stores: Stores) -> None:
    words = (f"{n} {m.value.replace('_', ' ')}" for m, n in planned.count_by_method().items())
    stages = f"{len(planned.trials)} trials ({', '.join(words)})"
    out.print(f"[bold]{planned.spec.name}[/]: {stages} in {stores.workspace.address}")
    print_warnings(out, data_warnings(planned))


def _time_left(out: Console, planned: Plan, stores: Stores) -> TimeLeft | None:
    """Say what the sweep will take, as far as the catalog knows; None where it does not answer."""
    try:
        done, known = settled_trials(planned, stores), known_costs(planned, stores)
    except (OrchestratorError, WorkerError, OSError):  # which the submission itself will say
        return None
    workers = workers_here(planned)
    found = forecast_plan(planned, done, known, workers)
    if found.known:
        out.print(wall_sentence(found), soft_wrap=True, markup=False)
    return TimeLeft(planned, known, workers)


def _exit_code(outcome: Outcome) -> int:
    if outcome.interrupted:
        return INTERRUPTED
    return 0 if outcome.complete else 1


def _print_as_json(outcome: Outcome, stores: Stores, report: str | None) -> None:
    with Catalog.open(stores.catalog_url) as opened:
        warnings = data_warnings(outcome.plan) + reading_warnings(outcome.plan, opened)
    print_json(outcome_as_json(outcome) | {"report": report, "warnings": warnings})


def _show_last(
    out: Console, outcome: Outcome, stores: Stores, *, sample: bool, report: str | None
) -> None:
    """Print a prediction if one is wanted, or why there is none, and where the report is."""
    if sample and outcome.registered:
        try:
            _predict_sample(out, outcome, stores)
        except (OrchestratorError, WorkerError, AdapterLibError) as error:
            out.print(f"[red]no sample prediction:[/] {escape(str(error))}")
    if report is not None:
        out.print(f"\nThe report:     {report}", soft_wrap=True, markup=False)


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
