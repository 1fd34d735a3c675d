"""Pre-training as a stage of a sweep: which adapters wait for which, and what cannot be."""

from pathlib import Path

import pytest
from test_planner import TOP, TOP_LINES, of, plan_of, refused

from orchestrator.catalog.rows import configurations
from workers.contract.task_card import Metric
from workers.contract.trial import Method

PRETRAINING = "pretraining: { mlm: { training: { epochs: 3 } } }\n"
BOTH = TOP + PRETRAINING + "adapter: { bottleneck_size: 8, start_from: [none, mlm] }\n"


def test_random_against_pre_trained_is_one_axis(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, BOTH + "seeds: [0, 1]\ndrop: { mode: [none, specialised], depth: 2 }\n"
    )
    assert plan.count_by_method() == {Method.PRETRAINING: 3 * 2, Method.ADAPTER: 3 * 2 * 2 * 2}
    plain = plan_of(
        tmp_path,
        TOP
        + "adapter: { bottleneck_size: 8 }\nseeds: [0, 1]\n"
        + "drop: { mode: [none, specialised], depth: 2 }\n",
    )
    assert set(plain.trials) < set(plan.trials)  # random ones are the trials they always were
    for trial in of(plan, Method.ADAPTER):
        if trial.start_from is None:
            continue
        parent = plan.trials[trial.start_from]
        assert trial.parents == (parent.trial_id,)
        assert parent.metric is Metric.MASKED_ACCURACY
        assert (parent.seed, parent.task.name) == (trial.seed, f"{trial.task.name}/texts")
        assert parent.task.fingerprint == trial.task.fingerprint
        assert parent.training.epochs == 3
        assert parent.adapter is not None
        assert parent.adapter.drop_depth == 0


def test_parents_stand_first_and_ids_are_of_what_they_name(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, BOTH + "fusion:\n  - targets: rte\n")
    before: set[str] = set()
    for key, trial in plan.trials.items():
        assert key == trial.trial_id
        assert before.issuperset(trial.parents)
        before.add(key)
    (fusion,) = of(plan, Method.FUSION)
    assert len(fusion.parents) == 6


def test_a_fusion_may_choose_by_starting_point(tmp_path: Path) -> None:
    where = "fusion:\n  - { targets: rte, sources: { where: { pretrained: true } } }\n"
    (fusion,) = of(plan := plan_of(tmp_path, BOTH + where), Method.FUSION)
    assert all(plan.trials[p].start_from for p in fusion.parents)


def test_texts_of_another_task_and_a_grid_of_trainings(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "pretraining: { mlm: { texts: cola, training: { epochs: [1, 2] } } }\n"
        + "trials:\n  - { tasks: [rte, mrpc], adapter: { start_from: mlm } }\n",
    )
    assert plan.count_by_method() == {Method.PRETRAINING: 2, Method.ADAPTER: 4}
    assert {t.task.name for t in of(plan, Method.PRETRAINING)} == {"cola/texts"}


def test_what_is_excluded_takes_what_starts_from_it_along(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, BOTH + "exclude:\n  - { method: pretraining }\n")
    assert plan.count_by_method() == {Method.ADAPTER: 3}
    assert not any(t.start_from for t in plan.trials.values())


def test_seeds_of_a_pre_trained_adapter_are_one_configuration(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, BOTH + "seeds: [0, 1, 2]\ntrials:\n  - tasks: rte\n")
    keys = configurations(plan.trials.values(), {})
    assert len(set(keys.values())) == 3  # the pre-training, and adapters without and with it


IMPOSSIBLE = [
    pytest.param(
        "adapter: { start_from: mlm }",
        "adapter.start_from",
        ["expected one of none, found `mlm`", "under `pretraining`"],
        id="a starting point that is not there",
    ),
    pytest.param(
        "pretraining: { mlm: {} }",
        "pretraining.mlm",
        ["some `start_from` names"],
        id="a pre-training that nothing starts from",
    ),
    pytest.param(
        "adapter: { start_from: mlm }\npretraining: { mlm: { texts: sst } }",
        "pretraining.mlm.texts",
        ["expected one of rte, cola, mrpc, found `sst`"],
        id="texts of an unknown task",
    ),
    pytest.param(
        "trials:\n  - method: pretraining",
        "trials[0].method",
        ["no method of a block"],
        id="pre-training as a method",
    ),
]


@pytest.mark.parametrize(("added", "keys", "words"), IMPOSSIBLE)
def test_what_cannot_be_is_named_with_its_place(
    tmp_path: Path, added: str, keys: str, words: list[str]
) -> None:
    message = refused(tmp_path, TOP + added + "\n")
    line = TOP_LINES + 1 + added.count("\n")
    assert message.startswith(f"{tmp_path / 'sweep.yaml'}:{line}: {keys}: ")
    for word in words:
        assert word in message
