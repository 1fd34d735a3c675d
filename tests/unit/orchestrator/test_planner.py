"""From a sweep to its trials: how many, which, in what order, and by which names they are known."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.planning import fusion_sources, sweep_size
from orchestrator.planning.plan import Plan
from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.planning.sweep_size import MOST_TRIALS, check_size
from orchestrator.spec.read import read_spec
from workers.contract.trial import DropMode, Method, Trial

HUB = 'source: "hub:a/b", revision: "' + "0" * 40 + '"'
TOP = f"""\
name: example
base_models:
  small: {{ {HUB}, layers: 4, hidden_size: 64 }}
tasks:
  rte: {{ hub: glue/rte }}
  cola: {{ hub: glue/cola }}
  mrpc: {{ hub: glue/mrpc }}
"""
TOP_LINES = TOP.count("\n")


def plan_of(folder: Path, text: str) -> Plan:
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    spec, source = read_spec(path)
    return make_plan(spec, source, pin(spec, source))


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        plan_of(folder, text)
    return str(caught.value)


def of(plan: Plan, method: Method) -> list[Trial]:
    return [trial for trial in plan.trials.values() if trial.method is method]


def test_a_grid_is_the_product_of_its_axes(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "seeds: [0, 1]\n"
        + "adapter: { bottleneck_size: [4, 8], sharing: [none, all_layers] }\n"
        + "training: { learning_rate: [1e-4, 1e-3, 1e-2] }\n",
    )
    assert len(plan.trials) == 3 * 2 * 2 * 2 * 3
    assert plan.repeated == plan.excluded == 0
    assert {t.adapter.bottleneck_size for t in plan.trials.values() if t.adapter} == {4, 8}


def test_a_trial_is_found_by_its_id(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TOP)
    assert all(trial.trial_id == key for key, trial in plan.trials.items())


def test_methods_without_adapter_ignore_the_adapter_axes_of_the_top(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "adapter: { bottleneck_size: [4, 8] }\n"
        + "method: [adapter, head_only, full_fine_tuning]\n",
    )
    assert plan.count_by_method() == {
        Method.ADAPTER: 6,
        Method.FULL_FINE_TUNING: 3,
        Method.HEAD_ONLY: 3,
    }


def test_a_block_overrides_the_top_key_by_key(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "adapter: { placement: houlsby, bottleneck_size: 4 }\n"
        + "training: { epochs: 3, batch_size: 16 }\n"
        + "trials:\n  - tasks: rte\n"
        + "    adapter: { reduction_factor: 2 }\n    training: { epochs: 9 }\n",
    )
    (trial,) = plan.trials.values()
    assert trial.adapter is not None
    assert trial.adapter.placement == "houlsby"
    assert trial.adapter.bottleneck_size == 32
    assert (trial.training.epochs, trial.training.batch_size) == (9, 16)


def test_depth_all_is_every_depth_and_depth_0_is_the_standard_adapter(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TOP + "drop: { mode: [none, specialised, robust], depth: all }\n")
    drops = [(t.drop.mode, t.drop.depth) for t in plan.trials.values() if t.task.name == "rte"]
    assert sorted(drops) == [
        (DropMode.NONE, 0),
        (DropMode.ROBUST, 0),
        (DropMode.SPECIALISED, 1),
        (DropMode.SPECIALISED, 2),
        (DropMode.SPECIALISED, 3),
    ]
    assert plan.repeated == 3  # depth 0 of each task


def test_adapters_in_every_layer_are_measured_where_the_sweep_says(tmp_path: Path) -> None:
    modes = "drop: { mode: [specialised, robust], depth: all, measure: own }\n"
    plan = plan_of(tmp_path, TOP + modes)
    own = {(t.drop.mode, t.drop.depth) for t in plan.trials.values() if t.drop.measure == "own"}
    assert own == {(DropMode.NONE, 0)}
    usual = plan_of(tmp_path, TOP + modes.replace(", measure: own", ""))
    every = plan_of(tmp_path, TOP + modes.replace("own", "all"))
    assert set(every.trials) == set(usual.trials)
    assert len(set(plan.trials) & set(usual.trials)) == len(plan.trials) - 3  # one of each task
    apart = plan.trials | usual.trials
    assert len({trial.label for trial in apart.values()}) == len(apart)


def test_what_two_blocks_name_is_planned_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TOP + "trials:\n  - seeds: [0, 1]\n  - seeds: [1, 2]\n")
    assert len(plan.trials) == 9
    assert plan.repeated == 3


def test_exclude_drops_what_meets_every_key_of_a_condition(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "seeds: [0, 1]\nadapter: { bottleneck_size: [4, 8] }\n"
        + "exclude:\n"
        + "  - { task: [rte, cola], seed: 1 }\n"
        + "  - { bottleneck_size: 8, task: mrpc }\n",
    )
    left = {
        (t.task.name, t.seed, t.adapter.bottleneck_size) for t in plan.trials.values() if t.adapter
    }
    assert left == {
        *(("rte", 0, size) for size in (4, 8)),
        *(("cola", 0, size) for size in (4, 8)),
        *(("mrpc", seed, 4) for seed in (0, 1)),
    }
    assert plan.excluded == 6


def test_exclude_compares_numbers_however_they_are_written(tmp_path: Path) -> None:
    top = TOP + "training: { learning_rate: [1e-4, 1e-3] }\n"
    plan = plan_of(tmp_path, top + "exclude:\n  - { learning_rate: 1e-3 }\n")
    assert {t.training.learning_rate for t in plan.trials.values()} == {0.0001}


def test_null_in_a_condition_means_without_that_axis(tmp_path: Path) -> None:
    text = TOP + "method: [adapter, head_only]\nexclude:\n  - { placement: null }\n"
    assert plan_of(tmp_path, text).count_by_method() == {Method.ADAPTER: 3}


FUSED = TOP + "seeds: [0, 1]\nadapter: { bottleneck_size: [4, 8] }\n"


def test_null_is_a_value_where_an_axis_has_it_among_its_values(tmp_path: Path) -> None:
    """Else `gradient_clip: null` would clip at 1, and a block could not do without the top's."""
    blocks = "trials: [{ training: { patience: null } }, { training: { gradient_clip: 0.5 } }]\n"
    for clip, expected in (("null", None), ("[null]", None), ("2", 2.0)):
        top = TOP + f"training: {{ patience: 3, gradient_clip: {clip} }}\n"
        found = [t.training for t in plan_of(tmp_path, top + blocks).trials.values()]
        assert {(t.patience, t.gradient_clip) for t in found} == {(None, expected), (3, 0.5)}
    untold = [t.training for t in plan_of(tmp_path, TOP).trials.values()]
    assert {(t.patience, t.gradient_clip) for t in untold} == {(None, 1.0)}


