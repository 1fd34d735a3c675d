"""`removal`, random sources and random pruning: what they expand to, and what cannot be."""

import sys
from pathlib import Path

import pytest
from test_planner import TOP, of, plan_of, refused

from orchestrator.catalog.rows import configurations
from orchestrator.command_line import main
from orchestrator.planning.plan import Plan
from orchestrator.planning.settings import settings
from workers.contract.trial import Method, PruningOrder


def spans(plan: Plan) -> list[tuple[int | None, int | None, int | None]]:
    found = [t.removal for t in of(plan, Method.PRUNED_ADAPTER) if t.removal]
    return sorted(((r.first, r.last, r.at_random) for r in found), key=str)


def test_every_span_of_every_adapter(tmp_path: Path) -> None:
    one = plan_of(tmp_path, TOP)
    adapters = len(one.trials)
    plan = plan_of(tmp_path, TOP + "trials: [{ removal: { spans: all } }]\n")
    layers = next(iter(plan.trials.values())).base.layers
    assert set(one.trials) < set(plan.trials)
    assert len(of(plan, Method.PRUNED_ADAPTER)) == adapters * layers * (layers + 1) // 2
    found = {(first, last) for first, last, _ in spans(plan)}
    assert found == {(a, b) for a in range(layers) for b in range(a, layers)}
    assert plan.repeated == plan.excluded == 0
    labels = {trial.label for trial in plan.trials.values()}
    assert len(labels) == len(plan.trials)
    assert any("pruned adapter · pfeiffer r4 · without layers 0-1 · seed" in x for x in labels)


def test_spans_are_conditions_and_only_adapters_have_them(tmp_path: Path) -> None:
    body = (
        "trials:\n  - method: [adapter, head_only]\n"
        "    removal: { spans: [[1, 2], [3, 3]], at_random: [1, 2] }\n"
        "exclude: [{ removed_first: 3 }, { removed_at_random: 1 }]\n"
    )
    plan = plan_of(tmp_path, TOP + body)
    adapters = len(of(plan, Method.ADAPTER))
    assert len(spans(plan)) == 2 * adapters
    assert set(spans(plan)) == {(1, 2, None), (None, None, 2)}
    assert plan.excluded == 2 * adapters
    shown = [settings(t, plan.trials) for t in of(plan, Method.PRUNED_ADAPTER)]
    assert {(s.get("removed_first"), s.get("removed_at_random")) for s in shown} == {
        (1, None),
        (None, 2),
    }
    assert all(s["bottleneck_size"] == 4 for s in shown)


def test_seeds_of_one_span_are_one_configuration(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP + "seeds: [0, 1, 2]\ntrials: [{ removal: { spans: [[0, 1]], at_random: 2 } }]\n",
    )
    found = configurations(plan.trials.values(), {})
    by_task = {(t.task.name, t.method, found[i]) for i, t in plan.trials.items()}
    tasks = len({t.task.name for t in plan.trials.values()})
    assert len(by_task) == tasks * 3


def test_what_started_from_a_pretraining_is_told_apart(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP + "pretraining: { mlm: {} }\nadapter: { start_from: [none, mlm] }\n"
        "trials: [{ tasks: rte, removal: { spans: [[0, 1]] } }]\n",
    )
    shown = [settings(t, plan.trials) for t in of(plan, Method.PRUNED_ADAPTER)]
    assert len(shown) == 2
    assert len({repr(sorted(s.items(), key=str)) for s in shown}) == 2


REFUSED = {
    "trials: [{ removal: {} }]": (["removal"], ["expected `spans` or `at_random`"]),
    "trials: [{ removal: { spans: [[2, 1]] } }]": (["removal.spans"], ["and then its highest"]),
    "trials: [{ removal: { spans: [[0, 4]] } }]": (["removal.spans"], ["0…3", "found 4"]),
    "trials: [{ removal: { spans: some } }]": (["removal.spans"], ["some"]),
    "trials: [{ removal: { at_random: 5 } }]": (["removal.at_random"], ["at most 4", "found 5"]),
    "trials: [{ method: head_only, removal: { spans: all } }]": (
        ["removal"],
        ["has no adapter; drop it"],
    ),
    "trials: [{ method: pruned_adapter }]": (["method"], ["under `removal:`"]),
    "select: { where: { method: pruned_adapter } }\ntrials: [{ removal: { spans: all } }]": (
        ["select"],
        ["leave no adapter files"],
    ),
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_cannot_be_removed_is_refused(tmp_path: Path, body: str) -> None:
    places, words = REFUSED[body]
    error = refused(tmp_path, TOP + body + "\n")
    for text in (*places, *words):
        assert text in error


def test_controls_of_a_fusion(tmp_path: Path) -> None:
    body = (
        "fusion:\n  - targets: rte\n    sources: { random: [false, true] }\n"
        "    pruning: { keep: 1, order: [at_once, random] }\n"
    )
    plan = plan_of(tmp_path, TOP + body)
    plain = plan_of(tmp_path, TOP + "fusion:\n  - { targets: rte, pruning: { keep: 1 } }\n")
    assert set(plain.trials) < set(plan.trials)
    fusions = of(plan, Method.FUSION)
    assert sorted(bool(t.fusion and t.fusion.random_sources) for t in fusions) == [False, True]
    pruned = of(plan, Method.PRUNED_FUSION)
    assert len(pruned) == 4
    kinds = {
        (t.pruning.order, settings(t, plan.trials)["random_sources"]) for t in pruned if t.pruning
    }
    orders = (PruningOrder.AT_ONCE, PruningOrder.RANDOM)
    assert kinds == {(order, random) for order in orders for random in (False, True)}
    assert {t.label for t in fusions} == {
        "rte · fusion · of 3 · seed 0",
        "rte · fusion · of 3 random · seed 0",
    }
    assert "rte · pruned fusion · keep 1 · random · seed 0" in {t.label for t in pruned}
    only = plan_of(tmp_path, TOP + body + "exclude: [{ random_sources: false }]\n")
    assert {t.fusion.random_sources for t in of(only, Method.FUSION) if t.fusion} == {True}


def test_plan_says_what_each_stage_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        TOP + "pretraining: { mlm: {} }\nadapter: { start_from: [none, mlm] }\n"
        "trials: [{ removal: { spans: [[0, 1]] } }]\n"
        "fusion: [{ targets: rte, pruning: { keep: 1 } }]\n",
        encoding="utf-8",
    )
    arguments = ["adaptersweep", "plan", str(path), "--workspace", str(tmp_path / "workspace")]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    shown = capsys.readouterr().out
    for parent in ("pre-training", "sources", "fusion", "adapter"):
        assert f"waits for its {parent}" in shown
