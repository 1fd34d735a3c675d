"""`plan` and `submit`."""

import logging
import shlex
import sys
from collections import Counter
from contextlib import nullcontext, redirect_stdout, suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from adapter_lib.errors import AdapterLibError
from orchestrator.addresses import redacted
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.leaderboard_tables import print_leaderboard
from orchestrator.commands.output import console, count, number, print_json, table
from orchestrator.commands.progress import ProgressView
from orchestrator.commands.warnings import data_warnings, print_warnings, reading_warnings
from orchestrator.errors import CatalogMissingError, OrchestratorError
from orchestrator.planning.forecast import forecast
from orchestrator.planning.plan import Plan
from orchestrator.planning.settings import Labels
from orchestrator.running.cluster_address import check_address
from orchestrator.running.driver import Outcome, plan_sweep
from orchestrator.running.driver import submit as run_submission
from orchestrator.running.missing_files import find_missing
from orchestrator.stores import Stores
from workers.contract.task_card import Split, TaskKind
from workers.contract.trial import Trial
from workers.errors import WorkerError

LEADERBOARD_ROWS = 5


def plan(sweep: Path, workspace: Path, *, catalog: str | None, as_json: bool) -> None:
    """Print the plan; the catalog is only read, and only if it is there."""
    planned, _ = plan_sweep(sweep)
    stores = Stores.at(workspace, catalog=catalog)
    done: set[str] = set()
    failed: dict[str, str] = {}
    with suppress(CatalogMissingError), Catalog.open(stores.catalog_url, create=False) as opened:
        done = opened.finished(planned.trials)
        if planned.spec.name in {s.name for s in opened.sweeps()}:
            failed = {
                row.trial_id: row.reason.value if row.reason else row.state.value
                for row in opened.failures(planned.spec.name)
            }
    missing = find_missing(planned, done, stores.workspace)
    done |= {i for i in planned.trials if stores.workspace.trial(i).result.exists()}
    if as_json:
        found = _plan_as_json(planned, done, failed)
        print_json(found | {"missing_files": list(missing.trials)})
        return
    out = console()
    out.print(f"[bold]{planned.spec.name}[/]: {_sentence(planned, done)}")
    rows = table(
        "stage",
        "trials",
        "reused",
        "to run",
        "why it runs",
        right=("trials", "reused", "to run"),
    )
    for method, total in planned.count_by_method().items():
        ids = [i for i, t in planned.trials.items() if t.method is method]
        reused = sum(i in done for i in ids)
        rows.add_row(
            method.value.replace("_", " "),
            count(total),
            count(reused),
            count(total - reused),
            _why(planned, ids, done, failed),
        )
    out.print(rows)
    for name, base in ((t.base.name, t.base) for t in _one_per_base(planned)):
        out.print(
            f"base {name}: {base.source}, {base.layers} layers of {base.hidden_size}, pinned "
            f"{base.identity[:30]}…"
        )
    if missing.trials:
        out.print(_missing_words(len(missing.trials)))
    if missing.needed:
        out.print(f"without that, `submit` refuses: {len(missing.needed)} of them are built on")
    out.print(_fast_path_words(planned, done))
    print_warnings(out, data_warnings(planned))
    if planned.excluded or planned.repeated:
        out.print(
            f"{planned.excluded} combinations excluded, {planned.repeated} named twice and "
            "planned once"
        )


def _fast_path_words(planned: Plan, done: set[str]) -> str:
    """Say what will be computed once instead of often."""
    settings = planned.spec.fast_path
    if not settings.enabled:
        return "fast path: switched off; every trial computes all of its base for every batch"
    found = forecast([t for i, t in planned.trials.items() if i not in done])
    if not found.plain:
        return "fast path: nothing to train"
    width = settings.pack_width
    packs = "packs by memory on GPUs, none on CPUs" if width == "auto" else f"packs of {width}"
    kept = f"{found.cut_points} frozen prefixes, {found.bytes_per_token:,} bytes a token each"
    if not settings.cache_gib:
        kept = "no frozen prefix is kept"
    return (
        f"fast path: {kept}, in at most {settings.cache_gib:g} GiB on each node; {packs}; training "
        f"runs {found.saving:.1f}× fewer layers than without"
    )