def test_a_fusion_joins_the_adapters_of_its_seed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FUSED + "fusion:\n  - targets: rte\n")
    fusions = of(plan, Method.FUSION)
    assert [t.seed for t in fusions] == [0, 1]
    for fusion in fusions:
        assert fusion.fusion is not None
        assert [s.task for s in fusion.fusion.sources] == ["cola", "mrpc", "rte"]
        parents = [plan.trials[p] for p in fusion.parents]
        assert len(parents) == 6  # two sizes of each task: the best finished one is taken
        assert {p.seed for p in parents} == {fusion.seed}


def test_a_fusion_may_join_adapters_of_any_seed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FUSED + "fusion:\n  - { targets: rte, sources: { seed: any } }\n")
    assert [len(t.parents) for t in of(plan, Method.FUSION)] == [12, 12]


def test_others_leaves_the_target_out(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FUSED + "fusion:\n  - sources: { tasks: others }\n")
    for trial in of(plan, Method.FUSION):
        assert trial.fusion is not None
        assert {s.task for s in trial.fusion.sources} == {"rte", "cola", "mrpc"} - {trial.task.name}


def test_where_chooses_among_adapters(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        FUSED
        + "drop: { mode: [none, robust] }\n"
        + "fusion:\n  - targets: rte\n"
        + "    sources: { where: { bottleneck_size: 8, drop_mode: robust } }\n",
    )
    ids = {parent for trial in of(plan, Method.FUSION) for parent in trial.parents}
    parents = [plan.trials[i] for i in ids]
    assert len(parents) == 6
    assert all(p.adapter and p.adapter.bottleneck_size == 8 for p in parents)
    assert all(p.drop.mode is DropMode.ROBUST for p in parents)


