"""`show`: all that is known of one trial."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AliasMove, MoveKind, ScoreRow, TrialRow
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, count, duration, number, print_json, table
from orchestrator.planning.settings import labelled, settings, words
from orchestrator.stores import Stores
from workers.contract.results import Epoch, TrialResult
from workers.contract.storage.trial_files import ADAPTER, LOG


def show(id_prefix: str, workspace: Path, *, catalog: str | None, as_json: bool) -> None:
    """Print a trial's settings, state, scores, curve, relatives, log and adapter."""
    stores = Stores.at(workspace, catalog=catalog)
    with open_catalog(workspace, catalog) as opened:
        row = opened.trial(id_prefix)
        if as_json:
            print_json(_as_json(row, opened, stores))
            return
        out = console()
        _print_head(out, row, opened, stores)
        _print_settings(out, row, opened)
        result = opened.results([row.trial_id]).get(row.trial_id)
        _print_scores(out, opened.scores([row.trial_id]).get(row.trial_id, []))
        _print_curve(out, opened.epochs(row.trial_id))
        if result is not None:
            _print_attention(out, result)
        for title, relatives in (
            ("builds on", opened.parents(row.trial_id)),
            ("is built on by", opened.children(row.trial_id)),
        ):
            _print_relatives(out, title, relatives, result)
        _print_adapter(out, row, result, opened, stores)


def _as_json(row: TrialRow, opened: Catalog, stores: Stores) -> dict[str, Any]:
    result = opened.results([row.trial_id]).get(row.trial_id)
    paths = stores.workspace.trial(row.trial_id)
    known = opened.with_parents([row.trial_id])
    return row.model_dump(mode="json", exclude={"unsaid"}) | {
        "settings": settings(known[row.trial_id], known),
        "sweeps": opened.sweeps_of(row.trial_id),
        "scores": [
            s.model_dump(mode="json") for s in opened.scores([row.trial_id]).get(row.trial_id, [])
        ],
        "curve": [e.model_dump(mode="json") for e in opened.epochs(row.trial_id)],
        "result": result and result.model_dump(mode="json", exclude={"scores", "curve"}),
        "attempts": [a.model_dump(mode="json") for a in opened.attempts(row.trial_id)],
        "parents": [_relative(r) for r in opened.parents(row.trial_id)],
        "children": [_relative(r) for r in opened.children(row.trial_id)],
        "registered": [r.model_dump(mode="json") for r in _registered(opened, row)],
        "log": paths.place(LOG),
        "adapter_folder": paths.place(ADAPTER) if result and result.adapter else None,
    }


def _relative(row: TrialRow) -> dict[str, Any]:
    return {"trial_id": row.trial_id, "label": row.label, "state": row.state, "score": row.score}


def _print_head(out: Console, row: TrialRow, opened: Catalog, stores: Stores) -> None:
    told = ("base_model", *(n for n in row.unsaid if n not in ("base_identity", "recipe")))
    label = labelled(row.label, words(row.unsaid, tuple(dict.fromkeys(told))))
    out.print(f"[bold]{escape(label)}[/]")
    attempts = len(opened.attempts(row.trial_id))
    paths = stores.workspace.trial(row.trial_id)
    lines = {
        "trial": row.trial_id,
        "configuration": row.configuration,
        "data": f"{row.task}, fingerprint {row.fingerprint[:12]}…",
        "sweeps": ", ".join(opened.sweeps_of(row.trial_id)) or "none asks for it",
        "state": f"{row.state}, attempts: {attempts}, {duration(row.duration_s)}",
        "log": paths.place(LOG) if paths.files.has_log() else "none yet",
    }
    view = table("", "")
    view.show_header = False
    for name, value in lines.items():
        view.add_row(f"[dim]{name}[/]", escape(value))
    out.print(view)
    if row.failure_message:
        why = row.failure_reason or row.state
        out.print(f"[red]{why}[/] {escape(row.failure_message)}")


def _print_settings(out: Console, row: TrialRow, opened: Catalog) -> None:
    view = table("setting", "value", title="\nSettings")
    for name, value in opened.settings([row.trial_id])[row.trial_id].items():
        view.add_row(name, shown(value))
    out.print(view)


