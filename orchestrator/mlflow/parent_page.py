"""What a person opens first in MLflow: a sweep's description, with its figures, and its report.

Files are artifacts of the parent run. Drawing and writing them is left to whoever calls.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import LeaderboardRow, TrialState
from orchestrator.mlflow.run_content import ROWS_PER_TABLE, description
from orchestrator.mlflow.runs import NOTE_LIMIT_CHARS, SweepRuns, connect
from orchestrator.stores import Stores

FIGURES_FOLDER = "figures"
TABLE_FILE = "leaderboard.json"
PAGE, PICTURES = "page", "figures"
"""Tags of a parent run: of which state its files are, and which of them its description shows."""
_TABLES = "mlflow.loggedArtifacts"
"""The tag by which MLflow's pages know a file to be a table."""


def publish_page(
    catalog: Catalog, stores: Stores, sweep: str, write: Callable[[Path], Mapping[str, str]]
) -> bool:
    """Put files beside a sweep's parent run, and its figures into its description.

    Nothing is written where the files are there already, of the same finished trials.

    Args:
        write: writes them into a folder; returns the pictures in its `figures`: title by name.

    Returns:
        Whether anything was written.

    Raises:
        TrackingError: MLflow does not answer, or does not take them.
    """
    runs = SweepRuns(connect(stores.tracking_uri), catalog, stores, sweep)
    state = _state(catalog, sweep)
    if runs.tag(runs.parent, PAGE) == state:
        return False
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "page"
        folder.mkdir()
        pictures = write(folder)
        runs.send_folder(runs.parent, folder, None)
        tables = [{"path": TABLE_FILE, "type": "table"}] if (folder / TABLE_FILE).exists() else []
    tags = {PICTURES: json.dumps(pictures), _TABLES: json.dumps(tables), PAGE: state}
    runs.send(runs.parent, tags=tags)
    runs.share_view()  # an experiment of an earlier version has none
    board = catalog.leaderboard(sweep, limit=ROWS_PER_TABLE)
    describe(runs, sweep, catalog.counts(sweep), board)
    return True


def describe(
    runs: SweepRuns,
    sweep: str,
    counts: Mapping[TrialState, int],
    board: Sequence[LeaderboardRow],
) -> None:
    """Bring the description up to date: leaderboards, and the figures of the last submission."""
    shown = _shown(runs.parent, json.loads(runs.tag(runs.parent, PICTURES) or "{}"))
    text = description(
        sweep,
        counts,
        board,
        run_link=runs.link,
        limit_chars=NOTE_LIMIT_CHARS - len(shown),
        all_link=runs.all_link,
    )
    runs.describe(text + shown)


def _shown(run_id: str, pictures: Mapping[str, str]) -> str:
    """Return the pictures in Markdown, by the addresses of MLflow's own pages."""
    lines = []
    for name, title in pictures.items():
        path = quote(f"{FIGURES_FOLDER}/{name}", safe="")
        lines.append(f"![{title}](get-artifact?path={path}&run_uuid={run_id})\n")
    return "\n### Figures\n" + "\n".join(lines) if lines else ""


def _state(catalog: Catalog, sweep: str) -> str:
    """Return a word that changes when a trial finishes."""
    states = catalog.states(sweep)
    ids = sorted(i for i, state in states.items() if state is TrialState.FINISHED)
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]