def test_a_pruned_fusion_waits_for_its_fusion(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        FUSED
        + "fusion:\n  - targets: rte\n"
        + "    drop: { mode: [none, robust] }\n    pruning: { keep: [1, 2] }\n",
    )
    pruned = of(plan, Method.PRUNED_FUSION)
    assert len(pruned) == 2 * 2 * 2
    for trial in pruned:
        (parent,) = (plan.trials[p] for p in trial.parents)
        assert parent.method is Method.FUSION
        assert (parent.seed, parent.drop) == (trial.seed, trial.drop)


def test_an_excluded_fusion_takes_its_pruned_ones_along(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        FUSED
        + "fusion:\n  - { targets: rte, drop: { mode: [none, robust] }, pruning: { keep: 1 } }\n"
        + "exclude:\n  - { method: fusion, drop_mode: robust }\n",
    )
    assert [t.drop.mode for t in of(plan, Method.FUSION)] == [DropMode.NONE] * 2
    assert [t.drop.mode for t in of(plan, Method.PRUNED_FUSION)] == [DropMode.NONE] * 2


def test_parents_stand_before_their_children(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FUSED + "fusion:\n  - { pruning: { keep: [1, 2] } }\n")
    before: set[str] = set()
    for trial in plan.trials.values():
        assert before.issuperset(trial.parents)
        before.add(trial.trial_id)
    assert sum(bool(t.parents) for t in plan.trials.values()) == 6 + 12


def test_another_seed_adds_trials_and_changes_none(tmp_path: Path) -> None:
    fusion = "fusion:\n  - { pruning: { keep: 1 } }\n"
    small = plan_of(tmp_path, TOP + "seeds: [0, 1]\n" + fusion)
    large = plan_of(tmp_path, TOP + "seeds: [0, 1, 2]\n" + fusion)
    added = set(large.trials) - set(small.trials)
    assert set(small.trials) < set(large.trials)
    assert {large.trials[i].seed for i in added} == {2}
    assert len(added) == 3 + 3 + 3


def test_what_determines_a_trial_is_hashed_as_it_always_was(tmp_path: Path) -> None:
    """A new setting at its default must not make old trials run again."""
    (trial,) = plan_of(tmp_path, TOP + "trials:\n  - tasks: rte\n").trials.values()
    assert set(trial.identity) == {
        *("method", "seed", "training", "adapter", "drop", "fusion", "pruning"),
        *("recipe", "base", "task"),
    }
    assert trial.identity["adapter"] == {
        "bottleneck_size": 4,
        "placement": "pfeiffer",
        "non_linearity": "relu",
        "sharing": "none",
        "initialisation": "bert",
        "drop_depth": 0,
    }


