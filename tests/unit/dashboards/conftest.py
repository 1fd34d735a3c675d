"""Catalogs full of made-up results, for figures and reports that need no training."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.planning.plan import Plan
from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.spec.read import read_spec
from orchestrator.stores import Stores
from workers.contract.measurement import Cell, Clock, Conditions, Group, Machine, Timing
from workers.contract.results import (
    AdapterFiles,
    Epoch,
    ParameterCounts,
    PrefixUse,
    Score,
    SelectionRecord,
    TrialFailure,
    TrialResult,
)
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Method, Trial
from workers.training.removed_layers import removed_layers

HUB = 'source: "hub:a/b", revision: "' + "0" * 40 + '"'
SMALL = f"""\
name: small
base_models: {{ tiny: {{ {HUB}, layers: 4, hidden_size: 64 }} }}
tasks: {{ rte: {{ hub: glue/rte }}, cola: {{ hub: glue/cola }} }}
seeds: [0, 1, 2]
adapter: {{ bottleneck_size: 8 }}
trials:
  - drop: {{ mode: [none, robust] }}
    training: {{ learning_rate: [1e-4, 1e-3] }}
  - drop: {{ mode: specialised, depth: [1, 2, 3] }}
  - adapter: {{ bottleneck_size: [4, 16], sharing: [none, all_layers] }}
  - method: [head_only, full_fine_tuning, layer_norm]
  - method: top_layers
    layers: [1, 2]
fusion:
  - sources: {{ tasks: all, where: {{ bottleneck_size: 8, learning_rate: 1e-4, drop_mode: none }} }}
    drop: {{ mode: [none, robust] }}
    pruning: {{ keep: 1, order: [at_once, one_by_one] }}
"""
"""Every kind of trial that is trained or fused, over two tasks and three seeds."""
CONTROLS = (
    SMALL.replace("order: [at_once, one_by_one]", "order: [at_once, one_by_one, random]")
    .replace("{ tasks: all, where", "{ random: [false, true], tasks: all, where")
    .replace(
        "fusion:",
        """\
  - adapter: { initial_std: [1e-7, 1] }
    training: { learning_rate: 1e-4 }
  - training: { learning_rate: 1e-4 }
    removal: { spans: all, at_random: [1, 2, 3] }
fusion:""",
    )
)
"""The same, with ablations and controls."""


def planned(folder: Path, text: str) -> Plan:
    path = folder / "made-up.yaml"
    path.write_text(text, encoding="utf-8")
    spec, source = read_spec(path)
    return make_plan(spec, source, pin(spec, source))


def made_up(trial: Trial, known: Mapping[str, Trial], *, luck: float = 0.01) -> TrialResult:
    """Return a result with the shapes of the papers, and noise that the trial's id decides."""
    draw = random.Random(trial.trial_id)
    own = "robust" if trial.drop.mode is DropMode.ROBUST else trial.drop.mode.value
    top = {"rte": 0.76, "cola": 0.6}.get(trial.task.name, 0.85) + draw.gauss(0, luck)
    layers, majority = trial.base.layers, 0.5
    if trial.method is Method.HEAD_ONLY:
        top -= 0.15
    if trial.adapter is not None and trial.adapter.sharing.value != "none":
        top -= 0.02
    if trial.removal is not None:
        top -= 0.02 * len(removed_layers(trial)) ** 1.5
    if trial.adapter is not None and trial.adapter.initial_std is not None:
        top -= 0.05 * abs(math.log10(trial.adapter.initial_std) + 2)
    if trial.fusion is not None and trial.fusion.random_sources:
        top -= 0.04
    top -= 0.02 * abs(math.log10(trial.training.learning_rate) + 3.5)

    def at(depth: int) -> float:
        rate = {"none": 3.0, "robust": 0.6, "specialised": 0.4}[own]
        return max(majority - 0.02, top - rate * (depth / layers) ** 2 * 0.1)

    drops = trial.method in (Method.ADAPTER, Method.FUSION, Method.PRUNED_FUSION)
    depths = [trial.drop.depth] if own == "specialised" or not drops else range(layers)
    metric = trial.metric.value
    sizes = trial.adapter.bottleneck_size if trial.adapter else 8
    names = [s.task for s in trial.fusion.sources] if trial.fusion else []
    if trial.pruning is not None:
        parent = known[trial.pruning.fusion_trial]
        names = [s.task for s in parent.fusion.sources] if parent.fusion else []
    files = AdapterFiles(kind="adapter", files={}, digest="d", size_bytes=4000 * sizes)
    weights = {layer: _weights(draw, names) for layer in range(layers)} if names else {}
    kept: dict[int, list[str]] = {}
    if trial.pruning is not None:
        keep = trial.pruning.keep
        kept = {k: sorted(w, key=lambda n: -w[n])[:keep] for k, w in weights.items()}
        weights = {}
    return TrialResult(
        trial_id=trial.trial_id,
        metric=metric,
        score=at(trial.drop.depth),
        depth=trial.drop.depth,
        scores=(
            *(
                Score(split=Split.VALIDATION, depth=d, rows=100, metrics={metric: at(d)})
                for d in depths
            ),
            Score(
                split=Split.TEST,
                depth=trial.drop.depth,
                rows=100,
                metrics={metric: at(trial.drop.depth) - draw.random() / 50},
            ),
        ),
        majority=majority,
        curve=tuple(_epoch(n, at(trial.drop.depth)) for n in (1, 2, 3)),
        best_epoch=3,
        selection=SelectionRecord(
            checkpoint=f"best validation {metric}",
            selected_on=Split.VALIDATION,
            reported_on=(Split.VALIDATION, Split.TEST),
            validation_from_train=False,
        ),
        parameters=ParameterCounts(
            trained=sizes * 1000 + 500, stored=sizes * 1000, adapter=sizes * 900
        ),
        adapter=None if trial.method is Method.FULL_FINE_TUNING else files,
        attention=weights,
        kept=kept,
        prefix=PrefixUse(
            cut_points={Split.TRAIN: ("embeddings",), Split.VALIDATION: ("embeddings",)},
            computed=int(draw.random() < 0.2),
            bytes=10_000,
            prepare_s=0.1,
        ),
        pack_width=2,
        duration_s=5.0 + draw.random(),
        finished_at_unix_ms=0,
        environment={"torch": "2.13.0", "device": "cpu"},
    )


