"""`plan`: what a sweep would run, what is reused, and why the rest runs."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.commands.forecast_words import draw_forecast
from orchestrator.commands.output import console, count, duration, print_json, say, table
from orchestrator.commands.trial_origins import blocks_table, origin_as_json, trials_table
from orchestrator.commands.warnings import data_warnings, missing_words, print_warnings
from orchestrator.errors import CatalogMissingError
from orchestrator.planning.layer_passes import layer_passes
from orchestrator.planning.plan import Plan
from orchestrator.planning.settings import Labels
from orchestrator.running.driver import plan_sweep
from orchestrator.running.early_stopping import kept_stopped
from orchestrator.running.forecasting.calibration_file import calibrate_here
from orchestrator.running.forecasting.forecast_values import PlanForecast
from orchestrator.running.forecasting.measured_costs import known_costs, workers_here
from orchestrator.running.forecasting.plan_forecast import forecast_plan
from orchestrator.running.missing_files import Missing, find_missing
from orchestrator.stores import Stores
from workers.contract.trial import Trial


@dataclass(frozen=True)
class Preview:
    """A plan, and how much of it is there already.

    Attributes:
        done: trials that are finished.
        stopped: trials that the sweep's rule stopped before, and keeps stopped.
        failed: trial → why it failed when it was tried, or that some rule stopped it.
        missing: finished trials whose files are gone.
        forecast: what the rest will take.
        calibrating: what a person writes to have costs measured.
    """

    planned: Plan
    done: set[str]
    stopped: set[str]
    failed: dict[str, str]
    missing: Missing
    forecast: PlanForecast
    calibrating: str

    @property
    def settled(self) -> set[str]:
        """Return the trials of which nothing is left to run."""
        return self.done | self.stopped

    def draw(self, out: Console, *, every_trial: bool = False) -> None:
        """Print it for people.

        Args:
            every_trial: list all trials too, and where they come from.
        """
        planned, missing, settled = self.planned, self.missing, self.settled
        out.print(f"[bold]{planned.spec.name}[/]: {_sentence(self)}")
        out.print(_stages(self))
        out.print(blocks_table(planned, settled))
        if every_trial:
            out.print(trials_table(planned, self.done, self.failed))
        for base in {t.base.identity: t.base for t in planned.trials.values()}.values():
            out.print(
                f"base {base.name}: {base.source}, {base.layers} layers of {base.hidden_size}, "
                f"pinned {base.identity[:30]}…"
            )
        if missing.trials:
            out.print(missing_words(len(missing.trials)))
        if missing.needed:
            out.print(f"without that, `submit` refuses: {len(missing.needed)} of them are built on")
        out.print(_fast_path_words(planned, settled))
        draw_forecast(out, self.forecast, calibrating=self.calibrating)
        print_warnings(out, data_warnings(planned))
        if planned.excluded or planned.repeated:
            out.print(
                f"{planned.excluded} combinations excluded, {planned.repeated} named twice and "
                "planned once"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the same for scripts."""
        found = _plan_as_json(self)
        more = {"missing_files": list(self.missing.trials), "forecast": self.forecast.as_json()}
        return found | more


_STOPPED = TrialState.STOPPED.value


def plan(
    sweep: Path,
    workspace: Path,
    *,
    catalog: str | None,
    as_json: bool,
    values: Sequence[str] = (),
    every_trial: bool = False,
    workers: Sequence[int] = (),
    calibrate: bool = False,
) -> None:
    """Print the plan; the catalog is only read, and only if it is there.

    Args:
        values: of the YAML's variables, `name=value` each.
        every_trial: list all trials too, and where they come from.
        workers: how many a cluster has room for of each kind, none for as many as fit here.
        calibrate: run small trials of it first, and keep what they took in the workspace.
    """
    stores = Stores.at(workspace, catalog=catalog)
    preview = look_ahead(sweep, stores, values, workers)
    if calibrate:
        preview = calibrated(preview, stores)
    if as_json:
        print_json(preview.as_json())
    else:
        preview.draw(console(), every_trial=every_trial)


def look_ahead(
    sweep: Path, stores: Stores, values: Sequence[str] = (), workers: Sequence[int] = ()
) -> Preview:
    """Plan a sweep, and see in the catalog and the workspace what of it is done.

    Args:
        values: of the YAML's variables, `name=value` each.
        workers: as for `plan`.

    Raises:
        SpecError: anything in the YAML that cannot be read, found or combined.
    """
    planned, _ = plan_sweep(sweep, values)
    done, stopped, failed, brought = _earlier(planned, stores)
    missing = find_missing(planned, done, stores.workspace, brought=brought)
    there = stores.workspace.found(planned.trials)
    done |= {i for i in planned.trials if there[i].result}
    stopped -= done
    room = workers_here(planned, workers)
    forecast = forecast_plan(planned, done | stopped, known_costs(planned, stores), room)
    calibrating = f"adaptersweep plan {sweep} --calibrate"
    return Preview(planned, done, stopped, failed, missing, forecast, calibrating)


