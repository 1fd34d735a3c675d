"""What `plan` shows of where trials come from: which block of the YAML asks for each."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from orchestrator.commands.output import count, table
from orchestrator.planning.plan import Origin, Plan
from orchestrator.planning.settings import Labels

MOST_BLOCKS = 30
"""Rows of the table of blocks."""


def blocks_table(planned: Plan, done: Collection[str]) -> Table:
    """Return how many trials each block of the YAML asks for, and in how many variants."""
    blocks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for trial_id, origin in planned.origins.items():
        blocks[origin.file, origin.block].append(trial_id)
    numbers = ("trials", "to run")
    rows = table("asked for in", *numbers, "rows, points, draws and conditions", right=numbers)
    for (file, block), ids in list(blocks.items())[:MOST_BLOCKS]:
        origins = {planned.origins[i] for i in ids}
        steps = {origin.steps for origin in origins}
        words = "" if steps == {()} else f"{count(len(steps))} variants"
        line = min(origin.line for origin in origins)
        to_run = sum(i not in done for i in ids)
        rows.add_row(Text(f"{block} ({file}:{line})"), count(len(ids)), count(to_run), words)
    if len(blocks) > MOST_BLOCKS:
        rows.add_row(f"and {len(blocks) - MOST_BLOCKS} more blocks", "", "", "")
    return rows


def trials_table(planned: Plan, done: Collection[str], failed: Mapping[str, str]) -> Table:
    """Return every trial with its label, what becomes of it, and where it comes from."""
    labels = Labels(planned.trials)
    rows = table("trial", "label", "state", "from")
    for trial_id in planned.trials:
        state = "reused" if trial_id in done else failed.get(trial_id, "new")
        origin = planned.origins[trial_id]
        place = Text(f"{origin} ({origin.file}:{origin.line})")
        rows.add_row(trial_id, Text(labels.of(trial_id)), state, place)
    return rows


def origin_as_json(origin: Origin) -> dict[str, Any]:
    return {
        "file": origin.file,
        "line": origin.line,
        "block": origin.block,
        "steps": list(origin.steps),
    }
