"""Which trials are for which kind of workers, and what is said where that cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from orchestrator.running.worker_shapes import shapes_of
from workers.contract.trial import Method

KINDS = """
resources:
  cpus: 2
  custom: { cpu_node: 1 }
  bundle_size: 3
  max_workers: 5
  kinds:
    - where: { method: fusion }
      gpus: 0.5
      custom: { a100: 0.25 }
    - where: { method: [fusion, pruned_fusion] }
      cpus: 4
      bundle_size: auto
"""

Sweep = Callable[..., Path]


def with_resources(sweep: Path, text: str) -> Path:
    sweep.write_text(sweep.read_text() + text)
    return sweep


def test_a_trial_is_for_the_first_kind_whose_condition_it_meets(toy_sweep: Sweep) -> None:
    plain, _ = plan_sweep(toy_sweep())
    plan, _ = plan_sweep(with_resources(toy_sweep(), KINDS))
    assert list(plan.trials) == list(plain.trials), "what workers take renames no trial"
    kinds = plan.kinds()
    wanted = {Method.FUSION: 1, Method.PRUNED_FUSION: 2}
    for trial_id, trial in plan.trials.items():
        assert kinds.get(trial_id, 0) == wanted.get(trial.method, 0), trial.label
    assert plain.kinds() == {}


def test_a_kind_takes_what_the_others_take_unless_it_says_so(toy_sweep: Sweep) -> None:
    plan, _ = plan_sweep(with_resources(toy_sweep(), KINDS))
    usual, fusions, pruned = shapes_of(plan).values()
    assert (usual.cpus, usual.gpus, usual.custom) == (2, 0, {"cpu_node": 1})
    assert (fusions.cpus, fusions.gpus, fusions.custom) == (2, 0.5, {"a100": 0.25})
    assert (pruned.cpus, pruned.gpus, pruned.custom) == (4, 0, {"cpu_node": 1})
    assert [s.bundle_size for s in (usual, fusions, pruned)] == [3, 3, 4]
    assert {s.max_workers for s in (usual, fusions, pruned)} == {5}
    assert [s.said_in for s in (usual, pruned)] == ["resources", "resources.kinds[1]"]


def test_the_queue_hands_out_trials_of_a_kind_alone(toy_sweep: Sweep) -> None:
    plan, _ = plan_sweep(with_resources(toy_sweep(), KINDS))
    kinds = plan.kinds()
    queue = WorkQueue(plan.trials, kinds=kinds)
    assert (queue.ready(1), queue.ready(2)) == (0, 0)
    seen: set[str] = set()
    while not queue.ended:
        for kind in (0, 1, 2):
            before = queue.ready(kind)
            bundle = queue.next_bundle(size=4, workers=1, kind=kind)
            assert queue.ready(kind) == before - len(bundle)
            for trial in bundle:
                assert kinds.get(trial.trial_id, 0) == kind
                assert trial.trial_id not in seen
                seen.add(trial.trial_id)
                queue.finish(trial.trial_id)
    assert seen == set(plan.trials)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("{ where: { method: top_layers } }", "no trial meets method: top_layers"),
        ("{ where: {} }", "an empty condition"),
        ("{ where: { task: nowhere } }", "nowhere"),
        ("{ where: { method: fusion }, custom: { GPU: 1 } }", "not one of Ray's own"),
        ("{ where: { method: fusion }, custom: { a100: 1.5 } }", "a share of one, or a whole"),
        ("{ where: { method: fusion }, custom: { 'a 100': 1 } }", "expected a letter"),
        ("{ where: { method: fusion }, custom: { a100: 0 } }", "expected more than 0"),
        ("{ where: { method: fusion }, max_workers: 3 }", "max_workers"),
        ("{ cpus: 1 }", "where"),
    ],
)
def test_a_kind_that_cannot_be_is_refused_with_its_place(
    kind: str, said: str, toy_sweep: Sweep
) -> None:
    sweep = with_resources(toy_sweep(), f"resources:\n  kinds:\n    - {kind}\n")
    with pytest.raises(SpecError) as refused:
        plan_sweep(sweep)
    assert "resources.kinds[0]" in str(refused.value)
    assert said in str(refused.value)
    assert f"{sweep}:" in str(refused.value)


def test_a_kind_that_another_takes_everything_from_is_refused(toy_sweep: Sweep) -> None:
    kinds = "[{ where: { method: fusion } }, { where: { method: fusion }, cpus: 2 }]"
    with pytest.raises(SpecError, match=r"resources.kinds\[1\].*not of a kind above"):
        plan_sweep(with_resources(toy_sweep(), f"resources: {{ kinds: {kinds} }}\n"))