def _print_scores(out: Console, scores: Sequence[ScoreRow]) -> None:
    if not scores:
        return
    columns = list(dict.fromkeys((s.split, s.metric) for s in scores))
    names = [f"{split} {metric}" for split, metric in columns]
    view = table("drop depth", *names, title="\nScores", right=("drop depth", *names))
    by_place = {(s.depth, s.split, s.metric): s.value for s in scores}
    for depth in sorted({s.depth for s in scores}):
        view.add_row(str(depth), *(number(by_place.get((depth, *c))) for c in columns))
    out.print(view)


def _print_curve(out: Console, curve: Sequence[Epoch]) -> None:
    if not curve:
        return
    metrics = list(dict.fromkeys(name for epoch in curve for name in epoch.metrics))
    names = ("epoch", "train loss", "selected by", *metrics, "learning rate", "took")
    view = table(*names, title="\nLearning curve, on validation", right=names)
    for epoch in curve:
        view.add_row(
            str(epoch.epoch),
            number(epoch.train_loss),
            number(epoch.selection_score),
            *(number(epoch.metrics.get(name)) for name in metrics),
            f"{epoch.learning_rate:g}",
            duration(epoch.train_s + epoch.evaluate_s),
        )
    out.print(view)


def _print_attention(out: Console, result: TrialResult) -> None:
    if result.attention:
        tasks = list(dict.fromkeys(t for layer in result.attention.values() for t in layer))
        view = table("layer", *tasks, title="\nMean fusion weight", right=("layer", *tasks))
        for layer, weights in sorted(result.attention.items()):
            view.add_row(str(layer), *(number(weights.get(task)) for task in tasks))
        out.print(view)
    for layer, kept in sorted(result.kept.items()):
        out.print(f"layer {layer} keeps {', '.join(kept)}")


def _print_relatives(
    out: Console, title: str, relatives: Sequence[TrialRow], result: TrialResult | None
) -> None:
    if not relatives:
        return
    view = table("trial", "what", "state", "score", title=f"\nThis trial {title}", right=("score",))
    taken = set(result.sources.values()) if result else set()
    for row in relatives:
        chosen = " (joined)" if row.trial_id in taken else ""
        view.add_row(row.trial_id[:8], row.label + chosen, row.state.value, number(row.score))
    out.print(view)


def _print_adapter(
    out: Console, row: TrialRow, result: TrialResult | None, opened: Catalog, stores: Stores
) -> None:
    if result is None or result.adapter is None:
        out.print("\nno adapter files")
        return
    files = result.adapter
    trained, stored = count(result.parameters.trained), count(result.parameters.stored)
    out.print(
        f"\n{files.kind}: {files.size_bytes:,} bytes, {stored} parameters ({trained} trained), "
        f"digest {files.digest[:12]}…"
    )
    paths = stores.workspace.trial(row.trial_id)
    here = paths.files.has_adapter(None) or not opened.brought([row.trial_id])
    where = f"in {paths.place(ADAPTER)}" if here else "not in this workspace: it was imported"
    out.print(f"  {where}", soft_wrap=True, markup=False)
    moves = _registered(opened, row)
    for move in moves:
        out.print(
            f"  {move.name} version {move.to_version}, as {move.alias} {move.moved_at:%Y-%m-%d}"
        )
    if moves:
        out.print(
            f"  Fetch it: adaptersweep pull {row.task}@{moves[0].to_version} --base {row.base_name}"
        )
    else:
        out.print("  not in the registry: `select` of a sweep puts winners there")


def _registered(opened: Catalog, row: TrialRow) -> list[AliasMove]:
    """Return the moves of aliases to this trial's adapter, the latest first."""
    moves = opened.alias_moves(task=row.task)
    mine = (m for m in moves if m.trial_id == row.trial_id and m.kind is not MoveKind.STAYED)
    return sorted(mine, key=lambda move: move.id, reverse=True)


def shown(value: Any) -> str:
    """Say a setting's value."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
