"""The dashboard for Grafana: its own types read it, and every query asks for what there is."""

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from orchestrator.running import telemetry as module
from orchestrator.running.telemetry import Telemetry
from orchestrator.running.worker_shapes import WorkerRoom
from workers.contract.events import EventKind, TrialEvent, WorkerFigures

ROOT = Path(__file__).parents[3]
CONTENT: dict[str, Any] = json.loads((ROOT / "dashboards" / "grafana.json").read_text())
QUERIES = [target["expr"] for panel in CONTENT["panels"] for target in panel["targets"]]
WORKER = WorkerFigures(
    host="h",
    pid=1,
    bundle_trials=1,
    memory_bytes=1,
    gpu_allocated_bytes=1,
    gpu_used_bytes=1,
    gpu_total_bytes=1,
)


class Board:
    """As much of a board as the figures read; what a real one gives is another test's."""

    def __init__(self) -> None:
        from collections import Counter

        self.listeners: list[Any] = []
        self.failures: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.queue = self
        self.counts = Counter
        self.unpublished = lambda: (0, 0.0)


@pytest.fixture(scope="module")
def served() -> dict[str, set[str]]:
    """Every name that is served → its labels."""
    telemetry, board = Telemetry("s"), Board()
    telemetry.watch(module.Watch()).board(board, WorkerRoom(1))  # type: ignore[arg-type]
    board.listeners[0](TrialEvent(kind=EventKind.STARTED, trial_id="t", worker=WORKER), None)
    telemetry._trained.labels("s", "adapter")
    telemetry._duration.labels("s", "adapter")
    return {
        sample.name: set(sample.labels)
        for family in telemetry.registry.collect()
        for sample in family.samples
    }


def test_grafanas_own_types_lose_nothing_of_it() -> None:
    plugins.register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(CONTENT)))

    def lost(written: Any, kept: Any, at: str) -> list[str]:
        if isinstance(written, dict):
            return [
                line
                for key, value in written.items()
                for line in (
                    lost(value, kept[key], f"{at}.{key}") if key in kept else [f"{at}.{key}"]
                )
            ]
        if isinstance(written, list):
            pairs = zip(written, kept, strict=True)
            return [x for i, (a, b) in enumerate(pairs) for x in lost(a, b, f"{at}[{i}]")]
        return [] if written == kept else [at]

    assert lost(CONTENT, read, "") == []
    ids = [panel["id"] for panel in CONTENT["panels"]]
    assert len(ids) == len(set(ids)) > 8


def selectors(node: Any) -> list[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.MatrixSelector):
        return selectors(node.vector_selector)
    if isinstance(node, promql_parser.Call):
        return [found for part in node.args for found in selectors(part)]
    parts = (getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param"))
    return [found for part in parts if part is not None for found in selectors(part)]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_asks_for_figures_and_labels_that_are_served(query, served) -> None:
    found = selectors(promql_parser.parse(query.replace("$sweep", "s")))
    assert found
    for selector in found:
        assert selector.name in served, f"{selector.name} is not served"
        asked = {m.name for m in selector.matchers.matchers}
        assert asked <= served[selector.name], f"{selector.name} has no such labels"


def test_labels_in_legends_and_the_choice_of_a_sweep_are_served(served) -> None:
    for panel in CONTENT["panels"]:
        for target in panel["targets"]:
            names = {n for s in selectors(promql_parser.parse(target["expr"])) for n in [s.name]}
            known = set().union(*(served[name] for name in names))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= known
    chosen = CONTENT["templating"]["list"][1]["query"]["query"]
    name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", chosen).groups()
    assert label in served[name]


def test_every_figure_is_explained_and_shown(served) -> None:
    page = (ROOT / "docs" / "observe.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(adaptersweep_\w+)`", page, re.MULTILINE))
    ours = {
        re.sub(r"_(bucket|sum|count|created)$", "", name)
        for name in served
        if name.startswith("adaptersweep_") and not name.endswith("_created")
    }
    assert explained == ours
    text = json.dumps(QUERIES)
    hidden = {"adaptersweep_worker_bundle_trials"}  # the histogram of bundles shows the same
    assert {name for name in ours if name not in text} == hidden