def local_sweep(folder: Path, *, base: str, swap: bool = False, weights: bytes = b"w") -> Plan:
    """Plan over a base model and two tasks of its own below `folder`."""
    model = folder / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"num_hidden_layers": 2, "hidden_size": 8}')
    (model / "model.safetensors").write_bytes(weights)
    for name in ("good", "long"):
        (folder / name).mkdir()
        card = {"name": name, "task_type": "classification", "label_names": ["no", "yes"]}
        (folder / name / "dataset.json").write_text(json.dumps(card | {"metric": "accuracy"}))
        rows = [json.dumps({"sentence1": f"{name} {i}", "label": i % 2}) for i in range(8)]
        for split in ("train", "validation"):
            (folder / name / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    tasks = ["  good: { folder: good }\n", "  long: { folder: long }\n"]
    return plan_of(
        folder,
        f'name: example\nbase_models:\n  {base}: {{ source: "folder:model" }}\ntasks:\n'
        + "".join(reversed(tasks) if swap else tasks)
        + "fusion:\n  - targets: good\n",
    )


def test_names_of_base_models_paths_and_order_are_no_part_of_a_trial(tmp_path: Path) -> None:
    here = local_sweep(tmp_path / "here", base="mini")
    there = local_sweep(tmp_path / "there", base="other", swap=True)
    assert set(here.trials) == set(there.trials)
    assert {t.base.name for t in there.trials.values()} == {"other"}


def test_other_weights_make_other_trials(tmp_path: Path) -> None:
    here = local_sweep(tmp_path / "here", base="mini")
    there = local_sweep(tmp_path / "there", base="mini", weights=b"v")
    assert not set(here.trials) & set(there.trials)


def test_one_changed_row_makes_other_trials_of_its_task_alone(tmp_path: Path) -> None:
    before = local_sweep(tmp_path / "here", base="mini")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    rows = tmp_path / "there" / "long" / "validation.jsonl"
    rows.write_text(rows.read_text().replace("long 3", "long three"))
    spec, source = read_spec(tmp_path / "there" / "sweep.yaml")
    after = make_plan(spec, source, pin(spec, source))
    same = [before.trials[i] for i in set(before.trials) & set(after.trials)]
    assert [(t.task.name, t.method) for t in same] == [("good", Method.ADAPTER)]


def test_two_names_of_one_base_model_are_one(tmp_path: Path) -> None:
    twice = TOP.replace("tasks:\n", f"  again: {{ {HUB}, layers: 4, hidden_size: 64 }}\ntasks:\n")
    plan = plan_of(tmp_path, twice + "fusion:\n  - targets: rte\n")
    assert plan.count_by_method() == {Method.ADAPTER: 3, Method.FUSION: 1}
    assert plan.repeated == 4


IMPOSSIBLE = [
    pytest.param(
        "drop: { mode: specialised, depth: 4 }",
        "drop.depth",
        ["expected a drop depth of 0…3 for small, which has 4 layers, found 4"],
        id="depth beyond the model",
    ),
    pytest.param(
        "trials:\n  - drop: { mode: specialised, depth: [1, 9] }",
        "trials[0].drop.depth",
        ["0…3", "found 9"],
        id="depth beyond the model in a block",
    ),
    pytest.param(
        "drop: { mode: specialised }",
        "drop.mode",
        ["`specialised` needs `depth`", "`all`"],
        id="specialised without depth",
    ),
    pytest.param(
        "drop: { mode: robust, depth: 2 }",
        "drop.depth",
        ["belongs to mode `specialised`", "found mode robust"],
        id="depth that nothing would look at",
    ),
    pytest.param(
        "drop: { mode: [robust, specialised], depth: 2, measure: own }",
        "drop.measure",
        ["for adapters in every layer", "drop it"],
        id="measure that nothing would look at",
    ),
    pytest.param(
        "trials:\n  - {}\n  - drop: { mode: robust, measure: own }",
        "trials[1].drop.measure",
        ["for adapters in every layer"],
        id="measure in a block that nothing would look at",
    ),
    pytest.param(
        "drop: { mode: none }\ntrials:\n  - drop: { depth: 2 }",
        "trials[0].drop.depth",
        ["belongs to mode `specialised`", "found mode none"],
        id="depth in a block that nothing would look at",
    ),
    pytest.param(
        "trials:\n  - tasks: [rte, sst]",
        "trials[0].tasks[1]",
        ["expected one of rte, cola, mrpc, found `sst`"],
        id="unknown task",
    ),
    pytest.param(
        "trials:\n  - base_models: large",
        "trials[0].base_models",
        ["expected one of small, found `large`"],
        id="unknown base model",
    ),
    pytest.param(
        "exclude:\n  - { task: sst }",
        "exclude[0].task",
        ["expected one of rte, cola, mrpc, found `sst`"],
        id="unknown task in exclude",
    ),
    pytest.param(
        "select: { tasks: sst }", "select.tasks", ["found `sst`"], id="unknown task in select"
    ),
    pytest.param(
        "select: { where: { base_model: large } }",
        "select.where.base_model",
        ["found `large`"],
        id="unknown base model in where",
    ),
    pytest.param(
        "exclude:\n  - {}", "exclude[0]", ["excludes everything; remove it"], id="empty condition"
    ),
    pytest.param("exclude: [{ seed: 0 }]", "exclude", ["no trial is left"], id="nothing left"),
    pytest.param(
        "trials:\n  - method: fusion",
        "trials[0].method",
        ["describe it in a `fusion:` block"],
        id="fusion as a method",
    ),
    pytest.param(
        "trials:\n  - method: head_only\n    adapter: { bottleneck_size: 8 }",
        "trials[0].adapter",
        ["a block of method head_only has no adapter"],
        id="adapter of a block without adapter",
    ),
    pytest.param(
        "fusion:\n  - { targets: rte, sources: { tasks: [cola] } }",
        "fusion[0].sources",
        ["at least two sources, found 1 (cola)", "name more tasks or train more adapters"],
        id="fusion over one source",
    ),
    pytest.param(
        "fusion:\n  - { targets: rte, seeds: 7 }",
        "fusion[0]",
        ["found 0 (none) for target rte on small with seed 7"],
        id="fusion of a seed without adapters",
    ),
    pytest.param(
        "fusion:\n  - { sources: { tasks: [rte, cola], where: { drop_mode: robust } } }",
        "fusion[0].sources",
        ["no adapter trial of this sweep for task cola on small", "drop_mode: robust"],
        id="fusion of adapters that the sweep does not train",
    ),
    pytest.param(
        "fusion:\n  - { sources: { where: { placement: houlsby } } }",
        "fusion[0].sources.where.placement",
        ["joins adapters of placement `pfeiffer`, found `houlsby`"],
        id="fusion of Houlsby adapters",
    ),
    pytest.param(
        "fusion:\n  - { targets: rte, pruning: { keep: [1, 3] } }",
        "fusion[0].pruning.keep",
        ["fewer to keep than the 3 adapters of the fusion on rte, found 3"],
        id="pruning that prunes nothing",
    ),
]


@pytest.mark.parametrize(("added", "keys", "words"), IMPOSSIBLE)
def test_what_cannot_be_is_named_with_its_place(
    tmp_path: Path, added: str, keys: str, words: list[str]
) -> None:
    message = refused(tmp_path, TOP + added + "\n")
    # The offending key stands on the last line of what was added, or opens it.
    lines = {TOP_LINES + 1, TOP_LINES + 1 + added.count("\n")}
    place, _, problem = message.partition(f": {keys}: ")
    assert place in {f"{tmp_path / 'sweep.yaml'}:{line}" for line in lines}
    for word in words:
        assert word in problem


PINS = [
    pytest.param("rte: { folder: nowhere }", 5, "tasks.rte", "does not exist", id="task folder"),
    pytest.param("rte: { hub: glue/rt }", 5, "tasks.rte", "known are cola, sst2", id="GLUE's name"),
    pytest.param("rte: { builtin: poems }", 5, "tasks.rte", "'poems'", id="built-in task"),
    pytest.param(
        "rte: { hub: glue/rte, metric: pearson }", 5, "tasks.rte", "use one of", id="metric"
    ),
]


@pytest.mark.parametrize(("task", "line", "keys", "words"), PINS)
def test_a_task_that_cannot_be_pinned(
    tmp_path: Path, task: str, line: int, keys: str, words: str
) -> None:
    message = refused(tmp_path, TOP.replace("rte: { hub: glue/rte }", task))
    assert message.startswith(f"{tmp_path / 'sweep.yaml'}:{line}: {keys}: ")
    assert words in message


def test_a_base_model_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    message = refused(tmp_path, TOP.replace(HUB, 'source: "folder:empty"'))
    assert message.startswith(f"{tmp_path / 'sweep.yaml'}:3: base_models.small: ")
    assert (
        "expected weights in model.safetensors or model.safetensors.index.json or "
        "pytorch_model.bin or pytorch_model.bin.index.json, found config.json" in message
    )


def test_ten_thousand_trials_are_planned_once_each(tmp_path: Path) -> None:
    text = TOP + f"seeds: {list(range(70))}\ndrop: {{ mode: [specialised, robust], depth: all }}\n"
    plan = plan_of(tmp_path, text + f"adapter: {{ bottleneck_size: {list(range(1, 11))} }}\n")
    assert len(plan.trials) == 3 * 70 * 10 * 5
    assert plan.repeated == 0


SIZES = {
    "defaults": "",
    "adapters": "adapter: { placement: [pfeiffer, houlsby], bottleneck_size: [4, 8] }\n",
    "a size of a block's own": (
        "adapter: { bottleneck_size: [4, 8] }\n"
        "trials:\n  - adapter: { reduction_factor: [2, 4, 8] }\n"
    ),
    "layer sizes": "adapter: { layer_sizes: [[4, 4, 4, 8], [8, 4, 4, 4]] }\n",
    "groups": "adapter: { sharing: [none, groups, all_layers], group_layers: [2, 3] }\n",
    "drops": "drop: { mode: [none, specialised, robust], depth: all }\nseeds: [1, 2]\n",
    "methods": (
        "trials:\n  - method: [adapter, head_only, top_layers]\n    layers: [1, 2, 3]\n"
        "    tasks: [rte, cola]\n    head: { layers: [1, 2] }\n"
    ),
    "training": "training: { learning_rate: [1e-4, 3e-4], patience: [null, 2, 3] }\n",
    "pre-training": (
        "adapter: { start_from: [none, words] }\n"
        "pretraining: { words: { training: { epochs: [1, 2] } } }\n"
    ),
    "fusions": (
        "trials:\n  - {}\nfusion:\n  - targets: [rte, cola]\n    drop: { mode: [none, robust] }\n"
        "    config: { dropout: [0.0, 0.1] }\n    pruning: { keep: [1, 2], order: one_by_one }\n"
    ),
    "repeats": "trials:\n  - {}\n  - seeds: [0, 1]\n",
}


@pytest.mark.parametrize("case", SIZES)
def test_trials_are_counted_before_they_are_made(case: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(TOP + SIZES[case])
    spec, source = read_spec(path)
    pinned = pin(spec, source)
    plan = make_plan(spec, source, pinned)
    counted = check_size(spec, source, pinned.base_models)
    assert counted == len(plan.trials) + plan.repeated + plan.excluded


def test_a_grid_of_too_many_trials_is_refused_with_its_number(tmp_path: Path) -> None:
    ten = "[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]"
    text = (
        TOP
        + f"trials:\n  - {{}}\n  - adapter: {{ dropout: {ten} }}\n    head: {{ dropout: {ten} }}\n"
    )
    text += f"    training: {{ warmup_fraction: {ten}, weight_decay: {ten} }}\n"
    text += "    seeds: [" + ", ".join(map(str, range(100))) + "]\n"
    message = refused(tmp_path, text)
    assert f":{TOP_LINES + 3}: trials[1]: expected at most {MOST_TRIALS:,} trials" in message
    assert "found 3,000,003 up to this block, which names 3,000,000" in message
    assert "3 tasks × 100 seeds × 10 heads × 100 training settings × 10 adapters" in message


def test_more_conditions_than_can_be_compared_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_size, "MOST_COMPARISONS", 5)
    message = refused(tmp_path, TOP + "exclude: [{ seed: 1 }, { seed: 2 }]\n")
    assert "exclude: expected at most 5 comparisons" in message
    assert "3 trials × 2 conditions" in message


def test_fusions_that_choose_among_too_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusion_sources, "MOST_CANDIDATES", 8)
    text = TOP + "seeds: [0, 1]\nfusion:\n  - targets: rte\n"
    assert len(plan_of(tmp_path, text).trials) == 6 + 2
    message = refused(tmp_path, text + "    sources: { seed: any }\n")
    assert "fusion[0].sources: expected fusions that choose among at most 8 adapters" in message