def _fast_path_as_json(planned: Plan, done: set[str]) -> dict[str, object]:
    found = forecast([t for i, t in planned.trials.items() if i not in done])
    return {
        **planned.spec.fast_path.model_dump(mode="json"),
        "cut_points": found.cut_points,
        "bytes_per_token": found.bytes_per_token,
        "layer_passes_plain": found.plain,
        "layer_passes_fast": found.fast,
    }


def _one_per_base(planned: Plan) -> list[Trial]:
    return list({t.base.identity: t for t in planned.trials.values()}.values())


def _why(planned: Plan, ids: list[str], done: set[str], failed: dict[str, str]) -> str:
    reasons: Counter[str] = Counter()
    for trial_id in ids:
        if trial_id in done:
            continue
        waiting = [p for p in planned.trials[trial_id].parents if p not in done]
        if trial_id in failed:
            reasons[f"failed before ({failed[trial_id]})"] += 1
        elif waiting:
            reasons[
                "new, waits for its sources"
                if planned.trials[trial_id].fusion
                else "new, waits for its fusion"
            ] += 1
        else:
            reasons["new"] += 1
    return ", ".join(f"{n} {why}" for why, n in reasons.items()) or "nothing to run"


def _sentence(planned: Plan, done: set[str]) -> str:
    total = len(planned.trials)
    if len(done) == total:
        return f"all {total} trials are finished; submitting trains nothing"
    return f"{total} trials, {len(done)} reused, {total - len(done)} to run"


def _plan_as_json(planned: Plan, done: set[str], failed: dict[str, str]) -> dict[str, object]:
    labels = Labels(planned.trials)
    return {
        "sweep": planned.spec.name,
        "trials": len(planned.trials),
        "reused": len(done),
        "to_run": len(planned.trials) - len(done),
        "excluded": planned.excluded,
        "warnings": data_warnings(planned),
        "fast_path": _fast_path_as_json(planned, done),
        "stages": {m.value: n for m, n in planned.count_by_method().items()},
        "trial_list": [
            {
                "trial_id": i,
                "label": labels.of(i),
                "method": t.method.value,
                "reused": i in done,
                "failed_before": failed.get(i),
                "parents": list(t.parents),
            }
            for i, t in planned.trials.items()
        ],
    }


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
) -> int:
    """Run the sweep with a live view, print what came out, and return the exit code.

    Args:
        force: let aliases of the registry name the winners even where they are no better.
        sample: predict a row of the data with the first winner, as a check; it takes seconds.
    """
    check_address(address)
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    stores.prepare()
    _log_to(stores.workspace.root / "driver.log")
    planned, source = plan_sweep(sweep)
    out = Console(stderr=True) if as_json else console()
    out.print(
        f"[bold]{planned.spec.name}[/]: {len(planned.trials)} trials "
        f"({_stages(planned)}) in {stores.workspace.root}"
    )
    print_warnings(out, data_warnings(planned))
    # Ray prints of lost nodes to standard output, which with --json holds JSON alone.
    quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()
    with quiet, ProgressView(out) as view:
        outcome = run_submission(
            planned,
            source,
            stores,
            address=address,
            watch=view.watch,
            retrain_missing=retrain_missing,
            force=force,
        )
    if as_json:
        with Catalog.open(stores.catalog_url) as opened:
            read = reading_warnings(outcome.plan, opened)
        warnings = data_warnings(planned) + read
        print_json(_outcome_as_json(outcome) | {"warnings": warnings})
    else:
        _show(out, outcome, stores, workspace)
        if sample and outcome.registered:
            _show_sample(out, outcome, stores)
    if outcome.interrupted:
        return 130
    return 0 if outcome.complete else 1


def _stages(planned: Plan) -> str:
    words = (f"{n} {m.value.replace('_', ' ')}" for m, n in planned.count_by_method().items())
    return ", ".join(words)


