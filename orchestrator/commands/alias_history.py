"""`history` and `rollback`: what an alias of the registry named, and going back."""

from pathlib import Path

from rich.markup import escape

from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, number, print_json, table
from orchestrator.errors import RegistryError
from orchestrator.registry.lookup import split_reference
from orchestrator.registry.registration import roll_back
from orchestrator.stores import Stores


def history(
    reference: str, *, workspace: Path, catalog: str | None, base: str | None, as_json: bool
) -> None:
    """Print every move of an alias that the catalog knows, and every winner that it refused."""
    task, alias = split_reference(reference)
    with open_catalog(workspace, catalog) as opened:
        moves = [
            move
            for move in opened.alias_moves(alias=alias)
            if task in (move.task, f"{move.base}/{move.task}") and base in (None, move.base)
        ]
        known = {f"{move.task}@{move.alias}" for move in opened.alias_moves()}
    if not moves:
        over = f" over base {base}" if base else ""
        raise RegistryError(
            f"the catalog knows of no move of {reference}{over}; it knows: "
            f"{', '.join(sorted(known)) or 'none yet'}"
        )
    if as_json:
        print_json([move.model_dump(mode="json", exclude={"id"}) for move in moves])
        return
    several = len({move.base for move in moves}) > 1
    shown = table("when (UTC)", "what", "version", "score", "by", "why", right=("score",))
    for move in moves:
        shown.add_row(
            f"{move.moved_at:%Y-%m-%d %H:%M}",
            f"{move.base}: {move.kind.value}" if several else move.kind.value,
            _versions(move),
            number(move.score, 4),
            escape(_by(move)),
            escape(move.why),
        )
    console().print(shown)


def rollback(
    reference: str,
    to: str | None,
    *,
    workspace: Path,
    catalog: str | None,
    tracking: str | None,
    base: str | None,
    as_json: bool,
) -> None:
    """Let an alias name an earlier version again, and say how that is undone."""
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    with open_catalog(workspace, catalog) as opened:
        done = roll_back(reference, opened, stores, to=to, base=base)
    adapter = done.adapter
    if as_json:
        print_json(
            {
                "reference": reference,
                "from_version": done.before,
                "to_version": adapter.version,
                "trial_id": adapter.trial_id,
            }
        )
        return
    out = console()
    out.print(
        f"{reference} names version {adapter.version} again ({adapter.metric} "
        f"{adapter.score:.4f}, trial {adapter.trial_id[:8]}), and no longer version {done.before}.",
        soft_wrap=True,
    )
    out.print(
        f"Submitting does not move it back to version {done.before}; `adaptersweep rollback "
        f"{reference} --to {done.before}` and `submit --force` do.",
        soft_wrap=True,
    )


def _versions(move: AliasMove) -> str:
    if move.kind is MoveKind.STAYED:
        return f"{move.from_version} stays"
    return f"{move.from_version or 'none'} → {move.to_version}"


def _by(move: AliasMove) -> str:
    return f"{move.moved_by}, sweep {move.sweep}" if move.sweep else move.moved_by
