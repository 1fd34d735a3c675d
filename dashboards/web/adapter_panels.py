"""Panels about the registry: what each alias names, as far as the catalog tells."""

import shlex
from collections import defaultdict
from collections.abc import Sequence

from dashboards.web.asked import Asked
from dashboards.web.site import Site
from dashboards.web.tables import Cell, Column, Kind, Panel, Table
from orchestrator.catalog.records import AliasMove, MoveKind
from workers.contract.results import TrialResult

_EMPTY = (
    "No adapter is registered yet. A sweep with `select` registers its winners when it ends; "
    "docs/sweep-yaml.md says how."
)


def adapters(site: Site, asked: Asked) -> Panel:
    """List what each alias names now, with its checksum and the line that fetches it."""
    moves = _moves(site, asked)
    named = [own[-1] for own in _by_alias(moves).values()]
    results = site.catalog.results(m.trial_id for m in named if m.trial_id)
    columns = [
        Column("adapter", "adapter"),
        Column("base", "base"),
        Column("version", "version", Kind.PLAIN),
        Column("score", "score", Kind.SCORE),
        Column("trial", "trial", Kind.CODE),
        Column("size_bytes", "bytes", Kind.COUNT),
        Column("sha256", "digest", Kind.CODE),
        Column("pull", "fetch it", Kind.CODE),
        Column("since", "since (UTC)", Kind.MOMENT),
    ]
    rows = [_row(move, results.get(move.trial_id or "")) for move in named]
    table = Table("Aliases", columns, rows, empty=_EMPTY)
    return Panel("adapters", "Adapters", [table])


def _row(move: AliasMove, result: TrialResult | None) -> list[Cell]:
    files = result.adapter if result else None
    trial = move.trial_id
    return [
        Cell(f"{move.task}@{move.alias}"),
        Cell(move.base),
        Cell(move.to_version),
        Cell(move.score),
        Cell(trial[:8] if trial else None, href=f"/trial/{trial}" if trial else None),
        Cell(files.size_bytes if files else None),
        Cell(files.digest[:16] if files else None),
        Cell(pull_line(move.task, move.alias, move.base)),
        Cell(move.moved_at),
    ]


def pull_line(task: str, version: str, base: str) -> str:
    """Return the command that fetches an adapter."""
    return f"adaptersweep pull {shlex.quote(f'{task}@{version}')} --base {shlex.quote(base)}"


def history(site: Site, asked: Asked) -> Panel:
    """List every move of every alias, the latest first."""
    columns = [
        Column("moved_at", "when (UTC)", Kind.MOMENT),
        Column("adapter", "adapter"),
        Column("kind", "what"),
        Column("from_version", "from", Kind.PLAIN),
        Column("to_version", "to", Kind.PLAIN),
        Column("why", "why"),
        Column("trial", "trial", Kind.CODE),
        Column("moved_by", "by"),
    ]
    rows = [
        [
            Cell(m.moved_at),
            Cell(f"{m.task}@{m.alias}"),
            Cell(m.kind.value),
            Cell(m.from_version),
            Cell(m.to_version),
            Cell(m.why),
            Cell(m.trial_id and m.trial_id[:8], href=m.trial_id and f"/trial/{m.trial_id}"),
            Cell(m.moved_by),
        ]
        for m in reversed(_moves(site, asked))
    ]
    return Panel("history", "History", [Table("Moves of aliases", columns, rows, empty=_EMPTY)])


def _moves(site: Site, asked: Asked) -> Sequence[AliasMove]:
    moves = site.catalog.alias_moves(task=asked.where.task)
    base, sweep = asked.where.base, asked.sweep
    return [m for m in moves if base in (None, m.base) and sweep in (None, m.sweep)]


def _by_alias(moves: Sequence[AliasMove]) -> dict[tuple[str, str], list[AliasMove]]:
    """Return model and alias → its moves; a winner that was refused moved nothing."""
    found: dict[tuple[str, str], list[AliasMove]] = defaultdict(list)
    for move in moves:
        if move.kind is not MoveKind.STAYED:
            found[move.name, move.alias].append(move)
    return dict(sorted(found.items()))


def registered(site: Site, task: str, trial_id: str) -> list[AliasMove]:
    """Return the moves of aliases to a trial's adapter, the latest first."""
    moves = site.catalog.alias_moves(task=task)
    mine = (m for m in moves if m.trial_id == trial_id and m.kind is not MoveKind.STAYED)
    return sorted(mine, key=lambda move: move.id, reverse=True)