def _weights(draw: random.Random, names: list[str]) -> dict[str, float]:
    raw = {name: draw.random() + 0.2 for name in names}
    return {name: value / sum(raw.values()) for name, value in raw.items()}


def _epoch(number: int, last: float) -> Epoch:
    return Epoch(
        epoch=number,
        train_loss=1 / number,
        selection_score=last - 0.05 * (3 - number),
        metrics={"accuracy": last},
        learning_rate=1e-3 / number,
        steps=10 * number,
        train_s=1.0,
        evaluate_s=0.5,
        at_unix_ms=1000 * number,
    )


def record_times(catalog: Catalog, took_s: Mapping[Cell, float], conditions: Conditions) -> None:
    """Record what cells took by the clock; in CPU time, by which they are judged, half of it."""
    names = ("device", "cpu", "python", "torch", "transformers", "adaptersweep")
    machine = Machine(cores=2, **dict.fromkeys(names, "a processor"))  # type: ignore[arg-type]
    timings = [Timing(cell=c, wall_s=(s,), cpu_s=(s / 2,)) for c, s in took_s.items()]
    group = Group(conditions=conditions, cells=tuple(took_s))
    told = {"spec": ("speeds", "0"), "clock": Clock.CPU, "load": (0.0, 0.0)}
    catalog.record_measurements(group, timings, machine, **told)  # type: ignore[arg-type]


@pytest.fixture
def made_up_catalog(tmp_path: Path) -> Iterator[Callable[..., Catalog]]:
    """Fill a catalog with made-up results of a sweep, all but those that a test leaves out."""
    with ExitStack() as stack:

        def make(
            text: str = SMALL,
            *,
            finished: Callable[[Trial], bool] = lambda trial: True,
            failed: Callable[[Trial], bool] = lambda trial: False,
            luck: float = 0.01,
            name: str = "made-up",
        ) -> Catalog:
            plan = planned(tmp_path, text)
            stores = Stores.at(tmp_path / name)
            stores.prepare()
            catalog = stack.enter_context(Catalog.open(stores.catalog_url))
            trials = list(plan.trials.values())
            catalog.begin_submission(plan.spec.name, text, trials)
            results = []
            for trial in trials:
                if failed(trial):
                    failure = TrialFailure(
                        trial_id=trial.trial_id,
                        reason="diverged",  # type: ignore[arg-type]
                        message="loss is not finite",
                        at_unix_ms=0,
                    )
                    catalog.record_failure(plan.spec.name, failure)
                elif finished(trial):
                    results.append(made_up(trial, plan.trials, luck=luck))
            catalog.record_results(plan.spec.name, results)
            return catalog

        yield make