class RedactingFormatter(logging.Formatter):
    """Leaves users and passwords of addresses out, in tracebacks of other packages too."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _log_to(path: Path) -> None:
    """Send every log record of the driver to a file; the terminal belongs to the live view."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def _show(out: Console, outcome: Outcome, stores: Stores, workspace: Path) -> None:
    if outcome.reused == len(outcome.plan.trials) and outcome.complete:
        out.print(f"\nNothing to train: all {outcome.reused} trials were finished before.")
    else:
        out.print(
            f"\n{outcome.trained} trials finished now, {outcome.reused} before, "
            + f"{outcome.taken} by other submissions, " * (outcome.taken > 0)
            + f"{len(outcome.failed)} failed, {len(outcome.blocked)} blocked."
        )
    with Catalog.open(stores.catalog_url, create=False) as catalog:
        print_leaderboard(out, catalog, outcome.plan.spec.name, limit=LEADERBOARD_ROWS)
        print_warnings(out, reading_warnings(outcome.plan, catalog))
        print_failures(out, catalog, stores, outcome.plan.spec.name)
    if outcome.missing:
        out.print(_missing_words(outcome.missing))
    if outcome.stopped:
        out.print(f"\n[red]Stopped:[/] {escape(outcome.stopped)}", soft_wrap=True)
    elif outcome.interrupted:
        out.print("\nInterrupted: finished trials are kept; submit again to go on.")
    if outcome.unpublished:
        out.print(
            f"\n{outcome.unpublished} entries wait for MLflow at {stores.shown_tracking}; "
            "the next submission sends them."
        )
    for problem in outcome.unregistered:
        out.print(f"[red]not registered[/] {escape(problem)}; submit again to try again")
    if outcome.registered:
        _show_registry(out, outcome, stores, workspace)
    for entry in outcome.stayed:
        out.print(f"\n[yellow]not moved[/] {escape(entry.message)}", soft_wrap=True)


def _missing_words(missing: int) -> str:
    return (
        f"{missing} finished trials have lost their files in this workspace; their scores stay "
        "valid, and `submit --retrain-missing` trains them again"
    )


def print_failures(out: Console, catalog: Catalog, stores: Stores, sweep: str) -> None:
    """Print why trials of a sweep failed or are blocked, and where each one's log is."""
    for row in catalog.failures(sweep):
        reason = row.reason.value if row.reason else row.state.value
        out.print(f"[red]{reason}[/] {escape(row.label)}: {escape(row.message)}")
        log = stores.workspace.trial(row.trial_id).log
        if log.exists():  # a blocked trial never started
            out.print(f"  log: {log}", soft_wrap=True)


def _show_registry(out: Console, outcome: Outcome, stores: Stores, workspace: Path) -> None:
    view = table(
        "alias",
        "model",
        "version",
        "score",
        "drop depth",
        "size",
        title="\nRegistry",
        right=("version", "score", "drop depth", "size"),
    )
    for winner, entry in outcome.registered:
        files = winner.standing.result.adapter
        view.add_row(
            f"{winner.standing.best.task.name}@{winner.alias}",
            entry.name,
            str(entry.version),
            number(winner.standing.score),
            str(winner.standing.result.depth),
            f"{files.size_bytes / 1024:,.0f} KiB" if files else "–",
        )
    out.print(view)
    out.print(f"held by MLflow at {stores.shown_tracking}", soft_wrap=True)
    first = outcome.registered[0][0]
    name = f"{first.standing.best.task.name}@{first.alias}"
    where = f" --workspace {shlex.quote(str(workspace))}" * (workspace != Path("workspace"))
    out.print(f"\nFetch one:      adaptersweep pull {name}{where}", soft_wrap=True)
    out.print(
        f"Predict:        adaptersweep predict {name}{where} TEXT", soft_wrap=True, markup=False
    )
    out.print(f"Open MLflow:    adaptersweep mlflow{where}", soft_wrap=True)


def _show_sample(out: Console, outcome: Outcome, stores: Stores) -> None:
    """Print a prediction, or why there is none."""
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


def _outcome_as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "sweep": outcome.plan.spec.name,
        "trials": len(outcome.plan.trials),
        "reused": outcome.reused,
        "trained": outcome.trained,
        "by_others": outcome.taken,
        "failed": list(outcome.failed),
        "blocked": list(outcome.blocked),
        "interrupted": outcome.interrupted,
        "stopped": outcome.stopped,
        "missing_files": outcome.missing,
        "unregistered": list(outcome.unregistered),
        "unpublished": outcome.unpublished,
        "stayed": [
            {
                "reference": f"{s.winner.standing.best.task.name}@{s.winner.alias}",
                "version": s.version,
                "refused_trial_id": s.winner.standing.best.trial_id,
                "why": s.why,
            }
            for s in outcome.stayed
        ],
        "registered": [
            {
                "reference": f"{w.standing.best.task.name}@{w.alias}",
                "name": entry.name,
                "version": entry.version,
                "trial_id": w.standing.best.trial_id,
                "score": w.standing.score,
            }
            for w, entry in outcome.registered
        ],
    }
