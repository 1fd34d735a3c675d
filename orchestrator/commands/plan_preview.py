"""`plan`: what a sweep would run, what is reused, and why the rest runs."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from rich.table import Table

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.output import console, count, print_json, table
from orchestrator.commands.warnings import data_warnings, missing_words, print_warnings
from orchestrator.errors import CatalogMissingError
from orchestrator.planning.forecast import forecast
from orchestrator.planning.plan import Plan
from orchestrator.planning.settings import Labels
from orchestrator.running.driver import plan_sweep
from orchestrator.running.missing_files import find_missing
from orchestrator.stores import Stores


def plan(sweep: Path, workspace: Path, *, catalog: str | None, as_json: bool) -> None:
    """Print the plan; the catalog is only read, and only if it is there."""
    planned, _ = plan_sweep(sweep)
    stores = Stores.at(workspace, catalog=catalog)
    done, failed = _earlier(planned, stores)
    missing = find_missing(planned, done, stores.workspace)
    done |= {i for i in planned.trials if stores.workspace.trial(i).result.exists()}
    if as_json:
        found = _plan_as_json(planned, done, failed)
        print_json(found | {"missing_files": list(missing.trials)})
        return
    out = console()
    out.print(f"[bold]{planned.spec.name}[/]: {_sentence(planned, done)}")
    out.print(_stages(planned, done, failed))
    for base in {t.base.identity: t.base for t in planned.trials.values()}.values():
        out.print(
            f"base {base.name}: {base.source}, {base.layers} layers of {base.hidden_size}, pinned "
            f"{base.identity[:30]}…"
        )
    if missing.trials:
        out.print(missing_words(len(missing.trials)))
    if missing.needed:
        out.print(f"without that, `submit` refuses: {len(missing.needed)} of them are built on")
    out.print(_fast_path_words(planned, done))
    print_warnings(out, data_warnings(planned))
    if planned.excluded or planned.repeated:
        out.print(
            f"{planned.excluded} combinations excluded, {planned.repeated} named twice and "
            "planned once"
        )


def _earlier(planned: Plan, stores: Stores) -> tuple[set[str], dict[str, str]]:
    """Return which trials the catalog calls finished, and why some of the sweep's are not."""
    with suppress(CatalogMissingError), Catalog.open(stores.catalog_url, create=False) as opened:
        known = planned.spec.name in {s.name for s in opened.sweeps()}
        failures = opened.failures(planned.spec.name) if known else []
        failed = {row.trial_id: (row.reason or row.state).value for row in failures}
        return opened.finished(planned.trials), failed
    return set(), {}


def _stages(planned: Plan, done: set[str], failed: dict[str, str]) -> Table:
    numbers = ("trials", "reused", "to run")
    rows = table("stage", *numbers, "why it runs", right=numbers)
    for method, total in planned.count_by_method().items():
        ids = [i for i, t in planned.trials.items() if t.method is method]
        reused = sum(i in done for i in ids)
        stage = method.value.replace("_", " ")
        counts = (count(n) for n in (total, reused, total - reused))
        rows.add_row(stage, *counts, _why(planned, ids, done, failed))
    return rows


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