METHODS = "method: [adapter, full_fine_tuning]\nadapter: { bottleneck_size: 8 }\n"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "where: { bottleneck_size: 9 }",
            "select.where: no trial of this sweep meets bottleneck_size: 9",
        ),
        ("where: { drop_mode: [robust, specialised] }", "drop_mode: robust or specialised"),
        (
            "where: { method: full_fine_tuning }",
            "only trials of method full_fine_tuning meet method: full_fine_tuning, which leave no",
        ),
        ("tasks: rte, where: { task: cola }", "no trial of this sweep meets task: cola"),
        ("metric: pearson", "select.metric: expected primary or one of accuracy, "),
    ],
)
def test_a_rule_that_could_never_choose_is_refused(tmp_path: Path, rule: str, said: str) -> None:
    message = refused(tmp_path, f"{TOP}{METHODS}select: {{ {rule} }}\n")
    assert said in message
    assert f":{TOP_LINES + 3}: select" in message


def test_rules_that_can_choose_pass(tmp_path: Path) -> None:
    for rule in ("{}", "{ where: { bottleneck_size: 8 } }", "{ metric: f1, tasks: mrpc }"):
        assert plan_of(tmp_path, f"{TOP}{METHODS}select: {rule}\n").spec.select
    # Nothing leaves an adapter here, but nobody asked for one in particular either.
    assert plan_of(tmp_path, f"{TOP}method: full_fine_tuning\n").trials