def calibrated(preview: Preview, stores: Stores) -> Preview:
    """Run small trials of what is left of a plan here, and forecast it anew.

    Raises:
        OrchestratorError: they cannot be run here, or what they took cannot be kept.
    """
    planned, settled, room = preview.planned, preview.settled, preview.forecast.workers
    found = calibrate_here(planned, settled, room, stores)
    say(
        f"calibrated in {duration(found.took_s)} with {count(len(found.tried))} small trials; kept "
        f"in {stores.workspace.address} for the next plan"
    )
    for label, why in found.left_out.items():
        say(f"not tried: {label}: {why}")
    forecast = forecast_plan(planned, settled, known_costs(planned, stores), room)
    return replace(preview, forecast=forecast)


def _earlier(planned: Plan, stores: Stores) -> tuple[set[str], set[str], dict[str, str], set[str]]:
    """Return which trials are finished, which stay stopped, why others are not; and the imported.

    These are some of the finished ones.
    """
    with suppress(CatalogMissingError), Catalog.open(stores.catalog_url, create=False) as opened:
        known = planned.spec.name in {s.name for s in opened.sweeps()}
        failures = opened.failures(planned.spec.name) if known else []
        failed = {row.trial_id: (row.reason or row.state).value for row in failures}
        failed |= dict.fromkeys(opened.stops(planned.trials), _STOPPED)
        done = opened.finished(planned.trials)
        return done, kept_stopped(planned, opened), failed, opened.brought(done)
    return set(), set(), {}, set()


def _stages(found: Preview) -> Table:
    numbers = ("trials", "reused", "to run")
    rows = table("stage", *numbers, "why it runs", right=numbers)
    for method, total in found.planned.count_by_method().items():
        ids = [i for i, t in found.planned.trials.items() if t.method is method]
        reused = sum(i in found.done for i in ids)
        to_run = sum(i not in found.settled for i in ids)
        stage = method.value.replace("_", " ")
        rows.add_row(stage, *(count(n) for n in (total, reused, to_run)), _why(found, ids))
    return rows


def _fast_path_words(planned: Plan, done: set[str]) -> str:
    """Say what will be computed once instead of often."""
    settings = planned.spec.fast_path
    if not settings.enabled:
        return "fast path: switched off; every trial computes all of its base for every batch"
    found = layer_passes([t for i, t in planned.trials.items() if i not in done])
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
    found = layer_passes([t for i, t in planned.trials.items() if i not in done])
    return {
        **planned.spec.fast_path.model_dump(mode="json"),
        "cut_points": found.cut_points,
        "bytes_per_token": found.bytes_per_token,
        "layer_passes_plain": found.plain,
        "layer_passes_fast": found.fast,
    }


def _why(found: Preview, ids: list[str]) -> str:
    planned, done, failed = found.planned, found.done, found.failed
    reasons: Counter[str] = Counter()
    for trial_id in ids:
        if trial_id in done:
            continue
        waiting = [p for p in planned.trials[trial_id].parents if p not in done]
        if trial_id in found.stopped:
            reasons["not run: stopped before by this early_termination"] += 1
        elif failed.get(trial_id) == _STOPPED:
            reasons["stopped before by a rule that this sweep does not have"] += 1
        elif trial_id in failed:
            reasons[f"failed before ({failed[trial_id]})"] += 1
        elif waiting:
            reasons[f"new, waits for its {_builds_on(planned.trials[trial_id])}"] += 1
        else:
            reasons["new"] += 1
    return ", ".join(f"{n} {why}" for why, n in reasons.items()) or "nothing to run"


def _builds_on(trial: Trial) -> str:
    """Say what a trial with parents waits for."""
    if trial.fusion is not None:
        return "sources"
    if trial.start_from is not None:
        return "pre-training"
    return "adapter" if trial.removal is not None else "fusion"


def _sentence(found: Preview) -> str:
    total, done, stopped = len(found.planned.trials), len(found.done), len(found.stopped)
    if done == total:
        return f"all {total} trials are finished; submitting trains nothing"
    stay = f", {stopped} stay stopped" if stopped else ""
    to_run = total - done - stopped
    return f"{total} trials, {done} reused{stay}, {to_run} to run" + (
        "" if to_run else "; submitting trains nothing"
    )


def _plan_as_json(found: Preview) -> dict[str, object]:
    planned, done = found.planned, found.done
    labels = Labels(planned.trials)
    return {
        "sweep": planned.spec.name,
        "trials": len(planned.trials),
        "reused": len(done),
        "stopped": len(found.stopped),
        "to_run": len(planned.trials) - len(found.settled),
        "excluded": planned.excluded,
        "warnings": data_warnings(planned),
        "fast_path": _fast_path_as_json(planned, found.settled),
        "stages": {m.value: n for m, n in planned.count_by_method().items()},
        "trial_list": [
            {
                "trial_id": i,
                "label": labels.of(i),
                "method": t.method.value,
                "reused": i in done,
                "stays_stopped": i in found.stopped,
                "failed_before": found.failed.get(i),
                "parents": list(t.parents),
                "origin": origin_as_json(planned.origins[i]),
            }
            for i, t in planned.trials.items()
        ],
    }
