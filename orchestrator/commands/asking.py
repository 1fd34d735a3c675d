"""`pause`, `stop`, `cancel`, `resume`, `retry`, `limit`: what people ask of sweeps that run.

They write it into the catalog, from any machine that reaches it; drivers obey within seconds.
"""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Request
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console

_SOON = "within seconds"


def pause(sweep: str, workspace: Path, *, catalog: str | None) -> None:
    """Ask a sweep to start nothing new.

    Raises:
        CatalogError: there is no such sweep, nobody works on it, or it is ending already.
    """
    _ask(sweep, workspace, catalog, Request.PAUSE)
    console().print(
        f"Sweep {sweep} starts nothing new from now on ({_SOON}); trials that run are finished. "
        f"`adaptersweep resume {sweep}` lets it go on."
    )


def stop(sweep: str, workspace: Path, *, catalog: str | None) -> None:
    """Ask a sweep to end when what runs has ended.

    Raises:
        CatalogError: there is no such sweep, or nobody works on it.
    """
    _ask(sweep, workspace, catalog, Request.STOP)
    console().print(
        f"Sweep {sweep} starts nothing new from now on ({_SOON}), and ends when the trials that "
        "run are finished; submit it again to go on."
    )


def cancel(sweep: str, workspace: Path, *, catalog: str | None) -> None:
    """Ask a sweep to end at once.

    Raises:
        CatalogError: there is no such sweep, or nobody works on it.
    """
    _ask(sweep, workspace, catalog, Request.CANCEL)
    console().print(
        f"Sweep {sweep} ends {_SOON}; finished trials and checkpoints are kept. Submit it again to "
        "go on."
    )


def resume(
    sweep: str,
    workspace: Path,
    *,
    cluster: str | None,
    catalog: str | None,
    tracking: str | None,
) -> None:
    """Let a paused sweep go on, or start one that has ended on a cluster again.

    Raises:
        CatalogError: there is no such sweep, it is ending, or nobody works on it and no cluster
            is given.
    """
    if cluster is not None:
        from orchestrator.commands.cluster_submitting import Places, all_ended, send_again

        with open_catalog(workspace, catalog) as opened:
            working = opened.submissions(sweep)
        if all_ended(cluster, working):
            send_again(sweep, Places(cluster, workspace, catalog, tracking))
            return
    _ask(sweep, workspace, catalog, Request.RUN)
    console().print(f"Sweep {sweep} goes on {_SOON}.")


def retry(sweep: str, id_prefixes: Sequence[str], workspace: Path, *, catalog: str | None) -> None:
    """Let failed trials run again: all of the sweep's, or those whose ids begin so.

    Raises:
        CatalogError: there is no such sweep, or one of the trials has not failed in it.
    """
    with open_catalog(workspace, catalog) as opened:
        chosen = [opened.trial(prefix).trial_id for prefix in id_prefixes]
        pending = opened.retry(sweep, chosen or None)
        working = opened.submissions(sweep)
    if not pending:
        console().print(f"No trial of sweep {sweep} has failed.")
        return
    who = f"who works on it takes them up {_SOON}" if working else "submit it again to run them"
    console().print(f"{len(pending)} failed trials of sweep {sweep} are pending again; {who}.")


def limit(
    sweep: str,
    workspace: Path,
    *,
    catalog: str | None,
    max_workers: int | None,
    priority: int | None,
) -> None:
    """Change a sweep's limits where they are given, and say what they are.

    Raises:
        CatalogError: there is no such sweep.
    """
    with open_catalog(workspace, catalog) as opened:
        opened.set_limits(sweep, max_workers=max_workers, priority=priority)
        console().print(_limits(opened, sweep))


def _limits(opened: Catalog, sweep: str) -> str:
    row = next(s for s in opened.sweeps() if s.name == sweep)
    workers = f"at most {row.max_workers}" if row.max_workers else "as its YAML says"
    return f"Sweep {sweep}: priority {row.priority}, workers {workers}."


def _ask(sweep: str, workspace: Path, catalog: str | None, asked: Request) -> None:
    with open_catalog(workspace, catalog) as opened:
        opened.request(sweep, asked)
